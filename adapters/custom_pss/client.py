"""The only one who talks to an airline's own PSS. Implements the airline domain's `Manifests`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar
from urllib.parse import quote

from adapters.custom_pss import SHEET, VENDOR, translate
from domains.airline.model import Manifest, ManifestEntry, NextFlight
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.http import Http, Reply, Request, Unintelligible
from kernel.partner import Gate, OpenGate, PartnerClient, declined, unauthorized
from kernel.secret import Secret, SecretMissingError, Secrets
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.wire import an_object, inner_or_empty, text_or_none

T = TypeVar("T")

_REFUSALS: Final = {
    "FLIGHT_NOT_FOUND": "the airline's system knows no such flight",
    "PNR_NOT_FOUND": "the airline's system knows no such booking on this flight",
}


class CustomPss:
    """Manifests from airlines' own systems: behind the address in the tenant's secret (`url`), else behind `http`."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._gate = gate or OpenGate()
        self._default = http
        self._doors: dict[str, Http] = {}
        self._secrets = secrets

    async def manifest(self, tenant: Tenant, flight: Urn) -> Answer[Manifest]:
        path = f"/{tenant}/v1/flights/{quote(flight.id, safe='')}/manifest"
        return await self._ask(tenant, "manifest", path, lambda reply: translate.manifest(reply.json(), flight))

    async def entry(self, tenant: Tenant, flight: Urn, pnr: Urn) -> Answer[ManifestEntry]:
        answer = await self.manifest(tenant, flight)
        if not isinstance(answer, Ok):
            return answer
        found = next((entry for entry in answer.value.entries if entry.pnr.id == pnr.id), None)
        return Ok(found) if found else Declined("PNR_NOT_FOUND", _REFUSALS["PNR_NOT_FOUND"])

    async def next_flight(self, tenant: Tenant, flight: Urn, pnr: Urn) -> Answer[NextFlight | None]:
        path = f"/{tenant}/v1/flights/{quote(flight.id, safe='')}/bookings/{quote(pnr.id, safe='')}/next-flight"
        return await self._ask(tenant, "next_flight", path, lambda reply: translate.next_flight(reply.json(), flight))

    async def probe(self, tenant: Tenant) -> None:
        """Asks for a flight that nobody flies."""
        await self.manifest(tenant, Urn.of("flight", "probe"))

    async def _ask(self, tenant: Tenant, operation: str, path: str, understand: Callable[[Reply], T]) -> Answer[T]:
        def understood(reply: Reply) -> T | Declined | NotSent | Unknown:
            return understand(reply) if reply.status == 200 else refusal(reply)

        try:
            account = self._secrets.vendor(tenant, VENDOR)
            token = account["token"].reveal()
        except (SecretMissingError, KeyError):
            return NotSent("no account with this partner")
        request = Request("GET", path, {"accept": "application/json", "authorization": f"Bearer {token}"})
        partner = PartnerClient(SHEET, self._door(account), self._gate)
        return await partner.ask(tenant, operation, request, understood)

    def _door(self, account: Mapping[str, Secret]) -> Http:
        if "url" not in account:
            return self._default
        url = account["url"].reveal()
        return self._doors.setdefault(url, Http(url))


def refusal(reply: Reply) -> Declined | NotSent | Unknown:
    """A 404 in the contract's own envelope is a no; a bare one may be a wrong address."""
    if reply.status == 403:
        return unauthorized()
    try:
        error = inner_or_empty(an_object(reply.json()), "error")
    except Unintelligible:
        error = {}
    code = text_or_none(error, "code")
    if reply.status == 404 and code:
        return declined("The airline's system", code, _REFUSALS)
    return Unknown(f"status {reply.status}")
