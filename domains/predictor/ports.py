"""What the predictor needs of the world: how flights go, where traffic stands still, and the weather. Reads only, and nobody's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from domains.predictor.model import AirportDelay, FlightStatus, WeatherObservation
from kernel.answer import Answer
from kernel.urn import Urn


class FlightFacts(Protocol):
    """A source of how flights go."""

    @property
    def vendor(self) -> str: ...

    async def flight(self, flight: Urn) -> Answer[FlightStatus | None]:
        """The flight of this carrier, number and day at its origin; `Ok(None)` when the source does not know it. May be repeated."""
        ...


class DelayFacts(Protocol):
    """A source of how airports go."""

    @property
    def vendor(self) -> str: ...

    async def delays(self, airport: str) -> Answer[AirportDelay]:
        """What holds this airport up, by IATA or ICAO code; a delay of zero when nothing does. May be repeated."""
        ...


class WeatherFacts(Protocol):
    """A source of weather."""

    @property
    def vendor(self) -> str: ...

    async def observations(self, stations: Sequence[str], back: timedelta) -> Answer[tuple[WeatherObservation, ...]]:
        """What these stations (ICAO codes) reported within the last `back`, newest first; a station that said nothing is not among them.

        A report that cannot be read is left out; the answer is `Unknown` when none can. May be repeated.
        """
        ...
