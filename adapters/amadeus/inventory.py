"""What Amadeus' twin sells of the invented houses: some that Hotelbeds' twin sells too, and some that only it has; few rooms in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from adapters.houses import PRICES, dice_of, house
from domains.booking.airports import Airport, airports

_FIRST, _LAST = 16, 40  # numbers of its houses; the other twin ends at 32
_AGREED: Final = 0.0003  # degrees by which two sources disagree about where one house stands: 30 metres


@dataclass(frozen=True, slots=True)
class RoomType:
    """`sleeps` counts adults."""

    code: str
    name: str
    sleeps: int
    factor: Decimal


STANDARD: Final = RoomType("A1K", "Standard king room", 2, Decimal("1.00"))
TWIN: Final = RoomType("B2Q", "Superior room, two queen beds", 4, Decimal("1.38"))
ROOM_TYPES: Final = {kind.code: kind for kind in (STANDARD, TWIN)}


@dataclass(frozen=True, slots=True)
class Hotel:
    """`rooms` are by room type, for every night alike; `price` is of a standard room on a weekday, in dollars."""

    id: str
    chain: str
    dupe: int
    name: str
    city: str
    stars: int
    latitude: float
    longitude: float
    board: str
    dearer: bool
    price: Decimal
    rooms: dict[str, int]

    def night(self, kind: RoomType, night: date) -> Decimal:
        """The price of one room of this type for one night; weekends cost less near airports."""
        weekend = Decimal("0.94") if night.weekday() >= 5 else Decimal(1)
        return (self.price * kind.factor * weekend).quantize(Decimal("0.01"))


def hotels(seed: int = 2013) -> dict[str, Hotel]:
    """By their property code."""
    return {hotel.id: hotel for place, airport in enumerate(airports().values()) for hotel in _around(airport, place, seed)}


def _around(airport: Airport, place: int, seed: int) -> Iterator[Hotel]:
    for number in range(_FIRST, _LAST):
        at = house(airport, number, dice_of(airport, number, seed))
        own = dice_of(airport, number, seed + 1)  # what this source makes of the same house
        chain = (at.chain or "ZZX").removeprefix("Z")
        yield Hotel(
            id=f"{chain}{airport.code}{number:03d}",
            chain=chain,
            dupe=700_000_000 + place * 1_000 + number,
            name=at.name.upper(),
            city=airport.code,
            stars=at.stars,
            latitude=round(at.position.latitude + _AGREED, 5),
            longitude=at.position.longitude,
            board=own.choice(("ROOM_ONLY", "ROOM_ONLY", "BREAKFAST")),
            dearer=own.random() < 0.2,
            price=Decimal(own.randint(*PRICES[at.stars])),
            rooms={STANDARD.code: own.randint(8, 30), TWIN.code: own.randint(4, 12)},
        )
