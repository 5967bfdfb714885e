"""Hotelbeds' words into booking's and back; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from adapters.hotelbeds import VENDOR
from adapters.hotelbeds.wire import AvailabilityRQ, AvailPax, BookingRoom, BookingRQ, OccupancyRQ, Pax
from domains.booking.ports import (
    CLIENT_REFERENCE_LENGTH,
    Booking,
    BookingStatus,
    CancellationCharge,
    Confirmation,
    Guest,
    Occupancy,
    Offer,
    Point,
    Rate,
    RateKind,
    Search,
)
from kernel.http import Unintelligible
from kernel.money import Money
from kernel.urn import Urn
from kernel.wire import Object, an_object, day, decimal, inner, inner_or_empty, instant, integer, items, number, text, text_or_none

_NAME_LENGTH: Final = 50  # characters of a holder's or guest's name
_CENT: Final = Decimal("0.01")
# Content API facility codes; UNCONFIRMED, no stored page lists them.
_FACILITIES: Final = {(70, 550): "WIFI", (71, 200): "RESTAURANT", (70, 320): "PARKING", (70, 295): "ACCESSIBLE", (72, 600): "SHUTTLE"}


@dataclass(frozen=True, slots=True)
class Description:
    """What the Content API says about a hotel."""

    address: str = ""
    phone: str | None = None
    amenities: tuple[str, ...] = ()
    chain: str | None = None


def availability_request(search: Search) -> AvailabilityRQ:
    return {
        "stay": {"checkIn": search.check_in.isoformat(), "checkOut": search.check_out.isoformat()},
        "occupancies": [_occupancy_request(occupancy) for occupancy in search.occupancies],
        "geolocation": {
            "latitude": search.near.latitude,
            "longitude": search.near.longitude,
            "radius": search.radius_km,
            "unit": "km",
        },
    }


def _occupancy_request(occupancy: Occupancy) -> OccupancyRQ:
    made = OccupancyRQ(rooms=occupancy.rooms, adults=occupancy.adults, children=len(occupancy.child_ages))
    if occupancy.child_ages:
        adults = [AvailPax(type="AD")] * occupancy.adults
        made["paxes"] = [*adults, *(AvailPax(type="CH", age=age) for age in occupancy.child_ages)] * occupancy.rooms
    return made


def booking_request(booking: Booking) -> BookingRQ:
    """Raises: ValueError when they would refuse it unread."""
    if not 1 <= len(booking.client_reference) <= CLIENT_REFERENCE_LENGTH:
        raise ValueError(f"a client reference has 1 to {CLIENT_REFERENCE_LENGTH} characters")
    made = BookingRQ(
        holder={"name": _name(booking.holder.given_name), "surname": _name(booking.holder.family_name)},
        rooms=_booking_rooms(booking),
        clientReference=booking.client_reference,
        tolerance=booking.tolerance,
    )
    if booking.remark:
        made["remark"] = booking.remark[:2000]
    return made


def _booking_rooms(booking: Booking) -> list[BookingRoom]:
    rooms, first = [], 1
    for rate in booking.offer.rates:
        numbers = range(first, first + rate.occupancy.rooms)
        paxes = [_pax(guest, guest.room - first + 1) for guest in booking.guests if guest.room in numbers]
        for room_number in numbers:
            if not any(guest.room == room_number and guest.age is None for guest in booking.guests):
                raise ValueError(f"no adult sleeps in room {room_number}")
        rooms.append(BookingRoom(rateKey=rate.key, paxes=paxes))
        first += rate.occupancy.rooms
    if any(not 1 <= guest.room < first for guest in booking.guests):
        raise ValueError(f"a guest is in a room beyond the {first - 1} of the offer")
    return rooms


def _pax(guest: Guest, room: int) -> Pax:
    pax = Pax(roomId=room, type="AD" if guest.age is None else "CH", name=_name(guest.given_name), surname=_name(guest.family_name))
    if guest.age is not None:
        pax["age"] = guest.age
    return pax


def _name(name: str) -> str:
    trimmed = " ".join(name.split())[:_NAME_LENGTH]
    if not trimmed:
        raise ValueError("a guest has no name")
    return trimmed


def offers(answer: object, search: Search) -> tuple[Offer, ...]:
    """Of each hotel and board the offers that sleep the whole party, nearest first.

    A hotel that breaks the contract is left out. Raises: Unintelligible when all do, or the answer itself does.
    """
    hotels = listed(inner(an_object(answer), "hotels"), "hotels")
    readable = [offers for hotel in hotels if (offers := _offers_or_none(hotel, search)) is not None]
    if hotels and not readable:
        raise Unintelligible("no hotel is readable")
    found = [offer for offers in readable for offer in offers]
    return tuple(sorted(found, key=lambda offer: (offer.distance_km, offer.total, offer.urn)))


def listed(of: Object, name: str) -> list[Object]:
    """The objects of a list that may only be left out where a total says that there are none. Raises: Unintelligible.

    An answer that has them under another name must not pass for "there is nothing".
    """
    if of.get(name) is None and text_or_none(of, "total") != "0":
        raise Unintelligible(f"{name} is missing")
    return items(of, name)


def _offers_or_none(hotel: Object, search: Search) -> list[Offer] | None:
    try:
        return _offers_of(hotel, search)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Priced:
    """A rate with the room it is for."""

    room_type: str
    room_name: str
    board: str
    rate: Rate
    allotment: int
    charges: tuple[CancellationCharge, ...]


def _offers_of(hotel: Object, search: Search) -> list[Offer]:
    priced = [_priced(hotel, room, rate) for room in listed(hotel, "rooms") for rate in listed(room, "rates")]
    boards = sorted({rate.board for rate in priced})
    return [_offer(hotel, choice, search) for board in boards for choice in _choices([r for r in priced if r.board == board], search)]


def _choices(rates: Sequence[_Priced], search: Search) -> list[list[_Priced]]:
    """One choice per room type that sleeps everybody; failing all, one over several room types."""
    kinds = sorted({rate.room_type for rate in rates})
    alike = [choice for kind in kinds if (choice := _covering([rate for rate in rates if rate.room_type == kind], search))]
    mixed = None if alike else _covering(rates, search)
    return [mixed] if mixed else alike


def _covering(rates: Sequence[_Priced], search: Search) -> list[_Priced] | None:
    """The cheapest rate for each occupancy asked; None when one is missing or there are too few rooms of a type."""
    chosen: list[_Priced] = []
    for wanted in search.occupancies:
        fitting = [rate for rate in rates if _sleeps(rate.rate.occupancy, wanted)]
        if not fitting:
            return None
        best = min(fitting, key=lambda rate: (rate.rate.total, rate.rate.key))
        chosen.append(replace(best, rate=replace(best.rate, occupancy=wanted)))
    for kind in {rate.room_type for rate in chosen}:
        of_kind = [rate for rate in chosen if rate.room_type == kind]
        if sum(rate.rate.occupancy.rooms for rate in of_kind) > min(rate.allotment for rate in of_kind):
            return None
    return chosen


def _sleeps(offered: Occupancy, wanted: Occupancy) -> bool:
    same = (offered.rooms, offered.adults, len(offered.child_ages)) == (wanted.rooms, wanted.adults, len(wanted.child_ages))
    ages_told = any(age >= 0 for age in offered.child_ages)
    return same and (not ages_told or sorted(offered.child_ages) == sorted(wanted.child_ages))


def _priced(hotel: Object, room: Object, rate: Object) -> _Priced:
    currency = text(hotel, "currency")
    children = integer(rate, "children", 0)
    told = [int(age) for age in re.findall(r"\d+", text_or_none(rate, "childrenAges") or "")][:children]
    ages = tuple(told) if len(told) == children else (-1,) * children
    occupancy = Occupancy(integer(rate, "rooms", 1), integer(rate, "adults"), ages)
    return _Priced(
        room_type=text(room, "code"),
        room_name=text_or_none(room, "name") or text(room, "code"),
        board=text(rate, "boardCode"),
        rate=Rate(text(rate, "rateKey"), RateKind(text(rate, "rateType")), occupancy, Money(decimal(rate, "net"), currency)),
        allotment=integer(rate, "allotment", 0),
        charges=_charges(rate, currency),
    )


def _charges(rate: Object, currency: str) -> tuple[CancellationCharge, ...]:
    return tuple(
        CancellationCharge(instant(policy, "from"), Money(decimal(policy, "amount"), currency))
        for policy in items(rate, "cancellationPolicies")
        if text_or_none(policy, "amount") and text_or_none(policy, "from")
    )


def _offer(hotel: Object, chosen: Sequence[_Priced], search: Search) -> Offer:
    code = integer(hotel, "code")
    kinds = sorted({rate.room_type for rate in chosen})
    room_type, board = "+".join(kinds), chosen[0].board
    total = _sum(rate.rate.total for rate in chosen)
    location = Point(number(hotel, "latitude"), number(hotel, "longitude"))
    stay = f"{search.check_in:%Y%m%d}|{search.nights}"
    return Offer(
        urn=Urn.of("offer", re.sub(r"[^A-Za-z0-9@._~|+\-]", "~", f"{code}|{room_type}|{board}|{stay}")[:120], VENDOR),
        hotel=Urn.of("hotel", str(code), VENDOR),
        name=text(hotel, "name"),
        stars=_stars(hotel),
        address="",
        location=location,
        distance_km=round(search.near.km_to(location), 3),
        room_type=room_type,
        room_name=" + ".join(sorted({rate.room_name for rate in chosen})),
        board=board,
        check_in=search.check_in,
        check_out=search.check_out,
        nightly=_nightly(total, search.rooms, search.nights),
        total=total,
        allotment=min(rate.allotment for rate in chosen),
        rates=tuple(rate.rate for rate in chosen),
        cancellation=tuple(charge for rate in chosen for charge in rate.charges),
    )


def _sum(amounts: Iterable[Money]) -> Money:
    first, *rest = amounts
    for amount in rest:
        first = first + amount
    return first


def _nightly(total: Money, rooms: int, nights: int) -> Money:
    return Money((total.amount / (rooms * nights)).quantize(_CENT, ROUND_HALF_UP), total.currency)


def _stars(hotel: Object) -> int:
    """Their category codes begin with the stars (4EST, 4LUX); others, such as hostels, have none."""
    leading = re.match(r"([1-5])", text_or_none(hotel, "categoryCode") or "")
    return int(leading.group(1)) if leading else 0


def checked(answer: object, offer: Offer) -> Offer:
    """The offer with the prices, keys and terms of a checkrates answer, whose rates come in the order they were asked."""
    told = an_object(answer)
    hotel = inner(told, "hotels" if "hotels" in told else "hotel")  # their document says the one, their SDK reads the other
    fresh = [_priced(hotel, room, rate) for room in items(hotel, "rooms") for rate in items(room, "rates")]
    if len(fresh) != len(offer.rates):
        raise Unintelligible(f"{len(fresh)} rates for {len(offer.rates)} asked")
    rates = tuple(replace(now.rate, occupancy=was.occupancy) for now, was in zip(fresh, offer.rates, strict=True))
    total = _sum(rate.total for rate in rates)
    if total.currency != offer.total.currency:
        raise Unintelligible("currency is not the one that was offered")
    left = [rate.allotment for rate in fresh if rate.allotment]  # checkrates may leave it out
    return replace(
        offer,
        rates=rates,
        total=total,
        nightly=_nightly(total, offer.rooms, (offer.check_out - offer.check_in).days),
        allotment=min(left) if left else offer.allotment,
        cancellation=tuple(charge for rate in fresh for charge in rate.charges),
    )


def with_rates(offer: Offer, rates: Sequence[Rate]) -> Offer:
    """The part of the offer that these rates are."""
    total = _sum(rate.total for rate in rates)
    rooms = sum(rate.occupancy.rooms for rate in rates)
    return replace(offer, rates=tuple(rates), total=total, nightly=_nightly(total, rooms, (offer.check_out - offer.check_in).days))


def together(offer: Offer, parts: Sequence[Offer]) -> Offer:
    """The whole offer again from its freshly checked parts."""
    whole = with_rates(offer, [rate for part in parts for rate in part.rates])
    charges = tuple(charge for part in parts for charge in part.cancellation)
    return replace(whole, allotment=min(part.allotment for part in parts), cancellation=charges)


def confirmation(booking: Object) -> Confirmation:
    """Of a booking as create, list, detail and cancel all write it; the list leaves some fields out."""
    hotel = inner(booking, "hotel")
    currency = text_or_none(booking, "currency") or text(hotel, "currency")
    source = booking if text_or_none(booking, "totalNet") else hotel
    return Confirmation(
        reference=text(booking, "reference"),
        client_reference=text_or_none(booking, "clientReference") or "",
        status=_status(booking),
        hotel=Urn.of("hotel", str(integer(hotel, "code")), VENDOR),
        check_in=day(hotel, "checkIn"),
        check_out=day(hotel, "checkOut"),
        rooms=_rooms(hotel),
        total=Money(decimal(source, "totalNet"), currency),
    )


def _rooms(hotel: Object) -> int:
    """Each of their room records is one room; a rate's count wins where they fold several into one record."""
    return sum(max([1, *(integer(rate, "rooms", 1) for rate in items(room, "rates"))]) for room in items(hotel, "rooms"))


