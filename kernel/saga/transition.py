"""What a workflow does next: a pure function of its plan, its journal and the answers that came. No clock, dice, database or partner.

A workflow asks one thing at a time. Forward steps are asked in the plan's order; undoing goes backwards over every step that is owed one:
those that were done, and those of which nobody knows. What is open is waited for before anything is undone, so that whoever owns the
partner has resolved it by then; where a deadline ends the wait, the undo's receiver resolves it first.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from kernel.event import name_of
from kernel.saga.entry import Entry, EntryState, current, next_attempt, owed
from kernel.saga.plan import COMPENSATE, UNDO_MARK, ReplyTo, Saga, Step
from kernel.saga.workflow import State, Workflow
from kernel.turns import Share

LONGEST_WAIT: Final = timedelta(hours=1)  # between two times the same question is put


@dataclass(frozen=True, slots=True)
class Signal:
    """An answer that came for the question named by `reply_to`; without one, an event that was told to the workflow."""

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
        self.current = current(journal)
        self.decision = Decision(workflow.state, workflow.step, workflow.failure)

    def take(self, signal: Signal) -> None:
        """Closes the question the answer belongs to; an answer to nothing that is open is late or a duplicate, and changes nothing."""
        if not signal.reply_to:
            return self.hear(signal)
        entry = next((each for each in self.current.values() if each.open and each.reply_to == signal.reply_to), None)
        if entry is None:
            return
        step = self.saga.step(entry.step)
        welcome = step.undone if entry.undo else step.done
        answered = self.answered(entry, signal)
        if welcome is not None and signal.name == name_of(welcome):
            self.write(replace(answered, state=EntryState.UNDONE if entry.undo else EntryState.DONE))
        else:
            self.refuse(step, answered)

    def hear(self, signal: Signal) -> None:
        """Ends the wait that the event ends; one that is not reached yet has ended when it is."""
        for step in self.saga.steps:
            known = self.current.get(step.name)
            if signal.name in map(name_of, step.ends) and (known is None or known.open):
                entry = self.answered(known or self.fresh(step, undo=False), signal)
                return self.write(replace(entry, state=EntryState.DONE))

    def answered(self, entry: Entry, signal: Signal) -> Entry:
        """The line with its answer; whether that is a good one, its state says."""
        return replace(
            entry, ended_at=self.now, deadline=None, answer_name=signal.name, answer=signal.body, summary=self.summary(entry, signal),
            evidence=_facts(signal.body),
        )  # fmt: skip

    def move(self) -> bool:
        """One move; False when the workflow has to wait, or has ended."""
        if self.decision.ended:
            return False
        waiting = next((entry for entry in self.current.values() if entry.open), None)
        if waiting is not None:
            return self.outwait(waiting) if waiting.state is EntryState.WAITING else self.wait(waiting)
        return self.forward() if self.decision.state is State.RUNNING else self.backward()

    def wait(self, entry: Entry) -> bool:
        step = self.saga.step(entry.step)
        last = None if step.deadline is None or entry.undo else entry.asked_at + step.deadline
        if last is not None and last <= self.now:
            why = f"no answer within {_span(self.now - entry.asked_at)}"
            body = {"why": why, "unknown": True}
            self.refuse(step, replace(entry, ended_at=self.now, deadline=None, answer=body, summary=why, evidence=_facts(body)))
            return True
        if entry.deadline is not None and entry.deadline <= self.now:
            entry = self.ask_again(step, entry)
        return self.until(entry, min(filter(None, (entry.deadline, last)), default=None))

    def outwait(self, entry: Entry) -> bool:
        """Nobody is asked, so a workflow that is cancelled need not wait to the end."""
        if self.workflow.cancel_reason is not None:
            self.write(replace(entry, state=EntryState.SKIPPED, deadline=None, ended_at=self.now, summary="Not waited for"))
            return True
        if entry.deadline is not None and entry.deadline <= self.now:
            self.write(replace(entry, state=EntryState.DONE, deadline=None, ended_at=self.now, summary="The time was up"))
            return True
        return self.until(entry, entry.deadline)

    def forward(self) -> bool:
        ended = [self.current.get(step.name) for step in self.saga.steps]
        refused = next((entry for entry in ended if entry and entry.state is EntryState.REFUSED), None)
        if refused is not None:
            return self.turn_back(f"{refused.step}: {refused.summary}")
        if self.workflow.cancel_reason is not None:
            return self.turn_back(self.workflow.cancel_reason)
        for step, entry in zip(self.saga.steps, ended, strict=True):
            if entry is None or entry.state is EntryState.PUT_OFF:
                if entry and entry.deadline and entry.deadline > self.now:
                    return self.until(entry, entry.deadline)
                return self.begin(step)
        return self.end(State.DONE)

    def backward(self) -> bool:
        refused = (EntryState.UNDO_REFUSED,)
        for name in reversed(owed(self.saga, self.journal)):
            entry = self.current.get(f"{UNDO_MARK}{name}")
            if entry and entry.state is EntryState.PUT_OFF and entry.deadline and entry.deadline > self.now:
                return self.until(entry, entry.deadline)
            if entry is None or entry.state not in refused:
                step = self.saga.step(name)
                return self.ask(step, self.saga.build_undo(step, self.params, self.answers(), self.decision.failure or ""), undo=True)
        failed = any(entry.state in refused for entry in self.current.values())
        return self.end(State.REVIEW if failed else State.COMPENSATED)

    def turn_back(self, why: str) -> bool:
        self.decision.state, self.decision.failure = State.COMPENSATING, why
        return True

    def end(self, state: State) -> bool:
        self.decision.state, self.decision.due, self.decision.step = state, None, None
        return False

    def until(self, entry: Entry, due: datetime | None) -> bool:
        self.decision.step, self.decision.due = entry.step, due
        return False

    def begin(self, step: Step) -> bool:
        built = self.saga.build(step, self.params, self.answers())
        if not step.waits or built is None:
            return self.ask(step, built, undo=False)
        if not isinstance(built, datetime):
            raise TypeError(f"step {step.name} waits, and its function said {built!r}; expected an instant")
        self.write(replace(self.fresh(step, undo=False), state=EntryState.WAITING, deadline=built, summary="Waiting"))
        return True

    def ask(self, step: Step, command: object | None, *, undo: bool) -> bool:
        entry = self.fresh(step, undo=undo)
        if command is None:
            skipped = EntryState.UNDONE if undo else EntryState.SKIPPED
            self.write(replace(entry, state=skipped, ended_at=self.now, summary="Nothing to do"))
            return True
        self.write(replace(entry, asks=1, deadline=self.now + step.within, summary=_words(name_of(command))))
        self.decision.asks.append((command, entry.reply_to))
        return True

    def ask_again(self, step: Step, entry: Entry) -> Entry:
        """The same question with the same `reply_to`, so that a receiver who knows it already does nothing."""
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

    def refuse(self, step: Step, answered: Entry) -> None:
        """Closes a line with a no: for now, where partners were away and the step may be asked anew, or for good."""
        before = self.put_off_before(answered.key)
        if answered.away and before < step.retries:
            later = self.now + step.backoff.ceiling(before + 1) * _scatter(answered.reply_to)
            return self.write(replace(answered, state=EntryState.PUT_OFF, deadline=later))
        if answered.undo:
            return self.write(replace(answered, state=EntryState.UNDO_REFUSED))
        state = EntryState.REFUSED if step.on_failure is COMPENSATE else EntryState.CONTINUED
        self.write(replace(answered, state=state))
        self.decision.refused.append((step, self.current[answered.key]))

    def put_off_before(self, key: str) -> int:
        """How often it was put off since a person last had a hand in it."""
        count = 0
        for entry in self.journal:
            if entry.state is EntryState.REDRIVEN and key in (entry.answer or {}).get("again", ()):
                count = 0
            count += entry.key == key and entry.state is EntryState.PUT_OFF
        return count

    def fresh(self, step: Step, *, undo: bool) -> Entry:
        """The line of a new attempt."""
        key = f"{UNDO_MARK}{step.name}" if undo else step.name
        attempt = next_attempt(self.journal, key)
        reply_to = str(ReplyTo(self.workflow.urn, key, attempt, Share.UNDO if undo else self.workflow.share))
        state = EntryState.UNDOING if undo else EntryState.ASKED
        return Entry(len(self.journal) + 1, step.name, undo, attempt, 0, state, reply_to, self.now)

    def answers(self) -> dict[str, Any]:
        return {entry.step: entry.event() for entry in self.current.values() if entry.state is EntryState.DONE}

    def summary(self, entry: Entry, signal: Signal) -> str:
        """One sentence: why not, or what the plan says of the answer, or at least the answer's name."""
        why = signal.body.get("why")
        told = why or (None if entry.undo else self.saga.tell(entry.step, signal.name, signal.body))
        return str(told or _words(signal.name))

    def write(self, entry: Entry) -> None:
        entry = replace(entry, version=entry.version + 1)
        self.decision.changed[entry.entry] = self.current[entry.key] = entry
        if entry.entry > len(self.journal):
            self.journal.append(entry)
        else:
            self.journal[entry.entry - 1] = entry


def _scatter(name: str) -> float:
    """A number from 0 to 1 as if by chance, and the same whenever the journal is replayed."""
    return zlib.crc32(name.encode()) / 2**32


def _facts(body: Mapping[str, Any]) -> dict[str, str]:
    """What of an answer a person may want to read: its plain values, and the evidence it brought."""
    plain = {name: _plain(value) for name, value in body.items()}
    return {name: value for name, value in plain.items() if value} | dict(body.get("evidence") or {})


def _plain(value: Any) -> str:
    if isinstance(value, Mapping) and value.keys() == {"amount", "currency"}:
        return f"{value['amount']} {value['currency']}"
    return str(value) if isinstance(value, (str, int, float)) else ""


def _span(duration: timedelta) -> str:
    seconds = round(duration.total_seconds())
    return f"{seconds // 60} min" if seconds >= 120 else f"{seconds} s"


def _words(name: str) -> str:
    """`RankHotels` as a person would write it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).capitalize()
