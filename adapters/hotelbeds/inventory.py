"""What Hotelbeds' twin sells of the invented houses: some are large, some have three rooms."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from adapters.houses import PRICES, dice_of, house
from domains.booking.airports import Airport, airports

HOTELS_AN_AIRPORT: Final = 32
_SMALL: Final = 8  # of those, with 3 to 20 rooms: they fill up first and make bookings fall back
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
        small = number % (HOTELS_AN_AIRPORT // _SMALL) == 0
        yield _hotel(airport, first, number, small, dice_of(airport, number, seed))


def _hotel(airport: Airport, first: int, number: int, small: bool, dice: random.Random) -> Hotel:
    at = house(airport, number, dice)
    low, high = PRICES[at.stars]
    return Hotel(
        code=first + number,
        name=at.name,
        airport=at.airport,
        stars=at.stars,
        latitude=at.position.latitude,
        longitude=at.position.longitude,
        address=at.address,
        postal_code=at.postal_code,
        phone=at.phone,
        chain=at.chain,
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
