"""AeroAPI's twin: flights and airports' delays that are put into it through the control door:

PUT /_sandbox/aeroapi/flights/{ident}/{id}      what is known of a flight, of the record's own fields; the rest is null
PUT /_sandbox/aeroapi/airports/{id}/delays      the whole answer; without it an airport has no delay
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Any, ClassVar, Final

from kernel.sandbox.book import Book
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Route, Said, Twin, route

_PAGE: Final = 15
_UNKNOWN: Final = (
    "operator operator_iata flight_number registration atc_ident inbound_fa_flight_id origin destination departure_delay arrival_delay "
    "filed_ete progress_percent aircraft_type route_distance filed_airspeed filed_altitude route baggage_claim seats_cabin_business "
    "seats_cabin_coach seats_cabin_first gate_origin gate_destination terminal_origin terminal_destination scheduled_out estimated_out "
    "actual_out scheduled_off estimated_off actual_off scheduled_on estimated_on actual_on scheduled_in estimated_in actual_in"
).split()
_PLAIN: Final = {
    "codeshares": [],
    "blocked": False,
    "diverted": False,
    "cancelled": False,
    "position_only": False,
    "status": "Scheduled",
    "type": "Airline",
    "foresight_predictions_available": False,
}


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account, whoever asks."""
    return {"api_key": "sandbox-aeroapi"}


class AeroApiTwin(Twin):
    partner: ClassVar[str] = "aeroapi"

    def declare(self) -> list[Route]:
        return [
            route("GET", "/aeroapi/flights/{ident}", "flight", self.flights),
            route("GET", "/aeroapi/airports/{id}/delays", "delays", self.delays),
        ]

    def signed_in(self, call: Call) -> str | Said:
        if not hmac.compare_digest(call.headers.get("x-apikey", "").encode(), credentials("")["api_key"].encode()):
            return _error(401, "UNAUTHORIZED", "Unauthorized")
        return "platform"

    def failure(self, call: Call) -> Said:
        return _error(500, "INTERNAL_ERROR", "Something broke")

    def throttled(self, call: Call) -> Said:
        return _error(429, "TOO_MANY_REQUESTS", "Slow down")

    def refusal(self, call: Call) -> Said:
        return _error(400, "INVALID_ARGUMENT", "Invalid argument")

    def malformed(self, call: Call) -> Said:
        return self.refusal(call)

    async def flights(self, call: Call) -> Said:
        start, end = (_instant(call.query[name]) if name in call.query else None for name in ("start", "end"))
        if start and end and start >= end:
            return self.refusal(call)
        known = [page["record"] for _, page in self.book.all("flight") if page["ident"] == call.parts["ident"]]
        within = [record for record in known if _between(record, start, end)]
        newest = sorted(within, key=lambda record: record["scheduled_out"] or "", reverse=True)
        return Said(200, {"links": None, "num_pages": 1, "flights": newest[:_PAGE]})

    async def delays(self, call: Call) -> Said:
        page = self.book.get("delay", call.parts["id"])
        calm = {"airport": call.parts["id"], "category": "", "color": "green", "delay_secs": 0, "reasons": []}
        return Said(200, page["told"] if page else calm)

    async def control(self, call: Call) -> Said | None:
        parts = call.path.strip("/").split("/")
        if call.method != "PUT" or len(parts) != 3:
            return None
        told = call.json()
        if not isinstance(told, dict):
            return Said(400, {"error": "the body is not an object"})
        if parts[0] == "flights":
            whole = {**dict.fromkeys(_UNKNOWN), **_PLAIN, "ident": parts[1], "fa_flight_id": parts[2], **told}
            self.book.put("flight", f"{parts[2]}/{told.get('diverted', False)}", {"ident": parts[1], "record": whole})
            return Said(204)
        if parts[0] == "airports" and parts[2] == "delays":
            self.book.put("delay", parts[1], {"told": told})
            return Said(204)
        return None

    def told(self) -> dict[str, Any]:
        return {"flights": [page["record"]["fa_flight_id"] for _, page in self.book.all("flight")]}


def _between(record: dict[str, Any], start: datetime | None, end: datetime | None) -> bool:
    if record["scheduled_out"] is None:
        return True
    at = _instant(record["scheduled_out"])
    return (start is None or at >= start) and (end is None or at < end)


def _instant(text: str) -> datetime:
    """A day is taken for its beginning in UTC."""
    return datetime.fromisoformat(text if "T" in text else f"{text}T00:00:00Z")


def _error(status: int, reason: str, title: str) -> Said:
    return Said(status, {"title": title, "reason": reason, "detail": title, "status": status})


def twin(book: Book, limit: Limit | None = None) -> AeroApiTwin:
    return AeroApiTwin(book, limit)
