"""The rules of resolution, against every order of answers and deaths that a few dice can make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.operation import Backoff, Class, Finding, Operation, OperationRow, State
from kernel.operation.declaration import PENDING
from kernel.operation.resolution import (
    Moment,
    Move,
    after_death,
    after_finding,
    after_look,
    after_send,
    after_verify,
    overdue,
    resend,
    to_verify,
)
from kernel.tenancy import Tenant
from kernel.urn import Urn

START = datetime(2026, 2, 8, 12, tzinfo=UTC)
DAY = timedelta(days=1)


async def _nothing(*_: Any) -> Any:
    return NotSent("never called")


def an_operation(kind: Class, **changes: Any) -> Operation[Any, str]:
    options: dict[str, Any] = {"look_up": _nothing if kind in (Class.B, Class.C) else None, "budget": 3, "patience": DAY}
    return Operation("order", "booking", kind, _nothing, _nothing, **{**options, **changes})


def a_row(operation: Operation[Any, str], **changes: Any) -> OperationRow:
    row = OperationRow(
        tenant=Tenant("t1"), urn=Urn("urn:operation:op-1"), name="order", subject=Urn("urn:sub-case:s-1"), workflow=None, key="k",
        reference=operation.next_reference(), given_up=(), intent={}, reply_to=None, withdrawn_by=None, actor=None, correlation="c",
        state=State.SENT, sends=1, waits=0, looks=0, verified=0, intended_at=START, deadline=START + DAY, sent_at=START, unknown_at=None,
        journal=(), deaths=0, fence=1,
    )  # fmt: skip
    return replace(row, **changes)


def at(moment: datetime = START, scale: float = 1.0) -> Moment:
    return Moment(moment, scale, lambda ceiling: ceiling)


@dataclass
class Partner:
    """Executes or loses what it is sent, at once or late; whatever it executed it finds, once its index has caught up."""

    faults: Iterator[str]
    held: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    sends: list[str] = field(default_factory=list)

    def send(self, row: OperationRow) -> Answer[str]:
        fault = next(self.faults)
        if fault == "busy":
            return NotSent("429")
        reference = row.reference or row.key
        self.sends.append(reference)
        if fault == "no":
            return Declined("NO", "no")
        if fault == "late":
            self.late.append(reference)
        elif fault not in ("lost", "death before"):
            self.held.append(reference)
        return Ok(reference) if fault == "fine" else Unknown("time-out")

    def look(self, reference: str | None) -> Answer[str | None]:
        if next(self.faults) == "busy":
            return Unknown("time-out")
        return Ok(reference if reference in self.held else None)

    def execute_late(self) -> None:
        self.held, self.late = [*self.held, *self.late], []


FAULTS = st.lists(st.sampled_from(["fine", "busy", "no", "lost", "late", "executed", "death before", "death after"]), max_size=30)


def _endless(faults: list[str]) -> Iterator[str]:
    yield from faults
    while True:
        yield "fine"


@dataclass
class Play:
    """The engine without a database: every due time comes at once, a death is an answer nobody heard."""

    operation: Operation[Any, str]
    partner: Partner
    row: OperationRow
    withdrawn: bool = False
    instead: bool = False
    now: datetime = START
    outcomes: list[Answer[Any]] = field(default_factory=list)

    def until_ended(self) -> OperationRow:
        for turn in range(500):
            if self.withdrawn and turn == 2:
                self.row = replace(self.row, withdrawn_by="undo")
            move = self._turn()
            self.row = move.row
            if overdue(self.operation, self.row, at(self.now)) and self.instead:
                self.row = replace(self.row, watched_at=self.now)
            if move.outcome is not None:
                self.outcomes.append(move.outcome)
            if self.row.state not in PENDING:
                return self.row
            self.now += move.after or timedelta(0)
            if self.row.state is State.INTENT or (self.row.state is State.UNKNOWN and resend(self.operation, self.row)):
                self.row = replace(self.row, state=State.SENT, sends=self.row.sends + 1)
        raise AssertionError(f"it never ends: {self.row}")

    def _turn(self) -> Move:
        moment = at(self.now)
        if self.row.state is State.UNKNOWN:
            return after_look(self.operation, self.row, self.partner.look(self.row.reference), moment)
        before = len(self.partner.sends)
        open_ones = {each for each in self.partner.sends if each not in self.row.given_up}
        answer = self.partner.send(self.row)
        if len(self.partner.sends) > before and self.operation.kind is not Class.READ:
            assert open_ones <= {self.partner.sends[-1]}, "it went out while another was unresolved"
            assert self.row.watched_at is None, "it went out although something else was done in its place"
        died = isinstance(answer, Unknown) and len(self.partner.sends) > before and len(self.partner.sends) % 2 == 0
        if died:
            return after_death(self.operation, replace(self.row, deaths=self.row.deaths + 1), moment)
        return after_send(self.operation, self.row, answer, moment)


@given(kind=st.sampled_from(list(Class)), faults=FAULTS, withdrawn=st.booleans(), instead=st.booleans())
def test_whatever_happens_it_ends_once_and_the_partner_holds_what_we_believe(
    kind: Class, faults: list[str], withdrawn: bool, instead: bool
) -> None:
    operation = an_operation(kind, instead=_nothing if kind is Class.C else None, wait=timedelta(minutes=2))
    partner = Partner(_endless(faults))
    play = Play(operation, partner, a_row(operation), withdrawn, instead)
    row = play.until_ended()
    assert len(play.outcomes) == 1
    if kind is Class.C:
        assert len(partner.sends) == len(set(partner.sends)), "one reference was sent twice"
        assert len(set(partner.held)) <= 1, "two are held"
        assert (row.state is State.OK) == bool(partner.held)
    if kind is Class.D:
        assert len(partner.sends) <= 1
    if kind in (Class.A, Class.B):
        assert len(set(partner.sends)) <= 1, "the key changed"
    if row.state in (State.WITHDRAWN, State.EXHAUSTED) and kind is not Class.READ:
        assert not partner.held, "something is held that nobody owns"
    assert row.sends <= operation.budget or kind in (Class.A, Class.B)
    partner.execute_late()
    ghosts = set(partner.held) - ({row.reference or row.key} if row.state in (State.OK, State.REVIEW) or kind is not Class.C else set())
    assert kind is Class.READ or ghosts <= set(row.given_up), "what may still appear is not watched"


@given(kind=st.sampled_from([Class.A, Class.B, Class.C, Class.D]), faults=FAULTS, cancelled=st.booleans())
def test_a_review_ends_by_what_a_person_finds_and_never_with_a_second_send(kind: Class, faults: list[str], cancelled: bool) -> None:
    """The person tells the truth; the partner is asked for what is said to be there, and for nothing else."""
    operation = an_operation(kind, known_as=_nothing, budget=2, verify=_nothing)
    partner = Partner(_endless(faults))
    row = a_row(operation, state=State.REVIEW, unknown_at=START)
    reference = row.reference or row.key
    partner.sends.append(reference)
    if faults[:1] in (["fine"], ["executed"]):
        partner.held.append(reference)
    if cancelled:
        partner.held.clear()
    finding = Finding.FOUND if partner.held else Finding.CANCELLED if cancelled else Finding.ABSENT
    move = after_finding(operation, row, finding, reference, at())
    assert move is not None
    if finding is not Finding.FOUND:
        assert move.outcome is not None
        assert move.row.state is (State.DECLINED if cancelled else State.EXHAUSTED)
        assert set(to_verify(operation, move.row)) == ({row.reference} if row.reference else set())
        return
    play = Play(operation, partner, replace(move.row, reference=reference))
    ended = play.until_ended()
    assert ended.state in (State.OK, State.REVIEW)
    assert set(partner.sends) == {reference}
    assert kind not in (Class.C, Class.D) or len(partner.sends) == 1


def test_look_ups_come_at_one_two_and_four_settle_times() -> None:
    operation = an_operation(Class.C, settle=timedelta(seconds=120))
    move = after_send(operation, a_row(operation), Unknown("time-out"), at(scale=0.5))
    waits = [move.after]
    while len(waits) < 3:
        move = after_look(operation, move.row, Ok(None), at(scale=0.5))
        waits.append(move.after)
    assert waits == [timedelta(seconds=60), timedelta(seconds=60), timedelta(seconds=120)]
    first = move.row.reference
    move = after_look(operation, move.row, Ok(None), at())
    assert (move.row.state, move.row.given_up) == (State.INTENT, (first,))
    assert move.row.reference != first


def test_a_wish_of_the_partner_is_waited_for() -> None:
    operation = an_operation(Class.C, backoff=Backoff(timedelta(seconds=2)))
    move = after_send(operation, a_row(operation), NotSent("429", timedelta(seconds=30)), at())
    assert (move.row.state, move.row.sends, move.after) == (State.INTENT, 0, timedelta(seconds=32))


def test_backoff_doubles_up_to_its_most() -> None:
    waits = [Backoff(timedelta(seconds=2), timedelta(seconds=32)).ceiling(time).total_seconds() for time in range(1, 8)]
    assert waits == [2, 4, 8, 16, 32, 32, 32]


def test_an_answer_that_was_not_sent_does_not_hide_an_unresolved_send() -> None:
    """Class A sends the same key again and gets a 429: the first send may still have been executed."""
    operation = an_operation(Class.A)
    unknown = after_send(operation, a_row(operation), Unknown("time-out"), at()).row
    move = after_send(operation, replace(unknown, state=State.SENT, sends=2, withdrawn_by="undo"), NotSent("429"), at())
    assert (move.row.state, move.outcome) == (State.UNKNOWN, None)


def test_verifying_has_all_its_tries_whatever_waited_before() -> None:
    operation = an_operation(Class.C, verify=_nothing)
    move = after_look(operation, a_row(operation, state=State.UNKNOWN, unknown_at=START, waits=19), Ok("held"), at())
    assert (move.row.state, move.row.waits) == (State.OK, 0)
    again = after_verify(operation, replace(move.row, waits=19), at())
    assert (again.row.waits, again.after) == (0, DAY)


@pytest.mark.parametrize("kind", [Class.A, Class.B])
def test_what_may_be_sent_again_is_asked_so_until_it_has_been_unknown_for_long(kind: Class) -> None:
    """Beyond the budget ever more seldom: sends under one key are how it is found out what became of the first."""
    operation = an_operation(kind, look_up=None, budget=2, resolve_within=timedelta(hours=1))
    row, now, waits = a_row(operation), START, []
    for _ in range(200):
        move = after_send(operation, row, Unknown("time-out"), at(now))
        row = move.row
        if row.state is State.REVIEW:
            break
        assert (row.state, move.outcome) == (State.UNKNOWN, None)
        assert move.after is not None
        waits.append(move.after)
        now += move.after
        row = replace(row, state=State.SENT, sends=row.sends + 1)
    assert isinstance(move.outcome, Unknown)
    assert operation.resolve_within <= now - START < operation.resolve_within + waits[-1] + timedelta(seconds=1)
    assert row.sends > operation.budget
    assert waits == sorted(waits)
    assert waits[-1] == operation.settle + operation.backoff.most


def test_three_deaths_in_a_row_are_for_a_person() -> None:
    operation = an_operation(Class.READ)
    move = after_death(operation, a_row(operation, deaths=3), at())
    assert move.row.state is State.REVIEW
    assert isinstance(move.outcome, Unknown)
    assert move.outcome.evidence["deaths"] == "3"
