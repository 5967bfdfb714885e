"""Messages that only tests send, and the reactions of a test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from jobs.registry import Ports, Registry
from kernel.bell import Bell
from kernel.bus import Bus
from kernel.consumer import Consumer, Ledger
from kernel.database import Databases
from kernel.event import message
from kernel.outbox import POLL, Relay
from kernel.tenancy import Tenant
from runtime.worker import Stop, repeat


@message("booking")
class SomethingHappened:
    what: str


@message("wallet")
class DoSomething:
    what: str


@dataclass
class Traffic:
    """Relays and a consumer of one tenant, running; `registry` may be added to before it starts."""

    tenant: Tenant
    databases: Databases
    bus: Bus
    registry: Registry = field(default_factory=Registry)
    name: str = "worker-1"

    def relay(self, database: str) -> Relay:
        ledger = Ledger(self.databases, self.registry.reactions)
        return Relay(database, self.databases.relay(database), self.bus, self.name, ledger.lacking)

    def consumer(self) -> Consumer:
        return Consumer(self.tenant, self.bus, self.databases, self.registry.reactions, Ports(self.databases), self.name)

    @asynccontextmanager
    async def running(self, *senders: str) -> AsyncIterator[None]:
        stop, relays = Stop(), [self.relay(sender) for sender in senders]
        tasks = [asyncio.create_task(repeat(relay.turn, relay.database, POLL, Bell(), stop)) for relay in relays]
        tasks.append(asyncio.create_task(self.consumer().run(stop.event)))
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)
            for relay in relays:
                await relay.resign()


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Waits for something to become true. Raises: TimeoutError when it does not; the limit is generous and proves nothing else."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  conditions are of any kind
            await asyncio.sleep(0.02)
