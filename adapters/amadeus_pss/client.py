"""The only one who talks to Amadeus about bookings. Implements the airline domain's `Manifests`, as far as a flight order carries it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import quote

from adapters.amadeus_pss import SHEET, VENDOR, translate
from domains.airline.model import Manifest, ManifestEntry, NextFlight
from kernel.answer import Answer, Declined, NotSent, Unknown
from kernel.bearer import Token, Tokens, token
from kernel.http import Http, Reply, Request, form_request
from kernel.partner import Gate, OpenGate, PartnerClient, unauthorized
from kernel.secret import SecretMissingError, Secrets
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.wire import Object

T = TypeVar("T")
_MEDIA: Final = "application/vnd.amadeus+json"


class AmadeusPss:
    """Bookings from Amadeus, for every airline that has an account there."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._secrets = secrets
        self._tokens = Tokens(self._fetch_token)

    async def manifest(self, tenant: Tenant, flight: Urn) -> Answer[Manifest]:
        """Never: nobody is asked."""
        return Declined("NOT_OFFERED", "Amadeus reads single orders and lists nobody's flight")

    async def entry(self, tenant: Tenant, flight: Urn, pnr: Urn) -> Answer[ManifestEntry]:
        return await self._read(tenant, pnr, lambda order: translate.entry(order, flight, pnr))

    async def next_flight(self, tenant: Tenant, flight: Urn, pnr: Urn) -> Answer[NextFlight | None]:
        return await self._read(tenant, pnr, lambda order: translate.next_flight(order, flight, pnr))

    async def probe(self, tenant: Tenant) -> None:
        """Asks for an order that nobody made."""
        await self._read(tenant, Urn.of("pnr", "UFJPQkU"), lambda order: None)

    async def _read(self, tenant: Tenant, pnr: Urn, understand: Callable[[Object], T | Declined]) -> Answer[T]:
        def understood(reply: Reply) -> T | Declined | NotSent | Unknown:
            return understand(translate.order(reply)) if reply.ok else translate.refusal(reply)

        request = Request("GET", f"/v1/booking/flight-orders/{quote(translate.order_id(pnr), safe='')}", {"accept": _MEDIA})
        return await self._partner.ask(tenant, "order", request, understood, sign_in=self._tokens.of(tenant))

    async def _fetch_token(self, tenant: Tenant) -> Answer[Token]:
        try:
            account = self._secrets.vendor(tenant, VENDOR)
            pair = {name: account[name].reveal() for name in ("client_id", "client_secret")}
        except (SecretMissingError, KeyError):
            return NotSent("no account with this partner")
        request = form_request("/v1/security/oauth2/token", {"grant_type": "client_credentials", **pair})
        return await self._partner.ask(tenant, "token", request, _token)


def _token(reply: Reply) -> Token | NotSent | Unknown:
    if reply.status in (400, 403):
        return unauthorized()
    return token(reply) if reply.ok else Unknown(f"status {reply.status}")
