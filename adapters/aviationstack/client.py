"""The only one who talks to AviationStack. Implements the predictor's `FlightFacts`."""

from __future__ import annotations

from typing import Final

from adapters.aviationstack import SHEET, VENDOR, translate
from domains.predictor.model import FlightStatus
from kernel.answer import Answer, Declined, NotSent, Unknown
from kernel.http import Http, Reply, Request
from kernel.partner import Gate, OpenGate, PartnerClient
from kernel.secret import SecretMissingError, Secrets
from kernel.tenancy import PLATFORM, Tenant
from kernel.urn import Urn

_PAGE: Final = 100  # their largest on every plan


class AviationStack:
    """How flights go, asked with the platform's own account."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._secrets = secrets

    async def flight(self, flight: Urn) -> Answer[FlightStatus | None]:
        def understood(reply: Reply) -> FlightStatus | Declined | NotSent | Unknown | None:
            refused = translate.refusal(reply)
            return translate.flight(reply.json(), flight) if refused is None else refused

        try:
            designator, _ = translate.asked(flight)
        except ValueError as error:
            return Declined("NOT_A_FLIGHT", str(error))
        try:
            key = self._secrets.vendor(PLATFORM, VENDOR)["access_key"].reveal()
        except (SecretMissingError, KeyError):
            return NotSent("no account with this partner")
        query = (("access_key", key), ("flight_iata", designator), ("limit", str(_PAGE)))
        request = Request("GET", "/v1/flights", {"accept": "application/json"}, query)
        return await self._partner.ask(PLATFORM, "flight", request, understood)

    async def probe(self, tenant: Tenant) -> None:
        """Asks for a flight that nobody flies; the account is the platform's, whoever asks."""
        await self.flight(Urn.of("flight", "ZZ9999@20000101"))
