"""The only one who talks to Sabre. Implements the airline domain's `Manifests`, as far as a single booking carries it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from adapters.sabre import SHEET, VENDOR, translate, wire
from domains.airline.model import Manifest, ManifestEntry, NextFlight
from kernel.answer import Answer, Declined, NotSent, Unknown
from kernel.bearer import Token, Tokens, token
from kernel.http import Http, Reply, form_request, json_request
from kernel.partner import Gate, OpenGate, PartnerClient, unauthorized
from kernel.secret import SecretMissingError, Secrets
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.wire import Object

T = TypeVar("T")


def basic(user: str, password: str) -> str:
    """Source: their REST authentication page, version 2; `user` is `V1:<user>:<group>:<domain>`."""
    return "Basic " + _base64(f"{_base64(user)}:{_base64(password)}")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Sabre:
    """Bookings from Sabre, for every airline with an account there: `user` and `password`, or a ready `client_id` and `client_secret`."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._secrets = secrets
        self._tokens = Tokens(self._fetch_token)

    async def manifest(self, tenant: Tenant, flight: Urn) -> Answer[Manifest]:
        """Never: nobody is asked."""
        return Declined("NOT_OFFERED", "Sabre reads single bookings and lists nobody's flight")

    async def entry(self, tenant: Tenant, flight: Urn, pnr: Urn) -> Answer[ManifestEntry]:
        return await self._read(tenant, pnr, lambda booking: translate.entry(booking, flight, pnr))

    async def next_flight(self, tenant: Tenant, flight: Urn, pnr: Urn) -> Answer[NextFlight | None]:
        return await self._read(tenant, pnr, lambda booking: translate.next_flight(booking, flight, pnr))

    async def probe(self, tenant: Tenant) -> None:
        """Asks for a booking that nobody made."""
        await self._read(tenant, Urn.of("pnr", "PROBE0"), lambda booking: None)

    async def _read(self, tenant: Tenant, pnr: Urn, understand: Callable[[Object], T | Declined]) -> Answer[T]:
        def understood(reply: Reply) -> T | Declined | NotSent | Unknown:
            told = wire.booking(reply)
            return understand(told) if isinstance(told, Mapping) else told

        request = json_request("POST", "/v1/trip/orders/getBooking", translate.request(pnr), {"accept": "application/json"})
        return await self._partner.ask(tenant, "booking", request, understood, sign_in=self._tokens.of(tenant))

    async def _fetch_token(self, tenant: Tenant) -> Answer[Token]:
        signed = self._account(tenant)
        if signed is None:
            return NotSent("no account with this partner")
        request = form_request("/v2/auth/token", {"grant_type": "client_credentials"}, {"authorization": signed})
        return await self._partner.ask(tenant, "token", request, _token)

    def _account(self, tenant: Tenant) -> str | None:
        """The head that asks for a token; None when something is missing."""
        try:
            account = {name: value.reveal() for name, value in self._secrets.vendor(tenant, VENDOR).items()}
        except SecretMissingError:
            return None
        if "user" in account and "password" in account:
            return basic(account["user"], account["password"])
        if "client_id" in account and "client_secret" in account:
            return "Basic " + _base64(f"{account['client_id']}:{account['client_secret']}")
        return None


def _token(reply: Reply) -> Token | NotSent | Unknown:
    if reply.status in (400, 403):  # the shape of its refusals is UNCONFIRMED
        return unauthorized()
    return token(reply) if reply.ok else Unknown(f"status {reply.status}")
