"""Hotelbeds' JSON under its own names: requests strictly as their examples write them, answers read leniently.

Their document contradicts their examples (`room` for `rooms`, numbers typed as strings and the reverse); the examples win.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NotRequired, TypedDict

from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply, Unintelligible
from kernel.partner import declined, throttled, unauthorized
from kernel.wire import an_object, text_or_none


class Stay(TypedDict):
    checkIn: str
    checkOut: str


class AvailPax(TypedDict):
    type: str
    age: NotRequired[int]


class OccupancyRQ(TypedDict):
    rooms: int
    adults: int
    children: int
    paxes: NotRequired[list[AvailPax]]


class GeoLocation(TypedDict):
    latitude: float
    longitude: float
    radius: float
    unit: str


class AvailabilityRQ(TypedDict):
    stay: Stay
    occupancies: list[OccupancyRQ]
    geolocation: GeoLocation


class Pax(TypedDict):
    roomId: int
    type: str
    name: str
    surname: str
    age: NotRequired[int]


class BookingRoom(TypedDict):
    rateKey: str
    paxes: NotRequired[list[Pax]]


class CheckRateRQ(TypedDict):
    rooms: list[BookingRoom]


class Holder(TypedDict):
    name: str
    surname: str


class BookingRQ(TypedDict):
    holder: Holder
    rooms: list[BookingRoom]
    clientReference: str
    tolerance: int
    remark: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Complaint:
    """Either of their two error envelopes. `code` is empty for the gateway's bare string.

    `message` is for telling cases apart and goes no further: it may quote what was sent.
    """

    code: str
    message: str


def complaint(reply: Reply) -> Complaint | None:
    """What an error reply says; None when it says nothing we can read."""
    try:
        error = an_object(reply.json()).get("error")
    except Unintelligible:
        return None
    if isinstance(error, str):
        return Complaint("", error)
    if isinstance(error, dict):
        return Complaint(text_or_none(error, "code") or "", text_or_none(error, "message") or "")
    return None


_THROTTLES = ("over_qps", "over_rate", "over qps", "over rate", "quota")
_REFUSALS = ("PRODUCT_ERROR", "CONFIGURATION_ERROR", "INVALID_REQUEST", "INVALID_DATA")  # codes may have a token glued on
_SPOKEN_OF: Final = {  # what their text is about, by the phrases they publish, in our words
    "insufficient allotment": "the hotel has too few rooms left",
    "price has increased": "the price rose by more than is tolerated",
    "stop sales": "the hotel has stopped its sales for these dates",
    "release": "the hotel takes no bookings so shortly before arrival",
    "contract is closed": "the contract with the hotel is closed",
    "cannot be cancelled": "the booking cannot be cancelled",
    "already cancelled": "the booking is already cancelled",
    "does not exist": "the booking does not exist",
}
_UNSURE = "confirmation error"  # the hotel's own system failed while confirming: it may have the booking


def refusal(reply: Reply) -> Declined | NotSent | Unknown:
    """The meaning of a reply that is not 2xx, by error code first: their refusals come as 500 and their old throttles as 403."""
    said = complaint(reply)
    if reply.status == 403:
        hint = f"{reply.headers.get('x-mashery-error-code', '')} {said.message if said else ''}".lower()
        return throttled(reply) if any(word in hint for word in _THROTTLES) else unauthorized()
    if said is None or reply.status == 503:
        return Unknown(f"status {reply.status}")
    code = next((known for known in _REFUSALS if said.code.startswith(known)), None)
    if code == "PRODUCT_ERROR" and _UNSURE in said.message.lower():
        return Unknown("booking confirmation error")
    if code is not None:
        return _declined(code, said)
    if reply.status in (400, 402, 404, 406, 410, 415):
        return _declined(said.code or f"HTTP_{reply.status}", said)
    return Unknown(f"status {reply.status}")


def _declined(code: str, said: Complaint) -> Declined:
    text = said.message.lower()
    reason = next((ours for theirs, ours in _SPOKEN_OF.items() if theirs in text), "")
    return declined("Hotelbeds", code, {code: reason})
