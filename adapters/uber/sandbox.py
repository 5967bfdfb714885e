"""Uber's twin: a token, estimates, and trips that go on by themselves, each step reported by a signed post.

PUT /_sandbox/uber/{tenant}/webhook     {"url"}: where the tenant's reports go; until then nowhere

Guests with a meaning: nobody drives +15005550040 (no_drivers_available), and whoever drives +15005550041 gives up (driver_canceled). Trips
farther than 100 km have no fare. A list shows every trip with its memo, newest first (how the real one looks is UNCONFIRMED). As the real
service does, a trip names its driver.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from adapters.uber.translate import E164
from adapters.uber.webhook import signature
from domains.booking.ports import Point
from kernel import clock
from kernel.http import Http, Request, TransportError, write_json
from kernel.sandbox.book import Book, Page
from kernel.sandbox.faults import FaultKind
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Handler, Route, Said, Twin, route

_TRIPS: Final = "/v1/guests/trips"
_TOKEN_SECONDS: Final = 2_592_000
_FARE_LIFE: Final = timedelta(minutes=2)
_WEBHOOK_SECONDS: Final = 10.0
_FARTHEST_KM: Final = 100
_PRODUCTS: Final = (  # id, name, seats, base fare and fare a kilometre in dollars, minutes until it is there
    ("00000000-0000-4000-8000-000000000001", "UberX", 4, 6.0, 1.8, 5),
    ("00000000-0000-4000-8000-000000000002", "UberXL", 6, 9.0, 2.7, 8),
    ("00000000-0000-4000-8000-000000000003", "Black", 4, 15.0, 3.9, 6),
)
_NEXT: Final = {"processing": "accepted", "accepted": "arriving", "arriving": "in_progress", "in_progress": "completed"}
_ENDS: Final = ("completed", "no_drivers_available", "driver_canceled", "rider_canceled")
_NOBODY_DRIVES: Final = "+15005550040"
_DRIVER_GIVES_UP: Final = "+15005550041"


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant."""
    return {
        "client_id": f"sandbox-{tenant}",
        "client_secret": f"sandbox-secret-{tenant}",
        "signing_key": hashlib.sha256(f"uber-sandbox/{tenant}".encode()).hexdigest(),
        "organization": "00000000-0000-4000-8000-0000000000aa",
    }


class RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    def said(self) -> Said:
        return Said(self.status, {"code": self.code, "message": str(self), "metadata": {"statusCode": str(self.status)}})


