"""A room, an offer, a card, a ride, and word to the lead passenger.

Once the offer is published the party has its room; what fails after that is made good by a person and costs nobody a bed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domains.booking.commands import BookRooms, CancelRide, CancelRooms, DispatchRide, RankHotels
from domains.booking.events import (
    HotelsRanked,
    NoHotelFits,
    RideCancelled,
    RideDispatched,
    RideRefused,
    RoomsBooked,
    RoomsCancelled,
    RoomsRefused,
)
from domains.cases.commands import PublishOffer, WithdrawOffer
from domains.cases.events import OfferNotPublished, OfferPublished, OfferWithdrawn
from domains.cases.model import Guests, Offer, SubCase
from domains.notifications.commands import NotifyLead
from domains.notifications.events import LeadNotified, LeadNotReached
from domains.policies.model import Policy, TransportMode
from domains.wallet.commands import IssueCard, VoidCard
from domains.wallet.events import CardIssued, CardRefused, CardVoided
from kernel.money import Money
from kernel.saga import CONTINUE_WITH_REVIEW, Answers, Saga, step
from kernel.urn import Urn


@dataclass(frozen=True, slots=True)
class RideTerms:
    """What a ride may cost, and who is to drive; nothing of it is asked of the passenger."""

    ceiling: Money | None
    preference: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Params:
    """What the voucher was issued for, and the policy's words at that moment. `card` is None when there is nothing to load, `ride` when
    nobody is sent for without being asked."""

    workflow: Urn
    sub_case: Urn
    case: Urn
    airport: str
    check_in: date
    check_out: date
    rooms: int
    guests: Guests
    min_stars: int
    max_distance_km: Decimal
    max_nightly_rate: Money
    required_amenities: tuple[str, ...]
    excluded_chains: tuple[str, ...]
    weights: dict[str, Decimal]
    tolerance_percent: Decimal
    card: Money | None
    ride: RideTerms | None = None
    tier: str | None = None


_HOUSED = (
    step("choose", ask=RankHotels, done=HotelsRanked, refused=NoHotelFits),
    step("book", ask=BookRooms, done=RoomsBooked, refused=RoomsRefused, undo=CancelRooms, undone=RoomsCancelled),  # the pivot
    step("publish", ask=PublishOffer, done=OfferPublished, refused=OfferNotPublished, undo=WithdrawOffer, undone=OfferWithdrawn),
    step("notify", ask=NotifyLead, done=LeadNotified, refused=LeadNotReached, on_failure=CONTINUE_WITH_REVIEW),
    step("card", ask=IssueCard, done=CardIssued, refused=CardRefused, undo=VoidCard, undone=CardVoided, on_failure=CONTINUE_WITH_REVIEW),
    step("card_message", ask=NotifyLead, done=LeadNotified, refused=LeadNotReached, on_failure=CONTINUE_WITH_REVIEW),
)

WITHOUT_A_RIDE = Saga("accommodate", Params, *_HOUSED)  # version 1: for the workflows that were started with it
ACCOMMODATE = Saga(
    "accommodate",
    Params,
    *_HOUSED,
    step(
        "transport", ask=DispatchRide, done=RideDispatched, refused=RideRefused, undo=CancelRide, undone=RideCancelled,
        on_failure=CONTINUE_WITH_REVIEW,
    ),
    step("transport_message", ask=NotifyLead, done=LeadNotified, refused=LeadNotReached, on_failure=CONTINUE_WITH_REVIEW),
    version=2,
)  # fmt: skip


def params(sub_case: SubCase, policy: Policy) -> Params:
    """For a sub-case whose voucher was requested. Raises: ValueError when it has no workflow or needs no night."""
    if sub_case.workflow is None or sub_case.stay is None:
        raise ValueError(f"{sub_case.urn} has no voucher to work on")
    limits, weights = policy.constraints, policy.weights
    meals = policy.meals_per_guest_night.times(sub_case.guests.count * sub_case.stay.nights)
    automatic = policy.transport.mode(sub_case.tier.value) is TransportMode.AUTOMATIC
    return Params(
        workflow=sub_case.workflow,
        sub_case=sub_case.urn,
        case=sub_case.case,
        airport=sub_case.airport,
        check_in=sub_case.stay.check_in,
        check_out=sub_case.stay.check_out,
        rooms=sub_case.rooms,
        guests=sub_case.guests,
        min_stars=limits.min_stars,
        max_distance_km=limits.max_distance_km,
        max_nightly_rate=limits.max_nightly_rate,
        required_amenities=limits.required_amenities,
        excluded_chains=limits.excluded_chains,
        weights={"cost": weights.cost, "distance": weights.distance, "consolidation": weights.consolidation},
        tolerance_percent=policy.tolerance_percent,
        card=meals if meals.amount > 0 else None,
        ride=RideTerms(policy.transport.ceiling, policy.transport.preference) if automatic else None,
        tier=sub_case.tier.value,
    )


def choose(params: Params, answers: Answers) -> RankHotels:
    return RankHotels(
        sub_case=params.sub_case,
        airport=params.airport,
        check_in=params.check_in,
        check_out=params.check_out,
        rooms=params.rooms,
        adults=params.guests.adults,
        children=params.guests.children,
        infants=params.guests.infants,
        min_stars=params.min_stars,
        max_distance_km=params.max_distance_km,
        max_nightly_rate=params.max_nightly_rate,
        weights=params.weights,
        required_amenities=params.required_amenities,
        excluded_chains=params.excluded_chains,
        tier=params.tier,
    )


def tell_choose(answer: HotelsRanked) -> str:
    silent = f"; silent: {', '.join(sorted(answer.silent))}" if answer.silent else ""
    return f"{answer.candidates} candidates, the best is {answer.best}{silent}"


def book(params: Params, answers: Answers) -> BookRooms:
    ranked: HotelsRanked = answers["choose"]
    return BookRooms(params.sub_case, ranked.ranking, params.tolerance_percent)


def undo_book(params: Params, answers: Answers, reason: str) -> CancelRooms:
    return CancelRooms(params.sub_case, params.workflow, reason)


def tell_book(answer: RoomsBooked) -> str:
    rooms = "1 room" if answer.rooms == 1 else f"{answer.rooms} rooms"
    return f"{rooms} at {answer.hotel_name} for {answer.total}, confirmation {answer.confirmation}"


def publish(params: Params, answers: Answers) -> PublishOffer:
    booked: RoomsBooked = answers["book"]
    offer = Offer(
        reservation=booked.reservation,
        confirmation=booked.confirmation,
        hotel=booked.hotel,
        hotel_name=booked.hotel_name,
        hotel_address=booked.hotel_address,
        hotel_phone=booked.hotel_phone,
        check_in=booked.check_in,
        check_out=booked.check_out,
        rooms=booked.rooms,
        board=booked.board,
        total=booked.total,
    )
    return PublishOffer(params.sub_case, offer)


def undo_publish(params: Params, answers: Answers, reason: str) -> WithdrawOffer:
    booked: RoomsBooked = answers["book"]
    return WithdrawOffer(params.sub_case, booked.reservation)


def tell_publish(answer: OfferPublished) -> str:
    return f"The passenger sees the offer, snapshot {answer.snapshot_version}"


def notify(params: Params, answers: Answers) -> NotifyLead:
    booked: RoomsBooked = answers["book"]
    facts = {
        "hotel": booked.hotel_name,
        "check_in": booked.check_in.isoformat(),
        "check_out": booked.check_out.isoformat(),
        "rooms": str(booked.rooms),
    }
    return NotifyLead(params.sub_case, "subcase.offer-ready", booked.reservation, facts)


def tell_notify(answer: LeadNotified) -> str:
    return f"Told by {answer.channel}"


def card(params: Params, answers: Answers) -> IssueCard | None:
    return IssueCard(params.sub_case, params.card) if params.card else None


def undo_card(params: Params, answers: Answers, reason: str) -> VoidCard:
    return VoidCard(params.sub_case, params.workflow, reason)


def tell_card(answer: CardIssued) -> str:
    return f"Card ending in {answer.last_four} with {answer.amount}"


def card_message(params: Params, answers: Answers) -> NotifyLead | None:
    """Nothing is said of a card that was not issued; the review of its step tells the operators."""
    issued: CardIssued | None = answers.get("card")
    if issued is None:
        return None
    facts = {"amount": str(issued.amount), "last_four": issued.last_four}
    return NotifyLead(params.sub_case, "wallet.card-issued", issued.card, facts)


def tell_card_message(answer: LeadNotified) -> str:
    return f"Told by {answer.channel}"


def transport(params: Params, answers: Answers) -> DispatchRide | None:
    """A seat for everybody but those who are held."""
    if params.ride is None:
        return None
    booked: RoomsBooked = answers["book"]
    seats = params.guests.adults + params.guests.children
    return DispatchRide(params.sub_case, booked.reservation, seats, params.ride.ceiling, params.ride.preference)


def undo_transport(params: Params, answers: Answers, reason: str) -> CancelRide:
    return CancelRide(params.sub_case, params.workflow, reason)


def tell_transport(answer: RideDispatched) -> str:
    fare = f" for {answer.fare}" if answer.fare else ""
    wait = f", in {answer.wait_minutes} min" if answer.wait_minutes is not None else ""
    return f"{answer.vehicle} by {answer.vendor}{fare}{wait}"


def transport_message(params: Params, answers: Answers) -> NotifyLead | None:
    """Nothing is said of a ride that nobody drives; the review of its step tells the operators."""
    sent: RideDispatched | None = answers.get("transport")
    if sent is None:
        return None
    booked: RoomsBooked = answers["book"]
    facts = {"vehicle": sent.vehicle, "shown": sent.shown, "hotel": booked.hotel_name}
    return NotifyLead(params.sub_case, "transport.dispatched", sent.ride, facts)


def tell_transport_message(answer: LeadNotified) -> str:
    return f"Told by {answer.channel}"
