"""Who drives: coverage, then seats, then the ceiling, then preference."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.booking.ports import Quote
from domains.booking.transport import RideChoice, RideGate, choose
from kernel.money import Money


def dollars(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def a(vendor: str, fare: str | None = "40.00", seats: int = 4, key: str = "k", wait: int | None = 5, currency: str = "USD") -> Quote:
    price = None if fare is None else Money(Decimal(fare), currency)
    return Quote(vendor, key, "Car", seats, price, None if wait is None else timedelta(minutes=wait))


@pytest.mark.parametrize(
    ("quote", "gate"),
    [
        (a("v", seats=2), RideGate.TOO_SMALL),
        (a("v", "60.01"), RideGate.TOO_DEAR),
        (a("v", None), RideGate.NO_FARE),
        (a("v", "1.00", currency="EUR"), RideGate.OTHER_CURRENCY),
        (a("v", "99", seats=2), RideGate.TOO_SMALL),  # the first gate it fails
    ],
)
def test_what_fails_a_gate_is_not_taken_and_the_gate_is_named(quote: Quote, gate: RideGate) -> None:
    made = choose({"v": [quote]}, seats=3, ceiling=dollars("60.00"))
    assert (made.best, made.excluded) == (None, {gate: 1})
    assert gate.lower().replace("_", " ") in made.why_not


def test_the_ceiling_itself_may_be_spent_and_none_is_no_ceiling() -> None:
    assert choose({"v": [a("v", "60.00")]}, seats=1, ceiling=dollars("60.00")).best == a("v", "60.00")
    assert choose({"v": [a("v", None)]}, seats=1, ceiling=None).best == a("v", None)


def test_preference_comes_before_the_fare_and_the_fare_before_the_wait() -> None:
    dear, cheap, slow = a("contracted", "50"), a("other", "30", wait=3), a("other", "30", wait=9)
    assert choose({"other": [slow, cheap], "contracted": [dear]}, seats=1, ceiling=None).ranked == (cheap, slow, dear)
    made = choose({"other": [slow, cheap], "contracted": [dear]}, seats=1, ceiling=None, preference=["contracted"])
    assert made.ranked == (dear, cheap, slow)
    assert made.of_each == (dear, cheap)


def test_what_is_not_said_comes_last() -> None:
    made = choose({"v": [a("v", None, key="1"), a("v", "9", wait=None), a("v", "9")]}, seats=1, ceiling=None)
    assert made.ranked == (a("v", "9"), a("v", "9", wait=None), a("v", None, key="1"))


@pytest.mark.parametrize(("offered", "why"), [({}, "no vendor was asked"), ({"b": [], "a": []}, "nobody drives there: a, b")])
def test_where_nobody_drives_it_is_said(offered: dict[str, list[Quote]], why: str) -> None:
    assert choose(offered, seats=1, ceiling=None).why_not == why


QUOTES = st.lists(
    st.builds(
        a, st.sampled_from("xyz"), st.sampled_from([None, "10", "20", "70"]), st.integers(1, 6), st.text(max_size=2), st.integers(1, 9)
    ),
    max_size=8,
)


@given(quotes=QUOTES, seats=st.integers(1, 7), order=st.randoms())
def test_the_choice_is_the_same_whatever_the_order_and_nothing_is_lost(quotes: list[Quote], seats: int, order: Random) -> None:
    def made(of: list[Quote]) -> RideChoice:
        offered = {vendor: [quote for quote in of if quote.vendor == vendor] for vendor in "xyz"}
        return choose(offered, seats=seats, ceiling=dollars("50"), preference=["y"])

    first, shuffled = made(quotes), list(quotes)
    order.shuffle(shuffled)
    assert made(shuffled) == first
    assert len(first.ranked) + sum(first.excluded.values()) == len(quotes)
    assert all(quote.seats >= seats for quote in first.ranked)
