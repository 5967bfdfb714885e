"""One tenant's way through one domain: messages become effects in batches, and an aggregate that fails is set aside.

Idea: a batch is *one* transaction, which also holds an inbox row per (reaction, message): what is committed is done, what is delivered
again is dropped. When a batch fails it is replayed one message at a time. A message that fails waits, with everything behind it of
its aggregate, is tried five times, and then that aggregate alone is parked; all others never wait. A server that cannot be reached
is nobody's fault, nor is a deadlock: the batch waits or is tried again as a whole, and no failure is counted.

Whether an aggregate is parked is asked in the transaction itself, of the row that a redrive holds (`kernel.parked`): so what is laid
aside here is played there, and what flows here has nothing before it. A lane remembers nothing about it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import text

from kernel.at_once import LATER
from kernel.bus import Entry
from kernel.clock import monotonic
from kernel.database import Database
from kernel.event import Envelope
from kernel.patience import patiently
from kernel.tenancy import Tenant
from kernel.work import Work

log = logging.getLogger(__name__)

ATTEMPTS = 5
_BACKOFF = (0.1, 0.4, 1.5, 4.0)  # seconds between attempts

# Reading the parked row shared waits for the redrive that holds it, and does not see it any more once that has left nothing behind.
_TAKE = text("""
    with held as (
        select aggregate from parked where tenant = :tenant and aggregate = any(cast(:aggregates as text[])) for share
    )
    insert into inbox (tenant, consumer, urn, at)
    select :tenant, t.consumer, t.urn, (select nexa_now())
    from unnest(cast(:consumers as text[]), cast(:urns as text[]), cast(:aggregates as text[])) as t(consumer, urn, aggregate)
    where t.aggregate not in (select aggregate from held)
    order by t.consumer, t.urn
    on conflict do nothing returning consumer, urn
""")
_PARK = text("""
    insert into parked (tenant, aggregate, urn, name, error, at) values (:tenant, :aggregate, :urn, :name, :error, :at)
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
    again: bool = False  # it was tried before, here or by one who may have died of it

    @property
    def aggregate(self) -> str:
        return self.entry.envelope.aggregate


async def react(
    work: Work, messages: Iterable[tuple[Taken, Sequence[Reaction]]], fresh: set[tuple[str, str]], ports: Any
) -> None:  # fmt: skip
    """Lets messages take effect in their order, with those reactions that `fresh` names; it is emptied on the way."""
    together: dict[str, tuple[Reaction, list[Taken]]] = {}
    for taken, reactions in messages:
        envelope = taken.envelope
        for reaction in reactions:
            if (reaction.consumer, envelope.urn) not in fresh:
                continue
            fresh.discard((reaction.consumer, envelope.urn))  # the same message twice in one batch
            if reaction.many:
                together.setdefault(reaction.consumer, (reaction, []))[1].append(taken)
            else:
                work.on_behalf_of(envelope)
                await reaction.run(work, [taken], ports)
    for reaction, gathered in together.values():
        work.on_behalf_of(gathered[0].envelope)
        await reaction.run(work, gathered, ports)


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

    async def apply(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Those that are done, or laid aside with their parked aggregate; the others wait in `stuck`."""
        flowing = []
        for delivery in deliveries:
            if delivery.aggregate in self.stuck:
                self.stuck[delivery.aggregate].waiting.append(delivery)
            else:
                flowing.append(delivery)
        return await self._flow(flowing) if flowing else []

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
            for each in deliveries:
                each.again = True
            return error
        return None

    async def _transact(self, deliveries: Sequence[Delivery]) -> None:
        async with self.database.work(self.tenant) as work:
            if any(each.again for each in deliveries):
                work.at_once = LATER  # what fails there, or kills, must be claimed: claims count that
            await react(work, [(each.taken, each.reactions) for each in deliveries], await self._take(work, deliveries), self.ports)

    async def _take(self, work: Work, deliveries: Sequence[Delivery]) -> set[tuple[str, str]]:
        """The pairs of reaction and message that are new here, now marked; parked aggregates' are left out."""
        marks = [(reaction.consumer, each.entry.envelope) for each in deliveries for reaction in each.reactions]
        rows = await work.execute(
            _TAKE,
            {
                "tenant": self.tenant,
                "consumers": [consumer for consumer, _ in marks],
                "urns": [str(envelope.urn) for _, envelope in marks],
                "aggregates": [str(envelope.aggregate) for _, envelope in marks],
            },
        )
        return {(row.consumer, row.urn) for row in rows}

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
                    "at": min(envelope.at, await work.now()),
                },
            )
        log.error(
            "%s is parked in %s: %s", envelope.aggregate, self.database.name, type(error).__name__,
            extra={"tenant": self.tenant, "correlation": envelope.correlation, "urn": envelope.urn},
        )  # fmt: skip