def _status(booking: Object) -> BookingStatus:
    try:
        return BookingStatus(text(booking, "status"))
    except ValueError:
        raise Unintelligible("status is neither CONFIRMED nor CANCELLED") from None


def cancellation_charge(booking: Object) -> Money | None:
    hotel = inner_or_empty(booking, "hotel")
    currency = text_or_none(hotel, "currency") or text_or_none(booking, "currency")
    if currency is None or text_or_none(hotel, "cancellationAmount") is None:
        return None
    return Money(decimal(hotel, "cancellationAmount"), currency)


def descriptions(answer: object) -> dict[str, Description]:
    """By hotel code."""
    return {str(integer(hotel, "code")): _description(hotel) for hotel in listed(an_object(answer), "hotels")}


def _description(hotel: Object) -> Description:
    street, city = _content(hotel, "address"), _content(hotel, "city")
    phones = {text_or_none(phone, "phoneType"): text_or_none(phone, "phoneNumber") for phone in items(hotel, "phones")}
    facilities = [(integer(item, "facilityGroupCode", 0), integer(item, "facilityCode", 0)) for item in items(hotel, "facilities")]
    return Description(
        address=", ".join(part for part in (street, city, text_or_none(hotel, "postalCode")) if part),
        phone=phones.get("PHONEHOTEL") or next((phone for phone in phones.values() if phone), None),
        amenities=tuple(sorted({_FACILITIES[code] for code in facilities if code in _FACILITIES})),
        chain=text_or_none(hotel, "chainCode"),
    )


def _content(hotel: Object, name: str) -> str | None:
    """Their texts are wrapped: {"content": ".."}."""
    return text_or_none(inner_or_empty(hotel, name), "content") or text_or_none(hotel, name)


def described(offer: Offer, known: Mapping[str, Description]) -> Offer:
    about = known.get(offer.hotel.id)
    if about is None:
        return offer
    return replace(offer, address=about.address, phone=about.phone, amenities=about.amenities, chain=about.chain)
