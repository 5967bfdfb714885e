"""Parked aggregates: what no reaction could take, set aside with everything behind it, and played again when somebody asks.

Idea: a parked message lies in its sender's outbox without an inbox row, and so does all that came behind it, whoever sent it. `Redrive`
holds the row in `parked`, reads what the aggregate still lacks from every outbox, and lets it take effect in the order it was sent; the
row goes with the transaction that leaves nothing to play. Nothing travels by the bus for that, so a wiped one changes nothing.

Guarantees: exactly once and in order, also while new messages of the aggregate come in: a lane that finds an aggregate parked reads that
row shared, so it waits for a redrive under way, and then sees whether it still is. What it lays aside was committed before, so the
redrive reads it. When a message fails again, everything before it has taken effect, and the aggregate is parked behind it as before.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.database import Database, Databases
from kernel.event import Envelope
from kernel.lane import Reaction, Reactions, Taken, react
from kernel.outbox import KEPT, of_aggregate
from kernel.patience import patiently
from kernel.refusal import NotFound
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work

log = logging.getLogger(__name__)

BATCH = 200  # messages per transaction, as a lane's

_PARKED = text("select aggregate, urn, name, error, at, redrive_at from parked where tenant = :tenant order by at, aggregate")
_ASK = text("""
    update parked set redrive_at = nexa_now() where tenant = :tenant and aggregate = :aggregate
    returning urn, name, error
""")
_ASKED = text("select tenant, aggregate from parked where redrive_at is not null order by redrive_at")
_HOLD = text("""
    select at from parked where tenant = :tenant and aggregate = :aggregate and redrive_at is not null for update skip locked
""")
_FREE = text("delete from parked where tenant = :tenant and aggregate = :aggregate")
_PARK_AGAIN = text("""
    update parked set urn = :urn, name = :name, error = :error, redrive_at = null where tenant = :tenant and aggregate = :aggregate
""")
_TAKEN = text("select consumer, urn from inbox where tenant = :tenant and urn = any(cast(:urns as text[]))")

Lacked = tuple[Taken, Sequence[Reaction]]


@dataclass(frozen=True, slots=True)
class Parked:
    """An aggregate that waits for somebody: the message at its head, why it failed, and when it was sent; `redrive_at` once asked for."""

    aggregate: Urn
    urn: Urn
    name: str
    error: str
    at: datetime
    redrive_at: datetime | None


async def parked(connection: AsyncConnection, tenant: Tenant) -> list[Parked]:
    """The tenant's parked aggregates in this database, the oldest first."""
    rows = await connection.execute(_PARKED, {"tenant": tenant})
    return [Parked(Urn(row.aggregate), Urn(row.urn), row.name, row.error, row.at, row.redrive_at) for row in rows]


async def ask(work: Work, aggregate: Urn, reason: str) -> None:
    """Asks for a parked aggregate to be played again; may be repeated. Refuses: NotFound when it is not parked here."""
    found = (await work.execute(_ASK, {"tenant": work.tenant, "aggregate": aggregate.bare})).first()
    if found is None:
        raise NotFound(f"{aggregate.bare} is not parked in {work.domain}.")
    before = {"domain": work.domain, "message": found.urn, "name": found.name, "error": found.error}
    await work.audit(action="parked.redrive", entity=aggregate, reason=reason, before=before)


@dataclass(slots=True)
class Redrive:
    """Plays what was asked for. Several may do so beside each other: the row in `parked` is held by one."""

    databases: Databases
    reactions: Reactions
    ports: Any
    batch: int = field(default=BATCH)

    async def turn(self, name: str) -> int:
        """Plays everything that is asked for in this database; how many aggregates flow again."""
        async with self.databases.dispatch(name).connect() as connection:
            asked = [(Tenant(row.tenant), Urn(row.aggregate)) for row in await connection.execute(_ASKED)]
        return sum([await self.play(name, tenant, aggregate) for tenant, aggregate in asked])

    async def play(self, name: str, tenant: Tenant, aggregate: Urn) -> bool:
        """Whether it flows again; else it is parked as before, or somebody else plays it."""
        database, size = self.databases[name], self.batch

        async def attempt() -> bool | None:
            return await self._play_some(database, tenant, aggregate, size)

        while True:
            try:
                freed = await patiently(attempt, name, tenant)
            except Exception as error:
                if size == 1:
                    await self._park_again(database, tenant, aggregate, error)
                    return False
                size = 1  # one of these fails: those before it shall not
                continue
            if freed is not None:
                return freed

    async def _play_some(self, database: Database, tenant: Tenant, aggregate: Urn, size: int) -> bool | None:
        """One transaction: True when nothing is left and the aggregate is free, None when there is more, False when it is not ours."""
        async with database.work(tenant) as work:
            held = (await work.execute(_HOLD, {"tenant": tenant, "aggregate": aggregate})).first()
            if held is None:
                return False
            lacked = await self._lacked(work, aggregate, held.at)
            fresh = await work.take_many([(each.consumer, taken.envelope.urn) for taken, each in _pairs(lacked[:size])])
            await react(work, lacked[:size], fresh, self.ports)
            if lacked[size:]:
                return None
            await work.execute(_FREE, {"tenant": tenant, "aggregate": aggregate})
        log.info("%s flows again in %s", aggregate, database.name, extra={"tenant": tenant})
        return True

    async def _lacked(self, work: Work, aggregate: Urn, parked_at: datetime) -> list[Lacked]:
        """What this domain has not taken of the aggregate, in the order it was sent.

        What is older than its head by more than messages are kept was taken, but inboxes need not know that any more.
        """
        told: list[list[Envelope]] = []
        for sender in self.databases:
            async with self.databases.relay(sender).connect() as connection:
                told.append(await of_aggregate(connection, sender, work.tenant, list(self.databases), aggregate, parked_at - KEPT))
        wanted = [(envelope, self._reactions(envelope, work.domain)) for envelope in heapq.merge(*told, key=lambda each: each.at)]
        urns = [str(envelope.urn) for envelope, reactions in wanted if reactions]
        taken = {(row.consumer, row.urn) for row in await work.execute(_TAKEN, {"tenant": work.tenant, "urns": urns})}
        return [
            (Taken(envelope), lacking)
            for envelope, reactions in wanted
            if (lacking := [each for each in reactions if (each.consumer, envelope.urn) not in taken])
        ]

    def _reactions(self, envelope: Envelope, domain: str) -> list[Reaction]:
        return [each for each in self.reactions(envelope.name, envelope.is_reply) if each.domain == domain]

    async def _park_again(self, database: Database, tenant: Tenant, aggregate: Urn, error: Exception) -> None:
        async with database.work(tenant) as work:
            held = (await work.execute(_HOLD, {"tenant": tenant, "aggregate": aggregate})).first()
            lacked = await self._lacked(work, aggregate, held.at) if held else []
            if not lacked:
                return
            head = lacked[0][0].envelope
            await work.execute(
                _PARK_AGAIN,
                {"tenant": tenant, "aggregate": aggregate, "urn": head.urn, "name": head.name, "error": type(error).__name__},
            )
        log.error(
            "%s stays parked in %s: %s", aggregate, database.name, type(error).__name__, exc_info=error,
            extra={"tenant": tenant, "correlation": head.correlation, "urn": head.urn},
        )  # fmt: skip


def _pairs(lacked: Sequence[Lacked]) -> list[tuple[Taken, Reaction]]:
    return [(taken, each) for taken, reactions in lacked for each in reactions]
