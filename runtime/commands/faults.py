"""Break everything while sagas run, then ask the partners' books and every database whether anything was lost or done twice.

Real processes, Postgres, Valkeys and partner sandboxes on a site of the run's own; the same seed draws the same faults. The run is cut into
parts that are kept: the same command goes on where it was stopped. Exit code 0 when every invariant held.

With `--simulate` the same engine, relay and consumer run on a real Postgres, with bus and partners in memory, on a clock that does not
wait: far more sagas, each call a place where something may go wrong.

`--sabotage` asks the opposite: known bugs are planted in a copy of the tree, one at a time, and exit code 0 means that each was caught.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys

from rich.console import Console

from runtime.commands import CommandError
from runtime.faults.planted import PlantError
from runtime.faults.run import PER_PART, Asked, OtherRunError, Run
from runtime.faults.sabotage import SabotageError, chosen, sabotage, table, told
from runtime.faults.simulation import tier as simulated
from runtime.faults.simulation.tier import Simulation, SimulationError
from runtime.faults.stage import StageError
from runtime.faults.verdict import Verdict
from runtime.settings import read


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `faults`."""
    parser.add_argument("--sagas", type=_count, default=PER_PART, metavar="N", help=f"how many sub-cases (default: {PER_PART})")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="what the faults and the people are drawn from (default: 1)")
    parser.add_argument("--part", type=_count, default=PER_PART, metavar="N", help=f"sub-cases of one part (default: {PER_PART})")
    parser.add_argument("--rate", type=float, default=4.0, metavar="R", help="vouchers a second (default: 4)")
    parser.add_argument("--ambiguity", type=_share, default=0.3, metavar="P", help="share of partner operations that end ambiguous (0.3)")
    parser.add_argument("--settle-scale", type=float, default=0.02, metavar="X", help="factor on the partners' settle times (0.02)")
    parser.add_argument("--search", type=float, default=900.0, metavar="S", help="seconds to look for the shortest list of faults (900)")
    parser.add_argument("--fresh", action="store_true", help="forget what was done of this run and begin anew")
    parser.add_argument(
        "--simulate", action="store_true", help="on a virtual clock, with partners in the process; hundreds of sagas at once"
    )
    parser.add_argument("--sabotage", nargs="*", metavar="BUG", help="plant all known bugs, or these, in a copy of the tree one at a time")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Run, and judge."""
    console = Console(stderr=True, highlight=False)
    if arguments.sabotage is not None:
        return _sabotage(arguments, console)
    verdict = _simulated(arguments, console) if arguments.simulate else _real(arguments, console)
    console.print(verdict.table())
    for line in verdict.lines():
        console.print(line)
    if arguments.json:
        sys.stdout.write(json.dumps(verdict.told(), indent=2) + "\n")
    return 0 if verdict.good else 1


def _real(arguments: argparse.Namespace, console: Console) -> Verdict:
    asked = Asked(arguments.sagas, arguments.seed, arguments.part, arguments.rate, arguments.ambiguity, arguments.settle_scale)
    whole = Run(read(os.environ).home / "faults" / str(asked.seed), asked, console, arguments.search)
    try:
        whole.begin(fresh=arguments.fresh)
        return asyncio.run(whole.all())
    except (OtherRunError, StageError) as error:
        raise CommandError(str(error)) from error


def _simulated(arguments: argparse.Namespace, console: Console) -> Verdict:
    folder = read(os.environ).home / "faults" / f"simulated-{arguments.seed}"
    whole = Simulation(folder, simulated.Asked(arguments.sagas, arguments.seed), console, arguments.search)
    try:
        whole.begin(fresh=arguments.fresh)
        return whole.all()
    except (OtherRunError, SimulationError) as error:
        raise CommandError(str(error)) from error


def _sabotage(arguments: argparse.Namespace, console: Console) -> int:
    kept = read(os.environ).home / "faults" / "sabotage"
    if arguments.fresh:
        shutil.rmtree(kept, ignore_errors=True)
    try:
        outcomes = sabotage(chosen(arguments.sabotage), kept, console)
    except (SabotageError, PlantError) as error:
        raise CommandError(str(error)) from error
    Console(stderr=True, highlight=False, width=max(160, console.width)).print(table(outcomes))
    if arguments.json:
        sys.stdout.write(json.dumps(told(outcomes), indent=2) + "\n")
    return 0 if all(outcome.caught for outcome in outcomes) else 1


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected 1 or more")
    return number


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError("expected 0 or more, and less than 1")
    return share
