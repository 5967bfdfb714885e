"""Sabre's bookings into the airline's words; pure.

Clocks are the airports' own and carry no offset; places in lists count from 1. The codes of cabins, special services and segment states are
not listed on any stored page (UNCONFIRMED): a cabin that cannot be told breaks the answer, a state other than confirmed is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from adapters.sabre import VENDOR
from adapters.sabre.wire import RETURNED, BookingRQ
from domains.airline.itinerary import Leg, flight_id, reseated
from domains.airline.model import Contact, ManifestEntry, Need, NextFlight, Tier, Traveller, TravellerKind
from domains.booking.airports import airports
from kernel.answer import Declined
from kernel.http import Unintelligible
from kernel.urn import Urn, UrnError
from kernel.wire import Object, inner_or_empty, integer, items, text, text_or_none

_CABINS: Final = {
    "Y": Tier.ECONOMY,
    "S": Tier.PREMIUM_ECONOMY,
    "W": Tier.PREMIUM_ECONOMY,
    "C": Tier.BUSINESS,
    "J": Tier.BUSINESS,
    "F": Tier.FIRST,
    "P": Tier.FIRST,
}
_CABIN_NAMES: Final = (  # the first that occurs in the name
    ("premium", Tier.PREMIUM_ECONOMY),
    ("first", Tier.FIRST),
    ("business", Tier.BUSINESS),
    ("economy", Tier.ECONOMY),
    ("coach", Tier.ECONOMY),
)
_KINDS: Final = {"ADULT": TravellerKind.ADULT, "CHILD": TravellerKind.CHILD, "INFANT": TravellerKind.INFANT}
_CODES: Final = {
    "ADT": TravellerKind.ADULT,
    "CHD": TravellerKind.CHILD,
    "CNN": TravellerKind.CHILD,
    "INF": TravellerKind.INFANT,
    "INS": TravellerKind.INFANT,
}
_CONFIRMED: Final = "HK"
_AGED: Final = re.compile(r"[CI](\d\d)")  # C08: a child of eight
_E164: Final = re.compile(r"\+[1-9]\d{6,14}")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,250}")
_AIRPORT: Final = re.compile(r"[A-Z]{3}")
NOT_ON_FLIGHT: Final = Declined("PNR_NOT_FOUND", "Sabre knows no such booking on this flight")


def request(pnr: Urn) -> BookingRQ:
    return {"confirmationId": pnr.id, "returnOnly": list(RETURNED)}


def entry(booking: Object, flight: Urn, pnr: Urn) -> ManifestEntry | Declined:
    """Whoever of the booking sits on the flight. Raises: Unintelligible."""
    segments = _segments(booking, pnr)
    found = _on(segments, flight)
    if found is None:
        return NOT_ON_FLIGHT
    after = next_flight(booking, flight, pnr)
    if isinstance(after, Declined):
        return after
    listed = items(booking, "travelers")
    places = _places(segments[found], "travelerIndices", len(listed)) or tuple(range(len(listed)))
    if not places:
        raise Unintelligible("a PNR has no passengers")
    tier, needs = _tier(segments[found]), _needs(booking, len(listed))
    people = tuple(_traveller(listed[place], place, pnr, tier, needs.get(place, frozenset())) for place in places)
    return ManifestEntry(pnr, people, _contact(booking, listed[places[0]]), after)


def next_flight(booking: Object, flight: Urn, pnr: Urn) -> NextFlight | Declined | None:
    """Where the booking was re-seated. Raises: Unintelligible."""
    segments = _segments(booking, pnr)
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


def _segments(booking: Object, pnr: Urn) -> dict[Leg, Object]:
    """In their order. A locator that is another's is somebody else's booking; an order's own id is no locator."""
    told = text_or_none(booking, "bookingId")
    if told is not None and len(told) == len(pnr.id) and told != pnr.id:
        raise Unintelligible("the answer is about another booking")
    if "flights" not in booking:
        raise Unintelligible("flights is missing")
    return {_leg(segment): segment for segment in items(booking, "flights")}


def _on(segments: dict[Leg, Object], flight: Urn) -> Leg | None:
    return next((leg for leg in segments if leg.is_(flight)), None)


