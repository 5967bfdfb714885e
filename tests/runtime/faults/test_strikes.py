"""A schedule is drawn from its seed alone, has every kind of strike, and shares ambiguity as it says."""

from __future__ import annotations

import math
from collections import defaultdict

import pytest

from kernel.sandbox.faults import Fault
from runtime.faults.strikes import PAUSES, SKEW, Kind, draw, shared


def test_the_same_seed_and_part_draw_the_same() -> None:
    assert draw(1, 0, 60, 0.3, 0.02) == draw(1, 0, 60, 0.3, 0.02)
    assert draw(1, 0, 60, 0.3, 0.02) != draw(1, 1, 60, 0.3, 0.02)
    assert draw(1, 0, 60, 0.3, 0.02) != draw(2, 0, 60, 0.3, 0.02)


def test_a_long_part_has_every_kind_within_its_time() -> None:
    strikes = draw(3, 0, 400, 0.3, 0.02).strikes
    assert {strike.kind for strike in strikes} == set(Kind)
    assert all(0 < strike.at < 400 for strike in strikes)
    assert [strike.at for strike in strikes] == sorted(strike.at for strike in strikes)
    pauses = [strike.seconds for strike in strikes if strike.kind is Kind.PAUSE]
    assert min(pauses) >= PAUSES[0]
    assert max(pauses) <= PAUSES[1]


def test_clocks_are_wrong_by_five_minutes_at_most() -> None:
    offsets = [value for part in range(50) for value in draw(4, part, 10, 0.3, 0.02).offsets.values()]
    assert {SKEW, -SKEW, 0.0} <= set(offsets)
    assert max(map(abs, offsets)) <= SKEW < 300


def test_orders_are_such_as_sandboxes_take() -> None:
    for order in draw(5, 0, 10, 0.3, 0.02).orders:
        Fault.read({name: value for name, value in order.items() if name != "partner"})


@pytest.mark.parametrize(
    ("partner", "operations"),
    [("hotelbeds", ["book"]), ("pomelo", ["user", "card", "account", "load"]), ("twilio", ["send"]), ("amadeus", ["order"])],
)
def test_an_operation_is_ambiguous_as_often_as_asked(partner: str, operations: list[str]) -> None:
    clear: dict[str, list[float]] = defaultdict(list)
    for order in draw(6, 0, 10, 0.3, 0.02).orders:
        if order["partner"] == partner and order["kind"] in (
            "lost_request",
            "lost_answer",
            "late",
            "error_executed",
            "error",
            "garbage",
            "drift",
        ):
            clear[order["operation"]].append(1 - order["probability"])
    assert 1 - math.prod(math.prod(clear[operation]) for operation in operations) == pytest.approx(0.3, abs=0.001)


def test_shared_leaves_the_whole_as_it_was() -> None:
    assert 1 - (1 - shared(0.3, 7)) ** 7 == pytest.approx(0.3)


def test_a_part_can_be_cut_down() -> None:
    schedule = draw(7, 0, 60, 0.3, 0.02)
    less = schedule.only(schedule.strikes[:2], ())
    assert (len(less.strikes), len(less.orders)) == (2, 0)
    assert less.offsets == schedule.offsets
