"""What booking says: rooms by night, and the reservations of a sub-case."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from domains.booking import model, ports
from kernel.identity import Role
from kernel.urn import Urn
from resolvers import booking, live
from schema.audience import OPERATOR
from schema.binding import bind, extend, view, words
from schema.common import Money, Operation

EXCLUSION = words(model.Exclusion, seen_by=OPERATOR)


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


@view(of=model.Score, seen_by=OPERATOR)
class Score:
    """Parts from 0 to 1, larger is better, and their sum by the policy's weights."""

    cost: Decimal
    distance: Decimal
    consolidation: Decimal
    total: Decimal


@view(of=ports.Offer, seen_by=OPERATOR)
class HotelOffer:
    """Rooms of one hotel for the whole party and stay, as a source offered them. Of a house that several sell it is the best that fits."""

    urn: Urn
    hotel: Urn
    name: str
    vendor: str
    stars: int
    distance_km: float
    room_name: str
    board: str
    nightly: Money
    total: Money


@view(of=model.Candidate, seen_by=OPERATOR)
class Candidate:
    """An offer that fits, at its place in the ranking, from 1."""

    place: int
    offer: HotelOffer
    score: Score


@view(of=model.LeftOut, seen_by=OPERATOR)
class LeftOut:
    """A house of which no offer fits, and the gate at which its cheapest one fell."""

    hotel: Urn
    name: str
    vendor: str
    total: Money
    reason: model.Exclusion


@view(of=model.Fallen, seen_by=OPERATOR)
class Fallen:
    """How many offers fell at one gate."""

    reason: model.Exclusion
    offers: int


@view(of=model.Silence, seen_by=OPERATOR)
class Silence:
    """A source that did not answer a search, and why."""

    vendor: str
    why: str


@view(of=model.Ranking, seen_by=OPERATOR)
class Ranking:
    """What one search over all sources came to within its two seconds."""

    urn: Urn
    asked_at: datetime
    airport: str
    rooms: int
    answered: list[str]
    silences: list[Silence]
    candidates: list[Candidate]
    left_out: list[LeftOut]
    fallen: list[Fallen]


@extend
class SubCase:
    """What the sources of rooms were asked for it."""

    rankings: list[Ranking] = bind(booking.rankings_of, seen_by=OPERATOR)

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
