"""How flights go, where traffic stands still, and the weather: what is heard of the world before anything is foreseen.

Every measure carries its unit in its name. What a source does not say is None and never a zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from kernel.urn import Urn


class FlightState(StrEnum):
    """`UNCLEAR` when the source says something that is none of the others, such as that it has lost sight of the flight."""

    SCHEDULED = "SCHEDULED"
    ACTIVE = "ACTIVE"
    LANDED = "LANDED"
    CANCELLED = "CANCELLED"
    DIVERTED = "DIVERTED"
    UNCLEAR = "UNCLEAR"


@dataclass(frozen=True, slots=True)
class FlightStatus:
    """How a flight goes. Airports are IATA codes. `scheduled` and `expected` are its departure from the gate, aware; None also where a
    source's clock cannot be told. A negative delay is an early flight."""

    flight: Urn
    state: FlightState
    origin: str
    destination: str | None
    scheduled: datetime | None = None
    expected: datetime | None = None
    departure_delay: timedelta | None = None
    arrival_delay: timedelta | None = None


@dataclass(frozen=True, slots=True)
class DelayCause:
    """One reason for a delay, `category` in the source's own word (`weather`, `traffic`)."""

    category: str
    delay: timedelta


@dataclass(frozen=True, slots=True)
class AirportDelay:
    """What holds an airport up as a whole; a flight may be late without it. The causes are largest first."""

    airport: str
    delay: timedelta
    causes: tuple[DelayCause, ...]


@dataclass(frozen=True, slots=True)
class WeatherObservation:
    """One report of a station, named by its ICAO code. `wind_from_degrees` is None for a wind that varies; `visibility_metres` is a lower
    bound where `clear_beyond` says so; `ceiling_feet` is the lowest layer that covers more than half the sky, above ground."""

    station: str
    at: datetime
    temperature_celsius: float | None
    wind_knots: float | None
    gust_knots: float | None
    wind_from_degrees: int | None
    visibility_metres: float | None
    clear_beyond: bool
    ceiling_feet: int | None
    pressure_hectopascals: float | None
    precipitation_millimetres: float | None
    phenomena: tuple[str, ...] = ()
