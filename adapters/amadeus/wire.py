"""Amadeus' JSON under its own names: requests strictly as their examples write them, answers read leniently.

Their documents contradict their examples (a list typed as an object, a room association that may have one property and must have two,
`KM` that is in no enumeration); the examples win.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NotRequired, TypedDict

from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply, Unintelligible
from kernel.partner import declined, unauthorized
from kernel.wire import an_object, integer, items, text_or_none

MEDIA: Final = "application/vnd.amadeus+json"


class Guest(TypedDict):
    tid: int
    firstName: str
    lastName: str


class GuestReference(TypedDict):
    guestReference: str


class RoomAssociation(TypedDict):
    guestReferences: list[GuestReference]
    hotelOfferId: str
    specialRequest: NotRequired[str]


class Contact(TypedDict):
    email: str


class TravelAgent(TypedDict):
    contact: Contact


class PaymentCardInfo(TypedDict):
    vendorCode: str
    cardNumber: str
    expiryDate: str
    holderName: str


class PaymentCard(TypedDict):
    paymentCardInfo: PaymentCardInfo


class Payment(TypedDict):
    method: str
    paymentCard: PaymentCard


class HotelOrder(TypedDict):
    type: str
    guests: list[Guest]
    travelAgent: TravelAgent
    roomAssociations: list[RoomAssociation]
    payment: Payment


class HotelOrderRQ(TypedDict):
    data: HotelOrder


@dataclass(frozen=True, slots=True)
class Complaint:
    """The first of their errors. `code` is 0 where none is readable; `title` is for telling cases apart and goes no further."""

    code: int
    title: str


def complaint(reply: Reply) -> Complaint | None:
    """What an error reply says; None when it says nothing we can read. Their codes come as numbers, and as strings with leading zeros."""
    try:
        first = next(iter(items(an_object(reply.json()), "errors")), None)
        return None if first is None else Complaint(integer(first, "code", 0), text_or_none(first, "title") or "")
    except Unintelligible:
        return None


NOTHING_FOUND: Final = frozenset(
    {424, 790, 895, 1257, 3237, 3664, 11126}
)  # of a search: no hotel, no room; an empty answer in an error's clothes
_OFFER_GONE: Final = frozenset({38420, 36801})
_NO_ROOM: Final = frozenset({3664, 1297, 3289, 1999, 3494, 6698, 12247})
_CHANGED: Final = frozenset({37200, 41344, 15595, 12030})
_CARD: Final = frozenset({1205, 8517, 1240, 28926, 6842, 22425, 22426, 3682, 24550, 39871, 32315, 41347, 3659, 1146, 1427, 38592, 37576})
# The hotel's system may have the order: "check before retrying that the booking is not created", "authorization time-out", and the like.
_UNSURE: Final = frozenset({25860, 39283, 450, 784})
_SPOKEN_OF: Final = {
    **dict.fromkeys(_OFFER_GONE, "the offer is not to be had any more"),
    **dict.fromkeys(_NO_ROOM, "the hotel has too few rooms left"),
    **dict.fromkeys(_CHANGED, "the price or the terms have changed"),
    **dict.fromkeys(_CARD, "the hotel does not take the airline's card"),
    33440: "the hotel may not be booked from here",
    3843: "the party is too large for the room",
}


def refusal(reply: Reply) -> Declined | NotSent | Unknown:
    """The meaning of a reply that is not 2xx; throttles and refused tokens have been seen to before."""
    said = complaint(reply)
    if reply.status == 403:
        return unauthorized()
    if said is None or reply.status not in (400, 404) or said.code in _UNSURE:
        return Unknown(f"status {reply.status}, code {said.code}" if said else f"status {reply.status}")
    known = {str(code): reason for code, reason in _SPOKEN_OF.items()}
    return declined("Amadeus", str(said.code), known)
