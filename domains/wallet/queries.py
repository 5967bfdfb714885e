"""What others may read of wallet. Rows come back as the domain's own objects; every statement binds the tenant."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.wallet.model import Card
from domains.wallet.store import to_card
from domains.wallet.tables import card
from kernel.operation.trail import Trail, trails
from kernel.tenancy import Tenant
from kernel.urn import Urn


async def cards_by_urn(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, Card]:
    """Those of `urns` that exist."""
    rows = await connection.execute(select(card).where(card.c.tenant == tenant, card.c.urn.in_(urns)))
    return {made.urn: made for made in map(to_card, rows)}


async def cards_by_sub_case(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, list[Card]]:
    """Every card ever asked for each of `sub_cases`, the last changed last."""
    rows = await connection.execute(
        select(card).where(card.c.tenant == tenant, card.c.sub_case.in_(sub_cases)).order_by(card.c.changed_at, card.c.urn)
    )
    made: dict[Urn, list[Card]] = {urn: [] for urn in sub_cases}
    for each in map(to_card, rows):
        made[each.sub_case].append(each)
    return made


async def operations_by_sub_case(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, list[Trail]]:
    """What was done at partners for each of `sub_cases`, oldest first."""
    return await trails(connection, tenant, sub_cases)
