"""The invented houses that every twin of a source of hotels sells from: the same for the same seed, around real airports.

A real hotel is sold by several sources, by each under a number of its own and with rooms and prices of its own. So the twins share the
houses and nothing else, and a search over several of them finds some houses twice. This is the one thing that adapters have in common.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Final

from domains.booking.airports import Airport
from domains.booking.ports import Point

_FARTHEST_KM: Final = 14.5
_KM_A_DEGREE: Final = 111.2
_STARS: Final = (2, 2, 3, 3, 3, 3, 4, 4, 4, 5)
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

PRICES: Final = {2: (74, 109), 3: (94, 149), 4: (134, 219), 5: (239, 389)}  # dollars a night, lowest and highest, by stars


@dataclass(frozen=True, slots=True)
class House:
    """What stands there, whoever sells it."""

    name: str
    airport: str
    stars: int
    position: Point
    address: str
    postal_code: str
    phone: str
    chain: str | None


def dice_of(airport: Airport, number: int, seed: int) -> random.Random:
    """The dice that make this house; who goes on throwing them decides about what he sells there."""
    return random.Random(f"{seed}/{airport.code}/{number}")


def house(airport: Airport, number: int, dice: random.Random) -> House:
    """The house of this number near the airport."""
    stars = dice.choice(_STARS)
    position = _somewhere(airport, dice)
    return House(
        name=f"{dice.choice(_FIRST)} {dice.choice(_SECOND)} {airport.code} {number:02d}",
        airport=airport.code,
        stars=stars,
        position=position,
        address=f"{dice.randint(10, 999)} {dice.choice(_STREETS)}",
        postal_code=f"{11400 + dice.randint(10, 99)}",
        phone=f"+1212555{dice.randint(100, 199):04d}",
        chain=dice.choice(_CHAINS),
    )


def _somewhere(airport: Airport, dice: random.Random) -> Point:
    """Mostly near: the square of a uniform draw, not closer than half a kilometre."""
    distance = 0.5 + (_FARTHEST_KM - 0.5) * dice.random() ** 2
    bearing = dice.random() * 2 * math.pi
    north, east = distance * math.cos(bearing), distance * math.sin(bearing)
    longitude = airport.position.longitude + east / (_KM_A_DEGREE * math.cos(math.radians(airport.position.latitude)))
    return Point(round(airport.position.latitude + north / _KM_A_DEGREE, 5), round(longitude, 5))
