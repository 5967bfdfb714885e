"""One part of a run: a fresh site, its people, everything that goes wrong, and the verdict after all has settled."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from jobs import operations
from jobs.registry import load
from kernel.clock import monotonic
from kernel.database import Databases
from kernel.tenancy import Tenant
from runtime import site
from runtime.embedded.process import free_port
from runtime.faults import evidence, invariants
from runtime.faults.evidence import Evidence
from runtime.faults.people import MARKS, TENANTS, Crowd, airlines_of
from runtime.faults.rest import Rest
from runtime.faults.stage import Stage, set_up
from runtime.faults.strikes import Kind, Schedule, Strike, offset
from runtime.faults.twins import Twins
from runtime.faults.verdict import Invariant, Verdict, Violation
from runtime.faults.watch import Watch, ended
from runtime.settings import read
from runtime.verify_audit import verify
from runtime.wiring import databases

HEALTHY_WITHIN: Final = 30.0  # seconds after the last fault
LAST_WORDS: Final = 15.0  # seconds for passengers who are at the door when everything has settled


@dataclass(slots=True)
class Progress:
    """How far a part is, for whoever looks on."""

    part: int
    sagas: int
    phase: str = "starting"
    issued: int = 0
    acknowledged: int = 0
    struck: int = 0
    left: str = ""


Told = Callable[[Progress], None]


@dataclass
class Striker:
    """Carries out a schedule, each strike at its instant, whatever became of the one before."""

    stage: Stage
    watch: Watch
    schedule: Schedule
    told: Callable[[], None] = lambda: None
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._dice = self.schedule.dice
        self._following: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Returns when the last strike is over; who was killed is followed until `end`."""
        began = monotonic()
        striking: list[asyncio.Task[None]] = []
        for strike in self.schedule.strikes:
            await asyncio.sleep(max(0.0, began + strike.at - monotonic()))
            striking.append(asyncio.create_task(self._strike(strike)))
            self.counts[strike.kind.value] += 1
            self.told()
        await asyncio.gather(*striking)

    async def end(self) -> None:
        """Until everybody who died was followed, and every wipe recovered from."""
        await asyncio.gather(*self._following)

    async def _strike(self, strike: Strike) -> None:
        stage, target = self.stage, strike.target
        if strike.kind is Kind.KILL:
            self._kill(target)
        elif strike.kind is Kind.KILL_RELAY:
            self._kill(await stage.leader(target))
        elif strike.kind is Kind.PAUSE:
            await stage.pause(target, strike.seconds)
        elif strike.kind is Kind.HANG_UP:
            await stage.hang_up(0.5)
        elif strike.kind is Kind.HANG_UP_VALKEY:
            await stage.hang_up_valkey(target)
        elif strike.kind in (Kind.RESTART, Kind.CRASH):
            await stage.restart_postgres(crash=strike.kind is Kind.CRASH)
        elif strike.kind is Kind.FLUSH:
            await stage.flush(target)
            self._following.append(asyncio.create_task(self.watch.recover()))
        elif strike.kind is Kind.SILENCE:
            await stage.silence(strike.seconds)
        elif strike.kind is Kind.AGAIN:
            await stage.publish_again(target)
        else:
            await stage.shuffle(TENANTS, self._dice)

    def _kill(self, name: str | None) -> None:
        """The next life of it has another clock."""
        if name is None:
            return
        self.stage.besides[name]["NEXA_CLOCK_OFFSET"] = str(offset(self._dice))
        pid = self.stage.kill(name)
        if pid is not None and name.startswith("worker"):
            self._following.append(asyncio.create_task(self.watch.follow(pid)))


async def play(home: Path, schedule: Schedule, sagas: int, seconds: float, settle_scale: float, told: Told) -> Verdict:
    """Everything of one part, with its site below `home`, which is made empty and keeps the logs. In the main thread.

    Raises: StageError when the site does not start at all.
    """
    began = monotonic()
    _empty(home)
    progress = Progress(schedule.part, sagas)
    told(progress)
    stage = Stage(home, site.Ports(free_port(room=30)), TENANTS, settle_scale, lambda line: _note(home / "supervisor.log", line))
    async with set_up(stage, schedule.offsets):
        twins = Twins(stage.url("sandbox"))
        try:
            return await _played(stage, twins, schedule, progress, seconds, told, began)
        finally:
            await twins.close()


def _empty(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)


def _note(file: Path, line: str) -> None:
    with file.open("a") as said:
        said.write(line + "\n")


