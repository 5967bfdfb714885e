"""A workflow's journal: its lines, and which of them count.

Lines are added and closed, never taken back. What a person does to a workflow is a line too: `REDRIVEN` names what shall be done again, and
from there on the earlier lines of those steps are history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from kernel.event import decode
from kernel.saga.plan import UNDO_MARK, Saga


class EntryState(StrEnum):
    """`ASKED` and `UNDOING` wait for an answer, `WAITING` for an instant or an event; the others have ended.

    `CONTINUED`: refused, and the workflow went on without it · `PUT_OFF`: refused for now, to be asked anew at the line's deadline ·
    `LEFT`: a person went on without its answer · `REDRIVEN`: a person's word that steps shall be done again.
    """

    ASKED = "ASKED"
    WAITING = "WAITING"
    DONE = "DONE"
    REFUSED = "REFUSED"
    CONTINUED = "CONTINUED"
    PUT_OFF = "PUT_OFF"
    SKIPPED = "SKIPPED"
    LEFT = "LEFT"
    UNDOING = "UNDOING"
    UNDONE = "UNDONE"
    UNDO_REFUSED = "UNDO_REFUSED"
    REDRIVEN = "REDRIVEN"


OPEN = (EntryState.ASKED, EntryState.UNDOING, EntryState.WAITING)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal. `evidence` and `summary` come from the answer, or from a person, and carry no personal data."""

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
        return self.state in OPEN

    @property
    def key(self) -> str:
        """The step's name as questions carry it: an undo's is marked with `~`."""
        return f"{UNDO_MARK}{self.step}" if self.undo else self.step

    @property
    def unknown(self) -> bool:
        """Whether the answer was that nobody knows."""
        return self.answer is not None and bool(self.answer.get("unknown"))

    @property
    def away(self) -> tuple[str, ...]:
        """The partners that could not be reached, as the answer's evidence names them: nothing was done there, and later it may be."""
        evidence = None if self.answer is None or self.unknown else self.answer.get("evidence")
        return tuple(str(evidence.get("away", "")).split()) if isinstance(evidence, Mapping) else ()

    def event(self) -> Any:
        """The answer itself; None without one. Raises: MessageError."""
        return None if self.answer_name is None or self.answer is None else decode(self.answer_name, self.answer)


def current(journal: Iterable[Entry]) -> dict[str, Entry]:
    """By key, the line that counts: the last one, unless it shall be done again."""
    found: dict[str, Entry] = {}
    for entry in journal:
        if entry.state is EntryState.REDRIVEN:
            for key in (entry.answer or {}).get("again", ()):
                found.pop(key, None)
        else:
            found[entry.key] = entry
    return found


def next_attempt(journal: Sequence[Entry], key: str) -> int:
    """The number of the next attempt at this step or undo."""
    return 1 + max((entry.attempt for entry in journal if entry.key == key and entry.state is not EntryState.REDRIVEN), default=0)


def owed(saga: Saga, journal: Sequence[Entry]) -> list[str]:
    """The steps whose compensation is owed, in the plan's order: from the intent on, until it is undone or a person says that it is.

    Owed is what was done, and also that of which nobody knows: an answer that says so, and a question whose answer nobody waited for.
    """
    owing: set[str] = set()
    for entry in journal:
        if entry.undo:
            if entry.state in (EntryState.UNDONE, EntryState.SKIPPED):
                owing.discard(entry.step)
        elif entry.state is EntryState.DONE or entry.unknown or (entry.state is EntryState.LEFT and entry.asks > 0):
            owing.add(entry.step)
    return [step.name for step in saga.steps if step.undo is not None and step.name in owing]
