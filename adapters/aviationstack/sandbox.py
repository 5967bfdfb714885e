"""AviationStack's twin: flights that are put into it through the control door:

PUT /_sandbox/aviationstack/flights/{day}/{designator}     what is known of a flight, of the record's own fields; the rest is null
"""

from __future__ import annotations

import hmac
import re
from typing import Any, ClassVar, Final

from kernel.sandbox.book import Book
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Route, Said, Twin, route

_LIMIT: Final = 100
_DESIGNATOR: Final = re.compile(r"([A-Z0-9]{2,3}?)(\d{1,4})")
_END: Final = (
    "airport timezone iata icao terminal gate delay scheduled estimated actual estimated_runway actual_runway"  # of an arrival also baggage
).split()


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account, whoever asks."""
    return {"access_key": "sandbox-aviationstack"}


class AviationStackTwin(Twin):
    partner: ClassVar[str] = "aviationstack"

    def declare(self) -> list[Route]:
        return [route("GET", "/v1/flights", "flight", self.flights)]

    def signed_in(self, call: Call) -> str | Said:
        given = call.query.get("access_key")
        if given is None:
            return _error(401, "missing_access_key", "You have not supplied an API Access Key.")
        if not hmac.compare_digest(given.encode(), credentials("")["access_key"].encode()):
            return _error(401, "invalid_access_key", "You have not supplied a valid API Access Key.")
        return "platform"

    def failure(self, call: Call) -> Said:
        return _error(500, "internal_error", "Something broke")

    def throttled(self, call: Call) -> Said:
        return _error(429, "rate_limit_reached", "Slow down")

    def refusal(self, call: Call) -> Said:
        return _error(403, "function_access_restricted", "Your current subscription plan does not support this API function.")

    def malformed(self, call: Call) -> Said:
        return _error(422, "validation_error", "Request failed with validation error")

    def not_found(self, path: str) -> Said:
        return _error(404, "invalid_api_function", "There is no such function")

    async def flights(self, call: Call) -> Said:
        if "flight_date" in call.query:  # history is on dearer plans than the sandbox's
            return self.refusal(call)
        limit, offset = min(int(call.query.get("limit", _LIMIT)), _LIMIT), int(call.query.get("offset", 0))
        if limit < 1 or offset < 0:
            return self.malformed(call)
        wanted = call.query.get("flight_iata")
        known = [page["record"] for _, page in self.book.all("flight") if wanted in (None, page["record"]["flight"]["iata"])]
        page = known[offset : offset + limit]
        return Said(200, {"pagination": {"limit": limit, "offset": offset, "count": len(page), "total": len(known)}, "data": page})

    async def control(self, call: Call) -> Said | None:
        parts = call.path.strip("/").split("/")
        found = _DESIGNATOR.fullmatch(parts[-1])
        if call.method != "PUT" or len(parts) != 3 or parts[0] != "flights" or found is None:
            return None
        told = call.json()
        record = {
            "flight_date": parts[1],
            "flight_status": "scheduled",
            **told,
            "departure": {**dict.fromkeys(_END), **told.get("departure", {})},
            "arrival": {**dict.fromkeys([*_END, "baggage"]), **told.get("arrival", {})},
            "airline": {"name": None, "iata": found[1], "icao": None},
            "flight": {"number": found[2], "iata": parts[2], "icao": None, "codeshared": None},
            "aircraft": None,
            "live": None,
        }
        self.book.put("flight", f"{parts[1]}/{parts[2]}", {"record": record})
        return Said(204)

    def told(self) -> dict[str, Any]:
        return {"flights": [name for name, _ in self.book.all("flight")]}


def _error(status: int, code: str, message: str) -> Said:
    return Said(status, {"error": {"code": code, "message": message}})


def twin(book: Book, limit: Limit | None = None) -> AviationStackTwin:
    return AviationStackTwin(book, limit)
