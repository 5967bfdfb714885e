"""One block: some hundreds of sagas at the same time on three workers, until every one has ended and what the partners hold is verified.

Blocks are strangers to one another. A block's seed is the run's seed and its number, so it can be repeated alone, and so can one saga of
it: the dice know a saga by its number.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import TextClause, text

from kernel import clock
from kernel.database import Databases
from kernel.patience import patiently
from kernel.saga import cancel
from kernel.saga.workflow import start_many
from kernel.urn import Urn
from runtime.faults.simulation.dice import Dice, Key, Odds
from runtime.faults.simulation.line import Lines
from runtime.faults.simulation.loop import NOBODY, VirtualLoop
from runtime.faults.simulation.partner import Book
from runtime.faults.simulation.plan import ERRAND, TRADES, Params
from runtime.faults.simulation.roads import Roads
from runtime.faults.simulation.worker import TENANT, Addresses, Worker, World

WORKERS: Final = 3
BEGINS: Final = datetime(2026, 1, 31, 22, tzinfo=UTC)
PER_SECOND: Final = 1000  # sagas started per virtual second: most of a block is under way at the same time
BATCH: Final = 100  # in one transaction, as a storm's vouchers are issued
RINGS: Final = 0.015  # seconds until a ring is heard by the others
LOST_RINGS: Final = 0.1
REPLACED: Final = (0.5, 6.0)  # seconds until a killed worker has a successor
LIMIT: Final = 3600.0  # virtual seconds; what has not ended by then never will
GLANCE: Final = 2.0
TAIL: Final = 10.0  # seconds after the last start in which servers still break
IMPATIENT: Final = ("reserve", "issue", "charge")

# Chances per block of 1,000 sagas, besides what the failpoints do.
WIPES: Final = 1
RESTARTS: Final = 1
CUTS: Final = 2

_MOVING = text("select count(*) from workflow where tenant = :tenant and state in ('RUNNING', 'COMPENSATING')")
_OPEN = text("select count(*) from operation where tenant = :tenant and (due is not null or state in ('INTENT', 'SENT', 'UNKNOWN'))")
_UNSENT = text("select count(*) from outbox where tenant = :tenant and published_at is null")


@dataclass(frozen=True, slots=True)
class Sagas:
    """Which sagas a block runs: all of `count`, or those of these numbers alone."""

    block: int
    count: int
    only: frozenset[int] | None = None

    @property
    def names(self) -> list[str]:
        return [f"b{self.block}s{number}" for number in range(self.count) if self.only is None or number in self.only]


@dataclass(frozen=True, slots=True)
class Played:
    """What a block leaves behind for those who look at it."""

    sagas: Sequence[str]
    book: Book
    dice: Dice
    databases: Databases
    ended: bool
    seconds: float  # virtual ones


def workflow_of(saga: str) -> Urn:
    return Urn.of("workflow", f"w-{saga}")


def subject_of(saga: str) -> Urn:
    return Urn.of("sub-case", f"s-{saga}")


class Block:
    """One run of one block on an empty database, on a loop that is new."""

    def __init__(
        self, loop: VirtualLoop, addresses: Addresses, seed: str, sagas: Sagas, odds: Odds, only: frozenset[Key] | None = None
    ) -> None:
        self.loop, self.sagas = loop, sagas
        self.dice = Dice(seed, odds, only)
        self.roads = Roads(loop.time)
        self.world = World(addresses, self.dice, self.roads, Book(), self.now)
        self.databases = Databases(addresses.domains)
        lines = Lines(None, self.now)
        for database in self.databases.values():
            lines.watch(database.engine)
        self.workers: list[Worker] = []
        self._rung: set[tuple[str, str]] = set()

    def now(self) -> datetime:
        """The instant, for everybody."""
        return BEGINS + timedelta(seconds=self.loop.time())

    async def play(self) -> Played:
        """Runs it to its end, or to the limit."""
        random.seed(repr(self.dice.roll("jitter")))
        with clock.replaced(clock.Source(self.now, self.loop.time)):
            for _ in range(WORKERS):
                self._hire()
            async with asyncio.TaskGroup() as people:
                people.create_task(self._start(people))
                for at, strike in self._trouble():
                    people.create_task(self._later(at, strike))
            ended = await self._until(self._sagas_ended)
            self.dice.calm = True
            ended = await self._until(self._settled) and ended
            for worker in self.workers:
                if not worker.dead:
                    await worker.leave()
        return Played(self.sagas.names, self.world.book, self.dice, self.databases, ended, self.loop.time())

    async def _start(self, people: asyncio.TaskGroup) -> None:
        names = self.sagas.names
        for first in range(0, len(names), BATCH):
            batch = names[first : first + BATCH]
            async with self.databases["cases"].work(TENANT) as work:
                await start_many(work, ERRAND, [(workflow_of(each), subject_of(each), _params(each)) for each in batch])
            self._ring(None, "cases")
            for each in batch:
                for at, act in self._disturbances(each):
                    people.create_task(self._later(at, act))
            await asyncio.sleep(len(batch) / PER_SECOND)

    def _disturbances(self, saga: str) -> Iterator[tuple[float, Callable[[], Awaitable[None]]]]:
        """What people do to this saga: cancel it in the middle, or say that they cannot wait for one of its steps."""
        odds, now = self.dice.odds, self.loop.time()
        if self.dice.strike({"cancel": odds.cancel}, (saga, "people", "cancel"), now):
            yield self.dice.between(0.05, 12, saga, "cancel at"), partial(self._cancel, saga)
        for name in IMPATIENT:
            if self.dice.strike({"impatient": odds.impatient / len(IMPATIENT)}, (saga, name, "impatient"), now):
                yield self.dice.between(0.3, 10, saga, name, "impatient at"), partial(self._give_up, saga, name)

    async def _cancel(self, saga: str) -> None:
        async with self.databases["cases"].work(TENANT) as work:
            await cancel(work, workflow_of(saga), "the passenger does not want it any more")

    async def _give_up(self, saga: str, name: str) -> None:
        trade = TRADES[name]
        async with self.databases[trade.words.domain].work(TENANT) as work:
            await trade.give_up_waiting(work, subject_of(saga), workflow_of(saga))
        self._ring(None, trade.words.domain)

    def _trouble(self) -> Iterator[tuple[float, Callable[[], Awaitable[None]]]]:
        """What goes wrong with the servers: when, and what."""
        lasts = self.sagas.count / PER_SECOND + TAIL
        for what, times in (("wipe", WIPES), ("restart", RESTARTS), ("cut", CUTS)):
            for number in range(round(times * self.sagas.count / 1000)):
                yield self.dice.between(0, lasts, what, number), partial(self._strike, what, number)

    async def _strike(self, what: str, number: int) -> None:
        if not self.dice.note(what, ("servers", what, number), self.loop.time()):
            return
        if what == "wipe":
            self.roads.wipe()
        elif what == "restart":
            self.roads.restart()
        else:
            for worker in self.workers:
                worker.lines.cut()

    async def _later(self, at: float, act: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(at)
        await patiently(act, "the simulation", TENANT)

    def _hire(self) -> None:
        worker = Worker(self.world, f"w{len(self.workers) + 1}", self._ring, self._died)
        self.workers.append(worker)
        worker.start()

    def _died(self, worker: Worker) -> None:
        self.loop.call_later(self.dice.between(*REPLACED, worker.name, "replaced"), self._hire, context=NOBODY)

    def _ring(self, by: Worker | None, domain: str) -> None:
        """Everybody else hears of it a moment later; rings of that moment are one, and some are lost."""
        for worker in self.workers:
            if worker is by or worker.dead or (worker.name, domain) in self._rung:
                continue
            if by is not None and self.dice.roll(*self.dice.count(by.name, "rings", worker.name)) < LOST_RINGS:
                continue
            self._rung.add((worker.name, domain))
            self.loop.call_later(RINGS, self._heard, worker, domain, context=NOBODY)

    def _heard(self, worker: Worker, domain: str) -> None:
        self._rung.discard((worker.name, domain))
        worker.look(domain)

    async def _until(self, over: Callable[[], Awaitable[bool]]) -> bool:
        while not await over():
            if self.loop.time() > LIMIT:
                return False
            await asyncio.sleep(GLANCE)
        return True

    async def _sagas_ended(self) -> bool:
        return await self._count("cases", _MOVING) == 0

    async def _settled(self) -> bool:
        """Nothing is under way, in the databases or on the roads, and what the partners hold was verified twice."""
        if self.roads.busy or await self._count("cases", _MOVING):
            return False
        waiting = [await self._count(domain, _UNSENT) for domain in self.databases]
        return not any(waiting) and not any([await self._count(domain, _OPEN) for domain in self.databases if domain != "cases"])

    async def _count(self, domain: str, statement: TextClause) -> int:
        async with self.databases[domain].read(TENANT) as connection:
            return int((await connection.execute(statement, {"tenant": TENANT})).scalar_one())


def _params(saga: str) -> Params:
    return Params(saga, workflow_of(saga), subject_of(saga))
