"""What happens when one partner is down: how soon everybody leaves it alone, what the others notice, and how it comes back.

Four processes (`runtime.bench.caller`) book rooms at one partner and ask another for manifests, as fast as both allow. In each round the
other's throughput is measured while all is well, and again while every call to the first one fails; then it is mended. In the first round
it stays down until a probe has failed too. When a process heard of the breaker is read from its log, what was called from the twin.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from adapters.hotelbeds import SHEET
from kernel import clock
from kernel.account import BreakerState, Key
from runtime.bench import Result
from runtime.bench.caller import TENANT
from runtime.bench.partners import Partners, Say, some_partners
from runtime.bench.site import ROOT, BenchError

T = TypeVar("T")
DOWN: Final = "hotelbeds"
OTHER: Final = "pss"
PROCESSES: Final = 4
PATIENCE: Final = 90.0  # seconds; a breaker whose first probe failed stays open for thirty more
_KEY: Final = Key(SHEET.vendor, TENANT)
_LOOK_UPS: Final = frozenset(name for name, each in SHEET.operations.items() if each.look_up)


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `bench breaker`."""
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="rounds, each with a pair of spans (default: 5)")
    parser.add_argument("--seconds", type=float, default=5.0, metavar="S", help="of each span (default: 5)")


async def measure(arguments: argparse.Namespace, console: Console) -> Result:
    """Runs all rounds. Raises: BenchError."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("starting", total=None)
        return await race(
            ROOT / ".nexa" / "bench" / "breaker", arguments.pairs, arguments.seconds, lambda what: bars.update(task, description=what)
        )


@dataclass(frozen=True, slots=True)
class Round:
    """`opened` is how long after the first process the last one heard; spans in seconds."""

    throughput: float
    opened: float
    recovered: float
    bookings: int
    probes: int


async def race(home: Path, pairs: int, seconds: float, say: Say, *, until_probed: bool = True) -> Result:
    """Everything, from nothing; the first round lasts until a probe has failed, or not. Raises: BenchError."""
    async with some_partners(home) as partners:
        fleet = partners.callers("manifest", "book")
        try:
            for _ in range(PROCESSES):
                fleet.start()
            rounds = [await _round(partners, seconds, until_probed and number == 0, say) for number in range(pairs)]
        finally:
            fleet.stop()
    return Result(
        {
            "opens_everywhere_ms": round(max(each.opened for each in rounds) * 1000, 1),
            "others_throughput": round(median(each.throughput for each in rounds), 3),
            "recovered_s": round(max(each.recovered for each in rounds), 1),
            "bookings_while_open": sum(each.bookings for each in rounds),
        },
        {
            "processes": PROCESSES,
            "pairs": [round(each.throughput, 3) for each in rounds],
            "opened_ms": [round(each.opened * 1000, 1) for each in rounds],
            "recovered": [round(each.recovered, 1) for each in rounds],
            "probes_that_failed": sum(each.probes for each in rounds),
        },
    )


async def _round(partners: Partners, seconds: float, until_probed: bool, say: Say) -> Round:
    say("both partners are well")
    await _until(partners, "nobody books", partial(_booked, partners))
    well = await _throughput(partners, seconds)
    say("one is down")
    broken_at = clock.now()
    await partners.break_down(DOWN)
    heard = await _until(partners, "it did not open everywhere", partial(_heard, partners, BreakerState.OPEN, broken_at))
    before = await partners.calls(DOWN)
    unwell = await _throughput(partners, seconds)
    if until_probed:
        await _until(partners, "nobody probed", partial(_probed, partners, before))
    after = await partners.calls(DOWN)
    say("it is mended, and nobody is told")
    await partners.mend()
    mended_at = clock.monotonic()
    await _until(partners, "it did not come back", partial(_closed, partners))
    recovered = clock.monotonic() - mended_at
    await partners.forget(_KEY)  # the next time is a first time
    return Round(
        unwell / well, (max(heard) - min(heard)).total_seconds(), recovered, _more(before, after, {"book"}), _more(before, after, _LOOK_UPS)
    )


def _more(before: Mapping[str, int], after: Mapping[str, int], operations: Collection[str]) -> int:
    return sum(after.get(name, 0) - before.get(name, 0) for name in operations)


async def _throughput(partners: Partners, seconds: float) -> float:
    """Calls a second of the other partner."""
    before, began = (await partners.limit(OTHER)).admitted, clock.monotonic()
    await asyncio.sleep(seconds)
    return ((await partners.limit(OTHER)).admitted - before) / (clock.monotonic() - began)


async def _until(partners: Partners, otherwise: str, look: Callable[[], Awaitable[T | None]]) -> T:
    """Looks until there is something. Raises: BenchError."""
    until = clock.monotonic() + PATIENCE
    while clock.monotonic() < until:
        found = await look()
        if found:
            return found
        await asyncio.sleep(0.1)
    raise BenchError(f"{otherwise}; logs are in {partners.logs}")


async def _booked(partners: Partners) -> bool:
    """Whether bookings reach the partner."""
    before = await partners.calls(DOWN)
    await asyncio.sleep(0.5)
    return _more(before, await partners.calls(DOWN), {"book"}) > 0


async def _probed(partners: Partners, before: Mapping[str, int]) -> bool:
    return _more(before, await partners.calls(DOWN), _LOOK_UPS) > 0


async def _closed(partners: Partners) -> bool:
    return (await partners.told(_KEY)).view.breaker is BreakerState.CLOSED and await _booked(partners)


async def _heard(partners: Partners, state: BreakerState, since: datetime) -> list[datetime] | None:
    """When each process first heard that the breaker is in this state; None while one has not."""
    said = f"the breaker of {_KEY} is {state}"
    found = [_first(log, said, since) for log in sorted(partners.logs.glob("worker-*.log"))]
    heard = [at for at in found if at is not None]
    return heard if len(heard) == PROCESSES else None


def _first(log: Path, said: str, since: datetime) -> datetime | None:
    for line in log.read_text().splitlines():
        if said in line and line.startswith("{"):
            at = datetime.fromisoformat(json.loads(line)["at"])
            if at >= since:
                return at
    return None
