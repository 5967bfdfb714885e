"""The only one who talks to FlightAware. Implements the predictor's `FlightFacts` and `DelayFacts`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import quote

from adapters.aeroapi import SHEET, VENDOR, translate
from domains.predictor.model import AirportDelay, FlightStatus
from kernel.answer import Answer, Declined, NotSent, Unknown
from kernel.http import Http, Reply, Request
from kernel.partner import Gate, OpenGate, PartnerClient
from kernel.secret import SecretMissingError, Secrets
from kernel.tenancy import PLATFORM, Tenant
from kernel.urn import Urn

T = TypeVar("T")


class AeroApi:
    """How flights and airports go, asked with the platform's own account."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._secrets = secrets

    async def flight(self, flight: Urn) -> Answer[FlightStatus | None]:
        try:
            ident, day = translate.asked(flight)
        except ValueError as error:
            return Declined("NOT_A_FLIGHT", str(error))
        query = (("ident_type", "designator"), *translate.window(day))
        request = Request("GET", f"/aeroapi/flights/{quote(ident, safe='')}", query=query)
        return await self._ask("flight", request, lambda reply: translate.flight(reply.json(), flight))

    async def delays(self, airport: str) -> Answer[AirportDelay]:
        request = Request("GET", f"/aeroapi/airports/{quote(airport, safe='')}/delays")
        return await self._ask("delays", request, lambda reply: translate.delays(reply.json(), airport))

    async def probe(self, tenant: Tenant) -> None:
        """Asks how an airport goes that never sleeps; the account is the platform's, whoever asks."""
        await self.delays("KJFK")

    async def _ask(self, operation: str, request: Request, understand: Callable[[Reply], T | Unknown]) -> Answer[T]:
        def understood(reply: Reply) -> T | Declined | NotSent | Unknown:
            return understand(reply) if reply.ok else translate.refusal(reply)

        try:
            key = self._secrets.vendor(PLATFORM, VENDOR)["api_key"].reveal()
        except (SecretMissingError, KeyError):
            return NotSent("no account with this partner")
        signed = request.with_headers({"accept": "application/json", "x-apikey": key})
        return await self._partner.ask(PLATFORM, operation, signed, understood)