def _leg(segment: Object) -> Leg:
    leaves = _clock(segment, "departure")
    operating = text_or_none(segment, "operatingAirlineCode")
    number = text_or_none(segment, "operatingFlightNumber")
    return Leg(
        flight=_flight(text(segment, "airlineCode"), str(integer(segment, "flightNumber")), leaves),
        origin=_airport(segment, "fromAirportCode"),
        destination=_airport(segment, "toAirportCode"),
        leaves=leaves,
        confirmed=text(segment, "flightStatusCode") == _CONFIRMED,
        also=_flight(operating, number, leaves) if operating and number else None,
    )


def _flight(carrier: str, number: str, leaves: datetime) -> Urn:
    return _urn("flight", flight_id(carrier, number, leaves))


def _clock(segment: Object, which: str) -> datetime:
    """As published: the scheduled one; a later estimate does not change which flight it is."""
    try:
        return datetime.fromisoformat(f"{text(segment, f'{which}Date')}T{text(segment, f'{which}Time')}").replace(tzinfo=None)
    except ValueError:
        raise Unintelligible(f"{which}Date is not a day, or its time none") from None


def _traveller(told: Object, place: int, pnr: Urn, tier: Tier, needs: frozenset[Need]) -> Traveller:
    code = text_or_none(told, "passengerCode") or ""
    kind = _kind(text_or_none(told, "type"), code)
    aged = _AGED.fullmatch(code)
    return Traveller(
        urn=_urn("passenger", f"{pnr.id}-{text_or_none(told, 'nameAssociationId') or place + 1}"),
        given_name=text_or_none(told, "givenName") or "",
        family_name=text(told, "surname"),
        kind=kind,
        tier=tier,
        needs=needs,
        age=int(aged[1]) if aged and kind is TravellerKind.CHILD else None,
    )


def _kind(word: str | None, code: str) -> TravellerKind:
    known = _KINDS.get(word or "") or _CODES.get(code)
    if known is None and _AGED.fullmatch(code):
        known = TravellerKind.CHILD if code[0] == "C" else TravellerKind.INFANT
    if known is None:
        raise Unintelligible("type is not a kind of traveller")
    return known


def _tier(segment: Object) -> Tier:
    """By the cabin's name where there is one: pages of theirs disagree about the codes."""
    name = (text_or_none(segment, "cabinTypeName") or "").lower()
    named = next((tier for word, tier in _CABIN_NAMES if word in name), None)
    tier = named or _CABINS.get(text_or_none(segment, "cabinTypeCode") or "")
    if tier is None:
        raise Unintelligible("cabinTypeCode is not a cabin")
    return tier


def _needs(booking: Object, travellers: int) -> dict[int, frozenset[Need]]:
    """By traveller; services we do not know are nothing, and one that names nobody is nobody's."""
    known: dict[int, frozenset[Need]] = {}
    for service in items(booking, "specialServices"):
        code = text_or_none(service, "code") or ""
        if code in Need.__members__:
            for place in _places(service, "travelerIndices", travellers):
                known[place] = known.get(place, frozenset()) | {Need(code)}
    return known


def _places(of: Object, name: str, length: int) -> tuple[int, ...]:
    """Theirs count from 1. Raises: Unintelligible for one that is not there."""
    given = of.get(name) or []
    if not isinstance(given, Sequence) or not all(isinstance(place, int) and 1 <= place <= length for place in given):
        raise Unintelligible(f"{name} points at nobody")
    return tuple(place - 1 for place in given)


def _contact(booking: Object, lead: Object) -> Contact:
    """The lead's own before the booking's. A number or address that cannot be right is no contact: somebody has to be reached by it."""
    shared = inner_or_empty(booking, "contactInfo")
    numbers = [text_or_none(phone, "number") for phone in items(lead, "phones")] + _texts(shared, "phones")
    plain = [re.sub(r"[\s().-]", "", number) for number in numbers if number]
    return Contact(
        phone=next((number for number in plain if _E164.fullmatch(number)), None),
        email=next((address for address in _texts(lead, "emails") + _texts(shared, "emails") if _EMAIL.fullmatch(address)), None),
    )


def _texts(of: Object, name: str) -> list[str]:
    value = of.get(name)
    return [each.strip() for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _airport(segment: Object, name: str) -> str:
    code = text(segment, name)
    if not _AIRPORT.fullmatch(code):
        raise Unintelligible(f"{name} is not an airport code")
    return code


def _urn(kind: str, id: str) -> Urn:
    try:
        return Urn.of(kind, id, VENDOR)
    except UrnError:
        raise Unintelligible(f"a {kind} has an impossible id") from None
