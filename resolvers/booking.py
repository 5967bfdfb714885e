"""What booking knows: rooms held and confirmed, and the reservations of a sub-case."""

from __future__ import annotations

from domains.booking import queries
from domains.booking.model import HoldCount, Ranking
from domains.cases.refusals import OutsideAirports
from kernel.operation.trail import Trail
from kernel.urn import Urn
from resolvers import loaders
from resolvers.context import Info


async def hold_counts(info: Info, airport: str) -> list[HoldCount]:
    """Rooms of an airport's hotels by night: held, confirmed, free."""
    context = info.context
    if not context.admits(airport):
        raise OutsideAirports()
    async with context.read("booking") as connection:
        return await queries.hold_counts(connection, context.tenant, airport)


async def rankings_of(sub_case: Urn, info: Info) -> list[Ranking]:
    """What each search for hotels came to, oldest first: who answered, the candidates with their scores, and why others are none."""
    return await info.context.loader(loaders.load_rankings).load(sub_case)


async def operations_of(sub_case: Urn, info: Info) -> list[Trail]:
    """Searches, bookings and cancellations at the sources of rooms, oldest first."""
    return await info.context.loader(loaders.load_room_operations).load(sub_case)
