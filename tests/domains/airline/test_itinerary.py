"""Which flight of an itinerary takes the place of a disrupted one: the airline's word, or none."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domains.airline.itinerary import Leg, flight_id, reseated
from domains.airline.model import NextFlight
from kernel.urn import Urn

EVENING = datetime(2026, 2, 8, 18, 0)  # noqa: DTZ001  # the clock of an airport
TODAY = Leg(Urn("urn:flight:ZZ100@20260208"), "JFK", "ORD", EVENING, False)


def leg(number: int, origin: str, destination: str, hours: float, confirmed: bool = True) -> Leg:
    leaves = EVENING + timedelta(hours=hours)
    return Leg(Urn.of("flight", flight_id("ZZ", str(number), leaves)), origin, destination, leaves, confirmed)


@pytest.mark.parametrize(
    ("legs", "next_flight"),
    [
        ([], None),
        ([leg(102, "JFK", "ORD", 15)], 102),
        ([leg(102, "JFK", "ORD", 15), leg(200, "ORD", "LAX", 20)], 102),
        ([leg(104, "LGA", "ORD", 15), leg(200, "ORD", "LAX", 20)], 104),  # from another airport of the city
        ([leg(106, "JFK", "LAX", 15)], 106),  # straight to the end
        ([leg(200, "ORD", "LAX", 3)], None),  # only the connection is left
        ([leg(101, "ORD", "JFK", 72)], None),  # only the way back
        ([leg(101, "ORD", "JFK", 72), leg(300, "JFK", "ORD", 300)], None),  # a later journey of the same kind
        ([leg(102, "JFK", "ORD", 15, confirmed=False)], None),
        ([leg(102, "JFK", "ORD", 15, confirmed=False), leg(104, "JFK", "ORD", 40)], 104),
        ([leg(99, "JFK", "ORD", -6)], None),  # flown already
    ],
)
def test_the_next_flight_is_what_the_airline_has_booked(legs: list[Leg], next_flight: int | None) -> None:
    found = reseated([TODAY, *reversed(legs)], TODAY)
    assert (found and int(found.flight.id.partition("@")[0].removeprefix("ZZ"))) == next_flight


def test_a_flight_that_is_still_confirmed_is_not_its_own_successor() -> None:
    standing = leg(100, "JFK", "ORD", 0)
    assert reseated([standing, standing], standing) is None


def test_a_leg_gets_the_offset_of_where_it_leaves() -> None:
    assert TODAY.leaving("America/New_York") == NextFlight(
        TODAY.flight, datetime.fromisoformat("2026-02-08T18:00:00-05:00"), "JFK", "ORD", "America/New_York"
    )


def test_a_flight_is_known_by_either_carrier() -> None:
    shared = Leg(TODAY.flight, "JFK", "ORD", EVENING, True, Urn("urn:flight:YY7@20260208"))
    assert shared.is_(Urn("urn:flight:YY7@20260208:vendor:sabre"))
    assert shared.is_(TODAY.flight)
    assert not shared.is_(Urn("urn:flight:YY8@20260208"))


def test_leading_zeros_of_a_flight_number_are_nothing() -> None:
    assert flight_id("ZZ", "0100", EVENING) == "ZZ100@20260208"
