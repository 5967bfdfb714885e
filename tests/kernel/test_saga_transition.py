"""Every way a plan can go, walked without a clock or a database: what may be asked, in which order, and how it may end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from kernel.backoff import Backoff
from kernel.event import message
from kernel.saga import CONTINUE_WITH_REVIEW, Answers, ReplyTo, Saga, State, Workflow, step, wait
from kernel.saga.entry import Entry, EntryState, current
from kernel.saga.plan import PlanError
from kernel.saga.transition import Decision, Signal, decide
from kernel.tenancy import Tenant
from kernel.turns import Share
from kernel.urn import Urn


@message("wallet")
class Do:
    what: str


@message("wallet")
class Did:
    what: str = ""


@message("wallet")
class WontDo:
    why: str = "no"
    unknown: bool = False
    evidence: dict[str, str] | None = None


@message("wallet")
class Undo:
    what: str


@message("wallet")
class Undid:
    what: str = ""


@message("wallet")
class Rang:
    who: str = ""


@dataclass(frozen=True)
class Params:
    until: datetime | None = None


T0 = datetime(2026, 2, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
AGAIN = Backoff(timedelta(minutes=2), timedelta(minutes=8))
DONE, REFUSED, UNKNOWN, AWAY, SILENT = "done", "refused", "unknown", "away", "silent"

PLAN = Saga(
    "voyage",
    Params,
    step("ship", ask=Do, done=Did, refused=WontDo, undo=Undo, undone=Undid, retries=1, backoff=AGAIN),
    step("crew", ask=Do, done=Did, refused=WontDo, deadline=HOUR),
    step("cargo", ask=Do, done=Did, refused=WontDo, undo=Undo, undone=Undid, deadline=HOUR),
    step("band", ask=Do, done=Did, refused=WontDo, undo=Undo, undone=Undid, on_failure=CONTINUE_WITH_REVIEW, retries=1, backoff=AGAIN),
    step("sail", ask=Do, done=Did, refused=WontDo),
)


def _do(name: str) -> Any:
    return lambda params, answers: Do(name)


def _undo(name: str) -> Any:
    return lambda params, answers, reason: Undo(name)


ship, crew, cargo, band, sail, land = (_do(name) for name in ("ship", "crew", "cargo", "band", "sail", "land"))
undo_ship, undo_cargo, undo_band = (_undo(name) for name in ("ship", "cargo", "band"))


def tide(params: Params, answers: Answers) -> datetime | None:
    return params.until


WAITING = Saga("tide", Params, step("ship", ask=Do, done=Did, undo=Undo, undone=Undid), wait("tide", Rang), step("land", ask=Do, done=Did))


@dataclass
class Run:
    """A workflow in memory: what was decided is applied as the journal writes it."""

    saga: Saga
    params: dict[str, Any] = field(default_factory=dict)
    state: State = State.RUNNING
    step: str | None = None
    failure: str | None = None
    cancel_reason: str | None = None
    due: datetime | None = T0
    now: datetime = T0
    share: Share = Share.FORWARD
    journal: tuple[Entry, ...] = ()
    asked: tuple[str, ...] = ()  # reply_tos, in order

    def copy(self) -> Run:
        return replace(self)

    @property
    def workflow(self) -> Workflow:
        return Workflow(
            Tenant("b6"), Urn("urn:workflow:w-1"), self.saga.plan, Urn("urn:sub-case:s-1"), self.params, self.state, self.step,
            self.cancel_reason, self.failure, None, "c", 1, self.share,
        )  # fmt: skip

    def turn(self, *signals: Signal) -> Decision:
        decision = decide(self.saga, self.workflow, self.journal, signals, self.now)
        lines = {entry.entry: entry for entry in self.journal} | decision.changed
        self.journal = tuple(lines[number] for number in sorted(lines))
        self.state, self.step, self.failure, self.due = decision.state, decision.step, decision.failure, decision.due
        self.asked += tuple(reply_to for _, reply_to in decision.asks)
        return decision

    @property
    def open(self) -> Entry | None:
        return next((entry for entry in current(self.journal).values() if entry.open), None)

    def answer(self, how: str) -> Decision:
        entry = self.open
        assert entry is not None
        if how == SILENT:
            return self.sleep()
        good: object = Undid() if entry.undo else Did(entry.step)
        event = {DONE: good, REFUSED: WontDo(), UNKNOWN: WontDo("who knows", True), AWAY: WontDo("away", evidence={"away": "inn"})}[how]
        return self.turn(told(event, entry.reply_to))

    def sleep(self) -> Decision:
        """Until it is due by itself."""
        assert self.due is not None
        self.now = max(self.now, self.due)
        return self.turn()

    def states(self) -> list[tuple[str, str]]:
        return [(entry.key, entry.state.value) for entry in self.journal]


def told(event: object, reply_to: str = "") -> Signal:
    return Signal(reply_to, type(event).__name__, vars(event))


def a_run(saga: Saga = PLAN, *answers: str, **changes: Any) -> Run:
    run = Run(saga, **changes)
    run.turn()
    for how in answers:
        run.answer(how)
    return run


# every way -------------------------------------------------------------------------------------------------------------------


def _every_way(run: Run, cancels: int, silences: int) -> Iterator[Run]:
    """All runs that the answers, one cancellation at any time and a few silences can lead to, each at its end."""
    if run.state not in (State.RUNNING, State.COMPENSATING):
        yield run
        return
    choices = _answers(run, run.open, silences) if run.open else ["sleep"]  # put off: only time goes on, or somebody cancels
    if cancels and run.state is State.RUNNING:
        choices.append("cancel")
    for how in choices:
        after = run.copy()
        _check(run, after, how)
        yield from _every_way(after, cancels - (how == "cancel"), silences - (how == SILENT))


def _answers(run: Run, entry: Entry, silences: int) -> list[str]:
    """The answers that make a difference at this step."""
    retries = run.saga.step(entry.step).retries
    return [DONE, REFUSED] + [UNKNOWN] * (not entry.undo) + [AWAY] * bool(retries) + [SILENT] * bool(silences)


def _check(before: Run, after: Run, how: str) -> None:
    if how == "cancel":
        after.cancel_reason = "it rains"
        after.turn()
    elif how == "sleep":
        after.sleep()
    else:
        after.answer(how)
    fresh = after.asked[len(before.asked) :]
    assert len(fresh) <= 1, "one thing is asked at a time"
    if before.open and after.open and after.open.entry != before.open.entry:
        assert not current(after.journal)[before.open.key].open
    if after.state in (State.RUNNING, State.COMPENSATING):
        assert after.due is not None, "whatever it waits for, it looks again by itself"
    for reply_to in fresh:
        question = ReplyTo.parse(reply_to)
        if question.undo:
            assert after.state is State.COMPENSATING


@cache
def _ends() -> list[Run]:
    return list(_every_way(a_run(), cancels=1, silences=1))


def test_every_way_ends_and_leaves_nothing_that_was_done_and_is_not_wanted() -> None:
    ends = _ends()
    assert len(ends) > 1_000
    assert {run.state for run in ends} == {State.DONE, State.COMPENSATED, State.REVIEW}
    for run in ends:
        lines = current(run.journal)
        assert not any(entry.open for entry in run.journal)
        forward = [entry for entry in run.journal if not entry.undo]
        undone = [entry.step for entry in run.journal if entry.undo and entry.state is not EntryState.PUT_OFF]
        touched = {entry.step for entry in forward if entry.state is EntryState.DONE or entry.unknown}
        owing = [each.name for each in PLAN.steps if each.undo is not None and each.name in touched]
        if run.state is State.DONE:
            assert undone == []
            assert all(lines[each.name].state in (EntryState.DONE, EntryState.CONTINUED) for each in PLAN.steps)
        else:
            assert undone == owing[::-1], "exactly what is owed, backwards, once"
            refused = any(lines[f"~{name}"].state is EntryState.UNDO_REFUSED for name in owing)
            assert run.state is (State.REVIEW if refused else State.COMPENSATED)
        fresh = Counter(run.asked)
        assert set(fresh) == {entry.reply_to for entry in run.journal if entry.asks}
        assert all(fresh[entry.reply_to] == entry.asks for entry in run.journal), "the same question keeps its name"


def test_a_step_of_which_nobody_knows_is_never_tried_a_second_time_before_it_is_undone() -> None:
    for run in _ends():
        in_doubt: set[str] = set()
        for entry in run.journal:
            if entry.undo:
                in_doubt.discard(entry.step)
            else:
                assert entry.step not in in_doubt
                if entry.unknown:
                    in_doubt.add(entry.step)


def test_replaying_a_journal_decides_the_same() -> None:
    first, second = a_run(PLAN, AWAY), a_run(PLAN, AWAY)
    assert (first.due, first.journal) == (second.due, second.journal)


# deadlines -------------------------------------------------------------------------------------------------------------------


def test_until_its_deadline_a_step_is_asked_again_and_then_it_is_refused() -> None:
    run = a_run(PLAN, DONE)
    while run.state is State.RUNNING:
        assert run.due is not None
        assert run.due <= T0 + HOUR
        run.sleep()
    assert run.failure == "crew: no answer within 60 min"
    assert [reply_to for reply_to in run.asked if "|crew|" in reply_to] == ["urn:workflow:w-1|crew|1"] * 3
    assert run.states() == [("ship", "DONE"), ("crew", "REFUSED"), ("~ship", "UNDOING")]


def test_what_a_deadline_cut_off_is_something_of_which_nobody_knows_and_is_undone_first() -> None:
    run = a_run(PLAN, DONE, DONE)
    while run.state is State.RUNNING:
        run.sleep()
    assert run.open is not None
    assert run.open.key == "~cargo"
    late = next(entry for entry in run.journal if entry.step == "cargo" and not entry.undo)
    run.turn(told(Did("cargo"), late.reply_to))
    assert run.states()[2:] == [("cargo", "REFUSED"), ("~cargo", "UNDOING")]  # a late answer changes nothing


def test_an_undo_has_no_deadline() -> None:
    run = a_run(PLAN, DONE, DONE, REFUSED)
    for _ in range(30):
        run.sleep()
    assert run.open is not None
    assert (run.open.key, run.state) == ("~ship", State.COMPENSATING)


# retries ---------------------------------------------------------------------------------------------------------------------


def test_a_partner_that_was_away_is_asked_anew_as_another_attempt_and_a_bounded_number_of_times() -> None:
    run = a_run(PLAN, AWAY)
    assert run.states() == [("ship", "PUT_OFF")]
    assert run.due is not None
    assert T0 <= run.due <= T0 + timedelta(minutes=2)
    run.turn()
    assert run.states() == [("ship", "PUT_OFF")]
    run.sleep()
    assert run.asked == ("urn:workflow:w-1|ship|1", "urn:workflow:w-1|ship|2")
    run.answer(AWAY)
    assert (run.state, run.failure) == (State.COMPENSATED, "ship: away")


def test_an_undo_is_put_off_as_well_and_after_that_a_person_looks() -> None:
    run = a_run(PLAN, DONE, REFUSED, AWAY)
    assert run.states()[-1] == ("~ship", "PUT_OFF")
    run.sleep()
    run.answer(AWAY)
    assert (run.state, run.states()[-1]) == (State.REVIEW, ("~ship", "UNDO_REFUSED"))


def test_nothing_is_put_off_of_which_nobody_knows() -> None:
    run = a_run()
    assert run.open is not None
    run.turn(told(WontDo("both", unknown=True, evidence={"away": "inn"}), run.open.reply_to))
    assert run.states() == [("ship", "REFUSED"), ("~ship", "UNDOING")]


def test_a_workflow_that_is_cancelled_does_not_wait_for_what_was_put_off() -> None:
    run = a_run(PLAN, DONE, DONE, DONE, AWAY)
    run.cancel_reason = "it rains"
    run.turn()
    assert run.open is not None
    assert run.open.key == "~cargo"


def test_waits_are_scattered_over_all_of_their_length() -> None:
    waits = []
    for number in range(200):
        run = Run(PLAN)
        run.turn()
        entry = run.journal[0]
        run.journal = (replace(entry, reply_to=f"urn:workflow:w-{number}|ship|1"),)
        run.answer(AWAY)
        assert run.due is not None
        waits.append((run.due - T0) / AGAIN.first)
    assert min(waits) < 0.05
    assert max(waits) > 0.95
    assert 0.4 < sum(waits) / len(waits) < 0.6


# waits -----------------------------------------------------------------------------------------------------------------------


def _until(until: datetime | None) -> Run:
    return a_run(WAITING, DONE, params={"until": until.isoformat() if until else None})


def test_a_wait_lasts_until_its_instant() -> None:
    run = _until(T0 + HOUR)
    assert (run.states(), run.due) == ([("ship", "DONE"), ("tide", "WAITING")], T0 + HOUR)
    run.now = T0 + HOUR / 2
    run.turn()
    assert run.asked == ("urn:workflow:w-1|ship|1",)
    run.sleep()
    assert run.states() == [("ship", "DONE"), ("tide", "DONE"), ("land", "ASKED")]


def test_a_wait_ends_with_the_event_it_waits_for_and_with_no_other() -> None:
    run = _until(T0 + HOUR)
    run.turn(told(Did("something else")))
    assert run.states()[-1] == ("tide", "WAITING")
    run.turn(told(Rang("the pilot")))
    assert run.states() == [("ship", "DONE"), ("tide", "DONE"), ("land", "ASKED")]
    assert run.journal[1].event() == Rang("the pilot")
    run.turn(told(Rang("the pilot again")))
    assert run.states()[-1] == ("land", "ASKED")


def test_an_event_that_comes_before_its_wait_is_not_lost() -> None:
    run = a_run(WAITING, params={"until": (T0 + HOUR).isoformat()})
    run.turn(told(Rang("early")))
    assert run.states() == [("ship", "ASKED"), ("tide", "DONE")]
    run.answer(DONE)
    assert run.states()[-1] == ("land", "ASKED")


def test_a_wait_without_an_instant_is_skipped() -> None:
    assert _until(None).states() == [("ship", "DONE"), ("tide", "SKIPPED"), ("land", "ASKED")]


def test_a_workflow_that_is_cancelled_does_not_wait_to_the_end() -> None:
    run = _until(T0 + HOUR)
    run.cancel_reason = "it rains"
    run.turn()
    assert run.states() == [("ship", "DONE"), ("tide", "SKIPPED"), ("~ship", "UNDOING")]


@pytest.mark.parametrize("name", ["two words", "", "1st"])
def test_a_step_is_named_as_its_function(name: str) -> None:
    with pytest.raises(PlanError, match="cannot name a step"):
        wait(name, Rang)


def test_a_question_says_that_a_person_waits_for_it_and_an_undo_never_does() -> None:
    run = a_run(PLAN, DONE, REFUSED, share=Share.INTERACTIVE)
    assert run.asked == ("urn:workflow:w-1|ship|1!", "urn:workflow:w-1|crew|1!", "urn:workflow:w-1|~ship|1")
    assert [ReplyTo.parse(text).share for text in run.asked] == [Share.INTERACTIVE, Share.INTERACTIVE, Share.UNDO]
    assert [str(ReplyTo.parse(text)) for text in run.asked] == list(run.asked)
