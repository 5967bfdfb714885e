"""Hotelbeds' twin, as published: signatures, both error envelopes, refusals as HTTP 500, 410 for a failed request repeated within
15 minutes, search by client reference. What it sells comes from `inventory`; what it holds stands in its book.

An account of the sandbox is `sandbox-<tenant>`. Refusing to run in production is the business of who serves it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar, Final

from adapters.hotelbeds import BOOKING_API, CONTENT_API
from adapters.hotelbeds.client import signature
from adapters.hotelbeds.inventory import ROOM_TYPES, Hotel, RoomType, hotels
from adapters.hotelbeds.sandbox_words import (
    CURRENCY,
    Key,
    RefusedError,
    audit_data,
    body_of,
    content,
    credentials,
    day_of,
    fields_of,
    hold_paxes_against,
    hotel_head,
    list_of,
    listed,
    party_of,
    price_range,
    room_record,
    stay_of,
)
from domains.booking.ports import Point
from kernel import clock
from kernel.sandbox.book import Book, Page
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Route, Said, Twin, route

SKEW: Final = 300  # seconds; their own tolerance is not published
_REPEAT_WINDOW: Final = timedelta(minutes=15)
_BOARDS: Final = {"RO": "ROOM ONLY", "BB": "BED AND BREAKFAST"}


class HotelbedsTwin(Twin):
    partner: ClassVar[str] = "hotelbeds"

    def __init__(self, book: Book, limit: Limit | None = None, seed: int = 2013) -> None:
        super().__init__(book, limit)
        self.hotels = hotels(seed)
        self.taken: Counter[tuple[int, str, date]] = Counter()
        for _, booking in book.all("booking"):
            if booking["status"] == "CONFIRMED":
                self._take(booking["keys"], 1)

    def declare(self) -> list[Route]:
        return [
            route("GET", f"{BOOKING_API}/status", "status", self.status),
            route("POST", f"{BOOKING_API}/hotels", "search", _typed(self.search)),
            route("POST", f"{BOOKING_API}/checkrates", "check", _typed(self.check)),
            route("POST", f"{BOOKING_API}/bookings", "book", _typed(self.book_rooms)),
            route("GET", f"{BOOKING_API}/bookings", "find", _typed(self.find)),
            route("GET", f"{BOOKING_API}/bookings/{{reference}}", "read", _typed(self.read)),
            route("DELETE", f"{BOOKING_API}/bookings/{{reference}}", "cancel", _typed(self.cancel)),
            route("GET", f"{CONTENT_API}/hotels", "describe", _typed(self.describe)),
        ]

    def signed_in(self, call: Call) -> str | Said:
        key, given = call.headers.get("api-key", ""), call.headers.get("x-signature", "")
        tenant = key.removeprefix("sandbox-")
        if tenant == key or not _signed(key, credentials(tenant)["secret"], given):
            return Said(401, {"error": "Request signature verification failed"})
        if "application/json" not in call.headers.get("accept", ""):
            return Said(406, {"error": "Not Acceptable"})
        return tenant

    def failure(self, call: Call) -> Said:
        return RefusedError(500, "SYSTEM_ERROR", "An unexpected error happened").said()

    def throttled(self, call: Call) -> Said:
        return Said(429, {"error": "Rate limit exceeded"})

    def refusal(self, call: Call) -> Said:
        words = "The booking cannot be cancelled" if call.operation == "cancel" else "Insufficient allotment"
        return RefusedError(500, "PRODUCT_ERROR", words).said()

    def malformed(self, call: Call) -> Said:
        return RefusedError(400, "INVALID_REQUEST", "The request is malformed").said()

    def told(self) -> dict[str, Any]:
        return {"bookings": [{"reference": reference, **booking} for reference, booking in self.book.all("booking")]}

    def reset(self) -> None:
        super().reset()
        self.taken.clear()

    # Their operations.

    async def status(self, call: Call) -> Said:
        return Said(200, {"auditData": audit_data(), "status": "OK"})

    async def search(self, call: Call) -> Said:
        asked = body_of(call)
        check_in, check_out = stay_of(asked)
        parties = [party_of(occupancy) for occupancy in list_of(asked, "occupancies")]
        if not parties:
            raise RefusedError(400, "INVALID_REQUEST", "occupancies is mandatory")
        found = []
        for hotel in self._near(asked):
            rooms = [room for kind in ROOM_TYPES.values() if (room := self._room(hotel, kind, check_in, check_out, parties))]
            if rooms:
                found.append(hotel_head(hotel) | {"rooms": rooms, **price_range(rooms)})
        hotels_part = {"checkIn": check_in.isoformat(), "checkOut": check_out.isoformat(), "total": len(found), "hotels": found}
        return Said(200, {"auditData": audit_data(), "hotels": hotels_part if found else {"total": 0}})

    async def check(self, call: Call) -> Said:
        keys = [Key.read(room.get("rateKey")) for room in list_of(body_of(call), "rooms")]
        if not keys or len({(key.hotel, key.check_in, key.check_out) for key in keys}) != 1:
            raise RefusedError(400, "INVALID_DATA", "rooms must name rates of one hotel and stay")
        hotel = self._hotel(keys[0])
        rooms = []
        for key in keys:
            self._in_stock(key)
            fresh = Key(**{**fields_of(key), "checked": True})
            kind = ROOM_TYPES[key.room]
            rooms.append({"code": kind.code, "name": kind.name, "rates": [self._rate(hotel, fresh)]})
        total = sum((self._price(hotel, key) for key in keys), Decimal(0))
        stay = {"checkIn": keys[0].check_in.isoformat(), "checkOut": keys[0].check_out.isoformat(), "totalNet": str(total)}
        return Said(200, {"auditData": audit_data(), "hotels": hotel_head(hotel) | stay | {"rooms": rooms}})

    async def book_rooms(self, call: Call) -> Said:
        digest = hashlib.sha256(call.tenant.encode() + call.body).hexdigest()
        self._refuse_repeated(digest)
        try:
            return self._book(call)
        except RefusedError as refused:
            if refused.status == 500:
                self.book.put("failure", digest, {"message": refused.message, "when": clock.now().isoformat()})
            raise

    async def find(self, call: Call) -> Said:
        missing = [name for name in ("start", "end", "from", "to") if name not in call.query]
        if missing:
            raise RefusedError(400, "INVALID_REQUEST", f"{', '.join(missing)} is mandatory")
        start, end = day_of(call.query["start"]), day_of(call.query["end"])
        field = "creationDate" if call.query.get("filterType", "CREATION") == "CREATION" else "checkIn"
        found = []
        for reference, booking in self._visible(call):
            about = (start <= day_of(booking[field]) <= end) and call.query.get("clientReference") in (None, booking["clientReference"])
            if about:
                found.append(listed(reference, booking, self.hotels[booking["hotel"]]))
        first, last = int(call.query["from"]), int(call.query["to"])
        return Said(
            200,
            {
                "auditData": audit_data(),
                "bookings": {"bookings": found[first - 1 : last], "from": first, "to": last, "total": len(found)},
            },
        )

    async def read(self, call: Call) -> Said:
        reference, booking = self._known(call)
        return Said(200, {"auditData": audit_data(), "booking": self._record(reference, booking)})

    async def cancel(self, call: Call) -> Said:
        reference, booking = self._known(call)
        if call.query.get("cancellationFlag", "CANCELLATION") == "SIMULATION":
            return Said(200, {"auditData": audit_data(), "booking": self._record(reference, {**booking, "status": "CANCELLED"})})
        if booking["status"] == "CANCELLED":
            raise RefusedError(500, "PRODUCT_ERROR", "The booking is already cancelled")
        self._take(booking["keys"], -1)
        number = hashlib.sha256(reference.encode()).hexdigest()[:10].upper()
        booking = self.book.change("booking", reference, status="CANCELLED", cancellationReference=number)
        return Said(200, {"auditData": audit_data(), "booking": self._record(reference, booking)})

    async def describe(self, call: Call) -> Said:
        codes = [int(code) for code in call.query.get("codes", "").split(",") if code.isdigit()]
        told = [content(self.hotels[code]) for code in codes if code in self.hotels]
        return Said(200, {"auditData": audit_data(), "from": 1, "to": len(told), "total": len(told), "hotels": told})

    # How they work.

    def _book(self, call: Call) -> Said:
        asked = body_of(call)
        reference_of_client = str(asked.get("clientReference") or "")
        if not 1 <= len(reference_of_client) <= 20:
            raise RefusedError(400, "INVALID_DATA", "clientReference must have 1 to 20 characters")
        holder = asked.get("holder") or {}
        if not (isinstance(holder, dict) and holder.get("name") and holder.get("surname")):
            raise RefusedError(400, "INVALID_DATA", "holder is mandatory")
        rooms = list_of(asked, "rooms")
        keys = [Key.read(room.get("rateKey")) for room in rooms]
        if not keys:
            raise RefusedError(400, "INVALID_REQUEST", "rooms is mandatory")
        for key, room in zip(keys, rooms, strict=True):
            hold_paxes_against(key, list_of(room, "paxes"))
            if self._hotel(key).recheck and not key.checked:
                raise RefusedError(400, "INVALID_DATA", "A RECHECK rate must be checked before it is booked")
        self._all_in_stock(keys)
        reference = f"1-{len(list(self.book.all('booking'))) + 1:07d}"
        texts = [str(key) for key in keys]
        self._take(texts, 1)
        booking = self.book.put(
            "booking",
            reference,
            {
                "tenant": call.tenant,
                "clientReference": reference_of_client,
                "status": "CONFIRMED",
                "holder": {"name": holder["name"], "surname": holder["surname"]},
                "hotel": keys[0].hotel,
                "hotelName": self.hotels[keys[0].hotel].name,
                "checkIn": keys[0].check_in.isoformat(),
                "checkOut": keys[0].check_out.isoformat(),
                "rooms": sum(key.rooms for key in keys),
                "paxes": [list_of(room, "paxes") for room in rooms],
                "keys": texts,
                "creationDate": clock.now().date().isoformat(),
                "total": str(sum((self._price(self.hotels[key.hotel], key) for key in keys), Decimal(0))),
                "remark": asked.get("remark"),
            },
        )
        return Said(200, {"auditData": audit_data(), "booking": self._record(reference, booking)})

    def _refuse_repeated(self, digest: str) -> None:
        failed = self.book.get("failure", digest)
        if failed and clock.now() - datetime.fromisoformat(failed["when"]) < _REPEAT_WINDOW:
            raise RefusedError(410, "PRODUCT_ERROR", failed["message"])

    def _near(self, asked: Mapping[str, Any]) -> list[Hotel]:
        place = asked.get("geolocation")
        if not isinstance(place, dict):
            codes = (asked.get("hotels") or {}).get("hotel", [])
            return [self.hotels[code] for code in codes if code in self.hotels]
        try:
            centre, radius = Point(float(place["latitude"]), float(place["longitude"])), float(place.get("radius", 20))
        except (KeyError, TypeError, ValueError):
            raise RefusedError(400, "INVALID_DATA", "geolocation is malformed") from None
        scale = 1.609344 if place.get("unit") == "mi" else 1.0
        return [hotel for hotel in self.hotels.values() if centre.km_to(Point(hotel.latitude, hotel.longitude)) <= radius * scale]

    def _room(
        self, hotel: Hotel, kind: RoomType, check_in: date, check_out: date, parties: list[tuple[int, int, tuple[int, ...]]]
    ) -> dict[str, Any] | None:
        rates = []
        for rooms, adults, ages in parties:
            key = Key(check_in, check_out, hotel.code, kind.code, hotel.board, rooms, adults, ages, False)
            if adults <= kind.adults and adults + len(ages) <= kind.sleeps and self._left(key) >= rooms:
                rates.append(self._rate(hotel, key))
        return {"code": kind.code, "name": kind.name, "rates": rates} if rates else None

    def _rate(self, hotel: Hotel, key: Key) -> dict[str, Any]:
        net = str(self._price(hotel, key))
        rate: dict[str, Any] = {
            "rateKey": str(key),
            "rateClass": "NOR",
            "rateType": "RECHECK" if hotel.recheck and not key.checked else "BOOKABLE",
            "net": net,
            "allotment": self._left(key),
            "paymentType": "AT_WEB",
            "packaging": False,
            "boardCode": key.board,
            "boardName": _BOARDS[key.board],
            "cancellationPolicies": [{"amount": net, "from": f"{key.check_in.isoformat()}T23:59:00-05:00"}],
            "rooms": key.rooms,
            "adults": key.adults,
            "children": len(key.ages),
        }
        if key.ages:
            rate["childrenAges"] = ",".join(map(str, key.ages))
        return rate

    def _price(self, hotel: Hotel, key: Key) -> Decimal:
        """A checked RECHECK rate comes out two per cent dearer than it was announced."""
        kind = ROOM_TYPES[key.room]
        breakfast = Decimal(12) * (key.adults + len(key.ages)) if key.board == "BB" else Decimal(0)
        price = sum((hotel.night(kind, night) + breakfast for night in key.nights), Decimal(0)) * key.rooms
        dearer = Decimal("1.02") if hotel.recheck and key.checked else Decimal(1)
        return (price * dearer).quantize(Decimal("0.01"), ROUND_HALF_UP)

    def _left(self, key: Key) -> int:
        stock = self.hotels[key.hotel].rooms.get(key.room, 0)
        return min((stock - self.taken[(key.hotel, key.room, night)] for night in key.nights), default=0)

    def _hotel(self, key: Key) -> Hotel:
        if key.hotel not in self.hotels or key.room not in self.hotels[key.hotel].rooms:
            raise RefusedError(500, "PRODUCT_ERROR", "The hotel does not sell this room")
        return self.hotels[key.hotel]

    def _in_stock(self, key: Key) -> None:
        if self._left(key) < key.rooms:
            raise RefusedError(500, "PRODUCT_ERROR", "Insufficient allotment")

    def _all_in_stock(self, keys: list[Key]) -> None:
        wanted: Counter[tuple[str, date]] = Counter()
        for key in keys:
            for night in key.nights:
                wanted[(key.room, night)] += key.rooms
        for (room, night), count in wanted.items():
            if self.hotels[keys[0].hotel].rooms[room] - self.taken[(keys[0].hotel, room, night)] < count:
                raise RefusedError(500, "PRODUCT_ERROR", "Insufficient allotment")

    def _take(self, keys: list[str], sign: int) -> None:
        for key in map(Key.read, keys):
            for night in key.nights:
                self.taken[(key.hotel, key.room, night)] += sign * key.rooms

    def _visible(self, call: Call) -> list[tuple[str, Page]]:
        newest = clock.now() - timedelta(seconds=call.lag)
        return [
            (reference, booking)
            for reference, booking in self.book.all("booking")
            if booking["tenant"] == call.tenant and datetime.fromisoformat(booking["at"]) <= newest
        ]

    def _known(self, call: Call) -> tuple[str, Page]:
        reference = call.parts["reference"]
        booking = self.book.get("booking", reference)
        if booking is None or booking["tenant"] != call.tenant:
            raise RefusedError(400, "INVALID_DATA", "The booking does not exist")
        return reference, booking

    def _record(self, reference: str, booking: Page) -> dict[str, Any]:
        hotel, cancelled = self.hotels[booking["hotel"]], booking["status"] == "CANCELLED"
        rooms, number = [], 0
        for text, paxes in zip(booking["keys"], booking["paxes"], strict=True):
            key = Key.read(text)
            for room in range(1, key.rooms + 1):
                number += 1
                rooms.append(
                    room_record(number, key, [pax for pax in paxes if pax.get("roomId", 1) == room], self._rate(hotel, key), booking)
                )
        stay = {"checkIn": booking["checkIn"], "checkOut": booking["checkOut"], "totalNet": booking["total"]}
        record = {
            "reference": reference,
            "clientReference": booking["clientReference"],
            "creationDate": booking["creationDate"],
            "status": booking["status"],
            "modificationPolicies": {"cancellation": not cancelled, "modification": not cancelled},
            "creationUser": credentials(booking["tenant"])["api_key"],
            "holder": booking["holder"],
            "totalNet": float(booking["total"]),
            "pendingAmount": 0.0 if cancelled else float(booking["total"]),
            "currency": CURRENCY,
            "hotel": hotel_head(hotel) | stay | {"rooms": rooms} | ({"cancellationAmount": "0.00"} if cancelled else {}),
        }
        return record | ({"cancellationReference": booking.get("cancellationReference", "")} if cancelled else {})


def _typed(handler: Any) -> Any:
    """A refusal raised anywhere below becomes their answer."""

    async def refusing(call: Call) -> Said:
        try:
            said: Said = await handler(call)
        except RefusedError as refused:
            return refused.said()
        return said

    return refusing


def _signed(key: str, secret: str, given: str) -> bool:
    now = int(clock.now().timestamp())
    seconds = sorted(range(-SKEW, SKEW + 1), key=abs)
    return any(hmac.compare_digest(signature(key, secret, now + second), given) for second in seconds)


def twin(book: Book, limit: Limit | None = None) -> HotelbedsTwin:
    return HotelbedsTwin(book, limit)


__all__ = ["HotelbedsTwin", "credentials", "twin"]
