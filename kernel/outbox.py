"""The relay: takes messages from a database's outbox to the bus.

Idea: a row says itself whether it was published, so nothing depends on ids arriving in order (`id > last` loses the row of a
transaction that committed late). Rows are read by `position`, which a row gets while its work holds the sequence row of its aggregate, so
within an aggregate position, seq and commit have one order, and any cut of the list keeps it.

Guarantees: every committed row is published at least once, each aggregate's rows first appear in `seq` order; one relay per database
leads, by a lease with a fence, and one that lost it cannot mark. A wiped or restarted Redis gets back all that nobody has taken yet.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kernel.bus import Bus, parse
from kernel.clock import monotonic
from kernel.database import Database
from kernel.event import Envelope
from kernel.tenancy import Tenant

log = logging.getLogger(__name__)

BATCH = 500  # rows per turn; one Lua call of this size holds Redis for about a millisecond
POLL = timedelta(milliseconds=100)
LEASE = timedelta(seconds=3)  # a dead relay is followed after this
RENEW = timedelta(seconds=1)
WATCH = timedelta(seconds=1)  # how often markers and the server's run are looked at
SCAN = 5000  # rows per turn of a rebuild
KEPT = timedelta(days=7)
PRUNED = 20_000  # rows per transaction: a fifth of a second

_PAYLOAD = """
    jsonb_build_object('tenant', tenant, 'urn', urn, 'sender', sender, 'name', name, 'version', version, 'aggregate', aggregate, 'seq', seq,
        'correlation', correlation, 'at', at, 'body', body, 'reply_to', reply_to, 'actor', actor, 'asked', asked)::text
"""
_SENT = text(f"""
    select position, {_PAYLOAD} as payload from outbox
    where tenant = :tenant and receiver = :receiver and position > :after and at < nexa_now() - cast(:older_than as interval)
    order by position limit :limit
""")
# Not ordered here: the relay's role never sorts, and would read the whole tenant by position instead.
_OF_AGGREGATE = {
    table: text(f"""
        select position, {_PAYLOAD} as payload from {table}
        where tenant = :tenant and receiver = any(cast(:receivers as text[])) and aggregate = :aggregate and at > :since
    """)
    for table in ("outbox", "intake")
}
_AT = text("""
    select o.receiver, o.aggregate, o.seq, o.urn, o.name, o.reply_to is not null and not o.asked as reply
    from unnest(cast(:receivers as text[]), cast(:aggregates as text[]), cast(:seqs as bigint[])) as t(receiver, aggregate, seq)
    join outbox o on o.tenant = :tenant and o.receiver = t.receiver and o.aggregate = t.aggregate and o.seq = t.seq
""")
_TENANTS = text("select nexa_tenants()")
_LEAD = text("""
    insert into relay_lease as l (name, owner, fence, until) values ('relay', :owner, 1, nexa_now() + cast(:lease as interval))
    on conflict (name) do update set owner = excluded.owner, fence = l.fence + 1, until = excluded.until
    where l.until < nexa_now() returning fence
""")
_RENEW = text("update relay_lease set until = nexa_now() + cast(:lease as interval) where name = 'relay' and fence = :fence")

_PARKED = text("select aggregate, at from parked where tenant = :tenant")
# What a parked aggregate has sent stays until it was played again, and with it the inbox rows that say which of it was taken before.
_PRUNE_OUTBOX = text("""
    delete from outbox where tenant = :tenant and ctid = any(array(
        select ctid from outbox where tenant = :tenant and published_at is not null
          and at < nexa_now() - cast(:kept as interval) - interval '1 hour'
          and not (aggregate = any(cast(:parked as text[])) and at > cast(:since as timestamptz) - cast(:kept as interval))
        limit :batch))
""")
_PRUNE_INBOX = text("""
    delete from inbox where tenant = :tenant and ctid = any(array(
        select ctid from inbox where tenant = :tenant
          and at < least(nexa_now(), cast(:since as timestamptz)) - cast(:kept as interval) - interval '1 day'
        limit :batch))
