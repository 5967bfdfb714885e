"""`/webhooks/<tenant>/<vendor>`: the signature is checked against the airline's own secret, then the report goes to its domain."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from domains.notifications import actions
from domains.notifications.ports import Delivery
from gateway.answer import NEVER_STORED, BadRequest, DoorRefusal, Missing
from gateway.edge import read_body
from kernel.database import Database
from kernel.http import Unintelligible
from kernel.secret import Secret, SecretMissingError, Secrets
from kernel.tenancy import Tenant, TenantError
from kernel.webhook import ForgedError, Inbound

log = logging.getLogger(__name__)

BODY_LIMIT: Final = 64 * 1024  # bytes; delivery reports have 400
Receive = Callable[[Inbound, Mapping[str, Secret]], Delivery | None]


class Forged(DoorRefusal):
    """Not from whom it says."""

    status, code = 401, "FORGED"


class WebhookDoor:
    """`receivers` by vendor; `url` is our address as vendors were given it, which is what they signed."""

    def __init__(self, receivers: Mapping[str, Receive], secrets: Secrets, notifications: Database, url: str) -> None:
        self._receivers, self._secrets, self._notifications, self._url = receivers, secrets, notifications, url
        self._served: set[Tenant] = set()  # those seen to have their partitions

    async def answer(self, request: Request) -> Response:
        """204 for everything that is signed, also for what we do not follow, or the vendor would send it again. Raises: DoorRefusal."""
        tenant, vendor, receive, secrets = await self._addressed(request.path_params["tenant"], request.path_params["vendor"])
        inbound = Inbound(self._url + _address(request), dict(request.headers), await read_body(request, BODY_LIMIT))
        try:
            report = receive(inbound, secrets)
        except ForgedError as error:
            log.warning("a webhook was refused", extra={"tenant": tenant, "vendor": vendor, "why": str(error)})
            raise Forged("The signature is not good.") from None
        except Unintelligible:
            raise BadRequest("Signed, but not understood.") from None
        if report is not None:
            async with self._notifications.work(tenant) as work:
                await actions.record_delivery(work, vendor, report)
        return Response(status_code=204, headers=NEVER_STORED)

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
            self._served = set(await self._notifications.tenants())
        return tenant in self._served


def _address(request: Request) -> str:
    """Path and query as they were sent: every byte of them is signed."""
    query = request.scope["query_string"].decode("latin-1")
    return str(request.scope["path"]) + (f"?{query}" if query else "")
