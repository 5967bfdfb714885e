"""A passenger's own trip, read from the snapshot and answered through the intake; nothing operational is reachable from here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from domains.cases.commands import AcceptOffer, DeclineOffer
from domains.cases.model import SubCaseStatus
from domains.cases.refusals import OfferChanged
from kernel.event import read
from kernel.identity import Passenger
from kernel.money import Money
from kernel.refusal import Forbidden, NotFound, Refusal
from kernel.urn import Urn
from resolvers.context import Info
from resolvers.spelling import snake

Answer = AcceptOffer | DeclineOffer


class Rebuilding(Refusal):
    """Your trip is being put together again; please send your answer once more in a moment."""


@dataclass(frozen=True, slots=True)
class TripFlight:
    flight: Urn
    flight_number: str
    departs: datetime
    origin: str
    destination: str


@dataclass(frozen=True, slots=True)
class TripCard:
    last_four: str
    amount: Money
    reveal_url: str | None = None


@dataclass(frozen=True, slots=True)
class TripOffer:
    reservation: Urn
    confirmation: str
    hotel_name: str
    hotel_address: str
    check_in: date
    check_out: date
    rooms: int
    board: str
    qr: str
    qr_side: int
    hotel_phone: str | None = None
    card: TripCard | None = None


@dataclass(frozen=True, slots=True)
class Trip:
    """The snapshot's document. An answer to any version from `offer_since` on is an answer to the present offer."""

    urn: Urn
    version: int
    status: SubCaseStatus
    lead_name: str
    language: str
    disrupted_flight: str
    origin: str
    destination: str
    scheduled_departure: datetime
    message: str
    contact: str
    may_answer: bool
    offer_since: int | None = None
    next_flight: TripFlight | None = None
    offer: TripOffer | None = None


@dataclass(frozen=True, slots=True)
class AnswerAcknowledged:
    """Kept for good; the next version of the trip shows what came of it."""

    intent: Urn
    at: datetime


async def my_trip(info: Info) -> Trip:
    """What the passenger sees now."""
    context = info.context
    snapshot = await context.snapshots.read(context.tenant, _passenger(info).sub_case)
    if snapshot is None:
        raise NotFound("There is no such trip here.")
    return read_trip(snapshot.document)


async def accept_offer(info: Info, snapshot_version: int) -> AnswerAcknowledged:
    """Accepts the offer as it stood at that version of the trip. May be repeated."""
    return await _answer(info, snapshot_version, AcceptOffer, SubCaseStatus.RESOLVED)


async def decline_offer(info: Info, snapshot_version: int) -> AnswerAcknowledged:
    """Declines the offer as it stood at that version of the trip. May be repeated."""
    return await _answer(info, snapshot_version, DeclineOffer, SubCaseStatus.REJECTED_BY_PAX)


async def _answer(info: Info, seen: int, command: Callable[[Urn, int, str], Answer], ends: SubCaseStatus) -> AnswerAcknowledged:
    """Acknowledged only after it is kept. An answer that was given already is acknowledged again: the page may have missed it."""
    context, sub_case = info.context, _passenger(info).sub_case
    sight = await context.snapshots.look(context.tenant, sub_case)
    if sight.rebuilding:
        raise Rebuilding()
    if sight.snapshot is None:
        raise NotFound("There is no such trip here.")
    trip = read_trip(sight.snapshot.document)
    stands = trip.offer_since is not None and trip.offer_since <= seen <= trip.version
    if not stands or not (trip.may_answer or trip.status is ends):
        raise OfferChanged("The offer has changed since you looked; please look again.", seen=seen, current=trip.version)
    intent = _intent(sub_case, command.__name__, trip.offer_since or seen)
    at = await context.intake.put(context.tenant, command(sub_case, seen, intent), urn=intent, aggregate=sub_case)
    return AnswerAcknowledged(intent, at)


def _intent(sub_case: Urn, name: str, offer: int) -> Urn:
    """The same answer to the same offer has one name, however often it is sent."""
    return Urn.of("event", hashlib.sha256(f"{sub_case}|{name}|{offer}".encode()).hexdigest()[:32])


def _passenger(info: Info) -> Passenger:
    identity = info.context.identity
    if not isinstance(identity, Passenger):
        raise Forbidden()
    return identity


def read_trip(document: dict[str, object]) -> Trip:
    """The document in the domain's spelling."""
    trip = read(Trip, snake(document))
    assert isinstance(trip, Trip)  # `read` makes what it is told to
    return trip
