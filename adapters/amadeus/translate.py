"""Amadeus' words into booking's and back; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from adapters.amadeus import VENDOR
from adapters.amadeus.wire import Guest, HotelOrderRQ, PaymentCardInfo, RoomAssociation
from domains.booking.ports import (
    Booking,
    BookingStatus,
    CancellationCharge,
    Confirmation,
    Offer,
    Point,
    Rate,
    RateKind,
    Search,
)
from kernel.answer import Declined, Unknown
from kernel.http import Unintelligible
from kernel.money import Money
from kernel.urn import Urn
from kernel.wire import Object, an_object, decimal, inner, inner_or_empty, instant, integer, items, number, text, text_or_none

MOST_ROOMS: Final = 9  # of one question, and of one order
MOST_ADULTS: Final = 9  # in one room
_NAME_LENGTH: Final = 56
_REQUEST_LENGTH: Final = 120
_CENT: Final = Decimal("0.01")
_BOARDS: Final = {
    "ROOM_ONLY": "RO", "BREAKFAST": "BB", "BUFFET_BREAKFAST": "BB", "CONTINENTAL_BREAKFAST": "BB", "ENGLISH_BREAKFAST": "BB",
    "FULL_BREAKFAST": "BB", "HALF_BOARD": "HB", "DINNER_BED_AND_BREAKFAST": "HB", "FULL_BOARD": "FB", "ALL_INCLUSIVE": "AI",
}  # fmt: skip
_NOT_HELD: Final = frozenset({"DENIED", "UNCONFIRMED", "CANCELLED", "DELETED"})


@dataclass(frozen=True, slots=True)
class Known:
    """A hotel of their list. `dupe` is the same number for one house that several of their providers sell."""

    id: str
    name: str
    position: Point
    stars: int
    chain: str | None
    dupe: str | None


def hotels(answer: object, stars: int) -> tuple[Known, ...]:
    """The hotels of a list that was asked for so many stars; one that breaks the contract is left out."""
    if "data" not in an_object(answer):
        raise Unintelligible("data is missing")
    return tuple(known for hotel in items(an_object(answer), "data") if (known := _known(hotel, stars)) is not None)


def _known(hotel: Object, stars: int) -> Known | None:
    try:
        at = inner(hotel, "geoCode")
        position = Point(number(at, "latitude"), number(at, "longitude"))
        dupe = text_or_none(hotel, "dupeId")
        return Known(text(hotel, "hotelId"), text(hotel, "name"), position, stars, text_or_none(hotel, "chainCode"), dupe)
    except ValueError:
        return None


def unfit(search: Search) -> Declined | None:
    """Why they cannot be asked for this party; None when they can."""
    if any(occupancy.child_ages for occupancy in search.occupancies):
        return Declined("CHILDREN", "Amadeus cannot be asked for rooms with children")
    if search.rooms > MOST_ROOMS or any(occupancy.adults > MOST_ADULTS for occupancy in search.occupancies):
        return Declined("TOO_MANY", f"Amadeus sells at most {MOST_ROOMS} rooms at once")
    return None


@dataclass(frozen=True, slots=True)
class Priced:
    """One offer of one hotel for one kind of room of the party."""

    hotel: str
    room_type: str
    room_name: str
    board: str
    rate: Rate
    charges: tuple[CancellationCharge, ...]


def priced(answer: object, search: Search, kind: int) -> list[Priced]:
    """The offers of an answer for the search's occupancy of this place; a hotel that breaks the contract is left out."""
    if "data" not in an_object(answer):
        raise Unintelligible("data is missing")
    told = items(an_object(answer), "data")
    readable = [offers for hotel in told if (offers := _of_hotel(hotel, search, kind)) is not None]
    if told and not readable:
        raise Unintelligible("no hotel is readable")
    return [offer for offers in readable for offer in offers]


def _of_hotel(told: Object, search: Search, kind: int) -> list[Priced] | None:
    try:
        hotel = text(inner(told, "hotel"), "hotelId")
        if told.get("available") is False:
            return []
        if "offers" not in told:
            raise Unintelligible("offers is missing")
        return [_priced(hotel, offer, search, kind) for offer in items(told, "offers")]
    except ValueError:
        return None


def _priced(hotel: str, offer: Object, search: Search, kind: int) -> Priced:
    """Their price is that of one room for the whole stay."""
    room, wanted = inner(offer, "room"), search.occupancies[kind]
    price = _price(offer).times(wanted.rooms)
    named = text_or_none(inner_or_empty(room, "description"), "text") or text(room, "type")
    return Priced(
        hotel=hotel,
        room_type=text(room, "type"),
        room_name=" ".join(named.split())[:80],
        board=_BOARDS.get(text_or_none(offer, "boardType") or "", "RO"),  # what they do not speak of is not promised
        rate=Rate(text(offer, "id"), RateKind.RECHECK, wanted, price),
        charges=_charges(offer, price.currency, wanted.rooms),
    )


