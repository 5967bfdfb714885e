"""How the airline's partners are: asked for, and told as it changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from kernel.feed import Batch
from kernel.health import PartnerHealth, urn_of
from kernel.urn import Urn
from resolvers import live
from resolvers.context import Context, Info


@dataclass(frozen=True, slots=True)
class PartnerHealthBatch:
    seq: str
    snapshot: bool
    items: tuple[PartnerHealth, ...]


async def load_partners(context: Context, urns: Sequence[Urn]) -> Sequence[PartnerHealth | None]:
    found = {row.urn: row for row in await context.health.of(context.tenant, [urn.id for urn in urns])}
    return [found.get(urn) for urn in urns]


async def partner_health(info: Info) -> list[PartnerHealth]:
    """Every partner: its breaker, what it allows and what is used of it, and how its calls go."""
    return await info.context.health.of(info.context.tenant)


async def partner_health_changes(info: Info, after: str | None = None) -> AsyncIterator[PartnerHealthBatch]:
    """Every partner as it changes: a breaker at once, figures every two seconds while it is in use."""
    context = info.context

    async def items(batch: Batch) -> tuple[PartnerHealth, ...]:
        known = {urn_of(vendor): vendor for vendor in context.health.sheets}
        vendors = None if batch.snapshot else [known[urn] for urn in batch.urns if urn in known]
        return tuple(await context.health.of(context.tenant, vendors))

    return live.told(context, "partners", after, items, PartnerHealthBatch)
