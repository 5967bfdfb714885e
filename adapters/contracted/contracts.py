"""What the airline has agreed with its carriers, read from the tenant's account; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from adapters.contracted import VENDOR
from domains.booking.ports import Drive, Quote, RideOrder
from kernel.http import Unintelligible, read_json
from kernel.money import Money
from kernel.wire import Object, an_object, decimal, integer, number, text

_DESK: Final = re.compile(r"\+[1-9]\d{6,14}")
_NAME: Final = re.compile(r"[A-Za-z0-9 .&'-]{1,40}")
_AIRPORT: Final = re.compile(r"[A-Z]{3}")
_DETOUR: Final = 1.3  # roads are longer than the straight line; the contract pays what is driven, so a quote must not promise less


@dataclass(frozen=True, slots=True)
class Carrier:
    """One contract. `desk` is a number in E.164; a fare is `base` and `per_km` for each kilometre of road."""

    name: str
    desk: str
    airports: frozenset[str]
    radius_km: float
    seats: int
    base: Decimal
    per_km: Decimal
    currency: str
    wait: timedelta

    def quote(self, drive: Drive) -> Quote | None:
        """None where the contract does not reach."""
        straight = drive.pickup.km_to(drive.dropoff)
        if drive.airport not in self.airports or straight > self.radius_km:
            return None
        fare = self.base + self.per_km * Decimal(f"{straight * _DETOUR:.3f}")
        return Quote(VENDOR, self.name, self.name, self.seats, Money(fare.quantize(Decimal("0.01")), self.currency), self.wait)


def carriers(told: str) -> tuple[Carrier, ...]:
    """Raises: Unintelligible, naming the field and never its value."""
    listed = read_json(told)
    if not isinstance(listed, list):
        raise Unintelligible("carriers is not a list")
    made = tuple(_carrier(an_object(each, "carrier")) for each in listed)
    if len({each.name for each in made}) != len(made):
        raise Unintelligible("two carriers have one name")
    return made


def _carrier(told: Object) -> Carrier:
    airports = told.get("airports")
    if not isinstance(airports, list) or not all(isinstance(code, str) and _AIRPORT.fullmatch(code) for code in airports):
        raise Unintelligible("airports is not a list of airport codes")
    return Carrier(
        name=_matching(told, "name", _NAME),
        desk=_matching(told, "desk", _DESK),
        airports=frozenset(airports),
        radius_km=number(told, "radiusKm"),
        seats=integer(told, "seats"),
        base=decimal(told, "base"),
        per_km=decimal(told, "perKm"),
        currency=text(told, "currency"),
        wait=timedelta(minutes=integer(told, "waitMinutes", 30)),
    )


def _matching(told: Object, name: str, pattern: re.Pattern[str]) -> str:
    value = text(told, name)
    if not pattern.fullmatch(value):
        raise Unintelligible(f"{name} is not a {name}")
    return value


def ordered(order: RideOrder) -> str:
    """The words in which a desk is sent for; the same for the same order, so that the text can be found again."""
    drive = order.drive
    seats = "1 seat" if drive.seats == 1 else f"{drive.seats} seats"
    return f"Ride {order.client_reference}: {seats} now, {drive.airport} to {drive.destination}. The passenger shows this number."


def called_off(order: RideOrder) -> str:
    return f"Ride {order.client_reference} is CANCELLED: {order.drive.airport} to {order.drive.destination}."
