"""Sabre's twin: a token, and bookings that are put into it through the control door:

PUT /_sandbox/sabre/{tenant}/bookings/{locator}     the body is what getBooking shall say of it; the newest one stands

A refusal comes with HTTP 200, since which status goes with which error is not published (UNCONFIRMED) and this is the harder reading.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any, ClassVar, Final

from adapters.sabre.client import basic
from adapters.sabre.wire import RETURNED
from kernel import clock
from kernel.sandbox.book import Book
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Route, Said, Twin, route

_TOKEN_SECONDS: Final = 604_800
_PARTS: Final = {"TRAVELERS": "travelers", "FLIGHTS": "flights", "CONTACT_INFO": "contactInfo", "SPECIAL_SERVICES": "specialServices"}
_ALWAYS: Final = ("bookingId", "isCancelable", "isTicketed")


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant."""
    return {"user": f"V1:{tenant}:SANDBOX:AA", "password": f"sandbox-{tenant}"}


class SabreTwin(Twin):
    partner: ClassVar[str] = "sabre"

    def declare(self) -> list[Route]:
        return [
            route("POST", "/v2/auth/token", "token", self.token),
            route("POST", "/v1/trip/orders/getBooking", "booking", self.read),
        ]

    def signed_in(self, call: Call) -> str | Said:
        if call.operation == "token":
            return ""
        known = self.book.get("token", call.headers.get("authorization", "").removeprefix("Bearer "))
        if known is None or known["until"] <= clock.now().timestamp():
            return _errors(401, "UNAUTHORIZED", "UNAUTHORIZED_ACCESS", "The token is missing, unknown or has expired")
        return str(known["tenant"])

    def failure(self, call: Call) -> Said:
        return _errors(500, "INTERNAL_SERVER_ERROR", "INTERNAL_SERVER_ERROR", "Something broke")

    def throttled(self, call: Call) -> Said:
        return _errors(429, "APPLICATION_ERROR", "FAULT_RESPONSE", "Slow down")

    def refusal(self, call: Call) -> Said:
        return _errors(200, "RESOURCE_NOT_FOUND", "BOOKING_NOT_FOUND", "There is no such booking")

    def malformed(self, call: Call) -> Said:
        return _errors(400, "BAD_REQUEST", "UNPARSEABLE_REQUEST", "The request is malformed")

    async def token(self, call: Call) -> Said:
        tenant = _tenant_of(call.headers.get("authorization", ""))
        if tenant is None or call.form().get("grant_type") != "client_credentials":
            return Said(401, {"error": "invalid_client", "error_description": "Wrong clientID or clientSecret"})
        now = clock.now().timestamp()
        value = "T1RL" + hashlib.sha256(f"{tenant}/{now}".encode()).hexdigest()
        self.book.put("token", value, {"tenant": tenant, "until": now + _TOKEN_SECONDS})
        return Said(200, {"access_token": value, "token_type": "bearer", "expires_in": _TOKEN_SECONDS})

    async def read(self, call: Call) -> Said:
        asked = call.json()
        locator = asked["confirmationId"]
        if not isinstance(locator, str) or not locator:
            return _errors(400, "BAD_REQUEST", "REQUIRED_FIELD_MISSING", "confirmationId is required", "confirmationId")
        wanted = asked.get("returnOnly") or list(RETURNED)
        kept = self.book.get("booking", f"{call.tenant}/{locator}")
        if kept is None:
            return self.refusal(call)
        booking = kept["booking"]
        surname = asked.get("surname")
        if surname and all(traveler["surname"].upper() != str(surname).upper() for traveler in booking["travelers"]):
            return _errors(200, "BAD_REQUEST", "INVALID_VALUE", "The surname is not on the booking", "surname")
        shown = {name: booking[name] for name in _ALWAYS if name in booking}
        parts = {_PARTS[part]: booking[_PARTS[part]] for part in wanted if part in _PARTS and _PARTS[part] in booking}
        head = {"timestamp": clock.now().isoformat(), "bookingSignature": _signature(booking)}
        return Said(200, {**head, **shown, **parts, **({"errors": booking["errors"]} if "errors" in booking else {})})

    async def control(self, call: Call) -> Said | None:
        parts = call.path.strip("/").split("/")
        if call.method != "PUT" or len(parts) != 3 or parts[1] != "bookings":
            return None
        tenant, locator = parts[0], parts[2]
        booking = call.json()
        if not (isinstance(booking, dict) and isinstance(booking.get("travelers"), list) and isinstance(booking.get("flights"), list)):
            return Said(400, {"error": "a booking has travelers and flights"})
        self.book.put("booking", f"{tenant}/{locator}", {"tenant": tenant, "booking": {"bookingId": locator, **booking}})
        return Said(204)

    def told(self) -> dict[str, Any]:
        """Numbers only: the bookings themselves were put here by whoever asks."""
        kept = [(name, page) for name, page in self.book.all("booking")]
        return {"bookings": [{"tenant": page["tenant"], "locator": name.partition("/")[2]} for name, page in kept]}


def _tenant_of(given: str) -> str | None:
    """Whose pair it is; None for one that is nobody's."""
    try:
        user = base64.b64decode(base64.b64decode(given.removeprefix("Basic ")).partition(b":")[0]).decode()
        tenant = user.split(":")[1]
    except (ValueError, IndexError):
        return None
    return tenant if hmac.compare_digest(given.encode(), basic(**credentials(tenant)).encode()) else None


def _errors(status: int, category: str, kind: str, description: str, field: str | None = None) -> Said:
    error = {"category": category, "type": kind, "description": description, **({"fieldName": field, "fieldPath": field} if field else {})}
    return Said(status, {"timestamp": clock.now().isoformat(), "errors": [error]})


def _signature(booking: dict[str, Any]) -> str:
    """Another one whenever the booking changes."""
    return hashlib.sha256(json.dumps(booking, sort_keys=True).encode()).hexdigest()


def twin(book: Book, limit: Limit | None = None) -> SabreTwin:
    return SabreTwin(book, limit)
