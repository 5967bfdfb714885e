"""How a limit is kept by all processes together: a partner that allows fifty calls a second, and four processes that want more.

The callers are the product's own gate and adapter (`runtime.bench.caller`), each process with sixteen that ask again as soon as they may.
Everything is counted by the partner's twin, with its clock. First one process or another is stopped for 300 ms now and then, as a
machine does to processes; then the partner halves its limit and tells nobody; then it has its old limit again.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from adapters.custom_pss import VENDOR
from kernel.account import Key
from kernel.clock import monotonic
from runtime.bench import Result
from runtime.bench.caller import TENANT
from runtime.bench.fleet import Fleet
from runtime.bench.partners import Limit, Partners, Say, some_partners
from runtime.bench.site import ROOT, BenchError

PARTNER: Final = "pss"  # as the sandbox calls it
PROCESSES: Final = 4
LIMIT: Final = 50.0  # calls a second
STOPPED: Final = 0.3  # seconds that a process is stopped
BETWEEN: Final = (2.0, 4.0)  # seconds from one stop to the next
ADAPT: Final = 5.0  # seconds after which a halved limit is to be kept
USED_AGAIN: Final = 0.9  # of the limit, once it is back
SPAN: Final = 5.0  # seconds over which that is looked at
WARM_UP: Final = 3.0
PATIENCE: Final = 120.0  # seconds until nobody waits for it any longer


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `bench shaping`."""
    parser.add_argument("--seconds", type=float, default=60.0, metavar="S", help="of each of the two long parts (default: 60)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of who is stopped when (default: 1)")


async def measure(arguments: argparse.Namespace, console: Console) -> Result:
    """Runs the three parts. Raises: BenchError."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("starting", total=None)
        return await race(
            ROOT / ".nexa" / "bench" / "shaping", arguments.seconds, arguments.seed, lambda what: bars.update(task, description=what)
        )


async def race(home: Path, seconds: float, seed: int, say: Say) -> Result:
    """Everything, from nothing. Raises: BenchError."""
    async with some_partners(home, rate=LIMIT) as partners:
        fleet = partners.callers("manifest")
        try:
            for _ in range(PROCESSES):
                fleet.start()
            await _under_way(partners)
            say(f"{PROCESSES} processes at a limit of {LIMIT:g}, one of them stopped now and then")
            ratios, figures = await _steady(partners, fleet, seconds, random.Random(seed))
            say("the partner halves its limit")
            ratios |= await _halved(partners, seconds, figures)
            say("the partner has its old limit again")
            ratios["recovered_s"] = await _restored(partners)
        finally:
            fleet.stop()
    return Result(ratios, figures)


async def _under_way(partners: Partners) -> None:
    until = monotonic() + PATIENCE
    while (await partners.limit(PARTNER)).asked < LIMIT:
        if monotonic() > until:
            raise BenchError(f"nobody calls; logs are in {partners.logs}")
        await asyncio.sleep(0.2)
    await asyncio.sleep(WARM_UP)


async def _steady(
    partners: Partners, fleet: Fleet, seconds: float, dice: random.Random
) -> tuple[dict[str, float], dict[str, object]]:  # fmt: skip
    before, began = await partners.asked_of_store(), monotonic()
    await partners.limit(PARTNER, LIMIT)
    stops = 0
    while (left := began + seconds - monotonic()) > 0:
        await asyncio.sleep(min(left, dice.uniform(*BETWEEN)))
        pid = dice.choice(fleet.pids)
        fleet.ask(pid, signal.SIGSTOP)
        await asyncio.sleep(STOPPED)
        fleet.ask(pid, signal.SIGCONT)
        stops += 1
    counted, took = await partners.limit(PARTNER), monotonic() - began
    asked, seen = await partners.asked_of_store() - before, (await partners.told(Key(VENDOR, TENANT))).seen
    ratios: dict[str, float] = {
        "max_in_second": counted.most,
        "used_share": round(counted.admitted / (LIMIT * took), 4),
        "calls_per_grant": round(asked / max(1, counted.asked), 3),
        "throttled": counted.refused,
    }
    figures: dict[str, object] = {
        "processes": PROCESSES, "limit": LIMIT, "seconds": round(took, 1), "calls": counted.asked, "stops": stops,
        "slots_given_up": round(1 - seen.calls / max(1, seen.grants), 4),
    }  # fmt: skip
    return ratios, figures


async def _halved(partners: Partners, seconds: float, figures: dict[str, object]) -> dict[str, float]:
    await partners.limit(PARTNER, LIMIT / 2)
    await asyncio.sleep(ADAPT)
    before = await partners.limit(PARTNER)
    await asyncio.sleep(seconds)
    after = await partners.limit(PARTNER)
    asked, refused = after.asked - before.asked, after.refused - before.refused
    figures |= {"halved_calls": asked, "halved_throttled": refused, "halved_throttled_at_first": before.refused}
    figures["halved_used_share"] = round((asked - refused) / (LIMIT / 2 * seconds), 4)
    return {"halved_throttled_share": round(refused / max(1, asked), 4)}


async def _restored(partners: Partners) -> float:
    """Seconds until nine tenths of the old limit were used over five seconds."""
    seen: list[tuple[float, Limit]] = [(monotonic(), await partners.limit(PARTNER, LIMIT))]
    began = seen[0][0]
    while monotonic() < began + PATIENCE:
        await asyncio.sleep(0.5)
        seen.append((monotonic(), await partners.limit(PARTNER)))
        since = next((each for each in reversed(seen) if each[0] <= seen[-1][0] - SPAN), None)
        if since is not None and seen[-1][1].admitted - since[1].admitted >= USED_AGAIN * LIMIT * (seen[-1][0] - since[0]):
            return round(seen[-1][0] - began, 1)
    raise BenchError(f"the limit was not used again within {PATIENCE:g} s")
