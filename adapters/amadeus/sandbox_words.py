"""The words of Amadeus' twin: what it reads of a request, strictly, and how it writes what it holds; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from adapters.amadeus.inventory import Hotel
from adapters.amadeus.translate import MOST_ROOMS
from adapters.amadeus.wire import MEDIA
from kernel import clock
from kernel.sandbox.shell import Call, Said

CURRENCY: Final = "USD"
TYPE: Final = {"content-type": MEDIA}


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant."""
    return {
        "client_id": f"sandbox-{tenant}",
        "client_secret": f"sandbox-secret-{tenant}",
        "agency_email": f"desk@{tenant}.example.test",
        "card_vendor": "VI",
        "card_number": "4151289722471370",
        "card_expiry": "2031-08",
        "card_holder": "AIRLINE OPERATIONS",
    }


class RefusedError(Exception):
    """What the partner would answer instead."""

    def __init__(self, status: int, code: int, title: str, **source: str) -> None:
        super().__init__(title)
        self.status, self.code, self.title, self.source = status, code, title, source

    def said(self) -> Said:
        error: dict[str, Any] = {"status": self.status, "code": self.code, "title": self.title}
        return Said(self.status, {"errors": [error | ({"source": self.source} if self.source else {})]}, TYPE)


@dataclass(frozen=True, slots=True)
class Key:
    """What an offer is of; its id is made of it, and so the same question finds the same offers."""

    hotel: str
    room: str
    check_in: date
    check_out: date
    rooms: int
    adults: int

    @property
    def id(self) -> str:
        told = f"{self.hotel}|{self.room}|{self.check_in}|{self.check_out}|{self.rooms}|{self.adults}"
        return hashlib.sha256(told.encode()).hexdigest()[:16].upper()

    @property
    def nights(self) -> list[date]:
        return [self.check_in + timedelta(days=day) for day in range((self.check_out - self.check_in).days)]


def unauthorized(status: int, error: str, description: str) -> Said:
    return Said(status, {"error": error, "error_description": description, "code": 38187, "title": "Invalid parameters"})


def policy_of(key: Key, total: str) -> dict[str, str]:
    return {"amount": total, "deadline": f"{key.check_in.isoformat()}T18:00:00-05:00"}


def listed(hotel: Hotel, km: float) -> dict[str, Any]:
    return {
        "chainCode": hotel.chain,
        "iataCode": hotel.city,
        "dupeId": hotel.dupe,
        "name": hotel.name,
        "hotelId": hotel.id,
        "geoCode": {"latitude": hotel.latitude, "longitude": hotel.longitude},
        "address": {"countryCode": "US"},
        "distance": {"value": round(km, 2), "unit": "KM"},
    }


def number_of(call: Call, name: str, least: float, most: float, default: float | None = None) -> float:
    text = call.query.get(name, "" if default is None else str(default))
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise RefusedError(400, 477, "INVALID FORMAT", parameter=name)
    return number


def count_of(call: Call, name: str) -> int:
    text = call.query.get(name, "1")
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_ROOMS):
        raise RefusedError(400, 477, "INVALID FORMAT", parameter=name)
    return int(text)


def stay_of(call: Call) -> tuple[date, date]:
    try:
        check_in = date.fromisoformat(call.query.get("checkInDate") or clock.now().date().isoformat())
        check_out = date.fromisoformat(call.query.get("checkOutDate") or (check_in + timedelta(days=1)).isoformat())
    except ValueError:
        raise RefusedError(400, 381, "INVALID CHECK-IN DATE", parameter="checkInDate") from None
    if check_in < clock.now().date() - timedelta(days=1):
        raise RefusedError(400, 381, "INVALID CHECK-IN DATE", parameter="checkInDate")
    if not 1 <= (check_out - check_in).days <= 30:
        raise RefusedError(400, 404, "CHECK_OUT DATE MUST BE FURTHER IN THE FUTURE THAN CHECK-IN DATE", parameter="checkOutDate")
    return check_in, check_out


def object_of(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise RefusedError(400, 477, "INVALID FORMAT", pointer="data")
    return value


def objects_of(value: object, pointer: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(each, Mapping) for each in value):
        raise RefusedError(400, 477, "INVALID FORMAT", pointer=pointer)
    return value


def record_locator(number: int) -> str:
    """A record locator: six letters, another for every number."""
    letters = ""
    for _ in range(5):
        number, rest = divmod(number, 26)
        letters = chr(ord("A") + rest) + letters
    return f"X{letters}"
