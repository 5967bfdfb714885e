"""A few hotels near the storm's airports that have promised rooms to every airline: invented, like the passengers.

They are signed once, however often the storm is played, and last for some weeks from that day on.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from domains.booking import actions
from domains.booking.airports import airports
from domains.booking.commands import CreateContract
from domains.booking.ports import Point, Terms
from kernel.clock import now
from kernel.database import Database
from kernel.money import Money
from kernel.tenancy import Tenant
from kernel.urn import Urn

LASTS: Final = timedelta(weeks=6)
_AWAY: Final = 0.02  # degrees north of the airport, about two kilometres
_HOTELS: Final = (  # airport, name, stars, address, rooms a night of two beds, price; and of four
    ("JFK", "Jamaica Bay Inn", 3, "144-10 135th Avenue, Jamaica", 12, "89.00", 4, "119.00"),
    ("LGA", "Flushing Marina Hotel", 4, "31 Ditmars Boulevard, East Elmhurst", 10, "85.00", 3, "115.00"),
    ("EWR", "Weequahic Park Hotel", 3, "530 Spring Street, Elizabeth", 12, "85.00", 4, "115.00"),
)


async def sign(booking: Database, tenants: Iterable[Tenant]) -> None:
    """Contracts for each of these airlines; what was signed before stays as it is."""
    for tenant in tenants:
        for command in signed():
            async with booking.work(tenant) as work:
                if not await actions.known_contract(work, command.urn):
                    await actions.create_contract(work, command)


def signed() -> list[CreateContract]:
    """What is signed today."""
    today = (now() - timedelta(days=1)).date()
    return [_contract(today, *each) for each in _HOTELS]


def _contract(
    today: date, airport: str, name: str, stars: int, address: str, doubles: int, price: str, families: int, family_price: str
) -> CreateContract:  # fmt: skip
    at = airports()[airport].position
    return CreateContract(
        hotel_name=name, stars=stars, address=address, location=Point(at.latitude + _AWAY, at.longitude), airports=(airport,),
        first=today, last=today + LASTS,
        rooms=(
            Terms("DBL", "Double room", 2, "BB", Money(Decimal(price), "USD"), doubles),
            Terms("FAM", "Family room", 4, "BB", Money(Decimal(family_price), "USD"), families),
        ),
        reason="signed for the replay", urn=Urn.of("contract", f"replay-{airport.lower()}"), phone="+12125550100",
        email=f"desk@{name.lower().replace(' ', '-')}.invalid", amenities=("wifi", "restaurant"),
    )  # fmt: skip
