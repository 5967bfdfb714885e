"""Amadeus flight orders into the airline's words; pure.

Clocks are the airports' own and carry no offset. A segment without a booking status stands as it was booked: their own example has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from adapters.amadeus_pss import VENDOR
from domains.airline.itinerary import Leg, flight_id, reseated
from domains.airline.model import Contact, ManifestEntry, NextFlight, Tier, Traveller, TravellerKind
from domains.booking.airports import airports
from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply, Unintelligible
from kernel.partner import declined, unauthorized
from kernel.urn import Urn, UrnError
from kernel.wire import Object, an_object, day, inner, inner_or_empty, integer, items, text, text_or_none

_KINDS: Final = {
    "ADULT": TravellerKind.ADULT,
    "SENIOR": TravellerKind.ADULT,
    "YOUNG": TravellerKind.ADULT,
    "STUDENT": TravellerKind.ADULT,
    "CHILD": TravellerKind.CHILD,
    "HELD_INFANT": TravellerKind.INFANT,
    "SEATED_INFANT": TravellerKind.INFANT,
}
_NO_SEAT: Final = frozenset({"PASSIVE", "GHOST"})
_REFUSALS: Final = {"PNR_NOT_FOUND": "Amadeus knows no such order", "ORDER_ID_INVALID": "this is no order's id"}
_E164: Final = re.compile(r"\+[1-9]\d{6,14}")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,250}")
_AIRPORT: Final = re.compile(r"[A-Z]{3}")
_FROM_URL: Final = str.maketrans("-_", "+/")
_TO_URL: Final = str.maketrans("+/", "-_")
NOT_ON_FLIGHT: Final = Declined("PNR_NOT_FOUND", "Amadeus knows no such booking on this flight")


def order_id(pnr: Urn) -> str:
    """Their id of the order that a PNR's URN names."""
    return pnr.id.translate(_FROM_URL) + "=" * (-len(pnr.id) % 4)


def pnr_of(order: str) -> Urn:
    """The URN of the PNR that an order is. Raises: UrnError."""
    return Urn.of("pnr", order.rstrip("=").translate(_TO_URL), VENDOR)


def order(reply: Reply) -> Object:
    """Raises: Unintelligible."""
    return inner(an_object(reply.json()), "data")


def entry(order: Object, flight: Urn, pnr: Urn) -> ManifestEntry | Declined:
    """Whoever of the order sits on the flight. Raises: Unintelligible."""
    segments = _segments(order, pnr)
    found = _on(segments, flight)
    if found is None:
        return NOT_ON_FLIGHT
    after = next_flight(order, flight, pnr)
    if isinstance(after, Declined):
        return after
    seats = _seats(order, text(segments[found], "id"))
    people = tuple(_traveller(told, seats[text(told, "id")], pnr, found) for told in items(order, "travelers") if text(told, "id") in seats)
    if not people:
        raise Unintelligible("a PNR has no passengers")
    return ManifestEntry(pnr, people, _contact(order), after)


def next_flight(order: Object, flight: Urn, pnr: Urn) -> NextFlight | Declined | None:
    """Where the order was re-seated. Raises: Unintelligible."""
    segments = _segments(order, pnr)
    found = _on(segments, flight)
    if found is None:
        return NOT_ON_FLIGHT
    leg = reseated(segments, found)
    if leg is None:
        return None
    airport = airports().get(leg.origin)
    if airport is None:
        return Declined("AIRPORT_UNKNOWN", f"the next flight leaves from {leg.origin}, whose time zone is not known here")
    return leg.leaving(airport.zone)


def _segments(order: Object, pnr: Urn) -> dict[Leg, Object]:
    told = text_or_none(order, "id")
    if told is not None and told != order_id(pnr):
        raise Unintelligible("the answer is about another order")
    offers = items(order, "flightOffers")
    if not offers:
        raise Unintelligible("flightOffers is missing")
    itineraries = [itinerary for offer in offers for itinerary in items(offer, "itineraries")]
    return {_leg(segment): segment for itinerary in itineraries for segment in items(itinerary, "segments")}


def _on(segments: Iterable[Leg], flight: Urn) -> Leg | None:
    return next((leg for leg in segments if leg.is_(flight)), None)


def _leg(segment: Object) -> Leg:
    """The operating carrier's number is not told, so a flight is known by the one that was sold."""
    departure, arrival = inner(segment, "departure"), inner(segment, "arrival")
    leaves = _clock(departure)
    return Leg(
        flight=_urn("flight", flight_id(text(segment, "carrierCode"), text(segment, "number"), leaves)),
        origin=_airport(departure),
        destination=_airport(arrival),
        leaves=leaves,
        confirmed=_stands(segment),
    )


