"""A person's hand on workflows, in memory: what may be done in each state, and that going on asks for nothing that stands."""

from __future__ import annotations

import pytest

from kernel.saga import State
from kernel.saga.entry import EntryState, current
from kernel.saga.hand import Hand, Turn, after_outage, cancel, cancellable, redrivable, redrive, skip, skippable
from kernel.turns import Share
from kernel.urn import Urn
from tests.kernel.test_saga_transition import AWAY, DONE, PLAN, REFUSED, T0, UNKNOWN, WAITING, Did, Run, a_run, told

ANA = Urn("urn:operator:ana")


def lay(run: Run, turn: Turn) -> Run:
    """Writes what the person decided, as the desk does, and lets the workflow go on."""
    lines = {entry.entry: entry for entry in run.journal} | {entry.entry: entry for entry in turn.lines}
    run.journal = tuple(lines[number] for number in sorted(lines))
    run.state, run.step, run.failure, run.cancel_reason = turn.state, turn.step, turn.failure, turn.cancel_reason
    run.turn()
    return run


def hand(run: Run) -> Hand:
    return Hand(ANA, "the partner is back", run.now)


def go_on(run: Run, *keys: str) -> Run:
    return lay(run, redrive(run.saga, run.workflow, run.journal, keys, hand(run)))


def may(run: Run) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return redrivable(run.saga, run.workflow, run.journal), skippable(run.saga, run.workflow, run.journal)


def put_off(*answers: str) -> Run:
    """As `a_run`, and what is put off is asked anew at once."""
    run = a_run(PLAN)
    for how in answers:
        if run.open is None:
            run.sleep()
        run.answer(how)
    return run


# going on --------------------------------------------------------------------------------------------------------------------


def test_what_was_undone_goes_on_from_as_early_as_one_likes_and_under_new_attempts() -> None:
    run = a_run(PLAN, DONE, DONE, REFUSED, DONE)
    assert (run.state, may(run)) == (State.COMPENSATED, (("ship",), ()))  # what rests on the ship needs a new one
    go_on(run, "ship")
    assert run.asked[-1] == "urn:workflow:w-1|ship|2"
    for how in (DONE, DONE, DONE, DONE, DONE):
        run.answer(how)
    assert run.state is State.DONE
    assert [entry.attempt for entry in current(run.journal).values()] == [2, 2, 2, 1, 1]
    marker = next(entry for entry in run.journal if entry.state is EntryState.REDRIVEN)
    assert (marker.summary, marker.evidence) == ("the partner is back", {"by": ANA})


def test_what_goes_on_and_fails_again_undoes_what_it_did_anew() -> None:
    run = go_on(a_run(PLAN, DONE, REFUSED, DONE), "ship")
    for how in (DONE, REFUSED):
        run.answer(how)
    assert run.asked[-1] == "urn:workflow:w-1|~ship|2"
    run.answer(DONE)
    assert run.state is State.COMPENSATED


def test_a_step_that_was_refused_while_nothing_before_it_had_to_be_undone_is_asked_alone() -> None:
    run = a_run(WAITING, REFUSED)
    assert may(run) == (("ship",), ())


def test_an_undo_that_was_refused_is_tried_again_or_seen_to_by_a_person_and_nothing_goes_on_before() -> None:
    run = a_run(PLAN, DONE, REFUSED, REFUSED)
    assert (run.state, may(run)) == (State.REVIEW, (("~ship",), ("~ship",)))
    again = go_on(run.copy(), "~ship")
    assert again.asked[-1] == "urn:workflow:w-1|~ship|2"
    again.answer(REFUSED)
    assert again.state is State.REVIEW
    seen_to = lay(run, skip(PLAN, run.workflow, run.journal, "~ship", hand(run)))
    assert (seen_to.state, may(seen_to)) == (State.COMPENSATED, (("ship",), ()))


def test_what_the_plan_did_without_is_made_good_and_what_stands_is_left_alone() -> None:
    run = a_run(PLAN, DONE, DONE, DONE, REFUSED, DONE)
    assert (run.state, may(run)) == (State.DONE, (("band",), ()))
    go_on(run, "band")
    assert run.asked[-1] == "urn:workflow:w-1|band|2"
    run.answer(DONE)
    assert (run.state, len(run.asked)) == (State.DONE, 6)


def test_a_workflow_that_is_done_without_loss_has_nothing_to_go_on_with() -> None:
    assert may(a_run(PLAN, DONE, DONE, DONE, DONE, DONE)) == ((), ())


def test_while_it_moves_only_the_step_it_waits_at_is_asked_anew_and_its_late_answer_changes_nothing() -> None:
    run = a_run(PLAN, DONE, DONE)
    assert may(run) == (("cargo",), ())
    late = run.asked[-1]
    go_on(run, "cargo")
    assert run.asked[-1] == "urn:workflow:w-1|cargo|2"
    run.turn(told(Did("late"), late))
    assert run.states()[2:] == [("cargo", "LEFT"), ("cargo", "REDRIVEN"), ("cargo", "ASKED")]


def test_what_was_asked_and_not_waited_for_stays_owed_an_undo() -> None:
    run = go_on(a_run(PLAN, DONE, DONE), "cargo")
    run.answer(REFUSED)
    assert (run.state, run.asked[-1]) == (State.COMPENSATING, "urn:workflow:w-1|~cargo|1")