class UberTwin(Twin):
    """`pace` is the seconds between two statuses of a trip; `outside` reaches those who are reported to."""

    partner: ClassVar[str] = "uber"

    def __init__(self, book: Book, limit: Limit | None = None, pace: float = 2.0, outside: Http | None = None) -> None:
        super().__init__(book, limit)
        self.pace = pace
        self.outside = outside or Http("")

    def declare(self) -> list[Route]:
        return [
            route("POST", "/oauth/v2/token", "token", _refusing(self.token)),
            route("POST", f"{_TRIPS}/estimates", "quote", _refusing(self.estimate)),
            route("POST", _TRIPS, "dispatch", _refusing(self.create)),
            route("GET", _TRIPS, "find", _refusing(self.list_trips)),
            route("GET", f"{_TRIPS}/{{id}}", "read", _refusing(self.read)),
            route("DELETE", f"{_TRIPS}/{{id}}", "cancel", _refusing(self.cancel)),
        ]

    def signed_in(self, call: Call) -> str | Said:
        if call.operation == "token":
            return ""
        known = self.book.get("token", call.headers.get("authorization", "").removeprefix("Bearer "))
        if known is None or known["until"] <= clock.now().timestamp():
            return RefusedError(401, "unauthorized", "Invalid OAuth 2.0 credentials provided.").said()
        return str(known["tenant"])

    def failure(self, call: Call) -> Said:
        return RefusedError(500, "internal_server_error", "An unknown error has occurred.").said()

    def throttled(self, call: Call) -> Said:
        return RefusedError(429, "rate_limited", "Too many requests").said()

    def refusal(self, call: Call) -> Said:
        if call.operation in ("read", "cancel"):
            return RefusedError(404, "not_found", "There is no such trip").said()
        return RefusedError(400, "validation_failed", "The request is not valid").said()

    def malformed(self, call: Call) -> Said:
        return RefusedError(400, "invalid_request_parameters", "The request is malformed").said()

    def not_found(self, path: str) -> Said:
        return RefusedError(404, "not_found", "There is no such resource").said()

    def told(self) -> dict[str, Any]:
        return {"trips": [{"request_id": id, **trip} for id, trip in self.book.all("trip")]}

    # Their operations.

    async def token(self, call: Call) -> Said:
        form = call.form()
        tenant = form.get("client_id", "").removeprefix("sandbox-")
        expected = credentials(tenant)["client_secret"]
        right = hmac.compare_digest(form.get("client_secret", "").encode(), expected.encode())
        if not right or form.get("grant_type") != "client_credentials" or form.get("scope") != "guests.trips":
            return Said(401, {"error": "invalid_client"})
        now = clock.now().timestamp()
        value = hashlib.sha256(f"uber/{tenant}/{now}".encode()).hexdigest()
        self.book.put("token", value, {"tenant": tenant, "until": now + _TOKEN_SECONDS})
        body = {"access_token": value, "token_type": "Bearer", "expires_in": _TOKEN_SECONDS, "scope": "guests.trips"}
        return Said(200, body)

    async def estimate(self, call: Call) -> Said:
        asked = call.json()
        kilometres = _kilometres(asked["pickup"], asked["dropoff"])
        if kilometres > _FARTHEST_KM:
            return Said(200, {"etas_unavailable": False, "fares_unavailable": True, "product_estimates": []})
        until = int((clock.now() + _FARE_LIFE).timestamp())
        made = [_estimate(product, kilometres, until) for product in _PRODUCTS]
        for each in made:
            fare = each["estimate_info"]["fare"]
            kept = {"tenant": call.tenant, "until": until, "value": fare["value"], "product": each["product"]["product_id"]}
            self.book.put("fare", fare["fare_id"], kept)
        return Said(200, {"etas_unavailable": False, "fares_unavailable": False, "product_estimates": made})

    async def create(self, call: Call) -> Said:
        asked = call.json()
        guest, product, fare = asked["guest"], asked["product_id"], asked.get("fare_id")
        names = guest["first_name"], guest["last_name"]
        if not all(isinstance(name, str) and name for name in names) or not E164.fullmatch(guest["phone_number"]):
            raise RefusedError(400, "validation_failed", f"The guest {names} with {guest['phone_number']} is not valid")
        if product not in {each[0] for each in _PRODUCTS}:
            raise RefusedError(400, "validation_failed", "The product is not known")
        if _kilometres(asked["pickup"], asked["dropoff"]) > _FARTHEST_KM:
            raise RefusedError(400, "validation_failed", "The trip is too long")
        if fare is not None:
            self._hold_fare_against(call, str(fare), product)
        number = len(list(self.book.all("trip")))
        id = _uuid("trip", call.tenant, str(number))
        kept = {"guest": guest, "pickup": asked["pickup"], "dropoff": asked["dropoff"], "product_id": product, "fare_id": fare}
        trip = self.book.put("trip", id, {"tenant": call.tenant, "status": "processing", "expense_memo": asked.get("expense_memo"), **kept})
        self._soon(id)
        told = {"request_id": id, "product_id": product, "status": "processing", "eta": 5, "surge_multiplier": 1}
        return Said(200, {**told, "guest": {"guest_id": _uuid("guest", id), **trip["guest"]}})

    async def list_trips(self, call: Call) -> Said:
        newest = clock.now() - timedelta(seconds=call.lag)
        trips = [
            _shown(id, trip)
            for id, trip in reversed(list(self.book.all("trip")))
            if trip["tenant"] == call.tenant and datetime.fromisoformat(trip["at"]) <= newest
        ]
        return Said(200, {"trips": trips})

    async def read(self, call: Call) -> Said:
        return Said(200, _shown(call.parts["id"], self._known(call)))

    async def cancel(self, call: Call) -> Said:
        trip = self._known(call)
        if trip["status"] in _ENDS:
            raise RefusedError(409, "conflict", "The trip has ended")
        await self._become(call.parts["id"], "rider_canceled")
        return Said(204)

    async def control(self, call: Call) -> Said | None:
        parts = call.path.strip("/").split("/")
        if call.method != "PUT" or len(parts) != 2 or parts[1] != "webhook":
            return None
        url = call.json()["url"]
        if urlsplit(url).scheme not in ("http", "https"):
            return Said(400, {"error": "url is not an address"})
        self.book.put("webhook", parts[0], {"url": url})
        return Said(204)

    # What happens later.

    def wake(self) -> None:
        for id, trip in self.book.all("trip"):
            if trip["status"] not in _ENDS:
                self._soon(id)

    def _soon(self, id: str) -> None:
        self.later(self.pace, lambda: self._go_on(id))

    async def _go_on(self, id: str) -> None:
        """The next status of a trip, and its report, until the last."""
        trip = self.book.get("trip", id)
        if trip is None or trip["status"] in _ENDS:
            return
        phone = trip["guest"]["phone_number"]
        if phone == _NOBODY_DRIVES:
            await self._become(id, "no_drivers_available")
        elif phone == _DRIVER_GIVES_UP and trip["status"] == "accepted":
            await self._become(id, "driver_canceled")
        else:
            await self._become(id, _NEXT[trip["status"]])
            self._soon(id)

    async def _become(self, id: str, status: str) -> None:
        trip = self.book.change("trip", id, status=status)
        webhook = self.book.get("webhook", trip["tenant"])
        if webhook is not None:
            await self._report(webhook["url"], id, trip)

    async def _report(self, url: str, id: str, trip: Page) -> None:
        """One attempt a report; the real service makes up to seven over an hour."""
        struck = self.faults.strike("webhook")
        kind = struck.main.kind if struck.main else None
        if kind is FaultKind.LOST_WEBHOOK:
            return
        if struck.delay:
            await asyncio.sleep(struck.delay)
        event = {
            "event_id": _uuid("event", id, trip["status"]),
            "event_time": int(clock.now().timestamp()),
            "event_type": "guests.trips.status_changed",
            "resource_href": f"https://api.uber.com{_TRIPS}/{id}",
            "meta": {"user_id": _uuid("user", trip["tenant"]), "org_uuid": "", "resource_id": id, "status": trip["status"]},
        }
        body = write_json(event)
        key = credentials(trip["tenant"])["signing_key"]
        head = {"content-type": "application/json", "x-uber-signature": signature(key, body), "x-environment": "sandbox"}
        for _ in range(2 if kind is FaultKind.DUPLICATE_WEBHOOK else 1):
            try:
                await self.outside.send(Request("POST", url, head, body=body), _WEBHOOK_SECONDS)
            except TransportError:
                return

    def _hold_fare_against(self, call: Call, fare: str, product: str) -> None:
        kept = self.book.get("fare", fare)
        if kept is None or kept["tenant"] != call.tenant or kept["product"] != product:
            raise RefusedError(400, "validation_failed", "The fare is not known")
        if kept["until"] <= clock.now().timestamp():
            raise RefusedError(409, "fare_expired", "The fare has expired")

    def _known(self, call: Call) -> Page:
        trip = self.book.get("trip", call.parts["id"])
        if trip is None or trip["tenant"] != call.tenant:
            raise RefusedError(404, "not_found", "There is no such trip")
        return trip


