"""Amadeus' twin for bookings: a token, and flight orders that are put into it through the control door:

PUT /_sandbox/amadeus_pss/{tenant}/orders/{pnr}     the body is the order, as `data` of an answer; {pnr} the id of the PNR's URN

Cancelling an order is published beside reading it and is answered too; the adapter never does.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any, ClassVar, Final

from adapters.amadeus_pss import VENDOR
from adapters.amadeus_pss.translate import order_id, pnr_of
from kernel import clock
from kernel.sandbox.book import Book, Page
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Route, Said, Twin, route
from kernel.urn import Urn

_TOKEN_SECONDS: Final = 1_799
_ORDER: Final = re.compile(r"/v1/booking/flight-orders/(?P<order>.+)")  # an id may hold a slash
_MEDIA: Final = {"content-type": "application/vnd.amadeus+json"}


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant."""
    return {"client_id": f"sandbox-{tenant}", "client_secret": f"sandbox-secret-{tenant}"}


class AmadeusPssTwin(Twin):
    partner: ClassVar[str] = "amadeus_pss"

    def declare(self) -> list[Route]:
        return [
            route("POST", "/v1/security/oauth2/token", "token", self.token),
            Route("GET", _ORDER, "order", self.read),
            Route("DELETE", _ORDER, "cancel", self.cancel),
        ]

    def signed_in(self, call: Call) -> str | Said:
        if call.operation == "token":
            return ""
        known = self.book.get("token", call.headers.get("authorization", "").removeprefix("Bearer "))
        if known is None:
            return _error(401, 38190, "Invalid access token")
        if known["until"] <= clock.now().timestamp():
            return _error(401, 38192, "Access token expired")
        return str(known["tenant"])

    def failure(self, call: Call) -> Said:
        return _error(500, 141, "SYSTEM ERROR HAS OCCURRED")

    def throttled(self, call: Call) -> Said:
        return _error(429, 38194, "Too many requests")

    def refusal(self, call: Call) -> Said:
        return _error(404, 1797, "NOT FOUND")

    def malformed(self, call: Call) -> Said:
        return _error(400, 4926, "INVALID DATA RECEIVED")

    def not_found(self, path: str) -> Said:
        return _error(404, 38196, "Resource not found")

    async def token(self, call: Call) -> Said:
        form = call.form()
        tenant = form.get("client_id", "").removeprefix("sandbox-")
        if form.get("grant_type") != "client_credentials":
            return _no_token(400, "unsupported_grant_type", "Only client_credentials value is allowed for the body parameter grant_type")
        if not hmac.compare_digest(form.get("client_secret", "").encode(), credentials(tenant)["client_secret"].encode()):
            return _no_token(401, "invalid_client", "Client credentials are invalid")
        now = clock.now().timestamp()
        value = hashlib.sha256(f"amadeus/{tenant}/{now}".encode()).hexdigest()[:28]
        self.book.put("token", value, {"tenant": tenant, "until": now + _TOKEN_SECONDS})
        head = {"type": "amadeusOAuth2Token", "username": f"{tenant}@example.test", "application_name": "sandbox"}
        body = {"client_id": form["client_id"], "token_type": "Bearer", "access_token": value, "expires_in": _TOKEN_SECONDS}
        return Said(200, {**head, **body, "state": "approved", "scope": ""})

    async def read(self, call: Call) -> Said:
        kept = self._known(call)
        return Said(200, {"data": {**kept["order"], "id": call.parts["order"]}}, _MEDIA) if kept else self.refusal(call)

    async def cancel(self, call: Call) -> Said:
        kept = self._known(call)
        if kept is None:
            return self.refusal(call)
        self.book.change("order", _page(call.tenant, call.parts["order"]), cancelled=True)
        return Said(204)

    async def control(self, call: Call) -> Said | None:
        parts = call.path.strip("/").split("/")
        if call.method != "PUT" or len(parts) != 3 or parts[1] != "orders":
            return None
        order = call.json()
        if not (isinstance(order, dict) and order.get("type") == "flight-order" and isinstance(order.get("flightOffers"), list)):
            return Said(400, {"error": "an order has the type flight-order, and flightOffers"})
        name = _page(parts[0], order_id(Urn.of("pnr", parts[2], VENDOR)))
        self.book.put("order", name, {"tenant": parts[0], "order": order, "cancelled": False})
        return Said(204)

    def told(self) -> dict[str, Any]:
        """Names only: the orders themselves were put here by whoever asks."""
        kept = [(name.partition("/")[2], page) for name, page in self.book.all("order")]
        return {"orders": [{"tenant": page["tenant"], "pnr": pnr_of(id), "cancelled": page["cancelled"]} for id, page in kept]}

    def _known(self, call: Call) -> Page | None:
        kept = self.book.get("order", _page(call.tenant, call.parts["order"]))
        return None if kept is None or kept["cancelled"] else kept


def _page(tenant: str, order: str) -> str:
    return f"{tenant}/{order}"


def _error(status: int, code: int, title: str) -> Said:
    return Said(status, {"errors": [{"status": status, "code": code, "title": title}]}, _MEDIA)


def _no_token(status: int, error: str, description: str) -> Said:
    return Said(status, {"error": error, "error_description": description, "code": 38187, "title": "Invalid parameters"})


def twin(book: Book, limit: Limit | None = None) -> AmadeusPssTwin:
    return AmadeusPssTwin(book, limit)
