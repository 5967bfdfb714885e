"""What a workflow does next: a pure function of its plan, its journal and the answers that came. No clock, no database, no partner.

A workflow asks one thing at a time. Forward steps are asked in the plan's order; undoing goes backwards over every step that is owed one:
those that were done, and those of which nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from kernel.event import decode, name_of
from kernel.saga.plan import COMPENSATE, UNDO_MARK, ReplyTo, Saga, Step
from kernel.saga.workflow import State, Workflow
from kernel.turns import Share

LONGEST_WAIT: Final = timedelta(hours=1)  # between two times the same question is put


class EntryState(StrEnum):
    """`ASKED` and `UNDOING` wait for an answer; the others have it. `CONTINUED` was refused and the workflow went on without it."""

    ASKED = "ASKED"
    DONE = "DONE"
    REFUSED = "REFUSED"
    CONTINUED = "CONTINUED"
    SKIPPED = "SKIPPED"
    UNDOING = "UNDOING"
    UNDONE = "UNDONE"
    UNDO_REFUSED = "UNDO_REFUSED"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal. `evidence` and `summary` come from the answer and carry no personal data."""

    entry: int
    step: str
    undo: bool
    attempt: int
    asks: int
    state: EntryState
    reply_to: str
    asked_at: datetime
    deadline: datetime | None = None
    ended_at: datetime | None = None
    answer_name: str | None = None
    answer: Mapping[str, Any] | None = None
    summary: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0

    @property
    def open(self) -> bool:
        return self.state in (EntryState.ASKED, EntryState.UNDOING)

    def event(self) -> Any:
        """The answer itself; None without one. Raises: MessageError."""
        return None if self.answer_name is None or self.answer is None else decode(self.answer_name, self.answer)


@dataclass(frozen=True, slots=True)
class Signal:
    """An answer that came for the question named by `reply_to`."""

    reply_to: str
    name: str
    body: Mapping[str, Any]


@dataclass(slots=True)
class Decision:
    """What is to be written: the changed lines, the questions to put, and where the workflow stands then.

    `refused` are steps that were refused now, with their lines. `due` is when to look again without a signal, None for never.
    """

    state: State
    step: str | None = None
    failure: str | None = None
    due: datetime | None = None
    changed: dict[int, Entry] = field(default_factory=dict)
    asks: list[tuple[object, str]] = field(default_factory=list)
    refused: list[tuple[Step, Entry]] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.state not in (State.RUNNING, State.COMPENSATING)


def decide(saga: Saga, workflow: Workflow, journal: Sequence[Entry], signals: Sequence[Signal], now: datetime) -> Decision:
    """The next moves, as far as they go without a further answer. Raises: what a builder of the saga raises."""
    walk = _Walk(saga, workflow, list(journal), now)
    for signal in signals:
        walk.take(signal)
    while walk.move():
        pass
    return walk.decision


