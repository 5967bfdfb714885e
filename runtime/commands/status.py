"""Say whether all is well here, where everything is, and how far the work has got.

Exit code 0 when healthy, 1 when not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from domains.cases import queries
from kernel.database import Databases
from kernel.patience import passing
from runtime import overview, probe, site
from runtime.settings import DATABASES, read
from runtime.state import Recorded, State, running


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `status`."""
    parser.add_argument("--json", action="store_true", help="for scripts: {healthy, phase, urls, counts, processes, versions}")


def run(arguments: argparse.Namespace) -> int:
    """Look, and say."""
    found = look(read(os.environ).home)
    if arguments.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    else:
        _print(found)
    return 0 if found["healthy"] else 1


def look(home: Path) -> dict[str, Any]:
    """Everything `status` says, as plain values."""
    state = running(home)
    if state is None:
        return {"healthy": False, "phase": "down", "urls": {}, "counts": {}, "processes": {}, "versions": versions()}
    processes = _processes(home, state)
    counts, server = asyncio.run(_ask_databases()) if state.phase == "ready" else ({}, None)
    well = state.phase == "ready" and server is not None and all(process["ready"] for process in processes.values())
    return {
        "healthy": well,
        "phase": state.phase,
        "urls": state.urls,
        "counts": counts,
        "processes": processes,
        "versions": {**versions(), "postgres": server},
    }


def versions() -> dict[str, str | None]:
    """Of this tree and what it runs on."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    return {"nexa": str(project["version"]), "python": platform.python_version()}


def _processes(home: Path, state: State) -> dict[str, dict[str, Any]]:
    ports = site.Ports(state.base)
    doors = {**ports.gateways, "sandbox": ports.sandbox}
    return {
        process.name: {
            "pid": process.pid,
            "ready": process.alive and _is_ready(home, process, doors.get(process.name)),
            "restarts": state.restarts.get(process.name, 0),
        }
        for process in state.processes
    }


def _is_ready(home: Path, process: Recorded, port: int | None) -> bool:
    if process.name == "worker":
        return probe.worker_lives(home, process.pid)
    return port is None or probe.is_ready(port, probe.path_of(process.name))


async def _ask_databases() -> tuple[dict[str, int], str | None]:
    """Counts over all airlines, and the server's version; nothing when it does not answer."""
    told = site.here(os.environ)
    databases = Databases({name: url for name in DATABASES if (url := told.get(f"NEXA_{name.upper()}_URL"))}, pool=1)
    total: Counter[str] = Counter()
    try:
        cases = databases["cases"]
        for tenant in await cases.tenants():
            async with cases.read(tenant) as connection:
                total.update(await queries.counts(connection, tenant))
        async with cases.engine.connect() as connection:
            version = str((await connection.exec_driver_sql("show server_version")).scalar_one())
    except KeyError:  # a site that never got as far as its databases
        return {}, None
    except Exception as error:
        if not passing(error):
            raise
        return {}, None
    finally:
        await databases.close()
    return {name: total[name] for name in ("cases", "sub_cases", "needing_night", *sorted(total))}, version


def _print(found: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print("[bold green]healthy[/]" if found["healthy"] else f"[bold red]not healthy[/] ({found['phase']})")
    console.print(overview.table(found["urls"]))
    shown = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, process in found["processes"].items():
        restarted = f"restarted {process['restarts']} times" if process["restarts"] else ""
        shown.add_row(name, "[green]ready[/]" if process["ready"] else "[red]not ready[/]", restarted)
    console.print(shown)
    console.print(" · ".join(f"{name.replace('_', ' ')} {count}" for name, count in found["counts"].items()))
