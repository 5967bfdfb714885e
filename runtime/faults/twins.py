"""The partners' sandboxes of a running site: what they hold, and what shall go wrong there."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from adapters.custom_pss import translate
from domains.airline.model import Manifest
from kernel.http import Http, Request, json_request
from runtime.faults.callers import expect

_WITHIN: Final = 60.0  # seconds; `settle` waits for late executions

Page = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """What the partners hold for one airline. Bookings of every source are in the same words; cards are by sub-case, texts by telephone
    number, in the order they were taken."""

    bookings: Sequence[Page]
    cards: Mapping[str, Sequence[Page]]
    texts: Mapping[str, Sequence[str]]

    @property
    def confirmed(self) -> dict[str, Page]:
        """Living bookings by their reference."""
        return {one["reference"]: one for one in self.bookings if one["status"] == "CONFIRMED"}

    def active(self, sub_case: str) -> list[Page]:
        """Cards of a sub-case that can be paid with."""
        return [card for card in self.cards.get(sub_case, ()) if card["status"] == "ACTIVE"]


def an_order(order: Page) -> Page:
    """An Amadeus order in the words of a Hotelbeds booking. We know it by what it came with; the hotel knows it by our own reference."""
    return {
        **order,
        "vendor": "amadeus",
        "traceable": False,
        "reference": " ".join((order["record"], *order["confirmations"])),
        "clientReference": order["remark"].removeprefix("OUR REF ").split()[0],
        "holder": {"surname": order["guests"][0]["lastName"]},
        "rooms": len(order["rooms"]),
        "ordered": order["rooms"],
    }


class Twins:
    """The control door of a site's sandbox."""

    def __init__(self, url: str) -> None:
        self.http = Http(f"{url}/_sandbox")

    async def say(self, method: str, path: str, body: object = None) -> Any:
        """Raises: UnexpectedError when the sandbox does not take it."""
        request = Request(method, path) if body is None else json_request(method, path, body)
        reply = await self.http.send(request, _WITHIN)
        expect(reply.ok, f"{method} {path}: {reply.status} {reply.body[:300]!r}")
        return json.loads(reply.body) if reply.body else None

    async def held(self, tenant: str) -> Held:
        """Everything the partners hold for an airline."""
        books = {partner: await self.say("GET", f"/{partner}/book") for partner in ("hotelbeds", "amadeus", "pomelo", "twilio")}
        cards: dict[str, list[Page]] = defaultdict(list)
        for card in books["pomelo"]["cards"]:
            if card["tenant"] == tenant:
                cards[card["metadata"].get("case", "")].append(card)
        texts: dict[str, list[str]] = defaultdict(list)
        for message in books["twilio"]["messages"]:
            if message["tenant"] == tenant:
                texts[message["to"]].append(message["body"])
        bookings = [*books["hotelbeds"]["bookings"], *map(an_order, books["amadeus"]["orders"])]
        return Held([one for one in bookings if one["tenant"] == tenant], dict(cards), dict(texts))

    async def calls(self, partner: str) -> dict[str, int]:
        """How often each operation was called."""
        told: dict[str, int] = await self.say("GET", f"/{partner}/calls")
        return told

    async def order(self, partner: str, operation: str, kind: str, **how: Any) -> None:
        """Something shall go wrong; see `kernel.sandbox.faults`."""
        await self.say("POST", "/faults", {"partner": partner, "operation": operation, "kind": kind, **how})

    async def clear(self) -> None:
        """Nothing shall go wrong any more."""
        await self.say("DELETE", "/faults")

    async def settle(self) -> None:
        """Waits until nothing that was ordered late is still to come."""
        await self.say("POST", "/settle")

    async def seat(self, tenant: str, manifest: Manifest) -> None:
        """The airline's own system knows who is on board."""
        await self.say("PUT", f"/pss/{tenant}/flights/{quote(manifest.flight.id, safe='')}", translate.written(manifest))

    async def close(self) -> None:
        await self.http.close()
