"""Entries as rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.audit.model import Entry, Head
from domains.audit.tables import entry as table
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work

_HEADS = text("""
    select r.root, h.number, h.digest from unnest(cast(:roots as text[])) as r(root)
    cross join lateral (
        select number, digest from entry where tenant = :tenant and root = r.root order by number desc limit 1
    ) as h
""")


async def heads(connection: AsyncConnection, tenant: Tenant, roots: Iterable[Urn]) -> dict[Urn, Head]:
    """The ends of those chains that have begun."""
    rows = await connection.execute(_HEADS, {"tenant": tenant, "roots": sorted(roots)})
    return {Urn(root): Head(number, digest) for root, number, digest in rows}


async def insert_all(work: Work, entries: Sequence[Entry]) -> None:
    await work.execute(insert(table), [entry.facts() for entry in entries])


def entry_of_row(row: Row[Any]) -> Entry:
    values = dict(row._mapping)
    urns = {name: Urn(values[name]) for name in ("root", "urn", "entity")}
    actor = Urn(values["actor"]) if values["actor"] else None
    return Entry(**{**values, **urns, "tenant": Tenant(values["tenant"]), "actor": actor})
