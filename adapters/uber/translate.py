"""Booking's words into Uber's and back; pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NotRequired, TypedDict

from adapters.uber import VENDOR
from domains.booking.ports import Drive, Point, Quote, Ride, RideOrder, Rider, RideReport, RideStatus
from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply, Unintelligible
from kernel.money import Money
from kernel.partner import declined, unauthorized
from kernel.wire import Object, an_object, decimal, inner, inner_or_empty, integer, items, text, text_or_none

E164: Final = re.compile(r"\+[1-9]\d{6,14}")


class Place(TypedDict):
    latitude: float
    longitude: float


class EstimateRQ(TypedDict):
    pickup: Place
    dropoff: Place


class GuestRQ(TypedDict):
    first_name: str
    last_name: str
    phone_number: str
    locale: str


class TripRQ(TypedDict):
    guest: GuestRQ
    pickup: Place
    dropoff: Place
    product_id: str
    fare_id: NotRequired[str]
    expense_memo: str
    note_for_driver: str


_STATUSES: Final = {
    "processing": RideStatus.REQUESTED,
    "scheduled": RideStatus.REQUESTED,
    "accepted": RideStatus.ACCEPTED,
    "arriving": RideStatus.ARRIVING,
    "in_progress": RideStatus.UNDER_WAY,
    "completed": RideStatus.COMPLETED,
    "no_drivers_available": RideStatus.NO_DRIVER,
    "driver_canceled": RideStatus.NO_DRIVER,
    "rider_canceled": RideStatus.CANCELLED,
}
_REFUSALS: Final = {
    "VALIDATION_FAILED": "something about the trip or the rider is not valid",
    "INVALID_REQUEST_PARAMETERS": "something about the trip or the rider is not valid",
    "INVALID_PAYMENT_METHOD": "the account cannot pay for it",
    "EXPIRED": "the fare has expired",
    "NOT_FOUND": "Uber knows no such ride",
}
_NO: Final = frozenset({"validation_failed", "invalid_request_parameters", "invalid_payment_method"})
_KEY: Final = "|"  # between product and fare


def estimate_request(drive: Drive) -> EstimateRQ:
    return {"pickup": _place(drive.pickup), "dropoff": _place(drive.dropoff)}


def trip_request(order: RideOrder, rider: Rider) -> TripRQ:
    """Raises: ValueError for a rider whom no driver could call."""
    if not E164.fullmatch(rider.phone):
        raise ValueError("the rider's number is not in E.164")
    product, _, fare = order.quote.key.partition(_KEY)
    made: TripRQ = {
        "guest": {
            "first_name": rider.given_name or rider.family_name,
            "last_name": rider.family_name,
            "phone_number": rider.phone,
            "locale": rider.language,
        },
        "pickup": _place(order.drive.pickup),
        "dropoff": _place(order.drive.dropoff),
        "product_id": product,
        "expense_memo": order.client_reference,
        "note_for_driver": f"To {order.drive.destination}",
    }
    return {**made, "fare_id": fare} if fare else made


def _place(point: Point) -> Place:
    return {"latitude": point.latitude, "longitude": point.longitude}


def quotes(answer: object) -> tuple[Quote, ...]:
    """Products with a fare and a car that is free; in their order. Raises: Unintelligible."""
    told = an_object(answer)
    if told.get("fares_unavailable") is True:
        return ()
    if "product_estimates" not in told:
        raise Unintelligible("product_estimates is missing")
    made = [_quote(each) for each in items(told, "product_estimates")]
    return tuple(quote for quote in made if quote is not None)


def _quote(told: Object) -> Quote | None:
    estimate, product = inner(told, "estimate_info"), inner(told, "product")
    fare = inner_or_empty(estimate, "fare")
    if estimate.get("no_cars_available") is True or not fare:
        return None
    minutes = text_or_none(estimate, "pickup_estimate")
    seconds = text_or_none(fare, "expires_at")
    return Quote(
        vendor=VENDOR,
        key=f"{text(product, 'product_id')}{_KEY}{text_or_none(fare, 'fare_id') or text(estimate, 'fare_id')}",
        name=text_or_none(product, "display_name") or "Uber",
        seats=integer(product, "capacity"),
        fare=Money(decimal(fare, "value").quantize(Decimal("0.01")), text(fare, "currency_code")),
        wait=timedelta(minutes=integer(estimate, "pickup_estimate")) if minutes else None,
        until=datetime.fromtimestamp(integer(fare, "expires_at"), UTC) if seconds else None,
    )


def dispatched(answer: object, order: RideOrder) -> Ride:
    """Raises: Unintelligible, also when the answer is about another car: their reply does not show our reference."""
    told = an_object(answer)
    if text(told, "product_id") != order.quote.key.partition(_KEY)[0]:
        raise Unintelligible("the ride is in another product")
    return Ride(text(told, "request_id"), order.client_reference, status(text(told, "status")))


def ride(answer: object, reference: str) -> Ride:
    """Raises: Unintelligible, also when it is another ride's."""
    told = an_object(answer)
    if (text_or_none(told, "request_id") or reference) != reference:
        raise Unintelligible("the answer is about another ride")
    return Ride(reference, text_or_none(told, "expense_memo"), status(text(told, "status")))