class _Walk:
    def __init__(self, saga: Saga, workflow: Workflow, journal: list[Entry], now: datetime) -> None:
        self.saga, self.workflow, self.journal, self.now = saga, workflow, journal, now
        self.params = saga.read_params(workflow.params)
        self.decision = Decision(workflow.state, workflow.step, workflow.failure)

    def take(self, signal: Signal) -> None:
        """Closes the question the answer belongs to; an answer to nothing that is open is late or a duplicate, and changes nothing."""
        entry = next((each for each in self.journal if each.open and each.reply_to == signal.reply_to), None)
        if entry is None:
            return
        step = self.saga.step(entry.step)
        welcome = step.undone if entry.undo else step.done
        good = welcome is not None and signal.name == name_of(welcome)
        closed = replace(
            entry, state=_closed(entry, step, good), ended_at=self.now, deadline=None, answer_name=signal.name, answer=signal.body,
            summary=self.summary(entry, signal), evidence=_facts(signal.body),
        )  # fmt: skip
        self.write(closed)
        if not good and not entry.undo:
            self.decision.refused.append((step, closed))

    def move(self) -> bool:
        """One move; False when the workflow has to wait, or has ended."""
        if self.decision.ended:
            return False
        waiting = next((entry for entry in self.journal if entry.open), None)
        if waiting is not None:
            return self.wait(waiting)
        return self.forward() if self.decision.state is State.RUNNING else self.backward()

    def wait(self, entry: Entry) -> bool:
        if entry.deadline is not None and entry.deadline <= self.now:
            entry = self.ask_again(entry)
        self.decision.step, self.decision.due = entry.step, entry.deadline
        return False

    def forward(self) -> bool:
        forward = [entry for entry in self.journal if not entry.undo]
        if forward and forward[-1].state is EntryState.REFUSED:
            return self.turn_back(f"{forward[-1].step}: {forward[-1].summary}")
        if self.workflow.cancel_reason is not None:
            return self.turn_back(self.workflow.cancel_reason)
        if len(forward) == len(self.saga.steps):
            return self.end(State.DONE)
        step = self.saga.steps[len(forward)]
        return self.ask(step, self.saga.build(step, self.params, self.answers()), undo=False)

    def backward(self) -> bool:
        undone = {entry.step for entry in self.journal if entry.undo}
        owed = [entry for entry in self.journal if not entry.undo and entry.step not in undone and _owes_undo(self.saga, entry)]
        if owed:
            step = self.saga.step(owed[-1].step)
            command = self.saga.build_undo(step, self.params, self.answers(), self.decision.failure or "")
            return self.ask(step, command, undo=True)
        failed = any(entry.state is EntryState.UNDO_REFUSED for entry in self.journal)
        return self.end(State.REVIEW if failed else State.COMPENSATED)

    def turn_back(self, why: str) -> bool:
        self.decision.state, self.decision.failure = State.COMPENSATING, why
        return True

    def end(self, state: State) -> bool:
        self.decision.state, self.decision.due, self.decision.step = state, None, None
        return False

    def ask(self, step: Step, command: object | None, *, undo: bool) -> bool:
        share = Share.UNDO if undo else self.workflow.share
        reply_to = str(ReplyTo(self.workflow.urn, f"{UNDO_MARK}{step.name}" if undo else step.name, 1, share))
        entry = Entry(
            len(self.journal) + 1, step.name, undo, 1, 1, EntryState.UNDOING if undo else EntryState.ASKED, reply_to, self.now,
            deadline=self.now + step.within, summary=_words(name_of(command)),
        )  # fmt: skip
        if command is None:
            skipped = EntryState.UNDONE if undo else EntryState.SKIPPED
            self.write(replace(entry, state=skipped, deadline=None, ended_at=self.now, asks=0, summary="Nothing to do"))
            return True
        self.write(entry)
        self.decision.asks.append((command, reply_to))
        return True

    def ask_again(self, entry: Entry) -> Entry:
        """The same question with the same `reply_to`, so that a receiver who knows it already does nothing."""
        step = self.saga.step(entry.step)
        answers = self.answers()
        command = (
            self.saga.build_undo(step, self.params, answers, self.decision.failure or "")
            if entry.undo
            else self.saga.build(step, self.params, answers)
        )
        again = replace(entry, asks=entry.asks + 1, deadline=self.now + min(step.within * 2**entry.asks, LONGEST_WAIT))
        if command is not None:
            self.decision.asks.append((command, entry.reply_to))
        self.write(again)
        return again

    def answers(self) -> dict[str, Any]:
        return {entry.step: entry.event() for entry in self.journal if entry.state is EntryState.DONE}

    def summary(self, entry: Entry, signal: Signal) -> str:
        """One sentence: why not, or what the plan says of the answer, or at least the answer's name."""
        why = signal.body.get("why")
        told = why or (None if entry.undo else self.saga.tell(entry.step, signal.name, signal.body))
        return str(told or _words(signal.name))

    def write(self, entry: Entry) -> None:
        entry = replace(entry, version=entry.version + 1)
        self.decision.changed[entry.entry] = entry
        if entry.entry > len(self.journal):
            self.journal.append(entry)
        else:
            self.journal[entry.entry - 1] = entry


def _closed(entry: Entry, step: Step, good: bool) -> EntryState:
    if entry.undo:
        return EntryState.UNDONE if good else EntryState.UNDO_REFUSED
    if good:
        return EntryState.DONE
    return EntryState.REFUSED if step.on_failure is COMPENSATE else EntryState.CONTINUED


def _owes_undo(saga: Saga, entry: Entry) -> bool:
    """Compensation is owed from the intent on: also where the answer was that nobody knows."""
    if saga.step(entry.step).undo is None:
        return False
    unknown = entry.answer is not None and bool(entry.answer.get("unknown"))
    return entry.state is EntryState.DONE or (entry.state in (EntryState.REFUSED, EntryState.CONTINUED) and unknown)


def _facts(body: Mapping[str, Any]) -> dict[str, str]:
    """What of an answer a person may want to read: its plain values, and the evidence it brought."""
    plain = {name: _plain(value) for name, value in body.items()}
    return {name: value for name, value in plain.items() if value} | dict(body.get("evidence") or {})


def _plain(value: Any) -> str:
    if isinstance(value, Mapping) and value.keys() == {"amount", "currency"}:
        return f"{value['amount']} {value['currency']}"
    return str(value) if isinstance(value, (str, int, float)) else ""


def _words(name: str) -> str:
    """`RankHotels` as a person would write it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).capitalize()
