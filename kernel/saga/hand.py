"""A person's hand on a workflow: going on from a step, doing without one, undoing it all. Pure; what may be done is said before it is.

Going on is always safe for the partners: what stands is not asked for again, and whoever owns a partner knows each workflow's question. A
new attempt begins anew there only after a definite no or a complete undo; else it goes on with what is under way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kernel.saga.entry import Entry, EntryState, current, next_attempt, owed
from kernel.saga.plan import UNDO_MARK, ReplyTo, Saga
from kernel.saga.workflow import MOVING, State, Workflow
from kernel.urn import Urn

_STANDS = (EntryState.DONE, EntryState.CONTINUED, EntryState.SKIPPED)
_DONE_WITHOUT = (EntryState.CONTINUED, EntryState.SKIPPED)
_SAID_NO = (EntryState.REFUSED, EntryState.CONTINUED, EntryState.UNDO_REFUSED)


@dataclass(frozen=True, slots=True)
class Hand:
    """Who decides, and why."""

    by: Urn | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """What a person's word makes of a workflow: the lines it adds and closes, and how it goes on."""

    state: State
    step: str | None
    lines: tuple[Entry, ...]
    failure: str | None = None
    cancel_reason: str | None = None


def redrivable(saga: Saga, workflow: Workflow, journal: Sequence[Entry]) -> tuple[str, ...]:
    """The steps it may go on from, in the plan's order, and the undos (marked with `~`) that may be tried again.

    While it moves, only the step it waits at. After that: a step before which everything stands, which holds nothing itself, and which no
    later step that holds something rests on.
    """
    lines = current(journal)
    if workflow.state in MOVING:
        entry = _at(lines, workflow)
        return (entry.key,) if entry and entry.state is not EntryState.WAITING else ()
    undos = [f"{UNDO_MARK}{name}" for name in reversed(owed(saga, journal)) if _undo_may_be_tried(workflow, lines, name)]
    return (*_from(saga, workflow, journal, lines), *undos)


def skippable(saga: Saga, workflow: Workflow, journal: Sequence[Entry]) -> tuple[str, ...]:
    """What it may do without: the step it waits at, or died on, where the plan can go on without it; an undo, when a person saw to it."""
    lines = current(journal)
    if workflow.state in MOVING:
        entry = _at(lines, workflow)
        may = entry is not None and (entry.undo or saga.step(entry.step).optional)
        return (entry.key,) if entry and may else ()
    undos = [f"{UNDO_MARK}{name}" for name in reversed(owed(saga, journal)) if _undo_may_be_tried(workflow, lines, name)]
    if workflow.state is not State.QUARANTINED or _turned(lines, workflow):
        return tuple(undos)
    forward = _from(saga, workflow, journal, lines)
    return (*(name for name in forward[-1:] if saga.step(name).optional), *undos)


def after_outage(saga: Saga, workflow: Workflow, journal: Sequence[Entry], partner: str) -> tuple[str, ...]:
    """From where it goes on once this partner is back; nowhere, when it was not the partner's absence that ended it.

    Undos that were refused for it are tried again. Else it goes on from what it did without, or, where nothing stands any more, from as
    early as it can: what was found out before the outage is worth nothing after it.
    """
    hit = {key for key, entry in current(journal).items() if partner in entry.away and entry.state in _SAID_NO}
    possible = redrivable(saga, workflow, journal)
    undos = tuple(key for key in possible if key.startswith(UNDO_MARK) and key in hit)
    if undos or not hit:
        return undos
    forward = [key for key in possible if not key.startswith(UNDO_MARK) and (key in hit or workflow.state is not State.DONE)]
    return tuple(forward[:1])


def cancellable(workflow: Workflow) -> bool:
    """Whether it may be told to undo itself: it runs, or it stands still because it kills workers."""
    return workflow.state is State.QUARANTINED or (workflow.state is State.RUNNING and workflow.cancel_reason is None)


def redrive(saga: Saga, workflow: Workflow, journal: Sequence[Entry], keys: Sequence[str], hand: Hand) -> Turn:
    """Goes on from one step, or tries undos again, as a new attempt. `keys` come from `redrivable`: one step, or any undos."""
    lines = list(journal)
    left = _leave(lines, keys, hand)
    first = keys[0]
    undoing = first.startswith(UNDO_MARK)
    again = list(keys) if undoing else _again(saga, lines, first)
    marker = _line(workflow, lines, first, EntryState.REDRIVEN, hand)
    marker = replace(marker, answer={"again": again})
    if undoing:
        failure = workflow.failure or workflow.cancel_reason or hand.reason
        return Turn(State.COMPENSATING, marker.step, (*left, marker), failure, workflow.cancel_reason)
    return Turn(State.RUNNING, marker.step, (*left, marker))