def found(answer: object, client_reference: str, since: datetime) -> Ride | Unknown | None:
    """The newest that carries our reference. Where a young one shows no memo at all nobody can tell. Raises: Unintelligible."""
    listed = [each for each in _listed(answer) if _asked_at(each) >= since.replace(microsecond=0)]
    ours = [each for each in listed if text_or_none(each, "expense_memo") == client_reference]
    if ours:
        newest = max(ours, key=_asked_at)
        return Ride(text(newest, "request_id"), client_reference, status(text(newest, "status")))
    if any("expense_memo" not in each for each in listed):
        return Unknown("rides are listed without the memo that would tell them apart")
    return None


def _listed(answer: object) -> list[Object]:
    """A bare list, or one under `trips` or `data`: which, is UNCONFIRMED."""
    if isinstance(answer, list):
        return [an_object(each, "trip") for each in answer]
    told: dict[str, Any] = dict(an_object(answer))
    name = next((name for name in ("trips", "data") if isinstance(told.get(name), list)), None)
    if name is None:
        raise Unintelligible("trips is missing")
    return items(told, name)


def _asked_at(told: Object) -> datetime:
    return datetime.fromtimestamp(integer(told, "request_time") / 1000, UTC)


def status(word: str) -> RideStatus:
    """Of the failures only the first is spelt on a stored page (UNCONFIRMED), so both spellings count."""
    known = _STATUSES.get(word.replace("cancelled", "canceled"))
    if known is None:
        raise Unintelligible("status is not a status of theirs")
    return known


def report(body: object) -> RideReport | None:
    """What a webhook tells; None for what is not followed, such as where the driver is. Raises: Unintelligible."""
    told = an_object(body)
    if text(told, "event_type") != "guests.trips.status_changed":
        return None
    about = inner(told, "meta")
    return RideReport(text(told, "event_id"), text(about, "resource_id"), status(text(about, "status")))


def refusal(reply: Reply) -> Declined | NotSent | Unknown:
    """`retry_request` does not say whether the request was carried out, so it stays unclear."""
    if reply.status == 403:
        return unauthorized()
    try:
        code = text_or_none(an_object(reply.json()), "code") or ""
    except Unintelligible:
        code = ""
    if reply.status == 400 and code in _NO:
        return declined("Uber", code.upper(), _REFUSALS)
    if reply.status == 404 and code == "not_found":
        return declined("Uber", "NOT_FOUND", _REFUSALS)
    if reply.status == 409 and "expired" in code:
        return declined("Uber", "EXPIRED", _REFUSALS)
    return Unknown(f"status {reply.status}")
