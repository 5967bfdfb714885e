"""Look at this machine and this site, and say in one line each what is well, what is not, and what to do about it.

Exit code 0 when nothing is wrong, 1 otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from runtime import site
from runtime.build import BuildError, find_node
from runtime.commands.parked import all_parked, line, with_databases
from runtime.commands.status import look
from runtime.embedded import postgres, privilege, valkey
from runtime.embedded.process import ServerError, port_is_free
from runtime.settings import read
from runtime.state import running

ENOUGH = 2 * 1024**3  # bytes: the environment, the databases of a storm, and the builds


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    well: bool
    said: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `doctor`."""
    parser.add_argument("--json", action="store_true", help="as a JSON array of {what, well, said}")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything, whatever is found."""
    home = read(os.environ).home
    found = list(_examine(home))
    if arguments.json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in found], indent=2) + "\n")
    else:
        console = Console(highlight=False, soft_wrap=True)
        for finding in found:
            console.print(f"{'[green]well[/] ' if finding.well else '[red]wrong[/]'} [bold]{finding.what}[/] {finding.said}")
    return 0 if all(finding.well for finding in found) else 1


def _examine(home: Path) -> Iterator[Finding]:
    yield Finding("python", sys.version_info[:2] >= (3, 11), platform.python_version())
    yield _try("embedded Postgres", lambda: f"{postgres.version()} in {postgres.binaries()}")
    yield _try("embedded Valkey", lambda: str(valkey.binary()))
    yield _try("rights", lambda: _rights(home))
    yield _try("node", lambda: find_node().program)
    browser = os.environ.get("NEXA_BROWSER") or shutil.which("chromium")
    yield Finding("browser", True, browser or "none; browser tests are skipped (set NEXA_BROWSER)")
    free = shutil.disk_usage(home if home.exists() else home.parent).free
    yield Finding("disk", free > ENOUGH, f"{free / 1024**3:.1f} GiB free")
    if running(home) is None:
        yield _ports()
    else:
        yield from _site(home)


def _try(what: str, look_at: Callable[[], object]) -> Finding:
    try:
        return Finding(what, True, str(look_at()))
    except (ServerError, privilege.PrivilegeError, BuildError, OSError) as error:
        return Finding(what, False, str(error))


def _rights(home: Path) -> str:
    servant = privilege.servant(postgres.binaries(), home)
    return f"root; Postgres runs as {servant.uid}" if servant else f"user {os.getuid()}"


def _ports() -> Finding:
    taken = [f"{port} ({use})" for use, port in site.Ports().by_use.items() if not port_is_free(port)]
    return Finding("ports", not taken, f"in use: {', '.join(taken)}; choose others with --port" if taken else f"free from {site.BASE}")


def _site(home: Path) -> Iterator[Finding]:
    state = look(home)
    yield Finding("site", state["healthy"], state["phase"])
    for name, process in state["processes"].items():
        said = f"process {process['pid']}, restarted {process['restarts']} times; {home / 'logs' / name}.log"
        yield Finding(name, process["ready"], said)
    if state["counts"]:
        yield _parked()


def _parked() -> Finding:
    """Messages that no reaction could take; somebody must look at why."""
    found = asyncio.run(with_databases(all_parked))
    said = "".join(f"\n      {line(*one)}" for one in found)
    return Finding("messages", not found, f"parked, see `./nexa parked --help`:{said}" if found else "nothing is parked")