def _refusing(handler: Handler) -> Handler:
    async def refusing(call: Call) -> Said:
        try:
            return await handler(call)
        except RefusedError as refused:
            return refused.said()

    return refusing


def _estimate(product: tuple[str, str, int, float, float, int], kilometres: float, until: int) -> dict[str, Any]:
    id, name, seats, base, each, minutes = product
    value = round(base + each * kilometres, 2)
    fare_id = _uuid("fare", id, f"{kilometres:.3f}", str(clock.now().timestamp()))
    fare = {
        "fare_id": fare_id,
        "value": value,
        "currency_code": "USD",
        "display": f"${value:.2f}",
        "expires_at": until,
        "fare_breakdown": [{"type": "BASE_FARE", "value": value, "name": "Base fare"}],
    }
    trip = {"distance_estimate": round(kilometres / 1.609344, 2), "distance_unit": "mile", "duration_estimate": int(kilometres * 90)}
    info = {"fare": fare, "fare_id": fare_id, "pickup_estimate": minutes, "no_cars_available": False, "trip": trip}
    cancellation = {"min_cancellation_fee": 5, "cancellation_grace_period_threshold_sec": 120}
    about = {"product_id": id, "display_name": name, "capacity": seats, "cancellation": cancellation}
    return {"estimate_info": info, "product": about, "fulfillment_indicator": "GREEN"}


def _shown(id: str, trip: Page) -> dict[str, Any]:
    at = int(datetime.fromisoformat(trip["at"]).timestamp() * 1000)
    driven = trip["status"] in ("accepted", "arriving", "in_progress", "completed")
    driver = {"name": "Sam Driver", "phone_number": "+15005550099", "rating": 4.9} if driven else None
    return {
        "request_id": id,
        "status": trip["status"],
        "request_time": at,
        "expense_memo": trip["expense_memo"],
        "product": {"product_id": trip["product_id"]},
        "driver": driver,
        "vehicle": {"make": "Toyota", "model": "Camry", "license_plate": "NEXA01"} if driven else None,
        "pickup": {**trip["pickup"], "eta": 5},
        "destination": trip["dropoff"],
        "rider_tracking_url": f"https://trip.example.test/{id}",
    }


def _kilometres(pickup: Any, dropoff: Any) -> float:
    """Raises: ValueError for a place that is none."""
    one, other = (Point(float(place["latitude"]), float(place["longitude"])) for place in (pickup, dropoff))
    if not all(abs(each.latitude) <= 90 and abs(each.longitude) <= 180 for each in (one, other)):
        raise ValueError("a place lies on no globe")
    return one.km_to(other)


def _uuid(*of: str) -> str:
    digits = hashlib.sha256("/".join(of).encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def twin(book: Book, limit: Limit | None = None) -> UberTwin:
    return UberTwin(book, limit)
