"""A worker inside the process: the product's engine, consumer and relays over lines, bus and partners of its own, to be frozen and killed.

It does what `runtime.worker` does, without what a simulated world has not: settings, chores, a doorbell over a queue. Rings reach the
other workers a moment later, and some are lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kernel.bell import Bell
from kernel.consumer import Consumer, Ledger
from kernel.database import Databases
from kernel.engine import Engine, Timing
from kernel.outbox import BATCH, Relay
from kernel.tenancy import Tenant
from runtime.faults.simulation.dice import Dice
from runtime.faults.simulation.line import Lines
from runtime.faults.simulation.loop import NOBODY, OWNER, Process
from runtime.faults.simulation.partner import Book, Partner
from runtime.faults.simulation.plan import OPERATIONS, PLANS, SCALE, reactions
from runtime.faults.simulation.points import Points
from runtime.faults.simulation.roads import Roads, SimulatedBus
from runtime.worker import Stop, repeat

log = logging.getLogger(__name__)

POLL: Final = timedelta(seconds=2)  # of relays, and the engine's sweep below: rings make up for it, and idle time is cheap to simulate
TIMING: Final = Timing(sweep=timedelta(seconds=4))
TENANT: Final = Tenant("sim")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of the simulation's own cluster: app roles by domain, relay and dispatch."""

    domains: dict[str, str]
    relay: str
    dispatch: str


@dataclass(frozen=True, slots=True)
class World:
    """What all workers share."""

    addresses: Addresses
    dice: Dice
    roads: Roads
    book: Book
    now: Callable[[], datetime]


class Worker(Process):
    """One worker. `ring` tells the others that something is to do, `died` that it is gone."""

    def __init__(self, world: World, name: str, ring: Callable[[Worker, str], None], died: Callable[[Worker], None]) -> None:
        super().__init__()
        self.world, self.name, self._ring, self._died = world, name, ring, died
        self.dead = False
        points = Points(world.dice, self, name)
        self.lines = Lines(points, world.now)
        self.databases = Databases(world.addresses.domains, relay=world.addresses.relay, dispatch=world.addresses.dispatch)
        self.bus = SimulatedBus(world.roads, points)
        self.partner = Partner(world.book, world.dice, points)
        self._bells = {domain: Bell() for domain in self.databases}
        self._engine: Engine | None = None
        self._stop = Stop()
        for domain in self.databases:
            for engine in (self.databases[domain].engine, self.databases.relay(domain), self.databases.dispatch(domain)):
                self.lines.watch(engine)
        self.databases.on_sent(self._sent)
        self.databases.on_due(self._due)

    def start(self) -> None:
        """Begins to work, as a process of its own."""
        context = copy_context()
        context.run(OWNER.set, self)
        asyncio.get_running_loop().create_task(self._run(), name=self.name, context=context)

    def freeze(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so long."""
        if self.frozen or self.dead:
            return
        self.frozen = True
        self.lines.cut(idle=False)
        asyncio.get_running_loop().call_later(seconds, self._go_on, context=NOBODY)

    def kill(self) -> None:
        """SIGKILL: nothing of it acts any more, on anything."""
        if self.dead:
            return
        self.dead = self.frozen = True
        self.lines.cut_off = True
        self.lines.cut()
        self._died(self)
        asyncio.get_running_loop().call_soon(self._bury, context=NOBODY)  # after its lines have heard that they are gone

    def look(self, domain: str) -> None:
        """A ring of the doorbell: this domain has sent something."""
        if not self.dead:
            self._bells[domain].ring()

    async def leave(self) -> None:
        """Ends in order, as on SIGTERM."""
        self._stop.set()
        for bell in self._bells.values():
            bell.ring()
        if self._engine is not None:
            await self._engine.stop()
        tasks = [task for task in self.tasks if task is not asyncio.current_task()]
        if tasks:
            await asyncio.wait(tasks, timeout=30)
        await self.databases.close()

    async def _run(self) -> None:
        self._engine = Engine(
            self.databases, self.partner, self.name, plans=PLANS, operations=OPERATIONS, settle_scale=SCALE, tenants=[TENANT], timing=TIMING
        )
        registry = reactions()
        ledger = Ledger(self.databases, registry.reactions)
        consumer = Consumer(TENANT, self.bus, self.databases, registry.reactions, self.partner, self.name)
        relays = {domain: Relay(domain, self.databases.relay(domain), self.bus, self.name, ledger.lacking) for domain in self.databases}
        for relay in relays.values():
            relay.glance = relay.engine.begin  # the virtual time comes with BEGIN
        async with asyncio.TaskGroup() as hands:
            hands.create_task(self._keep(self._engine.run))
            hands.create_task(self._keep(lambda: consumer.run(self._stop.event)))
            for domain, relay in relays.items():
                hands.create_task(repeat(lambda relay=relay: _relay(relay), f"relay {domain}", POLL, self._bells[domain], self._stop))  # type: ignore[misc]

    async def _keep(self, run: Callable[[], object]) -> None:
        while not self._stop:
            try:
                await run()  # type: ignore[misc]
            except Exception:
                log.exception("%s is started again", self.name)
                await asyncio.sleep(1)

    def _sent(self, domain: str, tenant: Tenant) -> None:
        self._bells[domain].ring()
        self._ring(self, domain)

    def _due(self, domain: str, tenant: Tenant) -> None:
        if self._engine is not None:
            self._engine.wake(tenant, domain=domain)

    def _go_on(self) -> None:
        if not self.dead:
            self.thaw(asyncio.get_running_loop())

    def _bury(self) -> None:
        for task in list(self.tasks):
            task.cancel()
        self.thaw(asyncio.get_running_loop())
        asyncio.get_running_loop().create_task(self.databases.close(), context=NOBODY.copy())


async def _relay(relay: Relay) -> None:
    while await relay.turn() >= BATCH:
        pass