def test_an_undo_in_flight_is_asked_anew_as_well() -> None:
    run = a_run(PLAN, DONE, REFUSED)
    assert may(run) == (("~ship",), ("~ship",))
    assert go_on(run, "~ship").asked[-1] == "urn:workflow:w-1|~ship|2"


def test_what_is_put_off_is_asked_at_once() -> None:
    run = a_run(PLAN, AWAY)
    assert may(run) == (("ship",), ())
    assert go_on(run, "ship").asked[-1] == "urn:workflow:w-1|ship|2"
    run.answer(AWAY)
    assert run.states()[-1] == ("ship", "PUT_OFF")  # a person's hand gives the budget anew


@pytest.mark.parametrize("answers", [(), (DONE,), (DONE, DONE, DONE)])
def test_a_quarantined_workflow_goes_on_from_the_step_it_died_on(answers: tuple[str, ...]) -> None:
    run = a_run(PLAN, *answers)
    run.state, at = State.QUARANTINED, run.open
    assert at is not None
    assert may(run)[0][-1] == at.key
    assert set(may(run)[0]) <= {"ship", "crew", "cargo", "band"}
    go_on(run, at.key)
    assert run.asked[-1] == f"urn:workflow:w-1|{at.key}|2"


def test_a_workflow_that_died_while_undoing_goes_on_undoing() -> None:
    run = a_run(PLAN, DONE, DONE, REFUSED)
    run.state = State.QUARANTINED
    assert may(run) == (("~ship",), ("~ship",))
    go_on(run, "~ship")
    run.answer(DONE)
    assert run.state is State.COMPENSATED


# doing without ---------------------------------------------------------------------------------------------------------------


def test_only_what_the_plan_can_do_without_is_skipped() -> None:
    assert [may(a_run(PLAN, *[DONE] * count))[1] for count in range(5)] == [(), (), (), ("band",), ()]
    run = a_run(PLAN, DONE, DONE, DONE)
    lay(run, skip(PLAN, run.workflow, run.journal, "band", hand(run)))
    assert run.states()[3:] == [("band", "LEFT"), ("band", "SKIPPED"), ("sail", "ASKED")]
    run.answer(REFUSED)
    assert run.asked[-1] == "urn:workflow:w-1|~band|1"  # it may be playing all the same


def test_a_wait_is_cut_short() -> None:
    run = a_run(WAITING, DONE, params={"until": "2026-02-09T12:00:00+00:00"})
    assert may(run) == ((), ("tide",))
    lay(run, skip(WAITING, run.workflow, run.journal, "tide", hand(run)))
    assert run.asked[-1] == "urn:workflow:w-1|land|1"


# calling off -----------------------------------------------------------------------------------------------------------------


def test_what_runs_or_stands_still_may_be_called_off() -> None:
    run = a_run(PLAN, DONE, DONE)
    assert cancellable(run.workflow)
    lay(run, cancel(run.workflow, run.journal, hand(run)))
    assert not cancellable(run.workflow)
    assert run.open is not None
    run.answer(DONE)
    assert (run.state, run.failure, run.asked[-1]) == (State.COMPENSATING, "the partner is back", "urn:workflow:w-1|~cargo|1")
    assert not cancellable(run.workflow)
    run.state = State.QUARANTINED
    assert cancellable(run.workflow)
    lay(run, cancel(run.workflow, run.journal, hand(run)))
    assert run.state is State.COMPENSATING
    assert not cancellable(a_run(PLAN, REFUSED).workflow)


# after an outage -------------------------------------------------------------------------------------------------------------


def outage(run: Run, partner: str = "inn") -> tuple[str, ...]:
    return after_outage(run.saga, run.workflow, run.journal, partner)


def test_after_an_outage_it_goes_on_from_where_nothing_stands_any_more() -> None:
    run = put_off(AWAY, AWAY)
    assert (run.state, outage(run), outage(run, "another")) == (State.COMPENSATED, ("ship",), ())
    go_on(run, *outage(run))
    assert outage(run) == ()


def test_after_an_outage_refused_undos_are_tried_again() -> None:
    run = put_off(DONE, REFUSED, AWAY, AWAY)
    assert (run.state, outage(run)) == (State.REVIEW, ("~ship",))


def test_after_an_outage_what_the_plan_did_without_is_made_good() -> None:
    run = put_off(DONE, DONE, DONE, AWAY, AWAY, DONE)
    assert (run.state, outage(run)) == (State.DONE, ("band",))


@pytest.mark.parametrize("how", [REFUSED, UNKNOWN])
def test_no_outage_is_what_was_refused_or_is_unknown(how: str) -> None:
    run = a_run(PLAN, how, *[DONE] * (how == UNKNOWN))
    assert (run.state, outage(run)) == (State.COMPENSATED, ())


def test_a_persons_word_is_as_old_as_the_moment_it_was_said() -> None:
    run = a_run(PLAN, REFUSED)
    go_on(run, "ship")
    assert next(entry.ended_at for entry in run.journal if entry.state is EntryState.REDRIVEN) == T0
    assert run.share is Share.FORWARD
