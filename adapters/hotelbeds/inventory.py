"""The sandbox's hotels: invented, the same for the same seed, around real airports; some are large, some have three rooms."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from domains.booking.airports import Airport, airports

HOTELS_AN_AIRPORT: Final = 32
_SMALL: Final = 8  # of those, with 3 to 20 rooms: they fill up first and make bookings fall back
_FARTHEST_KM: Final = 14.5
_KM_A_DEGREE: Final = 111.2
_STARS: Final = (2, 2, 3, 3, 3, 3, 4, 4, 4, 5)
_PRICES: Final = {2: (74, 109), 3: (94, 149), 4: (134, 219), 5: (239, 389)}
_FIRST: Final = (
    "Harbor",
    "Meridian",
    "Runway",
    "Skyline",
    "Garden",
    "Liberty",
    "Bayview",
    "Northern",
    "Union",
    "Beacon",
    "Maple",
    "Atlantic",
)
_SECOND: Final = ("Inn", "Suites", "Hotel", "Lodge", "Plaza", "House", "Court", "Residence")
_STREETS: Final = ("Conduit Ave", "Rockaway Blvd", "Astoria Blvd", "Ditmars Blvd", "Frelinghuysen Ave", "Spring St", "Route 1-9", "Main St")
_CHAINS: Final = ("ZZA", "ZZB", "ZZC", None)
_FACILITIES: Final = ((70, 550), (71, 200), (70, 320), (70, 295), (72, 600))


@dataclass(frozen=True, slots=True)
class RoomType:
    """`sleeps` counts adults and children together."""

    code: str
    name: str
    adults: int
    sleeps: int
    factor: Decimal


STANDARD: Final = RoomType("DBL.ST", "Double standard", 2, 3, Decimal("1.00"))
SUPERIOR: Final = RoomType("DBL.SU", "Double superior", 2, 3, Decimal("1.22"))
FAMILY: Final = RoomType("FAM.ST", "Family standard", 4, 5, Decimal("1.45"))
ROOM_TYPES: Final = {kind.code: kind for kind in (STANDARD, SUPERIOR, FAMILY)}


@dataclass(frozen=True, slots=True)
class Hotel:
    """`rooms` are by room type, for every night alike; `price` is of a standard room on a weekday, in dollars."""

    code: int
    name: str
    airport: str
    stars: int
    latitude: float
    longitude: float
    address: str
    postal_code: str
    phone: str
    chain: str | None
    facilities: tuple[tuple[int, int], ...]
    board: str
    recheck: bool
    price: Decimal
    rooms: dict[str, int]

    def night(self, kind: RoomType, night: date) -> Decimal:
        """The price of one room of this type for one night; weekends cost less near airports."""
        weekend = Decimal("0.92") if night.weekday() >= 5 else Decimal(1)
        return (self.price * kind.factor * weekend).quantize(Decimal("0.01"))


def hotels(seed: int = 2013) -> dict[int, Hotel]:
    """By Hotelbeds code."""
    return {
        hotel.code: hotel for place, airport in enumerate(airports().values()) for hotel in _around(airport, 900_000 + place * 1_000, seed)
    }


def _around(airport: Airport, first: int, seed: int) -> Iterator[Hotel]:
    for number in range(HOTELS_AN_AIRPORT):
        dice = random.Random(f"{seed}/{airport.code}/{number}")
        small = number % (HOTELS_AN_AIRPORT // _SMALL) == 0
        yield _hotel(airport, first + number, dice, small)


def _hotel(airport: Airport, code: int, dice: random.Random, small: bool) -> Hotel:
    stars = dice.choice(_STARS)
    latitude, longitude = _somewhere(airport, dice)
    low, high = _PRICES[stars]
    return Hotel(
        code=code,
        name=f"{dice.choice(_FIRST)} {dice.choice(_SECOND)} {airport.code} {code % 1000:02d}",
        airport=airport.code,
        stars=stars,
        latitude=latitude,
        longitude=longitude,
        address=f"{dice.randint(10, 999)} {dice.choice(_STREETS)}",
        postal_code=f"{11400 + dice.randint(10, 99)}",
        phone=f"+1212555{dice.randint(100, 199):04d}",
        chain=dice.choice(_CHAINS),
        facilities=tuple(facility for facility in _FACILITIES if dice.random() < 0.6),
        board=dice.choice(("RO", "RO", "BB")),
        recheck=dice.random() < 0.2,
        price=Decimal(dice.randint(low, high)),
        rooms=_small_house(dice) if small else _large_house(dice),
    )


def _small_house(dice: random.Random) -> dict[str, int]:
    return {STANDARD.code: dice.randint(3, 20)}


def _large_house(dice: random.Random) -> dict[str, int]:
    size = dice.randint(70, 150)
    return {STANDARD.code: size * 6 // 10, SUPERIOR.code: size * 2 // 10, FAMILY.code: size * 2 // 10}


def _somewhere(airport: Airport, dice: random.Random) -> tuple[float, float]:
    """Mostly near: the square of a uniform draw, not closer than half a kilometre."""
    distance = 0.5 + (_FARTHEST_KM - 0.5) * dice.random() ** 2
    bearing = dice.random() * 2 * math.pi
    north, east = distance * math.cos(bearing), distance * math.sin(bearing)
    longitude = airport.position.longitude + east / (_KM_A_DEGREE * math.cos(math.radians(airport.position.latitude)))
    return round(airport.position.latitude + north / _KM_A_DEGREE, 5), round(longitude, 5)
