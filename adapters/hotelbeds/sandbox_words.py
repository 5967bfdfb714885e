"""The words of Hotelbeds' twin: what it reads of a request, strictly, and how it writes what it holds; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from adapters.hotelbeds.inventory import ROOM_TYPES, Hotel
from kernel import clock
from kernel.sandbox.book import Page
from kernel.sandbox.shell import Call, Said

CURRENCY: Final = "USD"


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant."""
    return {"api_key": f"sandbox-{tenant}", "secret": f"sandbox-secret-{tenant}"}


class RefusedError(Exception):
    """What the partner would answer instead."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def said(self) -> Said:
        return Said(self.status, {"auditData": audit_data(), "error": {"code": self.code, "message": self.message}})


@dataclass(frozen=True, slots=True)
class Key:
    """A rate key of ours, readable by the sandbox alone: a caller must treat it as opaque."""

    check_in: date
    check_out: date
    hotel: int
    room: str
    board: str
    rooms: int
    adults: int
    ages: tuple[int, ...]
    checked: bool

    def __str__(self) -> str:
        ages = "~".join(map(str, self.ages))
        party = f"{self.rooms}~{self.adults}~{len(self.ages)}"
        return (
            f"{self.check_in:%Y%m%d}|{self.check_out:%Y%m%d}|W|256|{self.hotel}|{self.room}|ID_B2B_26|{self.board}||{party}|{ages}"
            f"|N@{'CHECKED' if self.checked else 'SANDBOX'}"
        )

    @classmethod
    def read(cls, text: object) -> Key:
        try:
            part = str(text).split("|")
            rooms, adults, children = map(int, part[9].split("~"))
            ages = tuple(int(age) for age in part[10].split("~") if age)
            key = cls(day_of(part[0]), day_of(part[1]), int(part[4]), part[5], part[7], rooms, adults, ages, part[11] == "N@CHECKED")
        except (ValueError, IndexError):
            raise RefusedError(400, "INVALID_DATA", "The rateKey is malformed") from None
        if str(key) != text or len(ages) != children or key.room not in ROOM_TYPES:
            raise RefusedError(400, "INVALID_DATA", "The rateKey is malformed")
        return key

    @property
    def nights(self) -> list[date]:
        return [self.check_in + timedelta(days=day) for day in range((self.check_out - self.check_in).days)]


def audit_data() -> dict[str, str]:
    return {
        "processTime": "1",
        "timestamp": f"{clock.now():%Y-%m-%d %H:%M:%S.%f}"[:-3],
        "requestHost": "127.0.0.1",
        "serverId": "sandbox",
        "environment": "[sandbox]",
        "release": "sandbox",
        "token": "0123456789ABCDEF0123456789ABCDEF",
    }


def body_of(call: Call) -> dict[str, Any]:
    try:
        value = call.json()
    except (ValueError, RecursionError):
        raise RefusedError(400, "INVALID_REQUEST", "The body is not JSON") from None
    if not isinstance(value, dict):
        raise RefusedError(400, "INVALID_REQUEST", "The body is not an object")
    return value


def list_of(of: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = of.get(name)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise RefusedError(400, "INVALID_REQUEST", f"{name} is malformed")
    return value


def day_of(text: object) -> date:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise RefusedError(400, "INVALID_DATA", "A date is malformed") from None


def stay_of(asked: Mapping[str, Any]) -> tuple[date, date]:
    stay = asked.get("stay")
    if not isinstance(stay, dict):
        raise RefusedError(400, "INVALID_REQUEST", "stay is mandatory")
    check_in, check_out = day_of(stay.get("checkIn")), day_of(stay.get("checkOut"))
    if not 1 <= (check_out - check_in).days <= 30 or check_in < clock.now().date() - timedelta(days=1):
        raise RefusedError(400, "INVALID_DATA", "The stay must lie ahead and last 1 to 30 nights")
    return check_in, check_out


def party_of(occupancy: Mapping[str, Any]) -> tuple[int, int, tuple[int, ...]]:
    try:
        rooms, adults, children = (int(occupancy[name]) for name in ("rooms", "adults", "children"))
    except (KeyError, TypeError, ValueError):
        raise RefusedError(400, "INVALID_REQUEST", "An occupancy needs rooms, adults and children") from None
    ages = [pax.get("age") for pax in occupancy.get("paxes") or [] if pax.get("type") == "CH"]
    if rooms < 1 or adults < 1 or (children and (len(ages) < children or any(age is None for age in ages))):
        raise RefusedError(400, "INVALID_DATA", "Every room needs an adult and every child an age")
    return rooms, adults, tuple(sorted(int(age) for age in ages[:children] if age is not None))


def hold_paxes_against(key: Key, paxes: list[dict[str, Any]]) -> None:
    for room in range(1, key.rooms + 1):
        here = [pax for pax in paxes if pax.get("roomId", 1) == room]
        ages = sorted(pax.get("age", -1) for pax in here if pax.get("type") == "CH")
        adults = [pax for pax in here if pax.get("type") == "AD"]
        named = all(pax.get("name") and pax.get("surname") for pax in here)
        if not (1 <= len(adults) <= key.adults) or tuple(ages) != key.ages or not named:
            raise RefusedError(400, "INVALID_DATA", "The paxes do not match the occupancy of the rate")


def hotel_head(hotel: Hotel) -> dict[str, Any]:
    return {
        "code": hotel.code,
        "name": hotel.name,
        "categoryCode": f"{hotel.stars}EST",
        "categoryName": f"{hotel.stars} STARS",
        "destinationCode": "NYC",
        "destinationName": "New York Area",
        "zoneCode": 1,
        "zoneName": hotel.airport,
        "latitude": str(hotel.latitude),
        "longitude": str(hotel.longitude),
        "currency": CURRENCY,
    }


def price_range(rooms: list[dict[str, Any]]) -> dict[str, str]:
    nets = sorted(Decimal(rate["net"]) for room in rooms for rate in room["rates"])
    return {"minRate": str(nets[0]), "maxRate": str(nets[-1])}


def room_record(number: int, key: Key, paxes: list[dict[str, Any]], rate: Mapping[str, Any], booking: Page) -> dict[str, Any]:
    kept = ("rateClass", "paymentType", "packaging", "boardCode", "boardName", "cancellationPolicies", "adults", "children")
    share = (Decimal(rate["net"]) / key.rooms).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return {
        "status": booking["status"],
        "id": number,
        "code": key.room,
        "name": ROOM_TYPES[key.room].name,
        "paxes": paxes,
        "rates": [{name: rate[name] for name in kept} | {"net": str(share), "rooms": 1}],
    }


def listed(reference: str, booking: Page, hotel: Hotel) -> dict[str, Any]:
    stay = {
        "checkIn": booking["checkIn"],
        "checkOut": booking["checkOut"],
        "code": hotel.code,
        "name": hotel.name,
        "destinationCode": "NYC",
    }
    rooms = [
        {"status": booking["status"], "id": number + 1, "code": key.room, "rates": [{"boardCode": key.board, "rooms": key.rooms}]}
        for number, key in enumerate(map(Key.read, booking["keys"]))
    ]
    return {
        "reference": reference,
        "clientReference": booking["clientReference"],
        "creationDate": booking["creationDate"],
        "status": booking["status"],
        "creationUser": credentials(booking["tenant"])["api_key"],
        "holder": booking["holder"],
        "hotel": stay | {"rooms": rooms},
        "totalNet": booking["total"],
        "pendingAmount": float(booking["total"]),
        "currency": CURRENCY,
    }


def content(hotel: Hotel) -> dict[str, Any]:
    """Content API; the shape is UNCONFIRMED by any stored specification."""
    return {
        "code": hotel.code,
        "name": {"content": hotel.name},
        "address": {"content": hotel.address},
        "city": {"content": "New York"},
        "postalCode": hotel.postal_code,
        "phones": [{"phoneNumber": hotel.phone, "phoneType": "PHONEHOTEL"}],
        "facilities": [{"facilityGroupCode": group, "facilityCode": code} for group, code in hotel.facilities],
        "chainCode": hotel.chain,
    }


def fields_of(key: Key) -> dict[str, Any]:
    return {name: getattr(key, name) for name in Key.__slots__}
