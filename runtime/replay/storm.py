"""The storm as manifests: who sat on each cancelled flight, and on which later flight the airline put them.

Deterministic: the same slice and the same day give the same people, PNR by PNR. The next flight of a party is the first of the
same carrier to the same destination with enough seats left after everybody re-seated before it, from the same airport if one goes
within a day, else from any of the three; where none is left in the slice the airline has not re-seated them yet.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from adapters.custom_pss import VENDOR
from domains.airline.model import Contact, Manifest, ManifestEntry, Need, NextFlight, Tier, Traveller, TravellerKind
from kernel import clock
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.replay.people import FAMILY_NAMES, GIVEN_NAMES, LANGUAGES

DATA = Path(__file__).parent / "data"
ZONE = ZoneInfo("America/New_York")
STORM_DAY = date(2013, 2, 8)
FIRST_HOUR = 12  # the default slice starts at noon of the 8th, when the cancellations set in
LOAD_FACTOR = 0.80  # system-wide load factor of US carriers in February 2013, rounded
PARTY_SIZES = ((1, 0.52), (2, 0.27), (3, 0.09), (4, 0.08), (5, 0.03), (6, 0.01))  # mean 1.9
SEED = 20130208
LONGEST_WAIT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Departure:
    """One scheduled flight of the slice, its dates already shifted."""

    carrier: str
    number: str
    origin: str
    destination: str
    departs: datetime
    seats: int
    cancelled: bool

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.carrier.lower())

    @property
    def urn(self) -> Urn:
        return Urn.of("flight", f"{self.carrier}{self.number}@{self.departs:%Y%m%d}", VENDOR)


class Storm:
    """`today` is the day that 8 February 2013 becomes."""

    def __init__(self, today: date | None = None) -> None:
        self.today = today or clock.now().astimezone(ZONE).date()
        self._departures = list(_departures(self.today))

    @property
    def label(self) -> str:
        return f"blizzard of {STORM_DAY:%-d %B %Y}, played on {self.today:%-d %B %Y}"

    @cached_property
    def airlines(self) -> dict[Tenant, str]:
        with (DATA / "airlines.csv").open(newline="") as file:
            return {Tenant(row["carrier"].lower()): row["name"] for row in csv.DictReader(file)}

    @cached_property
    def cancellations(self) -> list[Departure]:
        """From noon of the first day on, in the order of their scheduled departures."""
        start = datetime(self.today.year, self.today.month, self.today.day, FIRST_HOUR, tzinfo=ZONE)
        return [departure for departure in self._departures if departure.cancelled and departure.departs >= start]

    def manifests(self, flights: int) -> Iterator[tuple[Departure, Manifest]]:
        """The first `flights` cancellations with their manifests; re-seating queues as in the real closure."""
        seats_left = _SeatsLeft(self._departures)
        for departure in self.cancellations[:flights]:
            yield departure, _manifest(departure, (departure.departs.date() - self.today).days, seats_left)


class _SeatsLeft:
    """The empty seats of the flights that flew, taken first come, first served."""

    def __init__(self, departures: list[Departure]) -> None:
        self._flying: dict[tuple[str, str], list[Departure]] = defaultdict(list)
        self._left: dict[Departure, int] = {}
        for departure in departures:
            if not departure.cancelled:
                self._flying[departure.carrier, departure.destination].append(departure)
                self._left[departure] = departure.seats - round(departure.seats * LOAD_FACTOR)

    def take(self, after: Departure, count: int) -> Departure | None:
        later = [flight for flight in self._flying[after.carrier, after.destination] if flight.departs > after.departs]
        here = [flight for flight in later if flight.origin == after.origin and flight.departs <= after.departs + LONGEST_WAIT]
        for flight in (*here, *later):
            if self._left[flight] >= count:
                self._left[flight] -= count
                return flight
        return None


def _manifest(departure: Departure, day_of_storm: int, seats_left: _SeatsLeft) -> Manifest:
    chance = random.Random(f"{SEED}:{departure.carrier}{departure.number}:{departure.origin}:{day_of_storm}")
    aboard = round(departure.seats * LOAD_FACTOR)
    entries: list[ManifestEntry] = []
    while aboard > 0:
        size = min(aboard, chance.choices([n for n, _ in PARTY_SIZES], [share for _, share in PARTY_SIZES])[0])
        aboard -= size
        entries.append(_entry(departure, len(entries), size, chance, seats_left))
    return Manifest(departure.urn, departure.origin, departure.destination, departure.departs, ZONE.key, tuple(entries))


def _entry(departure: Departure, index: int, size: int, chance: random.Random, seats_left: _SeatsLeft) -> ManifestEntry:
    tier = chance.choices([Tier.ECONOMY, Tier.PREMIUM_ECONOMY, Tier.BUSINESS, Tier.FIRST], [0.84, 0.07, 0.07, 0.02])[0]
    mixed = size > 1 and chance.random() < 0.01
    alone = size == 1 and chance.random() < 0.006
    family = chance.choice(FAMILY_NAMES)
    travellers = tuple(_traveller(departure, index, place, size, family, tier, mixed, alone, chance) for place in range(size))
    seated = sum(traveller.kind is not TravellerKind.INFANT for traveller in travellers)
    flight = seats_left.take(departure, seated)
    onward = NextFlight(flight.urn, flight.departs, flight.origin, flight.destination, ZONE.key) if flight else None
    pnr = Urn.of("pnr", _locator(chance), VENDOR)
    return ManifestEntry(pnr, travellers, _contact(travellers[0], departure, index, chance), onward)


def _traveller(
    departure: Departure, index: int, place: int, size: int, family: str, tier: Tier, mixed: bool, alone: bool, chance: random.Random
) -> Traveller:
    kind, age = TravellerKind.ADULT, None
    if alone or (size >= 3 and place >= 2 and chance.random() < 0.7):
        infant = not alone and place == size - 1 and chance.random() < 0.15
        kind, age = (TravellerKind.INFANT, 1) if infant else (TravellerKind.CHILD, chance.randint(5 if alone else 2, 11))
    needs = {Need.UMNR} if alone else {Need.WCHR} if chance.random() < 0.012 else {Need.MEDA} if chance.random() < 0.003 else set()
    urn = Urn.of("passenger", f"{departure.carrier}{departure.number}-{departure.departs:%Y%m%d}-{index}-{place}", departure.tenant)
    own_tier = Tier.FIRST if mixed and place == 0 and tier is not Tier.FIRST else Tier.BUSINESS if mixed and place == 0 else tier
    return Traveller(urn, chance.choice(GIVEN_NAMES), family, kind, own_tier, frozenset(needs), age)


def _contact(lead: Traveller, departure: Departure, index: int, chance: random.Random) -> Contact:
    """About one party in fifty left neither phone nor mail with the airline. Numbers are from the range reserved for fiction."""
    language = chance.choices([code for code, _ in LANGUAGES], [share for _, share in LANGUAGES])[0]
    if chance.random() < 0.02:
        return Contact(None, None, language)
    area = 200 + (hash_of(departure.carrier + departure.number) + index // 100) % 700
    phone = f"+1{area}55501{index % 100:02d}"
    email = f"{lead.given_name}.{lead.family_name}.{index}@passengers.example".lower() if chance.random() < 0.8 else None
    return Contact(phone, email, language)


def hash_of(text: str) -> int:
    """Stable between processes, unlike `hash`."""
    return sum(ord(letter) * 31**place for place, letter in enumerate(text))


def _locator(chance: random.Random) -> str:
    return "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=6))


def _departures(today: date) -> Iterator[Departure]:
    with (DATA / "flights.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            day = today + timedelta(days=int(row["day"]) - STORM_DAY.day)
            hour, minute = int(row["scheduled"][:2]), int(row["scheduled"][2:])
            departs = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)
            yield Departure(row["carrier"], row["flight"], row["origin"], row["dest"], departs, int(row["seats"]), row["cancelled"] == "1")
