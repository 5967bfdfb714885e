"""Amadeus' published contract: three people in two rooms, from the list to the order."""

from __future__ import annotations

from typing import Final

from adapters.amadeus import VENDOR
from domains.booking.ports import Booking, Guest, Point, Search
from domains.booking.rooming import occupancies, seated
from kernel import clock
from kernel.answer import Ok
from tests.harness.contracts import Contract, Contradiction, Document, Line, Part, Sdk
from tests.harness.partners import T1, Partners

AUTH: Final = Document("amadeus-auth.json", "/v1")
LIST: Final = Document("amadeus-hotel-list.json", "/v1")
OFFERS: Final = Document("amadeus-hotel-offers.json", "/v3")
ORDERS: Final = Document("amadeus-hotel-orders.json", "/v2")

_ONE_OF_TWO: Final = "a room association may have one property and must have two"
_BACKSLASHES: Final = "the pattern of an amount has its backslashes doubled, so that no number fits"


async def converse(world: Partners) -> None:
    source = world.registry.hotels[VENDOR]
    party = occupancies(2, 3)
    found = await source.search(T1, Search(Point(40.6398, -73.7789), 15, clock.now().date(), 2, party))
    assert isinstance(found, Ok)
    checked = await source.check(T1, found.value[0])
    assert isinstance(checked, Ok)
    guests = seated([Guest("A", "D"), Guest("B", "D"), Guest("C", "D")], party)
    booked = await source.book(T1, Booking("contract-1", checked.value, guests[0], guests, remark="late arrival"))
    assert isinstance(booked, Ok)


CONTRACT: Final = Contract(
    VENDOR,
    converse,
    (
        Line("token", AUTH, "POST", "/security/oauth2/token"),
        Line(
            "list", LIST, "GET", "/reference-data/locations/hotels/by-geocode",
            contradictions=(Contradiction(
                Part.ANSWER, r"^data/\d+/distance/unit: 'KM' is not one of", "a distance is in KM, which is not among its units"
            ),),
        ),
        Line(
            "offers", OFFERS, "GET", "/shopping/hotel-offers",
            contradictions=(Contradiction(
                Part.ANSWER, r"^data: .* is not of type 'object'", "data is an object in their schema, and a list in their examples"
            ),),
        ),
        Line(
            "price", OFFERS, "GET", "/shopping/hotel-offers/{offerId}",
            contradictions=(Contradiction(Part.ANSWER, r"policies/cancellations/\d+/amount: .* does not match", _BACKSLASHES),),
        ),
        Line(
            "order", ORDERS, "POST", "/booking/hotel-orders", status=201,
            contradictions=(
                Contradiction(Part.REQUEST, r"^data/roomAssociations/\d+: .* too many properties", _ONE_OF_TWO),
                Contradiction(Part.ANSWER, r"/roomAssociations/\d+: .* too many properties", _ONE_OF_TWO),
                Contradiction(Part.ANSWER, r"policies/cancellations/\d+/amount: .* does not match", _BACKSLASHES),
            ),
        ),
    ),
    sdk=Sdk("amadeus", ("token", "list", "offers", "price", "order")),
)  # fmt: skip