""")


@dataclass(frozen=True, slots=True)
class Published:
    """What a rebuild needs to know of a published row."""

    urn: str
    name: str
    reply: bool
    aggregate: str


Lacking = Callable[[Tenant, Sequence[Published]], Awaitable[set[str]]]
Glance = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


class Relay:
    """One database's relay. `lacking` tells which published messages some consumer has not taken."""

    def __init__(self, database: str, engine: AsyncEngine, bus: Bus, owner: str, lacking: Lacking) -> None:
        self.database, self.engine, self.bus, self.owner, self.lacking = database, engine, bus, owner, lacking
        self.glance: Glance = engine.execution_options(isolation_level="AUTOCOMMIT").connect  # one statement: no BEGIN, no COMMIT
        self._fence: int | None = None
        self._renewed = self._watched = float("-inf")
        table = "intake" if database == "intake" else "outbox"
        self.waiting = text(f"""
            select position, tenant, receiver, {_PAYLOAD} as payload
            from (select * from "{table}" where published_at is null order by position limit {BATCH}) as waiting order by position
        """)
        self._mark = text(f"""
            update "{table}" set published_at = (select nexa_now())
            where tenant = :tenant and position = any(cast(:positions as bigint[]))
              and exists (select from relay_lease where name = 'relay' and fence = :fence)
        """)
        self._published = text(f"""
            select position, urn, name, aggregate, reply_to is not null and not asked as reply from "{table}"
            where tenant = :tenant and published_at is not null and at > nexa_now() - cast(:kept as interval) and position > :after
            order by position limit {SCAN}
        """)
        self._unmark = text(f"""
            update "{table}" set published_at = null where tenant = :tenant and position = any(cast(:positions as bigint[]))
              and exists (select from relay_lease where name = 'relay' and fence = :fence)
        """)

    async def turn(self) -> int:
        """Publishes one batch if this relay leads; how many rows. Fewer than `BATCH` means that nothing waits.

        Raises whatever the two servers raise; call it again.
        """
        try:
            if not await self._lead():
                return 0
            await self._watch()
            return await self._publish()
        except Exception:
            self._fence, self._renewed = None, float("-inf")  # whoever leads next, begins by asking
            raise

    async def resign(self) -> None:
        """Lets another relay lead at once."""
        if self._fence is not None:
            fence, self._fence = self._fence, None
            try:
                async with self.engine.begin() as connection:
                    await connection.execute(_RENEW, {"fence": fence, "lease": timedelta(0)})
            except (DBAPIError, OSError):
                return  # then the lease runs out

    async def _lead(self) -> bool:
        now = monotonic()
        if now - self._renewed < RENEW.total_seconds():
            return self._fence is not None
        self._renewed = now
        async with self.engine.begin() as connection:
            if self._fence is not None:
                kept = await connection.execute(_RENEW, {"fence": self._fence, "lease": LEASE})
                self._fence = self._fence if kept.rowcount else None
            if self._fence is None:
                self._fence = (await connection.execute(_LEAD, {"owner": self.owner, "lease": LEASE})).scalar()
                self._watched = float("-inf")
        return self._fence is not None

    async def _publish(self) -> int:
        async with self.glance() as connection:
            rows = (await connection.execute(self.waiting)).all()
        if not rows:
            return 0
        lots: dict[str, list[Row[Any]]] = {}
        for row in rows:
            lots.setdefault(row.tenant, []).append(row)
        messages = {Tenant(name): [(row.receiver, row.payload) for row in lot] for name, lot in lots.items()}
        reached = await self.bus.publish(self.database, messages)
        await self._mark_rows({tenant: [row.position for row in lots[tenant]] for tenant in messages if tenant in reached})
        if len(reached) < len(messages):
            self._watched = float("-inf")  # a marker is gone: look at once
        return len(rows)

    async def _mark_rows(self, positions: Mapping[Tenant, Sequence[int]]) -> None:
        """By tenant: a join with all of them opens every partition, takes twice as long, and finds its way by statistics that lag."""
        marked = 0
        async with self.glance() as connection:
            for tenant, published in positions.items():
                parameters = {"tenant": tenant, "positions": published, "fence": self._fence}
                marked += (await connection.execute(self._mark, parameters)).rowcount
        if positions and not marked:
            self._fence = None  # another relay leads; it publishes these again and inboxes drop the second copy

    async def _watch(self) -> None:
        now = monotonic()
        if now - self._watched < WATCH.total_seconds():
            return
        run_id = await self.bus.run_id()
        async with self.glance() as connection:
            tenants = [Tenant(name) for name in (await connection.execute(_TENANTS)).scalars()]
        for tenant in await self.bus.unmarked(tenants, self.database, run_id):
            again = await self._rebuild(tenant)
            if self._fence is None:
                return
            await self.bus.mark(tenant, self.database, run_id)
            if again:
                log.warning("relay of %s publishes %d messages again", self.database, again, extra={"tenant": tenant})
        self._watched = now

    async def _rebuild(self, tenant: Tenant) -> int:
        """Un-marks what was published and not taken. This relay alone marks, so nothing is marked between the scan and the marker."""
        again, after = 0, 0
        while await self._lead():
            async with self.glance() as connection:
                rows = (await connection.execute(self._published, {"tenant": tenant, "kept": KEPT, "after": after})).all()
            if not rows:
                return again
            after = rows[-1].position
            missing = await self.lacking(tenant, [Published(row.urn, row.name, row.reply, row.aggregate) for row in rows])
            positions = [row.position for row in rows if row.urn in missing]
            if positions:
                async with self.engine.begin() as connection:
                    await connection.execute(self._unmark, {"tenant": tenant, "positions": positions, "fence": self._fence})
                again += len(positions)
        return again