def skip(saga: Saga, workflow: Workflow, journal: Sequence[Entry], key: str, hand: Hand) -> Turn:
    """Goes on as if the step had been answered with nothing, or the undo been done. What was asked and not answered stays owed an undo."""
    lines = list(journal)
    left = _leave(lines, [key], hand)
    skipped = _line(workflow, lines, key, EntryState.SKIPPED, hand)
    if skipped.undo:
        failure = workflow.failure or workflow.cancel_reason or hand.reason
        return Turn(State.COMPENSATING, skipped.step, (*left, skipped), failure, workflow.cancel_reason)
    return Turn(State.RUNNING, skipped.step, (*left, skipped), cancel_reason=workflow.cancel_reason)


def cancel(workflow: Workflow, journal: Sequence[Entry], hand: Hand) -> Turn:
    """Undoes itself after the step it is at; what stood still while it was undoing goes on with that."""
    if workflow.state is State.QUARANTINED and _turned(current(journal), workflow):
        return Turn(State.COMPENSATING, workflow.step, (), hand.reason, workflow.cancel_reason)
    return Turn(State.RUNNING, workflow.step, (), workflow.failure, hand.reason)


def _at(lines: dict[str, Entry], workflow: Workflow) -> Entry | None:
    """The line it waits at: an open one, or one that is put off."""
    backward = workflow.state is State.COMPENSATING
    waiting = (entry for entry in lines.values() if entry.open or (entry.state is EntryState.PUT_OFF and entry.undo == backward))
    return next(waiting, None)


def _undo_may_be_tried(workflow: Workflow, lines: dict[str, Entry], name: str) -> bool:
    """It was refused; or the workflow died while it was undoing."""
    entry = lines.get(f"{UNDO_MARK}{name}")
    if entry is None:
        return workflow.state is State.QUARANTINED and _turned(lines, workflow)
    return entry.state is EntryState.UNDO_REFUSED or (workflow.state is State.QUARANTINED and entry.open)


def _turned(lines: dict[str, Entry], workflow: Workflow) -> bool:
    return workflow.cancel_reason is not None or any(entry.undo or entry.state is EntryState.REFUSED for entry in lines.values())


def _from(saga: Saga, workflow: Workflow, journal: Sequence[Entry], lines: dict[str, Entry]) -> list[str]:
    """The forward steps it may go on from once it stands still."""
    owing = owed(saga, journal)
    possible: list[str] = []
    for number, step in enumerate(saga.steps):
        entry, undo = lines.get(step.name), lines.get(f"{UNDO_MARK}{step.name}")
        rested_on = any(later.name in owing for later in saga.steps[number + 1 :])
        done_without = entry is not None and entry.state in _DONE_WITHOUT
        undone = undo is None or undo.state in (EntryState.UNDONE, EntryState.SKIPPED)
        free = undone and (step.name not in owing or done_without)
        if free and (done_without or not rested_on) and (workflow.state is not State.DONE or done_without):
            possible.append(step.name)
        if undo is not None or entry is None or entry.state not in _STANDS:
            break
    return possible


def _again(saga: Saga, journal: Sequence[Entry], name: str) -> list[str]:
    """What shall be done again from this step on. After one that the plan did without, what was done stays, what was skipped for it not."""
    lines = current(journal)
    entry = lines.get(name)
    names = [step.name for step in saga.steps]
    later = names[names.index(name) + 1 :]
    if entry is not None and entry.state in _DONE_WITHOUT and not any(line.undo for line in lines.values()):
        return [name, *(each for each in later if _skipped_by_plan(lines.get(each)))]
    steps = [name, *later]
    return [key for key in (*steps, *(f"{UNDO_MARK}{each}" for each in steps)) if key == name or key in lines]


def _skipped_by_plan(entry: Entry | None) -> bool:
    return entry is not None and entry.state is EntryState.SKIPPED and not entry.evidence


def _leave(journal: list[Entry], keys: Sequence[str], hand: Hand) -> list[Entry]:
    """Closes what is open under these keys, and wakes what is put off: nobody waits for it any more."""
    left = []
    for entry in (current(journal).get(key) for key in keys):
        if entry is not None and (entry.open or entry.state is EntryState.PUT_OFF):
            state, ended = (EntryState.LEFT, hand.at) if entry.open else (entry.state, entry.ended_at)
            closed = replace(entry, state=state, deadline=None, ended_at=ended, version=entry.version + 1)
            journal[entry.entry - 1] = closed
            left.append(closed)
    return left


def _line(workflow: Workflow, journal: Sequence[Entry], key: str, state: EntryState, hand: Hand) -> Entry:
    attempt = next_attempt(journal, key)
    return Entry(
        len(journal) + 1, key.removeprefix(UNDO_MARK), key.startswith(UNDO_MARK), attempt, 0, state,
        str(ReplyTo(workflow.urn, key, attempt)), hand.at, ended_at=hand.at, summary=hand.reason,
        evidence={"by": str(hand.by or "")}, version=1,
    )  # fmt: skip
