"""What may be read of the audit."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.audit.model import Entry
from domains.audit.store import entry_of_row
from domains.audit.tables import entry as table
from kernel.tenancy import Tenant
from kernel.urn import Urn


async def entries_of(connection: AsyncConnection, tenant: Tenant, root: Urn, *, after: int = 0, limit: int = 50) -> list[Entry]:
    """A chain's entries in order, from behind the number `after`."""
    statement = select(table).where(table.c.tenant == tenant, table.c.root == root, table.c.number > after)
    return [entry_of_row(row) for row in await connection.execute(statement.order_by(table.c.number).limit(limit))]


async def entries_about(connection: AsyncConnection, tenant: Tenant, entity: Urn, *, limit: int = 50) -> list[Entry]:
    """The latest entries about one thing, newest first."""
    statement = select(table).where(table.c.tenant == tenant, table.c.entity == entity)
    order = statement.order_by(table.c.at.desc(), table.c.root, table.c.number.desc())
    return [entry_of_row(row) for row in await connection.execute(order.limit(limit))]


async def entries_by_message(connection: AsyncConnection, tenant: Tenant, messages: Collection[Urn]) -> dict[Urn, Entry]:
    """The entries that these messages led to."""
    statement = select(table).where(table.c.tenant == tenant, table.c.urn.in_(messages))
    return {entry.urn: entry for entry in map(entry_of_row, await connection.execute(statement))}


async def every_entry(connection: AsyncConnection, tenant: Tenant, after: tuple[str, int] = ("", 0), limit: int = 2000) -> list[Entry]:
    """All entries by root and number, a page at a time."""
    key = tuple_(table.c.root, table.c.number)
    statement = select(table).where(table.c.tenant == tenant, key > after)
    return [entry_of_row(row) for row in await connection.execute(statement.order_by(table.c.root, table.c.number).limit(limit))]