async def prune(databases: Mapping[str, Database], tenant: Tenant, batch: int = PRUNED) -> None:
    """Forgets what was published longer ago than it is kept for, in every database; what parked aggregates have sent stays.

    Inbox rows stay a day longer than any message can come again.
    """
    parked: dict[str, datetime] = {}
    for database in databases.values():
        async with database.read(tenant) as connection:
            here = {row.aggregate: row.at for row in await connection.execute(_PARKED, {"tenant": tenant})}
        parked = here | {each: min(at, here.get(each, at)) for each, at in parked.items()}
        await _delete(database, tenant, _PRUNE_INBOX, {"since": min(here.values(), default=None)}, batch)
    since = min(parked.values(), default=None)
    for database in databases.values():
        await _delete(database, tenant, _PRUNE_OUTBOX, {"parked": list(parked), "since": since}, batch)


async def _delete(database: Database, tenant: Tenant, statement: TextClause, parameters: Mapping[str, object], batch: int) -> None:
    """A batch to a transaction, until nothing is left."""
    deleted = batch
    while deleted == batch:
        async with database.work(tenant) as work:
            deleted = (await work.execute(statement, {"tenant": tenant, "kept": KEPT, "batch": batch, **parameters})).rowcount


async def of_aggregate(
    connection: AsyncConnection, sender: str, tenant: Tenant, receivers: Sequence[str], aggregate: str, since: datetime
) -> list[Envelope]:  # fmt: skip
    """What a sender, read as `nexa_relay`, keeps of an aggregate and sent after `since`, in its order."""
    statement = _OF_AGGREGATE["intake" if sender == "intake" else "outbox"]
    rows = await connection.execute(statement, {"tenant": tenant, "receivers": list(receivers), "aggregate": aggregate, "since": since})
    return [parse(tenant, row.payload.encode()) for row in sorted(rows, key=lambda row: int(row.position))]


async def published_at(
    connection: AsyncConnection, tenant: Tenant, places: Sequence[tuple[str, str, int]]
) -> dict[tuple[str, str, int], Published]:  # fmt: skip
    """What a sender, read as `nexa_relay`, still keeps at these places: receiver, aggregate, `seq`."""
    receivers, aggregates, seqs = (list(column) for column in zip(*places, strict=True))
    rows = await connection.execute(_AT, {"tenant": tenant, "receivers": receivers, "aggregates": aggregates, "seqs": seqs})
    return {(row.receiver, row.aggregate, row.seq): Published(row.urn, row.name, row.reply, row.aggregate) for row in rows}


async def sent_to(
    connection: AsyncConnection, tenant: Tenant, receiver: str, *, after: int, older_than: timedelta, limit: int
) -> list[tuple[int, Envelope]]:
    """What this database has sent to a stream and still keeps, by position, a page at a time."""
    parameters = {"tenant": tenant, "receiver": receiver, "after": after, "older_than": older_than, "limit": limit}
    rows = await connection.execute(_SENT, parameters)
    return [(row.position, parse(tenant, row.payload.encode())) for row in rows]
