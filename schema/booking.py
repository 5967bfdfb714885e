"""What booking says: rooms by night, and the reservations of a sub-case."""

from __future__ import annotations

from datetime import date, datetime

from domains.booking import model
from kernel.identity import Role
from kernel.urn import Urn
from resolvers import booking, live
from schema.audience import OPERATOR
from schema.binding import bind, extend, view
from schema.common import Operation


@view(of=model.HoldCount, seen_by=OPERATOR)
class HoldCount:
    """One room type of a hotel in one night. `free` may lag the source; the source's own answer is the truth."""

    urn: Urn
    hotel: Urn
    hotel_name: str
    room_type: str
    airport: str
    night: date
    held: int
    confirmed: int
    reported: int
    free: int
    nearest_expiry: datetime | None
    version: int


@view(of=live.HoldBatch, seen_by=OPERATOR)
class HoldBatch:
    """With `snapshot`, the items replace everything the screen has."""

    seq: str
    snapshot: bool
    items: list[HoldCount]


@extend
class SubCase:
    """What the sources of rooms were asked for it."""

    room_operations: list[Operation] = bind(booking.operations_of, seen_by=OPERATOR)


@extend
class Query:
    hold_counts: list[HoldCount] = bind(
        booking.hold_counts, seen_by=OPERATOR, args={"airport": OPERATOR}, allow=(Role.AIRPORT_OPERATOR, Role.FINANCE_AUDIT)
    )


@extend
class Subscription:
    hold_counts: HoldBatch = bind(
        live.hold_counts, seen_by=OPERATOR, args={"airport": OPERATOR, "after": OPERATOR}, allow=(Role.AIRPORT_OPERATOR, Role.FINANCE_AUDIT)
    )
