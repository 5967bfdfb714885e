"""The only one who talks to NOAA. Implements the predictor's `WeatherFacts`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from adapters.noaa import SHEET, VENDOR, translate
from domains.predictor.model import WeatherObservation
from kernel.answer import Answer, Declined, Ok, Unknown
from kernel.http import Http, Reply, Request
from kernel.partner import Gate, OpenGate, PartnerClient
from kernel.tenancy import PLATFORM, Tenant

_STATION: Final = re.compile(r"[A-Z][A-Z0-9]{3}")
_AGENT: Final = "Nexa/1 (airline disruption care)"


class Noaa:
    """The weather at airports; it belongs to everybody."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())

    async def observations(self, stations: Sequence[str], back: timedelta) -> Answer[tuple[WeatherObservation, ...]]:
        def understood(reply: Reply) -> tuple[WeatherObservation, ...] | Declined | Unknown:
            return translate.observations(reply, stations) if reply.ok else translate.refusal(reply)

        if not stations:
            return Ok(())
        if not all(_STATION.fullmatch(station) for station in stations):
            return Declined("NOT_A_STATION", "a station is named by four letters")
        hours = f"{back.total_seconds() / 3600:g}"
        query = (("ids", ",".join(stations)), ("format", "json"), ("hours", hours))
        request = Request("GET", "/api/data/metar", {"accept": "application/json", "user-agent": _AGENT}, query)
        return await self._partner.ask(PLATFORM, "observations", request, understood)

    async def probe(self, tenant: Tenant) -> None:
        """Asks for the weather somewhere; it is the same for all."""
        await self.observations(("KJFK",), timedelta(hours=1))
