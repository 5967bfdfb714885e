"""What others may read of notifications. Rows come back as the domain's own objects; every statement binds the tenant."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.notifications import store
from domains.notifications.model import Message
from domains.notifications.ports import SentText
from domains.notifications.tables import message
from kernel.operation.trail import Trail, trails
from kernel.tenancy import Tenant
from kernel.urn import Urn


async def messages_by_sub_case(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, list[Message]]:
    """Every message about each of `sub_cases`, the last changed last."""
    rows = await connection.execute(
        select(message).where(message.c.tenant == tenant, message.c.sub_case.in_(sub_cases)).order_by(message.c.changed_at, message.c.urn)
    )
    made: dict[Urn, list[Message]] = {urn: [] for urn in sub_cases}
    for each in map(store.to_message, rows):
        made[each.sub_case].append(each)
    return made


async def digest_of(connection: AsyncConnection, tenant: Tenant, message: Urn, reference: str) -> str | None:
    """The digest of what left under this reference; None: nothing left."""
    return await store.digest_of(connection, tenant, message, reference)


async def reported(connection: AsyncConnection, tenant: Tenant, message: Urn) -> SentText | None:
    """What a partner says by its reports that it has taken; None: it reported nothing, which is not nothing."""
    told = await store.reported(connection, tenant, message)
    return None if told is None else SentText(told.message, told.status)


async def operations_by_sub_case(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, list[Trail]]:
    """What was done at partners for each of `sub_cases`, oldest first."""
    return await trails(connection, tenant, sub_cases)
