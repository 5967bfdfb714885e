"""One part of a run: a fresh site, its people, everything that goes wrong, and the verdict after all has settled."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from jobs import operations
from jobs.registry import load
from kernel.clock import monotonic
from kernel.tenancy import Tenant
from runtime import site
from runtime.embedded.process import free_port
from runtime.faults import evidence, invariants
from runtime.faults.evidence import Evidence
from runtime.faults.invariants import Found
from runtime.faults.people import MARKS, TENANTS, Crowd, airlines_of
from runtime.faults.rest import PATIENCE, Rest
from runtime.faults.stage import Stage, set_up
from runtime.faults.striker import Striker
from runtime.faults.strikes import Schedule
from runtime.faults.twins import Twins
from runtime.faults.verdict import Invariant, Verdict, Violation
from runtime.faults.watch import Recovery, Watch
from runtime.settings import read
from runtime.verify_audit import verify
from runtime.wiring import databases

HEALTHY_WITHIN: Final = 30.0  # seconds after the last fault, and after each wipe
MOSTLY_DONE: Final = 0.1  # of the sagas; when fewer are under way, faults may end
STRUCK_FOR: Final = 180.0  # seconds after the last voucher, at most
LAST_WORDS: Final = 15.0  # seconds for passengers who are at the door when everything has settled
SHOWN_EVERY: Final = 0.5  # seconds


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


async def play(home: Path, schedule: Schedule, sagas: int, seconds: float, settle_scale: float, told: Told) -> Verdict:
    """Everything of one part, with its site below `home`, which is made empty and keeps the logs. In the main thread.

    Raises: StageError when the site does not start at all.
    """
    began, progress = monotonic(), Progress(schedule.part, sagas)
    told(progress)
    _empty(home)
    stage = Stage(home, site.Ports(free_port(room=30)), TENANTS, settle_scale, lambda line: _note(home / "supervisor.log", line))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(set_up(stage, schedule.offsets))
        twins = Twins(stage.url("sandbox"))
        stack.push_async_callback(twins.close)
        dice = random.Random(f"{schedule.seed}/{schedule.part}/people")
        part = Part(stage, twins, Crowd(stage, twins, await airlines_of(stage), sagas, dice), schedule, progress, told)
        part.took["start_s"] = monotonic() - began
        await part.suffer(seconds)
        verdict = await part.judge()
        return replace(verdict, seconds=monotonic() - began)


@dataclass
class Part:
    """A part under way: `suffer` it, then `judge`. `took` is how long each of its phases was, in seconds."""

    stage: Stage
    twins: Twins
    crowd: Crowd
    schedule: Schedule
    progress: Progress
    told: Told
    took: dict[str, float] = field(default_factory=dict)
    unsettled: list[str] = field(default_factory=list)
    hits: Mapping[str, Any] = field(default_factory=dict)
    recovery: Recovery = Recovery(0.0)

    def __post_init__(self) -> None:
        self.watch = Watch(self.stage, TENANTS)
        self.striker = Striker(self.stage, self.watch, self.schedule)
        self.rest = Rest(self.stage, self.twins, TENANTS)

    async def suffer(self, seconds: float) -> None:
        """People come while everything is struck; then nothing is struck any more, until all has settled."""
        await self.crowd.seat()
        async with _beside(self.watch.run(), self.crowd.letters.watch()):
            began = monotonic()
            async with _beside(self._show_on()):
                await self.twins.say("POST", "/faults", list(self.schedule.orders))
                await asyncio.gather(self._come(seconds), self.striker.run())
            self.hits = await self.twins.say("GET", "/faults")
            await self.twins.clear()
            over = monotonic()
            self._show("faults are over")
            self.recovery = await self.watch.healthy(2 * HEALTHY_WITHIN)
            await self.striker.end()
            await self._settle()
            self.took |= {"faults_s": over - began, "settling_s": monotonic() - over}

    async def _come(self, seconds: float) -> None:
        """Faults do not end with the last voucher: as long as much is under way, on a slow machine too, it shall be struck."""
        await self.crowd.come(seconds)
        await self.rest.near(int(MOSTLY_DONE * self.progress.sagas), STRUCK_FOR)
        self.striker.enough()

    async def judge(self) -> Verdict:
        """Looks at everything there is, and holds it against the invariants."""
        self._show("looking")
        found = await evidence.gather(self.stage, self.twins, self.crowd, MARKS)
        looks = {**_held(found), Invariant.AUDIT: await self._audited()}
        stories, broken_stories = invariants.one_writer(found)
        looks[Invariant.FENCE] = (self.watch.fences + stories, [*self.watch.violations, *broken_stories])
        looks[Invariant.HEALTHY] = (1 + len(self.watch.after_flush), [Violation(Invariant.HEALTHY, what) for what in self._unwell()])
        endless = [
            Violation(Invariant.ANSWERED, f"after {PATIENCE:g} s there was still something to do: {what}") for what in self.unsettled
        ]
        return Verdict(
            seed=self.schedule.seed,
            sagas=self.progress.sagas,
            looked_at={invariant: count for invariant, (count, _) in looks.items()},
            violations=[*(violation for _, broken in looks.values() for violation in broken), *endless],
            reviews=invariants.reviews(found, operations.load()),
            samples=self._samples(),
            counts=self._counts(found),
        )

    async def _settle(self) -> None:
        """Twice: passengers who were at the door may have started something."""
        self.unsettled = await self.rest.come(lambda left: self._show("settling", left))
        await self.crowd.leave(LAST_WORDS)
        if not self.unsettled:
            self.unsettled = await self.rest.come(lambda left: self._show("settling", left))

    async def _audited(self) -> Found:
        """As `./nexa audit verify --all-told` does it."""
        opened = databases(read(self.stage.told))
        try:
            found = [await verify(opened, Tenant(tenant), timedelta(0)) for tenant in TENANTS]
        finally:
            await opened.close()
        faults = [fault for _, some in found for fault in some]
        said = [f"{fault.tenant}: {fault.kind} {fault.root} number {fault.number}, told by {fault.urn}" for fault in faults]
        return sum(entries for entries, _ in found), [Violation(Invariant.AUDIT, each) for each in said]

    def _unwell(self) -> Iterator[str]:
        if self.recovery.seconds > HEALTHY_WITHIN:
            yield f"until all was well after the last fault it took {self.recovery}"
        for recovery in self.watch.after_flush:
            if recovery.seconds > HEALTHY_WITHIN:
                yield f"until all was well after a wipe it took {recovery}"
        unserved = self.progress.sagas - self.crowd.issued
        if unserved:
            yield f"{unserved} of {self.progress.sagas} parties were never served at the doors"

    def _samples(self) -> dict[str, Sequence[float]]:
        wipes = [recovery.seconds for recovery in self.watch.after_flush]
        measured = {"take_over_s": self.watch.take_over, "healthy_after_flush_s": wipes}
        took = {**self.took, "healthy_after_last_fault_s": self.recovery.seconds}
        return {**measured, **{name: [seconds] for name, seconds in took.items()}}

    def _counts(self, found: Evidence) -> dict[str, int]:
        """What was struck, what the partners did wrong, what was acknowledged, and where it ended."""
        counts = self.striker.counts.copy()
        counts.update(f"acknowledged {intent.kind}" for intent in found.acknowledged)
        counts.update(f"sub-cases {row['status']}" for row in found.table("cases", "sub_case"))
        for orders in self.hits.values():
            counts += Counter({f"partners: {order['kind']}": int(order["hits"]) for order in orders})
        return {**counts, "vouchers refused": len(self.crowd.refused), "passengers not let in": len(self.crowd.stranded)}

    def _show(self, phase: str, left: str = "") -> None:
        progress = self.progress
        progress.phase, progress.left, progress.issued = phase, left, self.crowd.issued
        progress.acknowledged, progress.struck = len(self.crowd.acknowledged), self.striker.counts.total()
        self.told(progress)

    async def _show_on(self) -> None:
        while True:
            self._show("under faults")
            await asyncio.sleep(SHOWN_EVERY)


def _held(found: Evidence) -> dict[Invariant, Found]:
    return {
        Invariant.OWNED: invariants.owned(found),
        Invariant.ONCE: invariants.once(found),
        Invariant.TOLD_ONCE: invariants.told_once(found),
        Invariant.CAPACITY: invariants.within_capacity(found),
        Invariant.ANSWERED: invariants.answered(found),
        Invariant.ORDER: invariants.in_order(found, load().reactions),
        Invariant.TENANTS: invariants.apart(found),
    }


@asynccontextmanager
async def _beside(*running: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Does these as long as the block lasts. Raises: what one of them broke with."""
    tasks = [asyncio.create_task(each) for each in running]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def _empty(home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)


def _note(file: Path, line: str) -> None:
    with file.open("a") as said:
        said.write(line + "\n")