def _stands(segment: Object) -> bool:
    status, kind = text_or_none(segment, "bookingStatus"), text_or_none(segment, "segmentType")
    return status in (None, "CONFIRMED") and kind not in _NO_SEAT and segment.get("isFlown") is not True


def _clock(end: Object) -> datetime:
    try:
        return datetime.fromisoformat(text(end, "at")).replace(tzinfo=None)
    except ValueError:
        raise Unintelligible("at is not a day and time") from None


def _seats(order: Object, segment: str) -> dict[str, tuple[TravellerKind, Tier]]:
    """Who sits on the segment, as what and in which cabin, by traveler."""
    seats = {}
    for pricing in [pricing for offer in items(order, "flightOffers") for pricing in items(offer, "travelerPricings")]:
        for fare in items(pricing, "fareDetailsBySegment"):
            if text(fare, "segmentId") == segment:
                seats[text(pricing, "travelerId")] = _kind(text(pricing, "travelerType")), _tier(text(fare, "cabin"))
    return seats


def _traveller(told: Object, seat: tuple[TravellerKind, Tier], pnr: Urn, leg: Leg) -> Traveller:
    name, (kind, tier) = inner(told, "name"), seat
    born = day(told, "dateOfBirth") if kind is TravellerKind.CHILD and text_or_none(told, "dateOfBirth") else None
    return Traveller(
        urn=_urn("passenger", f"{pnr.id}-{text(told, 'id')}"),
        given_name=text_or_none(name, "firstName") or "",
        family_name=text(name, "lastName"),
        kind=kind,
        tier=tier,
        age=_years(born, leg.leaves.date()) if born else None,
    )


def _years(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def _contact(order: Object) -> Contact:
    """Travelers' own before the order's: those are often an agency's. What cannot be right is no contact."""
    told = [inner_or_empty(traveler, "contact") for traveler in items(order, "travelers")] + items(order, "contacts")
    numbers = [_number(phone) for contact in told for phone in items(contact, "phones") if text_or_none(phone, "deviceType") != "FAX"]
    addresses = [text_or_none(contact, "emailAddress") or "" for contact in told]
    return Contact(
        phone=next((number for number in numbers if _E164.fullmatch(number)), None),
        email=next((address for address in addresses if _EMAIL.fullmatch(address)), None),
    )


def _number(phone: Object) -> str:
    """In E.164; empty without the country's code: what is left would be somebody else's number."""
    code, number = text_or_none(phone, "countryCallingCode"), text_or_none(phone, "number")
    return f"+{code.lstrip('+')}{number}" if code and number else ""


def _kind(word: str) -> TravellerKind:
    if word not in _KINDS:
        raise Unintelligible("travelerType is not a kind of traveler")
    return _KINDS[word]


def _tier(word: str) -> Tier:
    if word not in Tier.__members__:
        raise Unintelligible("cabin is not a cabin")
    return Tier(word)


def _airport(end: Object) -> str:
    code = text(end, "iataCode")
    if not _AIRPORT.fullmatch(code):
        raise Unintelligible("iataCode is not an airport code")
    return code


def _urn(kind: str, id: str) -> Urn:
    try:
        return Urn.of(kind, id, VENDOR)
    except UrnError:
        raise Unintelligible(f"a {kind} has an impossible id") from None


_NO_ORDER: Final = 1797
_BAD_ID: Final = frozenset({477, 4926, 32171})
_THE_CREDENTIAL: Final = frozenset({38190, 38191, 38192, 38193, 39683, 39686, 38197})


def refusal(reply: Reply) -> Declined | NotSent | Unknown:
    """The meaning of a reply that is not 2xx, by the first error's code; codes come as numbers and, once, as text."""
    try:
        errors = items(an_object(reply.json()), "errors")
        code = integer(errors[0], "code") if errors else 0
    except Unintelligible:
        return Unknown(f"status {reply.status}")
    if code in _THE_CREDENTIAL:
        return unauthorized()
    if reply.status == 404 and code == _NO_ORDER:
        return declined("Amadeus", "PNR_NOT_FOUND", _REFUSALS)
    if reply.status == 400 and code in _BAD_ID:
        return declined("Amadeus", "ORDER_ID_INVALID", _REFUSALS)
    return Unknown(f"status {reply.status}, code {code}")
