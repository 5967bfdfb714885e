"""Hotelbeds' published contract: one stay of a family in two rooms, from search to cancellation."""

from __future__ import annotations

from typing import Final

from adapters.hotelbeds import BOOKING_API, VENDOR
from domains.booking.ports import Booking, Guest, Point, Search
from domains.booking.rooming import occupancies, seated
from kernel import clock
from kernel.answer import Ok
from tests.harness.contracts import Contract, Contradiction, Document, Line, Part
from tests.harness.partners import T1, Partners

DOCUMENT: Final = Document("hotelbeds-booking.json", BOOKING_API)
ROOM: Final = Contradiction(
    Part.REQUEST, r"^: 'room' is a required property", "the XML name `room` is required, the property is called `rooms`"
)
TOTAL: Final = Contradiction(
    Part.ANSWER, r"^booking/hotel/totalNet: .* is not of type 'number'", "hotel.totalNet is a number, in their examples a string"
)


async def converse(world: Partners) -> None:
    source = world.registry.hotels[VENDOR]
    party = occupancies(2, 3, (8,))
    today = clock.now().date()
    found = await source.search(T1, Search(Point(40.6398, -73.7789), 3, today, 2, party))
    assert isinstance(found, Ok)
    offer = next(offer for offer in found.value if offer.recheck and offer.allotment > 10)
    checked = await source.check(T1, offer)
    assert isinstance(checked, Ok)
    guests = seated([Guest("A", "D"), Guest("B", "D"), Guest("C", "D"), Guest("K", "D", age=8)], party)
    booked = await source.book(T1, Booking("contract-1", checked.value, guests[0], guests, remark="late arrival"))
    assert isinstance(booked, Ok)
    assert isinstance(await source.find(T1, "contract-1", (today, today)), Ok)
    assert isinstance(await source.cancel(T1, booked.value.reference), Ok)


CONTRACT: Final = Contract(
    VENDOR,
    converse,
    (
        Line(
            "search", DOCUMENT, "POST", "/hotels",
            contradictions=(Contradiction(
                Part.REQUEST, r"^geolocation/\w+: .* is not of type 'string'", "geolocation is of strings, in their examples of numbers"
            ),),
        ),
        Line("check", DOCUMENT, "POST", "/checkrates", contradictions=(ROOM,)),
        Line(
            "book", DOCUMENT, "POST", "/bookings",
            contradictions=(
                ROOM,
                Contradiction(Part.REQUEST, r"^tolerance: .* is not of type 'string'", "tolerance is a string, in their examples a number"),
                TOTAL,
            ),
        ),
        Line("find", DOCUMENT, "GET", "/bookings"),
        Line("read", DOCUMENT, "GET", "/bookings/{bookingId}", contradictions=(TOTAL,)),
        Line("cancel", DOCUMENT, "DELETE", "/bookings/{bookingId}", contradictions=(TOTAL,)),
    ),
    undocumented={"describe": "no stored document shows the Content API"},
)  # fmt: skip
