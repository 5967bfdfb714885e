"""Rooms per party."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.policies.model import rooms_for


@pytest.mark.parametrize(
    ("adults", "children", "infants", "rooms"),
    [(1, 0, 0, 1), (2, 1, 1, 1), (2, 2, 0, 2), (3, 0, 0, 2), (4, 2, 0, 2), (1, 3, 0, 1), (2, 4, 2, 2), (0, 1, 0, None), (0, 0, 1, None)],
)
def test_a_room_takes_two_adults_and_a_child(adults: int, children: int, infants: int, rooms: int | None) -> None:
    assert rooms_for(adults, children, infants) == rooms


@given(st.integers(1, 9), st.integers(0, 9), st.integers(0, 9))
def test_every_room_has_an_adult(adults: int, children: int, infants: int) -> None:
    rooms = rooms_for(adults, children, infants)
    assert rooms is not None
    assert -(-adults // 2) <= rooms <= adults
