"""One tenant's way through one domain: messages become effects in batches, and an aggregate that fails is set aside.

Idea: a batch is *one* transaction, which also holds an inbox row per (reaction, message): what is committed is done, what is delivered
again is dropped. When a batch fails it is replayed one message at a time. A message that fails waits, with everything behind it of
its aggregate, is tried five times, and then that aggregate alone is parked; all others never wait. A server that cannot be reached
is nobody's fault, nor is a deadlock: the batch waits or is tried again as a whole, and no failure is counted.

A parked message stays in its sender's outbox without an inbox row: deleting the row in `parked` and the sender's marker (`Bus.doubt`)
plays it again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import text

from kernel.bus import Entry
from kernel.clock import monotonic
from kernel.database import Database
from kernel.event import Envelope
from kernel.patience import patiently
from kernel.tenancy import Tenant
from kernel.work import Work

log = logging.getLogger(__name__)

REFRESH = timedelta(seconds=10)  # how soon an un-parked aggregate flows again
ATTEMPTS = 5
_BACKOFF = (0.1, 0.4, 1.5, 4.0)  # seconds between attempts

PARKED = text("select aggregate from parked where tenant = :tenant")
_PARK = text("""
    insert into parked (tenant, aggregate, urn, name, error) values (:tenant, :aggregate, :urn, :name, :error)
    on conflict (tenant, aggregate) do nothing
""")


class Taken:
    """A message handed to a reaction; opened when first asked for."""

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope

    @cached_property
    def message(self) -> Any:
        return self.envelope.open()


@dataclass(frozen=True, slots=True)
class Reaction:
    """`consumer` is what the inbox remembers; `many` reactions get all of a batch's messages at once."""

    consumer: str
    domain: str
    run: Callable[[Work, Sequence[Taken], Any], Awaitable[None]]
    many: bool = False


Reactions = Callable[[str, bool], Sequence[Reaction]]  # by the message's name, and whether it is a reply


@dataclass(slots=True)
class Delivery:
    """A message on its way through one domain."""

    entry: Entry
    reactions: list[Reaction]
    taken: Taken

    @property
    def aggregate(self) -> str:
        return self.entry.envelope.aggregate


@dataclass(slots=True)
class _Stuck:
    """An aggregate that waits for its head to succeed."""

    waiting: deque[Delivery]
    failures: int
    due: float


class Lane:
    """One tenant's way through one domain's database."""

    def __init__(self, database: Database, tenant: Tenant, ports: Any) -> None:
        self.database, self.tenant, self.ports = database, tenant, ports
        self.stuck: dict[str, _Stuck] = {}
        self._parked: set[str] = set()
        self._looked = float("-inf")

    async def apply(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Those that are done; the others wait in `stuck`."""
        await self._look()
        done, flowing = [], []
        for delivery in deliveries:
            if delivery.aggregate in self._parked:
                done.append(delivery)
            elif delivery.aggregate in self.stuck:
                self.stuck[delivery.aggregate].waiting.append(delivery)
            else:
                flowing.append(delivery)
        if flowing:
            done += await self._flow(flowing)
        return done

    async def retry(self) -> list[Delivery]:
        """Tries the heads that are due again."""
        done: list[Delivery] = []
        for aggregate in [name for name, stuck in self.stuck.items() if stuck.due <= monotonic()]:
            stuck = self.stuck.pop(aggregate)
            head = stuck.waiting.popleft()
            error = await self._try([head])
            if error is None:
                done += [head, *(await self.apply(list(stuck.waiting)))]
            elif stuck.failures + 1 < ATTEMPTS:
                stuck.waiting.appendleft(head)
                self._wait(aggregate, stuck.waiting, stuck.failures + 1, head, error)
            else:
                await self._park(head, error)
                done += [head, *stuck.waiting]
        return done

    @property
    def next_due(self) -> float:
        return min((stuck.due for stuck in self.stuck.values()), default=float("inf"))

    async def _flow(self, deliveries: list[Delivery]) -> list[Delivery]:
        error = await self._try(deliveries)
        if error is None:
            return deliveries
        if len(deliveries) == 1:
            self._wait(deliveries[0].aggregate, deque(deliveries), 1, deliveries[0], error)
            return []
        done: list[Delivery] = []
        for delivery in deliveries:
            done += await self.apply([delivery])
        return done

    async def _try(self, deliveries: Sequence[Delivery]) -> Exception | None:
        """One transaction; the error it failed with, when that is the messages' own."""
        try:
            await patiently(lambda: self._transact(deliveries), self.database.name, self.tenant)
        except Exception as error:
            return error
        return None

    async def _transact(self, deliveries: Sequence[Delivery]) -> None:
        async with self.database.work(self.tenant) as work:
            marks = [(reaction.consumer, each.entry.envelope.urn) for each in deliveries for reaction in each.reactions]
            fresh = await work.take_many(marks)
            together: dict[str, tuple[Reaction, list[Taken]]] = {}
            for each in deliveries:
                envelope = each.entry.envelope
                for reaction in each.reactions:
                    if (reaction.consumer, envelope.urn) not in fresh:
                        continue
                    fresh.discard((reaction.consumer, envelope.urn))  # the same message twice in one batch
                    if reaction.many:
                        together.setdefault(reaction.consumer, (reaction, []))[1].append(each.taken)
                    else:
                        work.on_behalf_of(envelope)
                        await reaction.run(work, [each.taken], self.ports)
            for reaction, taken in together.values():
                work.on_behalf_of(taken[0].envelope)
                await reaction.run(work, taken, self.ports)

    def _wait(self, aggregate: str, waiting: deque[Delivery], failures: int, head: Delivery, error: Exception) -> None:
        self.stuck[aggregate] = _Stuck(waiting, failures, monotonic() + _BACKOFF[min(failures, len(_BACKOFF)) - 1])
        envelope = head.entry.envelope
        log.warning(
            "%s failed in %s, attempt %d: %s", envelope.name, self.database.name, failures, type(error).__name__, exc_info=error,
            extra={"tenant": self.tenant, "correlation": envelope.correlation, "urn": envelope.urn},
        )  # fmt: skip

    async def _park(self, head: Delivery, error: Exception) -> None:
        envelope = head.entry.envelope
        async with self.database.work(self.tenant) as work:
            await work.execute(
                _PARK,
                {
                    "tenant": self.tenant,
                    "aggregate": envelope.aggregate,
                    "urn": envelope.urn,
                    "name": envelope.name,
                    "error": type(error).__name__,
                },
            )
        self._parked.add(envelope.aggregate)
        log.error(
            "%s is parked in %s: %s", envelope.aggregate, self.database.name, type(error).__name__,
            extra={"tenant": self.tenant, "correlation": envelope.correlation, "urn": envelope.urn},
        )  # fmt: skip

    async def _look(self) -> None:
        if monotonic() - self._looked >= REFRESH.total_seconds():
            async with self.database.read(self.tenant) as connection:
                self._parked = set((await connection.execute(PARKED, {"tenant": self.tenant})).scalars())
            self._looked = monotonic()
