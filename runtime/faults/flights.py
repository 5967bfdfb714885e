"""Small flights for made-up disruptions: `a_party()`, `a_flight()`; say only what your story is about."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapters.custom_pss import VENDOR
from domains.airline.model import Contact, Manifest, ManifestEntry, NextFlight, Tier, Traveller, TravellerKind
from kernel import clock
from kernel.urn import Urn

ZONE: Final = "America/New_York"
_AGES: Final = {TravellerKind.ADULT: None, TravellerKind.CHILD: 7}
_count = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Flight:
    """A cancelled flight as its airline tells of it."""

    tenant: str
    manifest: Manifest

    def push(self, **changes: Any) -> dict[str, Any]:
        """The body of the push."""
        manifest = self.manifest
        body = {
            "externalEventId": f"{manifest.flight.id}-cancelled",
            "flight": str(manifest.flight),
            "airport": manifest.origin,
            "destination": manifest.destination,
            "scheduledDeparture": manifest.departure.isoformat(),
            "cause": "blizzard",
        }
        return {**body, **changes}


def today_at(hour: int, days: int = 0) -> datetime:
    """That hour in New York, today or so many days later."""
    here = clock.now().astimezone(ZoneInfo(ZONE)).date() + timedelta(days=days)
    return datetime.combine(here, time(hour), ZoneInfo(ZONE))


def a_party(
    adults: int = 1, children: int = 0, *, nights: int = 1, number: int | None = None, family: str = "Moreau", **changes: Any
) -> ManifestEntry:
    """One PNR with a telephone number of its own, and a family name that ends in its number, in letters. `nights` 0 goes on today."""
    number = next(_count) if number is None else number
    name = f"{family}{spelled(number)}"
    kinds = [TravellerKind.ADULT] * adults + [TravellerKind.CHILD] * children
    travellers = tuple(
        Traveller(Urn.of("passenger", f"p{number}-{place}", VENDOR), "Ana", name, kind, Tier.ECONOMY, age=_AGES[kind])
        for place, kind in enumerate(kinds)
    )
    onward = NextFlight(Urn.of("flight", f"NX{number}@20990101", VENDOR), today_at(23 if nights == 0 else 10, nights), "JFK", "BOS", ZONE)
    phone = f"+1{200 + number // 10_000}55{number % 10_000:05d}"
    entry = ManifestEntry(Urn.of("pnr", f"N{number:05d}", VENDOR), travellers, Contact(phone, None, "en"), onward)
    return replace(entry, **changes)


def spelled(number: int) -> str:
    """A number in letters; another one for every number."""
    letters = ""
    while number:
        number, rest = divmod(number, 26)
        letters = "abcdefghijklmnopqrstuvwxyz"[rest] + letters
    return letters


def a_flight(tenant: str, parties: Sequence[ManifestEntry], *, airport: str = "JFK", number: int | None = None) -> Flight:
    """A flight of today that will not go."""
    number, departs = next(_count) if number is None else number, today_at(14)
    flight = Urn.of("flight", f"{tenant.upper()}{number}@{departs:%Y%m%d}", VENDOR)
    return Flight(tenant, Manifest(flight, airport, "BOS", departs, ZONE, tuple(parties)))
