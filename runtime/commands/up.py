"""Start everything on this machine and play the storm; Ctrl-C stops it.

Postgres and three Valkeys are embedded unless NEXA_DATABASE_URL and NEXA_SNAPSHOT_URL, NEXA_COORDINATION_URL and
NEXA_QUEUE_URL point to servers of your own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from runtime import overview, probe, site
from runtime.build import BuildError, build
from runtime.commands import CommandError
from runtime.replay.play import ReplayError
from runtime.replay.show import play_here
from runtime.replay.storm import Storm
from runtime.settings import read
from runtime.state import running
from runtime.supervisor import ROOT, Supervisor


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `up`."""
    parser.add_argument("--quiet", action="store_true", help="start empty: no storm")
    parser.add_argument("--flights", type=_count, default=40, metavar="N", help="how many cancelled flights to play (default: 40)")
    parser.add_argument("--speed", type=float, default=60.0, metavar="X", help="how much faster than the real storm (default: 60)")
    parser.add_argument("--published-quotas", action="store_true", help="sandboxes keep the partners' own limits, not 50 a second")
    parser.add_argument("--no-pages", action="store_true", help="do not build the console and the phone page: for scripts")
    parser.add_argument("--port", type=_base, default=site.BASE, metavar="BASE", help=f"first of the ports (default: {site.BASE})")
    parser.add_argument("--detach", action="store_true", help="return as soon as everything is healthy, and leave it running")


def run(arguments: argparse.Namespace) -> int:
    """Start, and stay."""
    home = read(os.environ).home
    if arguments.detach:
        return _detach(home, arguments)
    console = Console(stderr=True, highlight=False)
    supervisor = Supervisor(
        home, site.Ports(arguments.port), os.environ, sorted(Storm().airlines), lambda line: console.print(f"[dim]{line}[/]")
    )
    try:
        with ThreadPoolExecutor(1) as aside:
            pages = None if arguments.no_pages else aside.submit(build, home)
            supervisor.start_stores()
            if pages:
                _await_pages(pages, supervisor)
        supervisor.start_services(["--published-quotas"] if arguments.published_quotas else [])
        asyncio.run(_stay(supervisor, arguments, console))
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        supervisor.stop()
    console.print("[dim]stopped[/]")
    return 0


def _await_pages(pages: Future[Path], supervisor: Supervisor) -> None:
    """Without its pages Nexa still works for scripts, airlines and tests; so a machine that cannot build them is told, not stopped."""
    try:
        if not pages.done():
            supervisor.say("building the console and the phone page (only when they have changed)")
        pages.result()
    except BuildError as error:
        supervisor.say(f"no console and no phone page: {error}")


async def _stay(supervisor: Supervisor, arguments: argparse.Namespace, console: Console) -> None:
    """Until somebody says stop."""
    enough = asyncio.Event()
    for wanted in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(wanted, enough.set)
    working = asyncio.create_task(_work(supervisor, arguments, console))
    waiting = asyncio.create_task(enough.wait())
    await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    for task in (working, waiting):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working


async def _work(supervisor: Supervisor, arguments: argparse.Namespace, console: Console) -> None:
    supervisor.say("starting sandbox, worker and gateways")
    await supervisor.until_ready()
    found = overview.urls(supervisor.ports, supervisor.told, supervisor.tenants)
    console.print(overview.table({**found}))
    supervisor.say(f"sandbox limits: {await asyncio.to_thread(_limits, supervisor)}")
    supervisor.announce({**found})
    playing = None if arguments.quiet else asyncio.create_task(_play(supervisor, arguments, console))
    try:
        await supervisor.watch()
    finally:
        if playing:
            playing.cancel()


async def _play(supervisor: Supervisor, arguments: argparse.Namespace, console: Console) -> None:
    """The storm, beside everything else; a site that does not take it stays up all the same."""
    try:
        done = await play_here(read(supervisor.told), flights=arguments.flights, speed=arguments.speed, console=console)
        console.print(f"[green]the storm is played[/]: {done.played} flights, {done.parties} parties; the site stays up until Ctrl-C")
    except ReplayError as error:
        console.print(f"[red]the replay stopped[/]: {error}")


def _limits(supervisor: Supervisor) -> str:
    """What each sandbox allows, in words."""
    _, told = probe.ask(supervisor.ports.sandbox, "/_sandbox")
    if not isinstance(told, dict):
        return "unknown; the sandbox is not ours"
    return ", ".join(f"{partner} {limit['calls']:g} in {limit['seconds']:g} s" for partner, limit in told.items())


def _detach(home: Path, arguments: argparse.Namespace) -> int:
    """Start the same command in a session of its own, and wait for it to be ready."""
    (home / "logs").mkdir(parents=True, exist_ok=True)
    log = home / "logs" / "supervisor.log"
    switches = [f"--{name.replace('_', '-')}" for name in ("quiet", "no_pages", "published_quotas") if getattr(arguments, name)]
    options = ["--flights", str(arguments.flights), "--speed", str(arguments.speed), "--port", str(arguments.port), *switches]
    with log.open("ab") as output:
        before = output.tell()
        command = [sys.executable, "-m", "runtime.command", "up", *options]
        child = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    with log.open(errors="replace") as saying:
        saying.seek(before)
        while child.poll() is None:
            state = running(home)
            ready = state is not None and state.supervisor.pid == child.pid and state.phase == "ready"
            sys.stderr.write(saying.read())
            if ready:
                return 0
            time.sleep(0.1)
        sys.stderr.write(saying.read())
    raise CommandError(f"it did not get ready; its log is {log}")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected 1 or more; `--quiet` plays none")
    return number


def _base(text: str) -> int:
    number = int(text)
    if not 1024 <= number <= 65000:
        raise argparse.ArgumentTypeError("expected 1024 to 65000")
    return number
