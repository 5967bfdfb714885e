"""The neutral PSS contract into the airline's words and back; pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from adapters.custom_pss import VENDOR
from adapters.custom_pss.wire import Booking, Flight, Next, Passenger
from domains.airline.model import Contact, Manifest, ManifestEntry, Need, NextFlight, Tier, Traveller, TravellerKind
from kernel.http import Unintelligible
from kernel.urn import Urn, UrnError
from kernel.wire import Object, an_object, instant, integer, items, text, text_or_none

_E164: Final = re.compile(r"\+[1-9]\d{6,14}")
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,250}")
_AIRPORT: Final = re.compile(r"[A-Z]{3}")


def manifest(answer: object, flight: Urn) -> Manifest:
    """Raises: Unintelligible, also when the answer is about another flight: a PNR must not be lost or invented quietly."""
    told = an_object(answer)
    if text(told, "flight") != flight.id:
        raise Unintelligible("the manifest is of another flight")
    if "bookings" not in told:
        raise Unintelligible("bookings is missing")
    return Manifest(
        flight=flight.bare,
        origin=_airport(told, "origin"),
        destination=_airport(told, "destination"),
        departure=instant(told, "departure"),
        zone=_zone(told),
        entries=_each_once([_entry(booking, flight) for booking in items(told, "bookings")]),
    )


def next_flight(answer: object, flight: Urn) -> NextFlight | None:
    told = an_object(answer)
    if "next" not in told:
        raise Unintelligible("next is missing")
    return _next(told, flight)


def _each_once(entries: list[ManifestEntry]) -> tuple[ManifestEntry, ...]:
    """A PSS that lists a divided PNR in parts gets it put together again."""
    known: dict[Urn, ManifestEntry] = {}
    for entry in entries:
        before = known.get(entry.pnr)
        if before is not None:
            there = {traveller.urn for traveller in before.travellers}
            entry = replace(before, travellers=before.travellers + tuple(t for t in entry.travellers if t.urn not in there))
        known[entry.pnr] = entry
    return tuple(known.values())


def _entry(booking: Object, flight: Urn) -> ManifestEntry:
    travellers = tuple(_traveller(passenger) for passenger in items(booking, "passengers"))
    if not travellers:
        raise Unintelligible("a PNR has no passengers")
    return ManifestEntry(_urn("pnr", text(booking, "pnr")), travellers, _contact(booking), _next(booking, flight))


def _traveller(passenger: Object) -> Traveller:
    return Traveller(
        urn=_urn("passenger", text(passenger, "id")),
        given_name=text_or_none(passenger, "given") or "",
        family_name=text(passenger, "family"),
        kind=_kind(text(passenger, "kind")),
        tier=_tier(text(passenger, "tier")),
        needs=frozenset(Need(code) for code in passenger.get("needs") or [] if code in Need.__members__),
        age=integer(passenger, "age") if text_or_none(passenger, "age") else None,
    )


def _contact(booking: Object) -> Contact:
    """A number or address that cannot be right is no contact: somebody has to be reached by it."""
    phone, email = text_or_none(booking, "phone"), text_or_none(booking, "email")
    return Contact(
        phone=phone if phone and _E164.fullmatch(phone) else None,
        email=email if email and _EMAIL.fullmatch(email) else None,
        language=text_or_none(booking, "language") or "en",
    )


def _next(booking: Object, flight: Urn) -> NextFlight | None:
    if booking.get("next") is None:
        return None
    told = an_object(booking["next"], "next")
    return NextFlight(
        flight=_urn("flight", text(told, "flight"), flight.vendor or VENDOR),
        departure=instant(told, "departure"),
        origin=_airport(told, "origin"),
        destination=_airport(told, "destination"),
        zone=_zone(told),
    )


def _kind(word: str) -> TravellerKind:
    try:
        return TravellerKind(word)
    except ValueError:
        raise Unintelligible("kind is not a kind of traveller") from None


def _tier(word: str) -> Tier:
    try:
        return Tier(word)
    except ValueError:
        raise Unintelligible("tier is not a tier") from None


def _airport(told: Object, name: str) -> str:
    code = text(told, name)
    if not _AIRPORT.fullmatch(code):
        raise Unintelligible(f"{name} is not an airport code")
    return code


def _zone(told: Object) -> str:
    name = text(told, "zone")
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise Unintelligible("zone is not a time zone") from None
    return name


def _urn(kind: str, id: str, vendor: str = VENDOR) -> Urn:
    try:
        return Urn.of(kind, id, vendor)
    except UrnError:
        raise Unintelligible(f"a {kind} has an impossible id") from None


def written(manifest: Manifest) -> Flight:
    """The manifest in the contract's own form; what a PSS would say about it."""
    return {
        "flight": manifest.flight.id,
        "origin": manifest.origin,
        "destination": manifest.destination,
        "departure": manifest.departure.isoformat(),
        "zone": manifest.zone,
        "bookings": [_written_entry(entry) for entry in manifest.entries],
    }


def _written_entry(entry: ManifestEntry) -> Booking:
    return {
        "pnr": entry.pnr.id,
        "passengers": [_written_traveller(traveller) for traveller in entry.travellers],
        "phone": entry.contact.phone,
        "email": entry.contact.email,
        "language": entry.contact.language,
        "next": _written_next(entry.next_flight),
    }


def _written_traveller(traveller: Traveller) -> Passenger:
    return {
        "id": traveller.urn.id,
        "given": traveller.given_name,
        "family": traveller.family_name,
        "kind": traveller.kind.value,
        "tier": traveller.tier.value,
        "age": traveller.age,
        "needs": sorted(need.value for need in traveller.needs),
    }


def _written_next(flight: NextFlight | None) -> Next | None:
    if flight is None:
        return None
    return {
        "flight": flight.flight.id,
        "departure": flight.departure.isoformat(),
        "origin": flight.origin,
        "destination": flight.destination,
        "zone": flight.zone,
    }
