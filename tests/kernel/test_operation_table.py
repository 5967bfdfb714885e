"""Every class against every answer and every death: one line of a table each, so that a changed rule shows as a changed line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.operation import Class, Finding, Operation, OperationRow, State
from kernel.operation.resolution import (
    Moment,
    Move,
    after_death,
    after_finding,
    after_look,
    after_send,
    after_stumble,
    after_verify,
    overdue,
)
from tests.kernel.test_operation_resolution import DAY, START, a_row, an_operation, at

READ, A, B, C, D = Class
INTENT, SENT, UNKNOWN, OK, DECLINED, EXHAUSTED, WITHDRAWN, REVIEW = State

YES, NO, NOT_SENT, NOBODY_KNOWS = Ok("1-100"), Declined("FULL", "full"), NotSent("429"), Unknown("time-out")
EMPTY: Ok[None] = Ok(None)


async def _nothing(*_: Any) -> Any:
    return NotSent("never called")


def _told(move: Move) -> str | None:
    return None if move.outcome is None else type(move.outcome).__name__


@pytest.mark.parametrize(
    ("kind", "answer", "state", "told"),
    [
        *((kind, YES, OK, "Ok") for kind in Class),
        *((kind, NO, DECLINED, "Declined") for kind in Class),
        *((kind, NOT_SENT, INTENT, None) for kind in Class),
        (READ, NOBODY_KNOWS, INTENT, None),
        (A, NOBODY_KNOWS, UNKNOWN, None),
        (B, NOBODY_KNOWS, UNKNOWN, None),
        (C, NOBODY_KNOWS, UNKNOWN, None),
        (D, NOBODY_KNOWS, REVIEW, "Unknown"),
    ],
)
def test_after_the_first_send(kind: Class, answer: Answer[str], state: State, told: str | None) -> None:
    operation = an_operation(kind)
    move = after_send(operation, a_row(operation), answer, at())
    assert (move.row.state, _told(move)) == (state, told)


@pytest.mark.parametrize(
    ("kind", "answer", "state", "told"),
    [
        (READ, NOBODY_KNOWS, EXHAUSTED, "Unknown"),
        (A, NOBODY_KNOWS, UNKNOWN, None),  # its key is asked again, however often, before a person is
        (B, NOBODY_KNOWS, UNKNOWN, None),  # its reference is looked for before a person is asked
        (C, NOBODY_KNOWS, UNKNOWN, None),
        (D, NOBODY_KNOWS, REVIEW, "Unknown"),
        *((kind, NOT_SENT, INTENT, None) for kind in Class),  # what never left costs no send
    ],
)
def test_after_the_last_send(kind: Class, answer: Answer[str], state: State, told: str | None) -> None:
    operation = an_operation(kind)
    move = after_send(operation, a_row(operation, sends=operation.budget), answer, at())
    assert (move.row.state, _told(move)) == (state, told)


@pytest.mark.parametrize(
    ("kind", "answer", "state", "told"),
    [
        *((kind, NOT_SENT, EXHAUSTED, "NotSent") for kind in Class),
        (READ, NOBODY_KNOWS, EXHAUSTED, "Unknown"),
        *((kind, NOBODY_KNOWS, UNKNOWN, None) for kind in (A, B, C)),
        (D, NOBODY_KNOWS, REVIEW, "Unknown"),
    ],
)
def test_after_the_deadline(kind: Class, answer: Answer[str], state: State, told: str | None) -> None:
    operation = an_operation(kind)
    move = after_send(operation, a_row(operation), answer, at(START + DAY))
    assert (move.row.state, _told(move)) == (state, told)


@pytest.mark.parametrize(
    ("kind", "answer", "state", "told"),
    [
        *((kind, NOT_SENT, WITHDRAWN, "NotSent") for kind in Class),
        *((kind, YES, OK, "Ok") for kind in Class),  # it is there: the undo that waits will find it
        (READ, NOBODY_KNOWS, WITHDRAWN, "NotSent"),
        *((kind, NOBODY_KNOWS, UNKNOWN, None) for kind in (A, B, C)),
        (D, NOBODY_KNOWS, REVIEW, "Unknown"),
    ],
)
def test_after_a_send_that_is_not_wanted_any_more(kind: Class, answer: Answer[str], state: State, told: str | None) -> None:
    operation = an_operation(kind)
    move = after_send(operation, a_row(operation, withdrawn_by="undo"), answer, at())
    assert (move.row.state, _told(move)) == (state, told)


@pytest.mark.parametrize("answer", [NOT_SENT, NOBODY_KNOWS])
@pytest.mark.parametrize("kind", [A, B, C])
def test_a_send_after_an_open_one_can_never_be_taken_for_unsent(kind: Class, answer: Answer[str]) -> None:
    """At the deadline and withdrawn, too: the first may have been executed."""
    operation = an_operation(kind)
    row = a_row(operation, sends=2, unknown_at=START, withdrawn_by="undo")
    for moment in (at(), at(START + DAY)):
        assert after_send(operation, row, answer, moment).row.state in (UNKNOWN, REVIEW)


@pytest.mark.parametrize(
    ("kind", "look", "state", "told"),
    [
        (B, YES, OK, "Ok"),
        (B, EMPTY, UNKNOWN, None),  # the same reference goes out again
        (B, NO, DECLINED, "Declined"),
        (B, NOT_SENT, UNKNOWN, None),
        (B, NOBODY_KNOWS, UNKNOWN, None),
        (C, YES, OK, "Ok"),
        (C, EMPTY, UNKNOWN, None),
        (C, NO, DECLINED, "Declined"),
        (C, NOT_SENT, UNKNOWN, None),
        (C, NOBODY_KNOWS, UNKNOWN, None),
        *((kind, EMPTY, REVIEW, "Unknown") for kind in (READ, A, D)),  # who cannot be looked up is not resolved by looking
    ],
)
def test_after_the_first_look_up(kind: Class, look: Answer[str | None], state: State, told: str | None) -> None:
    operation = an_operation(kind)
    move = after_look(operation, an_unknown(operation), look, at())
    assert (move.row.state, _told(move)) == (state, told)


@pytest.mark.parametrize(
    ("changes", "state", "told"),
    [
        ({"looks": 1}, UNKNOWN, None),
        ({"looks": 2}, INTENT, None),  # three empty ones: taken as never executed, and sent under a new reference
        ({"looks": 2, "sends": 3}, EXHAUSTED, "NotSent"),
        ({"looks": 2, "deadline": START}, EXHAUSTED, "NotSent"),
        ({"looks": 2, "withdrawn_by": "undo"}, WITHDRAWN, "NotSent"),
        ({"looks": 2, "watched_at": START}, WITHDRAWN, "NotSent"),
        ({"looks": 1, "watched_at": START}, UNKNOWN, None),
        ({"told": ""}, REVIEW, "Unknown"),  # a person says it is there: then it is never sent again, and never taken as absent
    ],
)
def test_after_an_empty_look_up_of_class_c(changes: dict[str, Any], state: State, told: str | None) -> None:
    operation = an_operation(C)
    row = an_unknown(operation, **changes)
    move = after_look(operation, row, EMPTY, at())
    assert (move.row.state, _told(move)) == (state, told)
    assert (row.reference in move.row.given_up) == (state in (INTENT, EXHAUSTED, WITHDRAWN))


@pytest.mark.parametrize("kind", [B, C])
def test_look_ups_that_say_nothing_end_with_a_person(kind: Class) -> None:
    operation = an_operation(kind)
    move = after_look(operation, an_unknown(operation), NOBODY_KNOWS, at(START + operation.resolve_within))
    assert (move.row.state, _told(move)) == (REVIEW, "Unknown")


@pytest.mark.parametrize(
    ("kind", "state", "after_one"),
    [(READ, SENT, INTENT), (A, SENT, UNKNOWN), (B, SENT, UNKNOWN), (C, SENT, UNKNOWN), (D, SENT, REVIEW)]
    + [(kind, UNKNOWN, UNKNOWN) for kind in (A, B, C)]
    + [(kind, state, state) for kind in (C, D) for state in (OK, DECLINED, REVIEW)],
)
def test_after_a_death(kind: Class, state: State, after_one: State) -> None:
    operation = an_operation(kind)
    row = a_row(operation, state=state, deaths=1)
    assert after_death(operation, row, at()).row.state is after_one
    third = after_death(operation, replace(row, deaths=3), at())
    assert third.row.state is (REVIEW if state in (SENT, UNKNOWN) else state)


@pytest.mark.parametrize(
    ("kind", "first"), [(READ, UNKNOWN), (A, UNKNOWN), (B, UNKNOWN), (C, UNKNOWN), (D, REVIEW)]
)  # fmt: skip
def test_after_an_outcome_that_cannot_be_written(kind: Class, first: State) -> None:
    operation = an_operation(kind)
    assert after_stumble(operation, a_row(operation), "LookupError", at()).row.state is first
    assert after_stumble(operation, a_row(operation, deaths=2), "LookupError", at()).row.state is REVIEW


@pytest.mark.parametrize(
    ("kind", "finding", "reference", "state", "told"),
    [
        *((kind, Finding.ABSENT, "", EXHAUSTED, "NotSent") for kind in (A, B, C, D)),
        *((kind, Finding.CANCELLED, "", DECLINED, "Declined") for kind in (A, B, C, D)),
        *((kind, Finding.FOUND, "", UNKNOWN, None) for kind in (A, B, C)),  # looked for, or asked for under the same key
        (D, Finding.FOUND, "1-100", UNKNOWN, None),
    ],
)
def test_after_a_person_has_found_out(kind: Class, finding: Finding, reference: str, state: State, told: str | None) -> None:
    operation = an_operation(kind, known_as=_nothing)
    row = a_row(operation, state=REVIEW, unknown_at=START)
    move = after_finding(operation, row, finding, reference, at(START + DAY))
    assert move is not None
    assert (move.row.state, _told(move)) == (state, told)
    if finding is not Finding.FOUND and row.reference:
        assert move.row.given_up == (row.reference,), "what is said to be gone may still appear"


def test_nobody_can_be_asked_for_a_class_d_that_is_found_without_a_reference() -> None:
    operation = an_operation(D, known_as=_nothing)
    assert after_finding(operation, a_row(operation, state=REVIEW), Finding.FOUND, "", at()) is None


@pytest.mark.parametrize("state", [INTENT, SENT, UNKNOWN, OK, DECLINED, EXHAUSTED, WITHDRAWN])
@pytest.mark.parametrize("finding", list(Finding))
def test_a_finding_about_what_is_not_in_question_changes_nothing(state: State, finding: Finding) -> None:
    operation = an_operation(C)
    assert after_finding(operation, a_row(operation, state=state), finding, "", at()) is None


@pytest.mark.parametrize("state", [REVIEW, DECLINED, EXHAUSTED])
def test_an_undo_that_failed_is_settled_by_hand_or_tried_again(state: State) -> None:
    operation = an_operation(A, by_hand=lambda row, reference: f"by hand {reference}")
    row = a_row(operation, state=state, sends=3, unknown_at=START if state is REVIEW else None)
    for finding in (Finding.CANCELLED, Finding.ABSENT):
        done = after_finding(operation, row, finding, "C-1", at())
        assert done is not None
        assert (done.row.state, done.outcome) == (OK, Ok("by hand C-1"))
    again = after_finding(operation, row, Finding.FOUND, "", at())
    assert again is not None
    assert (again.row.state, again.row.sends, again.row.unknown_at, again.after) == (INTENT, 0, None, timedelta(0))


@pytest.mark.parametrize(
    ("changes", "late", "expected"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"state": SENT}, True, False),  # it may be answered any moment
        ({"state": REVIEW}, True, False),
        ({"withdrawn_by": "undo"}, True, False),  # nobody waits for it
        ({"watched_at": START}, True, False),
        ({"told": "1-100"}, True, False),
    ],
)
def test_nobody_waits_for_ever(changes: dict[str, Any], late: bool, expected: bool) -> None:
    operation = an_operation(C, instead=_nothing, wait=timedelta(minutes=4))
    moment = Moment(START + timedelta(minutes=2 if late else 1), 0.5, lambda ceiling: ceiling)
    assert overdue(operation, an_unknown(operation, **changes), moment) is expected


def test_a_verification_ends_a_review_when_it_finds_what_nobody_knew() -> None:
    operation = an_operation(C, verify=_nothing)
    row = a_row(operation, state=REVIEW, unknown_at=START)
    assert after_verify(operation, row, at()).row.state is REVIEW
    move = after_verify(operation, row, at(), "1-100")
    assert (move.row.state, move.outcome, move.row.unknown_at) == (OK, Ok("1-100"), None)
    assert after_verify(operation, replace(row, state=OK), at(), "1-100").outcome is None


def test_only_what_can_be_looked_up_can_be_watched() -> None:
    with pytest.raises(ValueError, match="watched"):
        an_operation(A, instead=_nothing)


def an_unknown(operation: Operation[Any, str], **changes: Any) -> OperationRow:
    return a_row(operation, **{"state": UNKNOWN, "unknown_at": START, **changes})
