"""Measure a promise as a ratio against a floor of the same run.

Benches are for a quiet machine, by hand. What a bench needs beyond the product itself it installs from its own hashed lock;
only `saga` needs any.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import platform
from importlib.metadata import version
from typing import Final

from rich.console import Console
from rich.table import Table

from runtime.bench import Result
from runtime.bench.site import BenchError
from runtime.commands import CommandError
from runtime.peers import PeersError

BENCHES: Final = ("ack", "breaker", "holds", "outbox", "saga", "search", "shaping", "wave")


def configure(parser: argparse.ArgumentParser) -> None:
    """One sub-command per bench, each with its own options."""
    chosen = parser.add_subparsers(dest="bench", metavar="NAME", required=True)
    for name in BENCHES:
        module = importlib.import_module(f"runtime.bench.{name}")
        one = chosen.add_parser(name, help=(module.__doc__ or "").strip().splitlines()[0], description=module.__doc__)
        one.add_argument("--json", action="store_true", help="print one JSON object")
        module.configure(one)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    module = importlib.import_module(f"runtime.bench.{arguments.bench}")
    console = Console(stderr=True, highlight=False)
    try:
        result: Result = asyncio.run(module.measure(arguments, console))
    except (BenchError, PeersError) as error:
        raise CommandError(str(error)) from error
    versions = {"python": platform.python_version(), **{name: version(name) for name in ("sqlalchemy", "strawberry-graphql", "uvicorn")}}
    if arguments.json:
        told = {"bench": arguments.bench, "ratios": result.ratios, "figures": result.figures, "versions": versions}
        Console(highlight=False, soft_wrap=True).print(json.dumps(told), markup=False)
    else:
        Console(highlight=False).print(_table(result))
    return 0


def _table(result: Result) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in result.ratios.items():
        table.add_row(f"[bold]{name}[/]", f"[bold]{value}[/]")
    for name, figure in result.figures.items():
        table.add_row(name, str(figure))
    return table
