"""The only one who talks to Uber. Implements booking's `Rides`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import quote

from adapters.uber import SHEET, VENDOR, translate
from domains.booking.ports import RIDE_ENDS, Drive, Quote, Ride, RideOrder, Rider, RideStatus
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.bearer import Token, Tokens, token
from kernel.http import Http, Reply, Request, form_request, json_request
from kernel.partner import Gate, OpenGate, PartnerClient, unauthorized
from kernel.secret import SecretMissingError, Secrets
from kernel.tenancy import Tenant

T = TypeVar("T")
_TRIPS: Final = "/v1/guests/trips"
_SCOPE: Final = "guests.trips"


class Uber:
    """Rides by Uber, for every tenant that has an account there. `auth` is the door that hands out tokens."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None, auth: Http | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._auth = PartnerClient(SHEET, auth or http, gate or OpenGate())
        self._secrets = secrets
        self._tokens = Tokens(self._fetch_token)

    async def quotes(self, tenant: Tenant, drive: Drive) -> Answer[tuple[Quote, ...]]:
        request = json_request("POST", f"{_TRIPS}/estimates", translate.estimate_request(drive))
        return await self._ask(tenant, "quote", request, lambda reply: translate.quotes(reply.json()))

    async def dispatch(self, tenant: Tenant, order: RideOrder, rider: Rider) -> Answer[Ride]:
        try:
            body = translate.trip_request(order, rider)
        except ValueError as error:
            return Declined("INVALID_RIDER", str(error))
        request = json_request("POST", _TRIPS, body)
        return await self._ask(tenant, "dispatch", request, lambda reply: translate.dispatched(reply.json(), order))

    async def find(self, tenant: Tenant, order: RideOrder, since: datetime) -> Answer[Ride | None]:
        request = Request("GET", _TRIPS)
        return await self._ask(tenant, "find", request, lambda reply: translate.found(reply.json(), order.client_reference, since))

    async def read(self, tenant: Tenant, order: RideOrder, reference: str) -> Answer[Ride]:
        request = Request("GET", _path(reference))
        return await self._ask(tenant, "read", request, lambda reply: translate.ride(reply.json(), reference))

    async def cancel(self, tenant: Tenant, order: RideOrder, reference: str) -> Answer[Ride]:
        """Reads first and calls off only what may still be: a ride that has ended stays as it is."""
        before = await self.read(tenant, order, reference)
        if isinstance(before, Unknown):
            return NotSent(f"could not be read first: {before.why}")
        if not isinstance(before, Ok):
            return before
        if before.value.status is RideStatus.COMPLETED:
            return Declined("COMPLETED", "the ride is over")
        if before.value.status in RIDE_ENDS:
            return before
        gone = Ride(reference, before.value.client_reference, RideStatus.CANCELLED)
        return await self._ask(tenant, "cancel", Request("DELETE", _path(reference)), lambda reply: gone)

    async def probe(self, tenant: Tenant) -> None:
        """Asks for a ride that nobody took."""
        await self._ask(tenant, "read", Request("GET", _path("00000000-0000-4000-8000-000000000000")), lambda reply: None)

    async def _ask(
        self, tenant: Tenant, operation: str, request: Request, understand: Callable[[Reply], T | Unknown]
    ) -> Answer[T]:  # fmt: skip
        def understood(reply: Reply) -> T | Declined | NotSent | Unknown:
            return understand(reply) if reply.ok else translate.refusal(reply)

        account = self._account(tenant)
        if account is None:
            return NotSent("no account with this partner")
        head = {"accept": "application/json"}
        if "organization" in account:
            head["x-uber-organizationuuid"] = account["organization"]
        signed = request.with_headers(head)
        return await self._partner.ask(tenant, operation, signed, understood, sign_in=self._tokens.of(tenant))

    async def _fetch_token(self, tenant: Tenant) -> Answer[Token]:
        account = self._account(tenant)
        if account is None:
            return NotSent("no account with this partner")
        pair = {name: account[name] for name in ("client_id", "client_secret")}
        request = form_request("/oauth/v2/token", {**pair, "grant_type": "client_credentials", "scope": _SCOPE})
        return await self._auth.ask(tenant, "token", request, _token)

    def _account(self, tenant: Tenant) -> Mapping[str, str] | None:
        """None when something is missing."""
        try:
            account = {name: value.reveal() for name, value in self._secrets.vendor(tenant, VENDOR).items()}
        except SecretMissingError:
            return None
        return account if "client_id" in account and "client_secret" in account else None


def _path(reference: str) -> str:
    return f"{_TRIPS}/{quote(reference, safe='')}"


def _token(reply: Reply) -> Token | NotSent | Unknown:
    if reply.status in (400, 403):
        return unauthorized()
    return token(reply) if reply.ok else Unknown(f"status {reply.status}")
