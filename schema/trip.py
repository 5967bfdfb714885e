"""What a passenger sees: the trip of the session's sub-case, and the answer to its offer.

Apart from `cases`, because it is answered by a process that reaches the snapshot store and the intake, and no database.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from domains.cases import model, refusals
from kernel.urn import Urn
from resolvers import trip
from schema.audience import PASSENGER
from schema.binding import bind, extend, outcome, view
from schema.common import Money


@view(of=trip.TripFlight, seen_by=PASSENGER)
class TripFlight:
    """The flight the airline has re-seated the party on."""

    flight: Urn
    flight_number: str
    departs: datetime
    origin: str
    destination: str


@view(of=trip.TripCard, seen_by=PASSENGER)
class TripCard:
    """A prepaid card; its number is shown by the issuer's own page only."""

    last_four: str
    amount: Money
    reveal_url: str | None


@view(of=trip.TripOffer, seen_by=PASSENGER)
class TripOffer:
    """The room. `qr` is SVG path data of the reservation's URN on a square of `qrSide` units."""

    reservation: Urn
    confirmation: str
    hotel_name: str
    hotel_address: str
    hotel_phone: str | None
    check_in: date
    check_out: date
    rooms: int
    board: str
    qr: str
    qr_side: int
    card: TripCard | None


@view(of=trip.Trip, seen_by=PASSENGER)
class Trip:
    """Everything the passenger sees, at one version."""

    urn: Urn
    version: int
    status: model.SubCaseStatus
    lead_name: str
    language: str
    disrupted_flight: str
    origin: str
    destination: str
    scheduled_departure: datetime
    message: str
    next_flight: TripFlight | None
    offer: TripOffer | None
    contact: str
    may_answer: bool


@view(of=trip.AnswerAcknowledged, seen_by=PASSENGER)
class AnswerAcknowledged:
    """Kept for good; the next version of the trip shows what came of it."""

    intent: Urn
    at: datetime


@view(of=refusals.OfferChanged, seen_by=PASSENGER)
class OfferChanged:
    """The offer is not the one that was answered: `seen` and `current` are versions of the trip."""

    message: str
    seen: int
    current: int


AnswerResult = Annotated[AnswerAcknowledged | OfferChanged, outcome("AnswerResult", seen_by=PASSENGER)]


@extend
class Query:
    my_trip: Trip = bind(trip.my_trip, seen_by=PASSENGER)


@extend
class Mutation:
    accept_offer: AnswerResult = bind(trip.accept_offer, seen_by=PASSENGER, args={"snapshot_version": PASSENGER})
    decline_offer: AnswerResult = bind(trip.decline_offer, seen_by=PASSENGER, args={"snapshot_version": PASSENGER})
