"""What notifications knows: the calls to the channels."""

from __future__ import annotations

from kernel.operation.trail import Trail
from kernel.urn import Urn
from resolvers import loaders
from resolvers.context import Info


async def operations_of(sub_case: Urn, info: Info) -> list[Trail]:
    """Messages handed to their channels, oldest first."""
    return await info.context.loader(loaders.load_message_operations).load(sub_case)
