"""What wallet knows: the calls to the card issuer."""

from __future__ import annotations

from kernel.operation.trail import Trail
from kernel.urn import Urn
from resolvers import loaders
from resolvers.context import Info


async def operations_of(sub_case: Urn, info: Info) -> list[Trail]:
    """Cards issued and voided at their issuer, oldest first."""
    return await info.context.loader(loaders.load_card_operations).load(sub_case)
