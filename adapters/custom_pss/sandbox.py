"""An airline's PSS with flights that are put into it through the control door:

PUT /_sandbox/pss/{tenant}/flights/{flight}     the body is a `wire.Flight`; the newest one stands
"""

from __future__ import annotations

import hmac
from typing import Any, ClassVar
from urllib.parse import unquote

from adapters.custom_pss import translate
from kernel.http import Unintelligible, read_json
from kernel.sandbox.book import Book, Page
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Route, Said, Twin, route
from kernel.urn import Urn, UrnError


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant."""
    return {"token": f"sandbox-token-{tenant}"}


class PssTwin(Twin):
    partner: ClassVar[str] = "pss"

    def declare(self) -> list[Route]:
        flight = "/{airline}/v1/flights/{flight}"
        return [
            route("GET", f"{flight}/manifest", "manifest", self.manifest),
            route("GET", f"{flight}/bookings/{{pnr}}/next-flight", "next_flight", self.next_flight),
        ]

    def signed_in(self, call: Call) -> str | Said:
        tenant = call.parts["airline"]
        expected = f"Bearer {credentials(tenant)['token']}"
        if not hmac.compare_digest(call.headers.get("authorization", "").encode(), expected.encode()):
            return _error(401, "UNAUTHORIZED", "The token is missing or wrong")
        return tenant

    def failure(self, call: Call) -> Said:
        return _error(500, "INTERNAL_ERROR", "Something broke")

    def throttled(self, call: Call) -> Said:
        return _error(429, "TOO_MANY_REQUESTS", "Slow down")

    def refusal(self, call: Call) -> Said:
        return _error(404, "FLIGHT_NOT_FOUND", "There is no such flight")

    def malformed(self, call: Call) -> Said:
        return _error(400, "BAD_REQUEST", "The request is malformed")

    async def manifest(self, call: Call) -> Said:
        flight = self._flight(call)
        return Said(200, flight["manifest"]) if flight else self.refusal(call)

    async def next_flight(self, call: Call) -> Said:
        flight = self._flight(call)
        if flight is None:
            return self.refusal(call)
        pnr = unquote(call.parts["pnr"])
        for booking in flight["manifest"]["bookings"]:
            if booking["pnr"] == pnr:
                return Said(200, {"next": booking.get("next")})
        return _error(404, "PNR_NOT_FOUND", "There is no such booking on this flight")

    async def control(self, call: Call) -> Said | None:
        parts = call.path.strip("/").split("/")
        if call.method != "PUT" or len(parts) != 3 or parts[1] != "flights":
            return None
        tenant, flight = parts[0], unquote(parts[2])
        try:
            translate.manifest(read_json(call.body), Urn.of("flight", flight))
        except (Unintelligible, UrnError) as error:
            return Said(400, {"error": str(error)})
        self.book.put("flight", f"{tenant}/{flight}", {"tenant": tenant, "flight": flight, "manifest": call.json()})
        return Said(204)

    def told(self) -> dict[str, Any]:
        """Numbers only: the manifests themselves are large and were put here by whoever asks."""
        flights = [page for _, page in self.book.all("flight")]
        return {
            "flights": [
                {"tenant": page["tenant"], "flight": page["flight"], "bookings": len(page["manifest"]["bookings"])} for page in flights
            ]
        }

    def _flight(self, call: Call) -> Page | None:
        return self.book.get("flight", f"{call.tenant}/{unquote(call.parts['flight'])}")


def _error(status: int, code: str, message: str) -> Said:
    return Said(status, {"error": {"code": code, "message": message}})


def twin(book: Book, limit: Limit | None = None) -> PssTwin:
    return PssTwin(book, limit)
