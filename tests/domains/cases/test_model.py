"""Stays and moves of a sub-case."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from domains.cases.model import TERMINAL, TRANSITIONS, Move, SubCaseStatus, moved, stay_until

NEW_YORK = ZoneInfo("America/New_York")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("disrupted", "departs", "nights"),
    [
        ("2026-02-08T14:00", "2026-02-08T21:00", None),  # leaves the same day
        ("2026-02-08T14:00", "2026-02-09T01:30", None),  # a late departure is still the same operating day
        ("2026-02-08T14:00", "2026-02-09T07:00", 1),
        ("2026-02-09T00:30", "2026-02-09T09:00", 1),  # stranded after midnight: the night that has begun
        ("2026-02-08T14:00", "2026-02-11T06:00", 3),
        ("2026-02-08T14:00", None, 1),  # not re-seated yet
    ],
)
def test_the_stay_covers_the_operating_days_between(disrupted: str, departs: str | None, nights: int | None) -> None:
    stay = stay_until(at(disrupted), at(departs) if departs else None)
    assert (stay.nights if stay else None) == nights


def test_every_status_can_be_reached() -> None:
    reached = {target for moves in TRANSITIONS.values() for target in moves.values()}
    assert reached | {SubCaseStatus.LOCAL_RESIDENT, SubCaseStatus.CANCELLED} == set(SubCaseStatus)  # nothing cancels one yet


def test_a_voucher_is_requested_from_where_nothing_stands() -> None:
    asked = [status for status in SubCaseStatus if moved(status, Move.REQUEST_VOUCHER)]
    assert asked == [SubCaseStatus.PENDING, SubCaseStatus.MANUAL_REVIEW]


def test_a_passenger_answers_only_an_offer() -> None:
    for move in (Move.ACCEPT, Move.DECLINE):
        assert [status for status in SubCaseStatus if moved(status, move)] == [SubCaseStatus.OFFER_READY]


def test_nothing_terminal_is_declined_or_withdrawn() -> None:
    assert not any(moved(status, move) for status in TERMINAL for move in (Move.DECLINE, Move.WITHDRAW_OFFER, Move.PUBLISH_OFFER))
