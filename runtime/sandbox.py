"""All partners' twins in one process, each under its own path, and the control door beside them.

GET    /_sandbox                                what there is, and the limits
GET    /_sandbox/{partner}/book                 everything it holds; also as /{partner}/_sandbox/book
GET    /_sandbox/{partner}/calls                calls by operation since the last reset
GET    /_sandbox/limits                         POST {"partner", "calls", "seconds"} sets one
GET    /_sandbox/faults                         POST one order or a list, each with "partner"; DELETE clears
POST   /_sandbox/settle                         answers when nothing is to come any more (late executions, callbacks)
POST   /_sandbox/reset                          empty books, no faults; {"partner"} for one
PUT    /_sandbox/pss/{tenant}/flights/{flight}  a manifest
PUT    /_sandbox/sabre/{tenant}/bookings/{locator}    a booking
PUT    /_sandbox/amadeus_pss/{tenant}/orders/{pnr}    an order
PUT    /_sandbox/uber/{tenant}/webhook                where its reports go
PUT    /_sandbox/aeroapi|aviationstack|noaa/...        flights, delays, reports: see each
PUT    /_sandbox/anthropic|openai/{tenant}/answer      the values of the next form

It is a stand-in that says yes to everybody who knows its public credentials, so it refuses to start in production.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from adapters.registry import ENTRIES, Entry
from kernel.http import ASGIApp, Scope
from kernel.sandbox.book import Book
from kernel.sandbox.faults import Fault
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Receive, Said, Send, Twin, answer, make_call, read_body
from runtime.settings import Settings, SettingsError

log = logging.getLogger("nexa.sandbox")

# What the partners publish, on request: an evaluation key's day, a test environment's rate, a long code's one segment a second.
_PUBLISHED: Final[Mapping[str, tuple[float, float]]] = {
    "hotelbeds": (50, 86_400.0),
    "amadeus": (10, 1.0),
    "twilio": (1, 1.0),
    "whatsapp": (80, 1.0),
    "uber": (200, 3600.0),
}


def app(settings: Settings, *, published_quotas: bool = False) -> ASGIApp:
    """The sandbox as an ASGI application. Raises: SettingsError in production."""
    if settings.production:
        raise SettingsError("sandboxes have no place in production")
    book = settings.home / "sandbox" / "book.sqlite3"
    made = Sandbox(book, settings.sandbox_rate, published_quotas=published_quotas, door=settings.partner_url)
    log.warning("SANDBOX, not a partner: nothing that is booked, loaded or sent here is real. Limits: %s", made.limits_line())
    return made


class Sandbox:
    """`file` keeps the books; None keeps them in memory only. `door` is our partner door from outside, where they report to."""

    def __init__(
        self, file: Path | None, rate: float = 50.0, *, published_quotas: bool = False, door: str | None = None,
        entries: Sequence[Entry] = ENTRIES,
    ) -> None:  # fmt: skip
        self._paths = {each.vendor: each.path for each in entries}
        made = {each.path.strip("/"): each.twin for each in entries}
        self.books = {partner: Book(file, partner) for partner in made}
        quota = _PUBLISHED if published_quotas else {}
        self.twins = {partner: twin(self.books[partner], Limit(*quota.get(partner, (rate, 1.0)))) for partner, twin in made.items()}
        for each in self.twins.values():
            each.door = door

    def limits_line(self) -> str:
        return ", ".join(f"{partner} {twin.limit.calls:g} in {twin.limit.seconds:g} s" for partner, twin in self.twins.items())

    def by_vendor(self) -> dict[str, ASGIApp]:
        """The twins as `adapters.registry.connect` wants them, to be reached in process."""
        return {vendor: self.twins[path.strip("/")] for vendor, path in self._paths.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        first, _, rest = scope["path"].lstrip("/").partition("/")
        if first in self.twins and rest.startswith("_sandbox/"):  # the control door is found below each partner's address too
            first, rest = "_sandbox", f"{first}/{rest.removeprefix('_sandbox/')}"
        if first in self.twins:
            await self.twins[first]({**scope, "root_path": scope.get("root_path", "") + f"/{first}"}, receive, send)
        elif first == "_sandbox":
            body = await read_body(receive)
            await answer(send, await self._control(make_call(scope, f"/{rest}", {}, body)))
        else:
            paths = ", ".join([*self._paths.values(), "/_sandbox"])
            await answer(send, Said(404, {"error": f"nobody lives here; there are {paths}"}))

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                for book in self.books.values():
                    book.close()
                return

    async def _control(self, call: Call) -> Said:
        parts = call.path.strip("/").split("/")
        try:
            return await self._controlled(call, parts)
        except (ValueError, TypeError, KeyError) as error:
            return Said(400, {"error": str(error)})

    async def _controlled(self, call: Call, parts: list[str]) -> Said:
        doing = (call.method, parts[0])
        if doing in (("GET", ""), ("GET", "limits")):
            return Said(200, {partner: twin.limit.told() for partner, twin in self.twins.items()})
        if doing == ("POST", "limits"):
            return self._set_limit(call.json())
        if parts[0] == "faults":
            return self._faults(call)
        if doing == ("POST", "settle"):
            for twin in self.twins.values():
                await twin.quiet()
            return Said(204)
        if doing == ("POST", "reset"):
            return self._reset(call)
        return await self._of_partner(call, parts)

    async def _of_partner(self, call: Call, parts: list[str]) -> Said:
        twin = self.twins.get(parts[0])
        if twin is None:
            return Said(404, {"error": f"no such partner; there are {', '.join(self.twins)}"})
        if call.method == "GET" and parts[1:] == ["book"]:
            return Said(200, twin.told())
        if call.method == "GET" and parts[1:] == ["calls"]:
            return Said(200, twin.calls)
        inner = Call("", call.method, "/" + "/".join(parts[1:]), {}, call.query, call.headers, call.body, call.url)
        return await twin.control(inner) or Said(404, {"error": "this partner has no such control"})

    def _faults(self, call: Call) -> Said:
        if call.method == "DELETE":
            for twin in self.twins.values():
                twin.faults.clear()
        elif call.method == "POST":
            told = call.json()
            orders = [(self._twin(order), _fault(order)) for order in (told if isinstance(told, list) else [told])]
            for twin, fault in orders:
                twin.faults.order([fault])
        return Said(200, {partner: twin.faults.told() for partner, twin in self.twins.items()})

    def _set_limit(self, told: dict[str, Any]) -> Said:
        twin = self._twin(told)
        twin.limit = Limit(float(told["calls"]), float(told.get("seconds", 1.0)))
        return Said(200, twin.limit.told())

    def _reset(self, call: Call) -> Said:
        told = call.json() if call.body else {}
        for twin in [self._twin(told)] if "partner" in told else self.twins.values():
            twin.reset()
        return Said(204)

    def _twin(self, told: Mapping[str, Any]) -> Twin:
        name = told.get("partner")
        if name not in self.twins:
            raise ValueError(f"`partner` must be one of {', '.join(self.twins)}")
        return self.twins[str(name)]


def _fault(order: Mapping[str, Any]) -> Fault:
    return Fault.read({key: value for key, value in order.items() if key != "partner"})
