"""`/webhooks/<tenant>/<vendor>`: the signature is checked against the airline's own secret, then the reports go to their domain.

Some vendors ask first, by GET, whether the address is ours; what proves it is theirs to say.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from domains.booking import actions as booking
from domains.booking.ports import RideReport
from domains.notifications import actions
from domains.notifications.ports import Delivery
from gateway.answer import NEVER_STORED, BadRequest, DoorRefusal, Missing, NotAllowed, WrongMethod
from gateway.edge import read_body
from kernel.database import Database
from kernel.http import Unintelligible
from kernel.secret import Secret, SecretMissingError, Secrets
from kernel.tenancy import Tenant, TenantError
from kernel.webhook import ForgedError, Inbound

log = logging.getLogger(__name__)

BODY_LIMIT: Final = 3 * 1024 * 1024  # bytes; one report has 400, and the largest batches that are published are as large as this
Receive = Callable[[Inbound, Mapping[str, Secret]], Sequence[Delivery | RideReport]]
Greet = Callable[[Inbound, Mapping[str, Secret]], str]


class Forged(DoorRefusal):
    """Not from whom it says."""

    status, code = 401, "FORGED"


class WebhookDoor:
    """`receivers` and `greetings` by vendor; `url` is our address as vendors were given it, which is what they signed."""

    def __init__(
        self, receivers: Mapping[str, Receive], greetings: Mapping[str, Greet], secrets: Secrets, databases: Mapping[str, Database],
        url: str,
    ) -> None:  # fmt: skip
        self._receivers, self._greetings, self._secrets, self._databases, self._url = receivers, greetings, secrets, databases, url
        self._served: set[Tenant] = set()  # those seen to have their partitions

    async def answer(self, request: Request) -> Response:
        """204 for everything that is signed, also for what we do not follow, or the vendor would send it again. Raises: DoorRefusal."""
        tenant, vendor, receive, secrets = await self._addressed(request.path_params["tenant"], request.path_params["vendor"])
        inbound = self._inbound(request, await read_body(request, BODY_LIMIT))
        try:
            reports = receive(inbound, secrets)
        except ForgedError as error:
            log.warning("a webhook was refused", extra={"tenant": tenant, "vendor": vendor, "why": str(error)})
            raise Forged("The signature is not good.") from None
        except Unintelligible:
            raise BadRequest("Signed, but not understood.") from None
        await self._follow(tenant, vendor, reports)
        return Response(status_code=204, headers=NEVER_STORED)

    async def _follow(self, tenant: Tenant, vendor: str, reports: Sequence[Delivery | RideReport]) -> None:
        """Each kind in its domain's own transaction; in one order for all, or two batches could wait for each other."""
        deliveries = [each for each in reports if isinstance(each, Delivery)]
        rides = [each for each in reports if isinstance(each, RideReport)]
        if deliveries:
            async with self._databases["notifications"].work(tenant) as work:
                for delivery in sorted(deliveries, key=lambda each: each.message):
                    await actions.record_delivery(work, vendor, delivery)
        if rides:
            async with self._databases["booking"].work(tenant) as work:
                for ride in sorted(rides, key=lambda each: each.reference):
                    await booking.ride_reported(work, vendor, ride)

    async def greet(self, request: Request) -> Response:
        """The bare proof, for vendors that ask for one. Raises: DoorRefusal."""
        tenant, vendor, _, secrets = await self._addressed(request.path_params["tenant"], request.path_params["vendor"])
        greet = self._greetings.get(vendor)
        if greet is None:
            raise WrongMethod("Reports come by POST.", "POST")
        try:
            return PlainTextResponse(greet(self._inbound(request, b""), secrets), headers=NEVER_STORED)
        except ForgedError as error:
            log.warning("a greeting was refused", extra={"tenant": tenant, "vendor": vendor, "why": str(error)})
            raise NotAllowed("This is not the token that was chosen.") from None
        except Unintelligible:
            raise BadRequest("Nothing here can be answered.") from None

    def _inbound(self, request: Request, body: bytes) -> Inbound:
        return Inbound(self._url + _address(request), dict(request.headers), body)

    async def _addressed(self, tenant: str, vendor: str) -> tuple[Tenant, str, Receive, Mapping[str, Secret]]:
        """An unknown airline, vendor or account looks the same from outside. Raises: Missing."""
        receive = self._receivers.get(vendor)
        if receive is not None:
            try:
                named = Tenant(tenant)
                secrets = self._secrets.vendor(named, vendor)
                if await self._serves(named):
                    return named, vendor, receive, secrets
            except (TenantError, SecretMissingError):
                pass
        raise Missing("There is no such address.")

    async def _serves(self, tenant: Tenant) -> bool:
        if tenant not in self._served:
            self._served = set(await self._databases["notifications"].tenants())
        return tenant in self._served


def _address(request: Request) -> str:
    """Path and query as they were sent: every byte of them is signed."""
    query = request.scope["query_string"].decode("latin-1")
    return str(request.scope["path"]) + (f"?{query}" if query else "")
