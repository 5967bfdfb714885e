"""The worker that `bench outbox` kills: the product's own, with one reaction more, which writes down what it was handed.

    python -m runtime.bench.witness

A row is written in the transaction that marks its message as taken, and says which message of its aggregate the one `before` it was, as
a domain's own state would. So loss, doubling and order are judged by what was committed, never by what was tried.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import uvloop
from sqlalchemy import BigInteger, Column, Connection, Identity, Text, text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.registry import Ports, on_many
from kernel.event import Envelope, message
from kernel.migration import protect
from kernel.tables import empty_metadata, instant, lookup, tenant_table, urn_column
from kernel.tenancy import Tenant
from kernel.work import Work
from runtime import logs
from runtime.settings import Process, read
from runtime.worker import serve

SENDER, WITNESS = "booking", "cases"  # the domain that tells, and the one where it takes effect

metadata = empty_metadata(WITNESS)
witnessed = tenant_table(
    "witnessed",
    metadata,
    Column("position", BigInteger, Identity(always=True)),
    urn_column("urn"),
    Column("aggregate", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("before", BigInteger, nullable=False),
    instant("at", default_now=True),
    lookup("aggregate", "seq"),
    key=("position",),
    app=("select", "insert"),
)

_WRITE_DOWN = text("""
    insert into witnessed (tenant, urn, aggregate, seq, before)
    select :tenant, t.urn, t.aggregate, t.seq, coalesce(
        lag(t.seq) over (partition by t.aggregate order by t.n),
        (select max(w.seq) from witnessed w where w.tenant = :tenant and w.aggregate = t.aggregate), 0)
    from unnest(cast(:urns as text[]), cast(:aggregates as text[]), cast(:seqs as bigint[])) with ordinality as t(urn, aggregate, seq, n)
    order by t.n
""")
_ACCOUNT = text("""
    select count(*) as effects, count(distinct urn) as distinct, count(*) filter (where seq <> before + 1) as inversions,
           min(at) as first, max(at) as last
    from witnessed where tenant = :tenant
""")
_COUNT = text("select count(*) from witnessed where tenant = :tenant")
_URNS = text("select urn from witnessed where tenant = :tenant")


@message(SENDER)
class Witnessed:
    """Something happened, and carries about as much as the product's events do."""

    what: str


@dataclass(frozen=True, slots=True)
class Account:
    """What one airline's messages came to."""

    effects: int
    doubled: int
    inversions: int
    first: datetime | None
    last: datetime | None


async def write_down(work: Work, taken: Sequence[tuple[Witnessed, Envelope]], ports: Ports) -> None:
    """The reaction: one row per message."""
    envelopes = [envelope for _, envelope in taken]
    await work.execute(
        _WRITE_DOWN,
        {
            "tenant": work.tenant,
            "urns": [str(each.urn) for each in envelopes],
            "aggregates": [str(each.aggregate) for each in envelopes],
            "seqs": [each.seq for each in envelopes],
        },
    )


def make_table(connection: Connection) -> None:
    """In the witness's database, as its owner."""
    metadata.create_all(connection)
    protect(connection, witnessed)


async def account(connection: AsyncConnection, tenant: Tenant) -> Account:
    """What was written down so far."""
    row = (await connection.execute(_ACCOUNT, {"tenant": tenant})).one()
    return Account(row.effects, row.effects - row.distinct, row.inversions, row.first, row.last)


async def count(connection: AsyncConnection, tenant: Tenant) -> int:
    """How many rows there are."""
    return int((await connection.execute(_COUNT, {"tenant": tenant})).scalar_one())


async def urns(connection: AsyncConnection, tenant: Tenant) -> set[str]:
    """The messages that took effect."""
    return set((await connection.execute(_URNS, {"tenant": tenant})).scalars())


def main() -> None:
    """Works until it is killed."""
    on_many(Witnessed, domain=WITNESS)(write_down)
    settings = read(os.environ, Process.WORKER)
    logs.configure(settings.log)
    uvloop.run(serve(settings))


if __name__ == "__main__":
    main()
