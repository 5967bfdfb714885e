"""Offers, wishes and askers to test booking with; say only what your test is about."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from domains.booking import actions, store
from domains.booking.commands import RankHotels
from domains.booking.model import Placement, Ranking, Reservation
from domains.booking.ports import BookingStatus, Confirmation, Occupancy, Offer, Point, Rate, RateKind
from domains.booking.search import Found
from kernel.database import Databases
from kernel.money import Money
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work

CHECK_IN = date.today() + timedelta(days=1)  # noqa: DTZ011  # any night ahead: nights that are over are no longer counted
_count = itertools.count(1)


def usd(amount: object) -> Money:
    return Money(Decimal(str(amount)), "USD")


def an_offer(hotel: str | None = None, **changes: Any) -> Offer:
    """One room, one night, 100 dollars, 5 km away, 50 rooms left."""
    name = hotel or f"h{next(_count)}"
    nightly = changes.pop("nightly", usd(100))
    rooms = changes.pop("rooms", 1)
    total = changes.pop("total", nightly.times(rooms))
    made = Offer(
        urn=Urn.of("offer", f"{name}-DBL.ST"), hotel=Urn.of("hotel", name, "hotelbeds"), name=f"Hotel {name}", stars=4,
        address="1 Quay Street", location=Point(40.65, -73.78), distance_km=5.0, room_type="DBL.ST", room_name="Double", board="RO",
        check_in=CHECK_IN, check_out=CHECK_IN + timedelta(days=1), nightly=nightly, total=total, allotment=50,
        rates=(Rate(f"rate-{name}", RateKind.BOOKABLE, Occupancy(rooms, 2), total),),
    )  # fmt: skip
    return replace(made, **changes)


def a_wish(**changes: Any) -> RankHotels:
    wish = RankHotels(
        sub_case=Urn.mint("sub-case"), airport="JFK", check_in=CHECK_IN, check_out=CHECK_IN + timedelta(days=1), rooms=1, adults=2,
        children=0, infants=0, min_stars=3, max_distance_km=Decimal(25), max_nightly_rate=usd(350),
        weights={"cost": Decimal("0.60"), "distance": Decimal("0.25"), "consolidation": Decimal("0.15")},
    )  # fmt: skip
    return replace(wish, **changes)


def found(*offers: Offer, **changes: Any) -> Found:
    return replace(Found(offers, datetime.now(UTC), ("hotelbeds",), {}), **changes)


def a_confirmation(reservation: Reservation, **changes: Any) -> Confirmation:
    offer = reservation.offer
    made = Confirmation(
        f"1-{next(_count)}", reservation.client_reference, BookingStatus.CONFIRMED, offer.hotel, offer.check_in, offer.check_out,
        offer.rooms, offer.total,
    )  # fmt: skip
    return replace(made, **changes)


def a_reply_to(workflow: Urn, step: str = "book", attempt: int = 1) -> str:
    return f"{workflow}|{step}|{attempt}"


class Asked:
    """Takes note of what booking wants of partners; `under_way` is what `withdraw` says has to settle first."""

    def __init__(self, under_way: int = 0) -> None:
        self.booked: list[Reservation] = []
        self.cancelled: list[tuple[Reservation, str | None]] = []
        self.under_way = under_way

    async def book(self, work: Work, reservation: Reservation, placement: Placement) -> None:
        self.booked.append(reservation)

    async def cancel(self, work: Work, reservation: Reservation, reply_to: str | None) -> None:
        self.cancelled.append((reservation, reply_to))

    async def withdraw(self, work: Work, sub_case: Urn, workflow: Urn, reply_to: str) -> int:
        return self.under_way


class Story:
    """What was told to others, read from the outbox."""

    def __init__(self, databases: Databases, tenant: Tenant, domain: str = "booking") -> None:
        self.databases, self.tenant, self.domain = databases, tenant, domain

    async def told(self, *names: str) -> list[dict[str, Any]]:
        """Bodies of the messages of these names, in order, each with its `reply_to`."""
        async with self.databases[self.domain].read(self.tenant) as connection:
            rows = await connection.execute(
                text("select name, body, reply_to from outbox where tenant = :tenant and name = any(:names) order by position"),
                {"tenant": self.tenant, "names": list(names)},
            )
            return [{**row.body, "reply_to": row.reply_to, "name": row.name} for row in rows]


async def a_ranking(databases: Databases, tenant: Tenant, offers: Iterable[Offer], **changes: Any) -> Ranking:
    wish = a_wish(**changes)
    async with databases["booking"].work(tenant) as work:
        return await actions.rank_hotels(work, wish, found(*offers), a_reply_to(Urn.mint("workflow"), "choose"))


async def the_reservations(databases: Databases, tenant: Tenant, workflow: Urn) -> list[Reservation]:
    async with databases["booking"].work(tenant) as work:
        return await store.reservations_of(work, workflow)
