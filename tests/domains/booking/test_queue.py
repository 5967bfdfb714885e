"""Places and times of those who wait for rooms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domains.booking.queue import Pace, Waiting, expected
from kernel.account import BreakerState
from kernel.turns import Share
from kernel.urn import Urn

NOW = datetime(2026, 2, 8, 15, 0, tzinfo=UTC)
FORWARD, INTERACTIVE = Share.FORWARD, Share.INTERACTIVE


def a_place(share: Share, number: int, **of: int) -> Waiting:
    return Waiting(Urn("urn:sub-case:s-1"), "inn", "JFK", share, number, {Share[name]: count for name, count in of.items()})


@pytest.mark.parametrize(
    ("waiting", "place"),
    [
        (a_place(FORWARD, 1, FORWARD=1), 1),
        (a_place(FORWARD, 400, FORWARD=500), 400),
        (a_place(INTERACTIVE, 1, FORWARD=500, INTERACTIVE=1), 3),  # of three that leave, two are of the others
        (a_place(INTERACTIVE, 4, FORWARD=3, INTERACTIVE=9), 7),  # the others have all left by then
        (a_place(FORWARD, 4, FORWARD=500, INTERACTIVE=9), 6),
        (a_place(FORWARD, 400, FORWARD=500, INTERACTIVE=9), 409),
    ],
)
def test_a_place_counts_who_leaves_before(waiting: Waiting, place: int) -> None:
    assert waiting.place == place


def test_a_time_follows_from_the_pace() -> None:
    pace = Pace(4.0, BreakerState.CLOSED)
    assert expected(a_place(FORWARD, 100, FORWARD=100), pace, NOW) == (NOW + timedelta(seconds=50), None)
    asked_to_wait = Pace(4.0, BreakerState.CLOSED, NOW + timedelta(minutes=1))
    assert expected(a_place(FORWARD, 100, FORWARD=100), asked_to_wait, NOW) == (NOW + timedelta(seconds=110), None)


@pytest.mark.parametrize("pace", [None, Pace(0.0, BreakerState.CLOSED), Pace(4.0, BreakerState.OPEN), Pace(4.0, BreakerState.PROBING)])
def test_what_nobody_can_tell_is_said_to_be_unknown(pace: Pace | None) -> None:
    at, why = expected(a_place(FORWARD, 1, FORWARD=1), pace, NOW)
    assert at is None
    assert why