def _price(offer: Object) -> Money:
    price = inner(offer, "price")
    name = next((name for name in ("total", "sellingTotal", "base") if text_or_none(price, name)), "total")
    return Money(decimal(price, name), text(price, "currency"))


def _charges(offer: Object, currency: str, rooms: int) -> tuple[CancellationCharge, ...]:
    policies = inner_or_empty(offer, "policies")
    return tuple(
        CancellationCharge(instant(policy, "deadline"), Money(decimal(policy, "amount"), currency).times(rooms))
        for policy in items(policies, "cancellations")
        if text_or_none(policy, "amount") and _has_offset(text_or_none(policy, "deadline"))
    )


def _has_offset(deadline: str | None) -> bool:
    return deadline is not None and re.search(r"(Z|[+-]\d\d:\d\d)$", deadline) is not None


def offers(hotels: Iterable[Known], found: Sequence[Sequence[Priced]], search: Search) -> tuple[Offer, ...]:
    """What sleeps the whole party: of each hotel the cheapest offer for each of the party's kinds of room, nearest hotel first."""
    by_hotel = [_cheapest(kind) for kind in found]
    whole = [
        _offer(hotel, [kind[hotel.id] for kind in by_hotel], search)
        for hotel in hotels
        if by_hotel and all(hotel.id in kind for kind in by_hotel) and len({kind[hotel.id].rate.total.currency for kind in by_hotel}) == 1
    ]
    return tuple(sorted(whole, key=lambda offer: (offer.distance_km, offer.total, offer.urn)))


def _cheapest(found: Sequence[Priced]) -> Mapping[str, Priced]:
    best: dict[str, Priced] = {}
    for offer in sorted(found, key=lambda each: (each.rate.total, each.rate.key)):
        best.setdefault(offer.hotel, offer)
    return best


def _offer(hotel: Known, chosen: Sequence[Priced], search: Search) -> Offer:
    room_type = "+".join(sorted({each.room_type for each in chosen}))
    board = "RO" if len({each.board for each in chosen}) > 1 else chosen[0].board
    total = _sum(each.rate.total for each in chosen)
    stay = f"{search.check_in:%Y%m%d}|{search.nights}"
    return Offer(
        urn=Urn.of("offer", re.sub(r"[^A-Za-z0-9@._~|+\-]", "~", f"{hotel.id}|{room_type}|{board}|{stay}")[:120], VENDOR),
        hotel=Urn.of("hotel", hotel.id, VENDOR),
        name=hotel.name,
        stars=hotel.stars,
        address="",
        location=hotel.position,
        distance_km=round(search.near.km_to(hotel.position), 3),
        room_type=room_type,
        room_name=" + ".join(sorted({each.room_name for each in chosen})),
        board=board,
        check_in=search.check_in,
        check_out=search.check_out,
        nightly=_nightly(total, search.rooms, search.nights),
        total=total,
        allotment=MOST_ROOMS,  # they do not say how many are left; more cannot be asked for at once, and their answer is the truth
        rates=tuple(each.rate for each in chosen),
        cancellation=tuple(charge for each in chosen for charge in each.charges),
        chain=hotel.chain,
        shared_id=f"{VENDOR}-dupe:{hotel.dupe}" if hotel.dupe else None,
    )


def _sum(amounts: Iterable[Money]) -> Money:
    first, *rest = amounts
    for amount in rest:
        first = first + amount
    return first


def _nightly(total: Money, rooms: int, nights: int) -> Money:
    return Money((total.amount / (rooms * nights)).quantize(_CENT, ROUND_HALF_UP), total.currency)


def repriced(answer: object, rate: Rate) -> tuple[Rate, tuple[CancellationCharge, ...]]:
    """The rate as it is now, and what cancelling it would cost."""
    told = inner(an_object(answer), "data")
    if told.get("available") is False:
        raise Unintelligible("the offer is not available, and no error says so")
    (offer,) = items(told, "offers")
    price = _price(offer).times(rate.occupancy.rooms)
    if price.currency != rate.total.currency:
        raise Unintelligible("currency is not the one that was offered")
    return replace(rate, key=text(offer, "id"), kind=RateKind.BOOKABLE, total=price), _charges(offer, price.currency, rate.occupancy.rooms)


def checked(offer: Offer, fresh: Sequence[tuple[Rate, tuple[CancellationCharge, ...]]]) -> Offer:
    """The offer with its rates as they are now."""
    total = _sum(rate.total for rate, _ in fresh)
    return replace(
        offer,
        rates=tuple(rate for rate, _ in fresh),
        total=total,
        nightly=_nightly(total, offer.rooms, (offer.check_out - offer.check_in).days),
        cancellation=tuple(charge for _, charges in fresh for charge in charges),
    )


