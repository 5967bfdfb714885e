"""domains.booking.rooming: a party is spread the same way when it is searched for and when it is booked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.booking.ports import Guest, Occupancy
from domains.booking.rooming import occupancies, seated


@pytest.mark.parametrize(
    ("rooms", "adults", "ages", "expected"),
    [
        (1, 1, (), (Occupancy(1, 1),)),
        (1, 2, (8, 1), (Occupancy(1, 2, (1, 8)),)),
        (2, 3, (), (Occupancy(1, 2), Occupancy(1, 1))),
        (2, 4, (), (Occupancy(2, 2),)),
        (2, 3, (8,), (Occupancy(1, 2, (8,)), Occupancy(1, 1))),
        (3, 3, (8, 8, 8), (Occupancy(3, 1, (8,)),)),
    ],
)
def test_a_party_is_spread_evenly(rooms: int, adults: int, ages: tuple[int, ...], expected: tuple[Occupancy, ...]) -> None:
    assert occupancies(rooms, adults, ages) == expected


@pytest.mark.parametrize(("rooms", "adults"), [(0, 1), (2, 1), (1, 0)])
def test_a_room_without_an_adult_is_refused(rooms: int, adults: int) -> None:
    with pytest.raises(ValueError, match="every room needs one"):
        occupancies(rooms, adults, (8,))


@given(rooms=st.integers(1, 6), more=st.integers(0, 12), ages=st.lists(st.integers(0, 17), max_size=9))
def test_everybody_gets_a_bed_and_every_room_an_adult(rooms: int, more: int, ages: list[int]) -> None:
    adults = rooms + more
    spread = occupancies(rooms, adults, ages)
    guests = [Guest(f"A{number}", "X") for number in range(adults)] + [Guest(f"C{n}", "X", age=age) for n, age in enumerate(ages)]
    placed = seated(guests, spread)
    assert sorted(guest.given_name for guest in placed) == sorted(guest.given_name for guest in guests)
    assert {guest.room for guest in placed if guest.age is None} == set(range(1, rooms + 1))
    assert sum(occupancy.rooms for occupancy in spread) == rooms


@pytest.mark.parametrize("guests", [[Guest("A", "X")], [Guest("A", "X")] * 3, [Guest("A", "X"), Guest("B", "X"), Guest("C", "X", age=9)]])
def test_another_party_than_searched_for_is_refused(guests: list[Guest]) -> None:
    with pytest.raises(ValueError, match=r"."):
        seated(guests, occupancies(2, 2, (8,)))
