"""The engine: hands that walk workflows and perform partner operations, hosted by the worker process.

Idea: truth is in Postgres; a ring only says "look now", and a sweep every second finds what no ring told of. Claims are taken over all
tenants in one statement per database; the partner calls of a worker are bounded per operation, and everything else is short transactions.

Guarantees: a lost ring costs at most one sweep; what a dead worker had claimed is taken over within `dead_after` and a beat; `stop` lets
calls under way finish; killing it at any instant loses nothing and sends nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from kernel.at_once import Answered
from kernel.bell import Bell
from kernel.claim import OPERATIONS, WORKFLOWS, Claim, Claims, unless_stopped
from kernel.clock import monotonic
from kernel.database import Databases
from kernel.operation.declaration import RESENT, OperationRow, Operations
from kernel.operation.runner import OperationRunner
from kernel.operation.stop import stopped
from kernel.patience import patiently
from kernel.presence import Presence, Pulse
from kernel.process import Process
from kernel.saga.plan import Plans
from kernel.saga.runner import Hooks, WorkflowRunner
from kernel.tenancy import Tenant
from kernel.turns import Portion, Share, Turns
from kernel.urn import Urn
from kernel.work import Work

log = logging.getLogger(__name__)

BATCH: Final = 200  # rows per claim
SUSPECTS: Final = 8  # in hand at once of what has died with two workers in a row
ADVANCING: Final = 3  # batches of workflows under way at once; the fourth connection is for everybody else
LOST_EVERY: Final = 15  # beats between two searches for claims that nobody holds
TENANTS_FOR: Final = timedelta(seconds=5)  # how long the list of tenants is believed


@dataclass(frozen=True, slots=True)
class Timing:
    """`sweep` bounds what a lost ring costs; `grace` is for calls under way when the process has to end (a partner's time-out)."""

    pulse: Pulse = Pulse()
    sweep: timedelta = timedelta(seconds=1)
    grace: timedelta = timedelta(seconds=25)


class Engine:
    """One worker's engine. `home` is the domain whose database holds the workflows and the heartbeats.

    `ports` goes to operations untouched. `tenants` bounds whom it works for; None means everybody who has partitions.
    `process` is what it runs in, where its end is the end of this worker.
    """

    def __init__(
        self, databases: Databases, ports: Any, worker_id: str, *, plans: Plans, operations: Operations, hooks: Hooks | None = None,
        settle_scale: float = 1.0, tenants: Sequence[Tenant] | None = None, queue: str | None = None, home: str = "cases",
        timing: Timing | None = None, process: Process | None = None,
    ) -> None:  # fmt: skip
        self.timing = timing or Timing()
        self.presence = Presence(databases.dispatch(home), worker_id, self.timing.pulse, queue, process)
        self._roll = _Roll(databases, home, tenants)
        self._floors: list[_Floor] = [_Workflows(self, databases, plans, hooks or Hooks(), home)]
        self._floors += [_Operations(self, databases, operations.of(domain), ports, settle_scale, domain) for domain in operations.domains]
        self._stopping = asyncio.Event()

    @property
    def id(self) -> str:
        """This run of this worker, as claims name it."""
        return self.presence.me

    @property
    def healthy(self) -> bool:
        """Whether the heart beats."""
        return self.presence.alive

    async def run(self) -> None:
        """Works until `stop`; cancelling it instead is as good as killing it."""
        try:
            await self._run()
        finally:
            for floor in self._floors:
                floor.dismiss()

    async def _run(self) -> None:
        await self._beat()
        async with asyncio.TaskGroup() as hands:
            heart = hands.create_task(self._live())
            floors = [hands.create_task(floor.run(hands)) for floor in self._floors]
            await self._stopping.wait()
            for floor in self._floors:
                floor.bell.ring()
            await asyncio.wait(floors)
            await self._see_off()
            await self._rest()
            heart.cancel()
        await self.presence.leave()

    async def stop(self) -> None:
        """Takes nothing new, and lets what is under way finish within `grace`; `run` returns then."""
        self._stopping.set()

    def wake(self, tenant: Tenant | None = None, urn: Urn | None = None, domain: str | None = None) -> None:
        """Look now, in this domain's database or in all. Carries no truth; may be called at any time and as often as one likes."""
        for floor in self._floors:
            if domain in (None, floor.domain):
                floor.turns.expect(tenant)
                floor.bell.ring()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    async def tenants(self) -> Sequence[Tenant]:
        return await self._roll.names()

    async def _live(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(self.timing.pulse.beat.total_seconds())
            beats += 1
            try:
                await self._beat()
                await self._take_over()
                if beats % LOST_EVERY == 0:
                    await self._find_lost()
            except Exception:
                log.exception("a heartbeat failed")

    async def _beat(self) -> None:
        async with asyncio.timeout(self.timing.pulse.dead_after.total_seconds()):
            await self.presence.beat()

    async def _take_over(self) -> None:
        """Takes what dead workers had. Of whom nothing is left, whoever may serve it, is not looked for again."""
        dead = self.presence.dead
        if not dead:
            return
        clean = set(dead)
        for floor in self._floors:
            claims = await floor.take_over(dead)
            if claims:
                log.warning("took over %d of %s from the dead", len(claims), floor.name)
        for floor in self._floors:
            clean -= await floor.claims.left_of(dead)
        if clean:
            await self.presence.cleared(tuple(clean))

    async def _find_lost(self) -> None:
        """What is claimed by this very worker and in nobody's hands: a fault of ours, and as good as a death."""
        for floor in self._floors:
            claims = await floor.take_over((self.id,))
            if claims:
                log.error("found %d of %s that nobody held", len(claims), floor.name)

    async def _rest(self) -> None:
        until = monotonic() + self.timing.grace.total_seconds()
        while busy := [task for floor in self._floors for task in floor.tasks]:
            if monotonic() >= until:
                for task in busy:  # their rows say SENT, and another worker finds out
                    task.cancel()
            await asyncio.wait(busy, timeout=max(0.0, until - monotonic()) or None)

    async def _see_off(self) -> None:
        """What is being written as claimed is sent before the hands rest."""
        until = monotonic() + self.timing.grace.total_seconds()
        while any(floor.berths for floor in self._floors) and monotonic() < until:  # noqa: ASYNC110  it ends with a transaction or two
            await asyncio.sleep(0.01)


class _Roll:
    """Who is worked for."""

    def __init__(self, databases: Databases, home: str, only: Sequence[Tenant] | None) -> None:
        self._database, self._only = databases[home], only
        self._names: Sequence[Tenant] = ()
        self._read = float("-inf")

    async def names(self) -> Sequence[Tenant]:
        if monotonic() - self._read > TENANTS_FOR.total_seconds():
            known = await self._database.tenants()
            self._names = [name for name in known if not self._only or name in self._only]
            self._read = monotonic()
        return self._names


class _Floor:
    """One table's hands: a loop that claims what is due, and tasks that work it off. `held` is what the tasks have."""

    def __init__(self, engine: Engine, claims: Claims, kinds: Iterable[str], domain: str, name: str) -> None:
        self.engine, self.claims, self.kinds, self.domain, self.name = engine, claims, tuple(kinds), domain, f"{domain}.{name}"
        self.bell, self.turns = Bell(), Turns()
        self.tasks: set[asyncio.Task[None]] = set()
        self.held: set[Urn] = set()
        self.berths: set[_Berth] = set()
        self._claiming = asyncio.Lock()  # between a claim's commit and `held` nobody may look for lost ones
        self._hands: asyncio.TaskGroup | None = None
        self.short = False  # of places: there may be more, and whoever finishes has to ring
        self._suspects: set[Urn] = set()
        self._suspects_from = float("-inf")  # when more are looked for

    async def run(self, hands: asyncio.TaskGroup) -> None:
        self._hands = hands
        sweep = self.engine.timing.sweep
        while not self.engine.stopping:
            try:
                busy = self.engine.presence.alive and await self.round()
            except Exception:
                log.exception("looking for work in %s failed", self.name)
                busy = False
            if not busy:
                await self.bell.wait(sweep)

    async def round(self) -> bool:
        """Claims once and hands out; whether it is worth looking again at once."""
        raise NotImplementedError

    async def suspects(self) -> list[Claim]:
        """What has died twice, when few of that are in hand and it is time to look."""
        if len(self._suspects) >= SUSPECTS or monotonic() < self._suspects_from:
            return []
        tenants = await self.engine.tenants()
        async with self._claiming:
            claims = await self.claims.suspects(tenants, self.kinds, SUSPECTS - len(self._suspects))
            self._suspects.update(claim.urn for claim in claims)
            self.held.update(claim.urn for claim in claims)
        self._suspects_from = monotonic() + self.engine.timing.sweep.total_seconds()
        return claims

    def release(self, urns: Iterable[Urn]) -> None:
        """Nothing is done with these any more; where a suspect was among them, the next may come at once."""
        self.held.difference_update(urns)
        if not self._suspects <= self.held:
            self._suspects &= self.held
            self._suspects_from = float("-inf")
            self.bell.ring()

    def inherit(self, claims: Sequence[Claim]) -> None:
        """Works off what was taken over."""
        raise NotImplementedError

    def dismiss(self) -> None:
        """From here on nothing is done any more."""
        self._hands = None

    @property
    def running(self) -> bool:
        return self._hands is not None and not self.engine.stopping

    async def take_over(self, owners: Sequence[str]) -> list[Claim]:
        """What these had claimed is ours now."""
        tenants = await self.engine.tenants()
        async with self._claiming:
            claims = await self.claims.orphans(tenants, owners, self.kinds, BATCH, self.held)
            self.held.update(claim.urn for claim in claims)
        self.inherit(claims)
        return claims

    async def claim(self, portions: Sequence[Portion], most: int) -> list[Claim]:
        async with self._claiming:
            claims = await self.claims.due(portions, most)
            self.held.update(claim.urn for claim in claims)
        self.turns.charge(portions, Counter((claim.tenant, claim.kind, claim.share) for claim in claims), most)
        return claims

    def spawn(self, urns: Iterable[Urn], work: Callable[[], Awaitable[None]]) -> None:
        """Does it beside everything else; when it is over, `urns` are not held any more."""
        if self._hands is None:
            raise RuntimeError("the engine does not run")
        task = self._hands.create_task(self._guarded(tuple(urns), work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _guarded(self, urns: Sequence[Urn], work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception:
            log.exception("work on %s broke off", self.name)
        finally:
            self.release(urns)
            if self.short:
                self.bell.ring()


class _Workflows(_Floor):
    def __init__(self, engine: Engine, databases: Databases, plans: Plans, hooks: Hooks, home: str) -> None:
        super().__init__(engine, Claims(databases.dispatch(home), WORKFLOWS, engine.id), plans, home, "workflow")
        self.runner = WorkflowRunner(databases[home], plans, hooks, engine.id)
        databases[home].at_once.answered = self.answered

    async def round(self) -> bool:
        self.short = len(self.tasks) >= ADVANCING
        if self.short:
            return False
        tenants = await self.engine.tenants()
        suspects = await self.suspects()
        self.inherit(suspects)
        claims = await self.claim(self.turns.portions(tenants, self.kinds, BATCH), BATCH)
        self.inherit(claims)
        return bool(claims or suspects)

    def inherit(self, claims: Sequence[Claim]) -> None:
        for tenant, batch in _by_tenant(claims):
            self.spawn([claim.urn for claim in batch], partial(self.runner.advance, tenant, batch))

    async def answered(self, work: Work, answers: Answered) -> Answered:
        """Moves on the workflows that are free; returns the answers to all others."""
        return await self.runner.answered(work, answers) if self.running else answers


class _Operations(_Floor):
    def __init__(self, engine: Engine, databases: Databases, operations: Operations, ports: Any, scale: float, domain: str) -> None:
        resent = [name for name, each in operations.items() if each.kind in RESENT]
        claimed = unless_stopped(OPERATIONS, stopped("operation"), resent)
        super().__init__(engine, Claims(databases.dispatch(domain), claimed, engine.id), operations, domain, "operation")
        self.operations = operations
        self.runner = OperationRunner(databases[domain], operations, ports, engine.presence, self.bell, scale=scale)
        self._flying: dict[str, int] = dict.fromkeys(operations, 0)
        self._waiting: set[str] = set(operations)  # of these something may lie there that has to be claimed
        databases[domain].at_once.reserve = self.reserve

    async def round(self) -> bool:
        free = {name: each.at_once - self._flying[name] for name, each in self.operations.items()}
        room = min(BATCH, sum(max(0, places) for places in free.values()))
        self._waiting.update(name for name, places in free.items() if places <= 0)
        self.short = room <= 0
        if self.short:
            return False
        tenants = await self.engine.tenants()
        open_to = [(name, places) for name, places in free.items() if places > 0]
        portions = [portion for name, places in open_to for portion in self.turns.portions(tenants, [name], places)]
        portions.sort(key=lambda portion: portion.share is Share.FORWARD)  # what `room` cuts off is forward work of the last names
        suspect_since = monotonic()
        suspects = await self.suspects()
        self._hand_out(suspects, lambda row: self.runner.perform(row, suspect_since))
        claimed_at = monotonic()
        claims = await self.claim(portions, room)
        self._note(portions, claims, room)
        self._hand_out(claims, lambda row: self.runner.perform(row, claimed_at))
        return bool(claims or suspects)

    def reserve(self, name: str, urns: Sequence[Urn]) -> _Berth | None:
        """Places for rows that are about to be written, as long as nothing waits that was there before them."""
        operation = self.operations.get(name)
        if operation is None or not self.running or not self.engine.presence.alive or name in self._waiting:
            return None
        places = operation.at_once - self._flying[name]
        if places < len(urns):
            self._waiting.add(name)
        return _Berth(self, name, urns[:places]) if places > 0 and urns else None

    def _note(self, portions: Sequence[Portion], claims: Sequence[Claim], room: int) -> None:
        """Of which operations nothing is left, and whether all that was there was taken."""
        taken = Counter((claim.tenant, claim.kind, claim.share) for claim in claims)
        full = {each.kind for each in portions if taken[each.tenant, each.kind, each.share] >= each.most}
        asked = {each.kind for each in portions}
        self._waiting = self._waiting - asked | (asked if len(claims) >= room else full)
        self.short = bool(self._waiting)

    def inherit(self, claims: Sequence[Claim]) -> None:
        self._hand_out(claims, self.runner.take_over)

    def hold(self, name: str, berth: _Berth) -> None:
        """From here on nobody else may look for its rows."""
        self._flying[name] += len(berth.urns)
        self.held.update(berth.urns)
        self.berths.add(berth)

    def let_go(self, name: str, berth: _Berth, urns: Collection[Urn]) -> None:
        """Nothing comes of these."""
        self._flying[name] -= len(urns)
        self.held.difference_update(urns)
        self.berths.discard(berth)

    def perform(self, rows: Sequence[OperationRow], claimed_at: float) -> None:
        """Does them side by side; their places are taken already."""
        for row in rows:
            self.spawn([row.urn], partial(self._one, row, lambda row: self.runner.perform(row, claimed_at)))

    def _hand_out(self, claims: Sequence[Claim], perform: Callable[[OperationRow], Awaitable[None]]) -> None:
        for claim in claims:
            self._flying[claim.kind] += 1
        for tenant, batch in _by_tenant(claims):
            self.spawn((), partial(self._perform, tenant, batch, perform))

    async def _perform(self, tenant: Tenant, claims: Sequence[Claim], perform: Callable[[OperationRow], Awaitable[None]]) -> None:
        """Reads the claimed rows, and does them side by side; a place is free again as soon as its row is done."""
        left = {claim.urn: claim.kind for claim in claims}
        try:
            for row in await self._load(tenant, claims):
                self.spawn([row.urn], partial(self._one, row, perform))
                del left[row.urn]
        finally:  # what is not among the rows was taken over already, or cannot be read
            self.release(left)
            for kind in left.values():
                self._flying[kind] -= 1

    async def _load(self, tenant: Tenant, claims: Sequence[Claim]) -> list[OperationRow]:
        """However long the database is away. A row that cannot be read holds up no other: it is let go, and found again as a lost one."""
        read = partial(self.runner.load, tenant)
        try:
            return await patiently(partial(read, claims), self.name, tenant)
        except Exception:
            log.exception("reading claimed operations failed; each is read alone", extra={"tenant": tenant})
        rows: list[OperationRow] = []
        for claim in claims:
            try:
                rows += await patiently(partial(read, [claim]), self.name, tenant)
            except Exception:
                log.exception("operation %s cannot be read", claim.urn, extra={"tenant": tenant})
        return rows

    async def _one(self, row: OperationRow, perform: Callable[[OperationRow], Awaitable[None]]) -> None:
        try:
            await perform(row)
        finally:
            self._flying[row.name] -= 1


class _Berth:
    """Reserved places of one operation; `held` as long as nobody else may look for their rows."""

    def __init__(self, floor: _Operations, name: str, urns: Sequence[Urn]) -> None:
        self.me, self.urns = floor.engine.id, frozenset(urns)
        self._floor, self._name, self._claimed_at = floor, name, monotonic()
        floor.hold(name, self)

    def release(self) -> None:
        self._floor.let_go(self._name, self, self.urns)

    def send(self, rows: Sequence[OperationRow]) -> None:
        self._floor.let_go(self._name, self, self.urns.difference(row.urn for row in rows))
        self._floor.perform(rows, self._claimed_at)


def _by_tenant(claims: Iterable[Claim]) -> list[tuple[Tenant, list[Claim]]]:
    found: dict[Tenant, list[Claim]] = {}
    for claim in claims:
        found.setdefault(claim.tenant, []).append(claim)
    return list(found.items())