def order_request(booking: Booking, card: PaymentCardInfo, agency: str) -> HotelOrderRQ:
    """Raises: ValueError when they would refuse it unread."""
    if not 1 <= booking.offer.rooms <= MOST_ROOMS:
        raise ValueError(f"an order has 1 to {MOST_ROOMS} rooms")
    if any(guest.age is not None for guest in booking.guests):
        raise ValueError("a child cannot be ordered for")
    return {
        "data": {
            "type": "hotel-order",
            "guests": [
                Guest(tid=tid, firstName=_name(guest.given_name), lastName=_name(guest.family_name))
                for tid, guest in enumerate(booking.guests, 1)
            ],
            "travelAgent": {"contact": {"email": agency}},
            "roomAssociations": _rooms(booking),
            "payment": {"method": "CREDIT_CARD", "paymentCard": {"paymentCardInfo": card}},
        }
    }


def _rooms(booking: Booking) -> list[RoomAssociation]:
    """One for each room, with who sleeps there; the first is the one who holds it."""
    made: list[RoomAssociation] = []
    for rate in booking.offer.rates:
        for _ in range(rate.occupancy.rooms):
            here = [tid for tid, guest in enumerate(booking.guests, 1) if guest.room == len(made) + 1]
            if not here:
                raise ValueError(f"nobody sleeps in room {len(made) + 1}")
            made.append(
                RoomAssociation(
                    guestReferences=[{"guestReference": str(tid)} for tid in here],
                    hotelOfferId=rate.key,
                    specialRequest=special_request(booking.client_reference, booking.remark),
                )
            )
    if any(not 1 <= guest.room <= len(made) for guest in booking.guests):
        raise ValueError(f"a guest is in a room beyond the {len(made)} of the offer")
    return made


def special_request(client_reference: str, remark: str) -> str:
    """What the hotel's reception reads: our reference, by which a person can ask for the order, and the remark as far as it fits."""
    return re.sub(r"[^A-Za-z0-9 .,-]", " ", f"OUR REF {client_reference} {remark}".strip())[:_REQUEST_LENGTH].strip()


def _name(name: str) -> str:
    """Letters as they take them: accents are dropped, other signs become spaces."""
    plain = "".join(each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    trimmed = " ".join("".join(each if each.isalpha() or each == "-" else " " for each in plain).split())[:_NAME_LENGTH]
    if not trimmed:
        raise ValueError("a guest has no name")
    return trimmed


def ordered(answer: object, booking: Booking) -> Confirmation | Declined | Unknown:
    """What became of an order. Rooms that are not all confirmed, nor all refused, are for a person, who gets the order's references."""
    order = inner(an_object(answer), "data")
    made = items(order, "hotelBookings")
    states = {text(each, "bookingStatus") for each in made}
    references = _references(order, made)
    hotels = {text(inner(each, "hotel"), "hotelId") for each in made}
    rooms = sum(_rooms_of(each, len(made)) for each in made)
    if states and states <= _NOT_HELD:
        return Declined("NOT_CONFIRMED", "the hotel did not confirm the rooms")
    if states != {"CONFIRMED"} or hotels != {booking.offer.hotel.id} or rooms != booking.offer.rooms:
        return Unknown(f"the order is {' '.join(sorted(states)) or 'empty'}", references)
    return Confirmation(
        reference=f"{references['record']} {references['confirmation']}".strip(),
        client_reference=booking.client_reference,
        status=BookingStatus.CONFIRMED,
        hotel=booking.offer.hotel,
        check_in=booking.offer.check_in,
        check_out=booking.offer.check_out,
        rooms=rooms,
        total=_total(made, booking),
    )


def _references(order: Object, made: Sequence[Object]) -> dict[str, str]:
    """Their names for it: the order's own, the record locator, and the hotel's confirmations, which a person on the telephone needs."""
    records = [text(each, "reference") for each in items(order, "associatedRecords")]
    numbers = [text_or_none(each, "confirmationNumber") or "" for hotel in made for each in items(hotel, "hotelProviderInformation")]
    return {"order": text(order, "id"), "record": " ".join(records), "confirmation": " ".join(dict.fromkeys(filter(None, numbers)))}


def _rooms_of(made: Object, bookings: int) -> int:
    """Identical rooms come as one booking each; a single one may stand for several."""
    return integer(inner_or_empty(made, "hotelOffer"), "roomQuantity", 1) if bookings == 1 else 1


def _total(made: Sequence[Object], booking: Booking) -> Money:
    """What the rooms cost as ordered; as offered where they do not repeat it."""
    try:
        prices = [_price(inner(each, "hotelOffer")).times(_rooms_of(each, len(made))) for each in made]
        return _sum(prices)
    except ValueError:
        return booking.offer.total
