"""Where the airports are and what time their clocks show; public facts, few and fixed.

Source: the FAA's airport data (public domain), positions rounded to four decimals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Airport:
    """`code` is IATA's, `zone` the IANA time zone, position in degrees WGS 84."""

    code: str
    name: str
    latitude: float
    longitude: float
    zone: str


AIRPORTS: Final = {
    airport.code: airport
    for airport in (
        Airport("JFK", "New York John F. Kennedy", 40.6398, -73.7789, "America/New_York"),
        Airport("LGA", "New York LaGuardia", 40.7772, -73.8726, "America/New_York"),
        Airport("EWR", "Newark Liberty", 40.6925, -74.1687, "America/New_York"),
    )
}
