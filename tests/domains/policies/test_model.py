"""Rooms per party, and who is sent for without being asked."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.policies.model import Policy, PolicyState, Transport, TransportMode, rooms_for
from kernel.event import encode, read
from kernel.money import Money
from kernel.urn import Urn


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


def test_only_the_tiers_a_policy_names_are_sent_for_without_being_asked() -> None:
    ours = Transport({"BUSINESS": TransportMode.AUTOMATIC}, Money(Decimal(80), "USD"), ("contracted",))
    policy = Policy(Urn.mint("policy"), "ours", PolicyState.ACTIVE, 1, transport=ours)
    assert read(Policy, encode(policy)) == policy
    assert (ours.mode("BUSINESS"), ours.mode("ECONOMY")) == (TransportMode.AUTOMATIC, TransportMode.MANUAL)


def test_a_policy_that_was_written_before_there_were_rides_sends_for_nobody() -> None:
    written = encode(Policy(Urn.mint("policy"), "ours", PolicyState.ACTIVE, 1))
    policy = read(Policy, {name: value for name, value in written.items() if name != "transport"})
    assert policy.transport.mode("FIRST") is TransportMode.MANUAL
