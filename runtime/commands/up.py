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
from pathlib import Path

from rich.console import Console

from runtime import overview, site
from runtime.commands import CommandError
from runtime.embedded.process import ServerError
from runtime.replay.storm import Storm
from runtime.settings import read
from runtime.state import running
from runtime.supervisor import PATIENCE, ROOT, Supervisor


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `up`."""
    parser.add_argument("--quiet", action="store_true", help="start empty: no storm")
    parser.add_argument("--flights", type=_count, default=40, metavar="N", help="how many cancelled flights to play (default: 40)")
    parser.add_argument("--speed", type=float, default=60.0, metavar="X", help="how much faster than the real storm (default: 60)")
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
        supervisor.start_stores()
        supervisor.start_services()
        asyncio.run(_stay(supervisor, arguments, console))
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave half of it running
        supervisor.stop()
    console.print("[dim]stopped[/]")
    return 0


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
    supervisor.state.urls = {**overview.urls(supervisor.ports, supervisor.told, sorted(Storm().airlines))}
    supervisor.state.write(supervisor.home)
    console.print(overview.table(supervisor.state.urls))
    await supervisor.watch()


def _detach(home: Path, arguments: argparse.Namespace) -> int:
    """Start the same command in a session of its own, and wait for it to be ready."""
    (home / "logs").mkdir(parents=True, exist_ok=True)
    log = home / "logs" / "supervisor.log"
    quiet = ["--quiet"] if arguments.quiet else []
    options = ["--flights", str(arguments.flights), "--speed", str(arguments.speed), "--port", str(arguments.port), *quiet]
    with log.open("wb") as output:
        command = [sys.executable, "-m", "runtime.command", "up", *options]
        child = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    deadline = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise CommandError(log.read_text(errors="replace").strip().removeprefix("nexa: "))
        state = running(home)
        if state and state.supervisor.pid == child.pid and state.phase == "ready" and state.urls:
            Console(highlight=False).print(overview.table(state.urls))
            return 0
        time.sleep(0.1)
    raise ServerError(f"it did not get ready; see {log}")


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