async def _played(
    stage: Stage, twins: Twins, schedule: Schedule, progress: Progress, seconds: float, told: Told, began: float
) -> Verdict:  # fmt: skip
    crowd = Crowd(stage, twins, await airlines_of(stage), progress.sagas, random.Random(f"{schedule.seed}/{schedule.part}/people"))
    watch, rest = Watch(stage, TENANTS), Rest(stage, twins, TENANTS)
    striker = Striker(stage, watch, schedule)

    def show(phase: str, left: str = "") -> None:
        progress.phase, progress.left = phase, left
        progress.issued, progress.acknowledged, progress.struck = crowd.issued, len(crowd.acknowledged), sum(striker.counts.values())
        told(progress)

    await crowd.seat()
    ready = monotonic()
    watching = asyncio.create_task(watch.run())
    reading = asyncio.create_task(crowd.letters.watch())
    showing = asyncio.create_task(_show_on(lambda: show("under faults")))
    await twins.say("POST", "/faults", list(schedule.orders))
    await asyncio.gather(crowd.come(seconds), striker.run())
    hits = await twins.say("GET", "/faults")
    await ended(showing)
    await twins.clear()
    over = monotonic()
    show("faults are over")
    healthy = await watch.healthy(2 * HEALTHY_WITHIN)
    await striker.end()
    unsettled = await rest.come(lambda left: show("settling", left))
    await crowd.leave(LAST_WORDS)
    unsettled = unsettled or await rest.come(lambda left: show("settling", left))
    settled = monotonic()
    await ended(watching)
    await ended(reading)
    show("looking")
    found = await evidence.gather(stage, twins, crowd, MARKS)
    entries, audit = await _audited(stage)
    samples = {
        "take_over_s": watch.take_over,
        "healthy_after_flush_s": watch.after_flush,
        "healthy_after_last_fault_s": [healthy],
        "start_s": [ready - began],
        "faults_s": [over - ready],
        "settling_s": [settled - over],
    }
    verdict = _verdict(schedule, progress.sagas, found, watch, striker, unsettled, entries, audit, crowd, _hits(hits), samples)
    return replace(verdict, seconds=monotonic() - began)


def _verdict(
    schedule: Schedule, sagas: int, found: Evidence, watch: Watch, striker: Striker, unsettled: list[str], entries: int,
    audit: list[Violation], crowd: Crowd, hits: dict[str, int], samples: Mapping[str, Sequence[float]],
) -> Verdict:  # fmt: skip
    looks = {
        Invariant.OWNED: invariants.owned(found),
        Invariant.ONCE: invariants.once(found),
        Invariant.TOLD_ONCE: invariants.told_once(found),
        Invariant.CAPACITY: invariants.within_capacity(found),
        Invariant.ANSWERED: invariants.answered(found),
        Invariant.ORDER: invariants.in_order(found, load().reactions),
        Invariant.AUDIT: (entries, audit),
        Invariant.FENCE: (watch.fences, watch.violations),
        Invariant.TENANTS: invariants.apart(found),
        Invariant.HEALTHY: (1, []),
    }
    violations = [violation for _, broken in looks.values() for violation in broken]
    healthy = max(samples["healthy_after_last_fault_s"])
    if healthy > HEALTHY_WITHIN:
        violations.append(Violation(Invariant.HEALTHY, f"it took {healthy:.0f} s until all was well after the last fault"))
    violations += [
        Violation(Invariant.ANSWERED, f"after {Rest.PATIENCE:g} s there was still something to do: {what}") for what in unsettled
    ]
    if crowd.issued < sagas:
        violations.append(Violation(Invariant.HEALTHY, f"{sagas - crowd.issued} of {sagas} parties were never served at the doors"))
    states = Counter(f"sub-cases {row['status']}" for row in found.table("cases", "sub_case"))
    said = Counter(f"acknowledged {intent.kind}" for intent in found.acknowledged)
    refused = {"vouchers refused": len(crowd.refused), "passengers not let in": len(crowd.stranded)}
    return Verdict(
        seed=schedule.seed,
        sagas=sagas,
        looked_at={invariant: count for invariant, (count, _) in looks.items()},
        violations=violations,
        reviews=invariants.reviews(found, operations.load()),
        samples=samples,
        counts={**striker.counts, **states, **said, **refused, **hits},
    )


async def _audited(stage: Stage) -> tuple[int, list[Violation]]:
    """As `./nexa audit verify --all-told` does it."""
    opened: Databases = databases(read(stage.told))
    try:
        found = [await verify(opened, Tenant(tenant), timedelta(0)) for tenant in TENANTS]
    finally:
        await opened.close()
    faults = [
        f"{fault.tenant}: {fault.kind} {fault.root} number {fault.number}, told by {fault.urn}" for _, some in found for fault in some
    ]
    return sum(entries for entries, _ in found), [Violation(Invariant.AUDIT, fault) for fault in faults]


def _hits(told: dict[str, list[dict[str, object]]]) -> dict[str, int]:
    """How often each kind of partner fault struck."""
    counts: Counter[str] = Counter()
    for orders in told.values():
        for order in orders:
            counts[f"partners: {order['kind']}"] += int(str(order["hits"]))
    return dict(counts)


async def _show_on(show: Callable[[], None]) -> None:
    while True:
        show()
        await asyncio.sleep(0.5)


__all__ = ["Progress", "Striker", "play"]
