"""NOAA's twin: reports that are put into it through the control door:

PUT /_sandbox/noaa/reports/{station}/{unix seconds}     what is reported, of the record's own fields
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from kernel import clock
from kernel.sandbox.book import Book
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Route, Said, Twin, route

_ENTRIES: Final = 400
_HOURS: Final = 1.5


class NoaaTwin(Twin):
    partner: ClassVar[str] = "noaa"

    def declare(self) -> list[Route]:
        return [route("GET", "/api/data/metar", "observations", self.metar)]

    def signed_in(self, call: Call) -> str | Said:
        return "platform"

    def failure(self, call: Call) -> Said:
        return _error(500, "Internal error")

    def throttled(self, call: Call) -> Said:
        return _error(429, "Too many requests")

    def refusal(self, call: Call) -> Said:
        return _error(400, "Invalid ids")

    def malformed(self, call: Call) -> Said:
        return self.refusal(call)

    async def metar(self, call: Call) -> Said:
        stations = [each for each in call.query.get("ids", "").upper().split(",") if each]
        if not stations:
            return self.refusal(call)
        oldest = clock.now() - timedelta(hours=float(call.query.get("hours", _HOURS)))
        known = [page["report"] for _, page in self.book.all("report") if page["report"]["icaoId"] in stations]
        young = [report for report in known if report["obsTime"] >= oldest.timestamp()]
        told = sorted(young, key=lambda report: report["obsTime"], reverse=True)[:_ENTRIES]
        if call.query.get("format", "raw") != "json":
            return Said(200, [report["rawOb"] for report in told])
        return Said(200, told) if told else Said(204)

    async def control(self, call: Call) -> Said | None:
        parts = call.path.strip("/").split("/")
        if call.method != "PUT" or len(parts) != 3 or parts[0] != "reports":
            return None
        seconds = int(parts[2])
        at = datetime.fromtimestamp(seconds, UTC)
        written = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head = {"icaoId": parts[1], "obsTime": seconds, "reportTime": written, "receiptTime": written, "metarType": "METAR"}
        told = call.json()
        self.book.put("report", f"{parts[1]}/{seconds}", {"report": {**head, "rawOb": f"METAR {parts[1]} {at:%d%H%M}Z", **told}})
        return Said(204)

    def told(self) -> dict[str, Any]:
        return {"reports": [name for name, _ in self.book.all("report")]}


def _error(status: int, message: str) -> Said:
    return Said(status, {"status": "error", "error": message})


def twin(book: Book, limit: Limit | None = None) -> NoaaTwin:
    return NoaaTwin(book, limit)
