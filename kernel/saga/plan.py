"""A plan as data: what a saga asks, what it waits for and how each step is undone.

A workflow is pinned to the `name@version` it was started with; a changed plan is a new version beside the old one.
For every step the saga's module holds a function of the step's name, and `undo_<step>` where the step has an undo:

    def choose(params: Params, answers: Answers) -> RankHotels: ...
    def undo_book(params: Params, answers: Answers, reason: str) -> CancelRooms: ...
    def answer_by(params: Params, answers: Answers) -> datetime: ...           # of a step that waits

They are pure and may be called again at any time; None means that there is nothing to ask, and the step is skipped. Where the module also
holds a `tell_<step>`, it says in one sentence what the step's answer means, for the people who watch.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, Self, cast

from kernel.backoff import Backoff
from kernel.event import decode, name_of, read
from kernel.turns import Share
from kernel.urn import Urn

log = logging.getLogger(__name__)

Answers = Mapping[str, Any]
"""The answering event of each step that was done, by the step's name."""

ANSWER_WITHIN: Final = timedelta(minutes=10)  # three look-ups of the slowest partner take eight; then it is asked once more
RETRY_LATER: Final = Backoff(timedelta(minutes=1), timedelta(minutes=15))  # the operation below has tried for as long as it could
UNDO_MARK: Final = "~"
WAITED_MARK: Final = "!"


class OnFailure(StrEnum):
    """What a refused step does to the steps around it."""

    COMPENSATE = "COMPENSATE"
    CONTINUE_WITH_REVIEW = "CONTINUE_WITH_REVIEW"


COMPENSATE: Final = OnFailure.COMPENSATE
CONTINUE_WITH_REVIEW: Final = OnFailure.CONTINUE_WITH_REVIEW


class PlanError(ValueError):
    """The plan is not one that could run."""


@dataclass(frozen=True, slots=True)
class Step:
    """One question to one domain, or a wait. Any answer but `done` is a refusal, any answer to the undo but `undone` a failed undo."""

    name: str
    ask: type | None  # None: it waits
    done: type | None
    refused: type | None = None
    undo: type | None = None
    undone: type | None = None
    on_failure: OnFailure = COMPENSATE
    within: timedelta = ANSWER_WITHIN
    deadline: timedelta | None = None
    retries: int = 0
    backoff: Backoff = RETRY_LATER
    ends: tuple[type, ...] = ()

    @property
    def waits(self) -> bool:
        return self.ask is None

    @property
    def optional(self) -> bool:
        """Whether the steps after it can do without its answer."""
        return self.waits or self.on_failure is OnFailure.CONTINUE_WITH_REVIEW


def step(
    name: str, *, ask: type, done: type, refused: type | None = None, undo: type | None = None, undone: type | None = None,
    on_failure: OnFailure = COMPENSATE, within: timedelta = ANSWER_WITHIN, deadline: timedelta | None = None, retries: int = 0,
    backoff: Backoff = RETRY_LATER,
) -> Step:  # fmt: skip
    """A step. `within` is how long an answer may take before the same question is put again.

    After `deadline` it is taken for refused instead, and for something of which nobody knows: where it has an undo, that is owed. An answer
    whose evidence names partners who were `away` is put off up to `retries` times, and then asked anew as another attempt.
    Raises: PlanError.
    """
    _check_name(name)
    if (undo is None) != (undone is None):
        raise PlanError(f"step {name}: undo and undone go together")
    return Step(name, ask, done, refused, undo, undone, on_failure, within, deadline, retries, backoff)


def wait(name: str, *ends: type) -> Step:
    """A step that waits until an instant, which its function says, or until one of the events `ends` is told to the workflow (`notify`).

    Its answer is the event, None when the time was up. An event that comes before its step counts when the step is reached.
    Raises: PlanError.
    """
    _check_name(name)
    return Step(name, None, None, ends=ends)


def _check_name(name: str) -> None:
    if not name.isidentifier():
        raise PlanError(f"{name!r} cannot name a step; expected a Python identifier")


class Saga:
    """A named, versioned table of steps, and the frozen `Params` they are built from. Raises: PlanError."""

    def __init__(self, name: str, params: type, *steps: Step, version: int = 1) -> None:
        if not steps or len({each.name for each in steps}) != len(steps):
            raise PlanError(f"saga {name}: steps must be there and have different names")
        self.name, self.params, self.steps, self.version = name, params, steps, version

    @property
    def plan(self) -> str:
        return f"{self.name}@{self.version}"

    def step(self, name: str) -> Step:
        return next(each for each in self.steps if each.name == name)

    def read_params(self, value: object) -> Any:
        """The params out of their JSON. Raises: MessageError."""
        return read(self.params, value)

    def build(self, step: Step, params: object, answers: Answers) -> object | None:
        """The command that asks this step; of a wait, the instant until which it lasts."""
        return self._builder(step.name)(params, answers)

    def build_undo(self, step: Step, params: object, answers: Answers, reason: str) -> object | None:
        """The command that undoes it."""
        return self._builder(f"undo_{step.name}")(params, answers, reason)

    def tell(self, step: str, answer: str, body: Mapping[str, Any]) -> str | None:
        """What a good answer means, in one sentence; None when the plan has nothing to say. A sentence that fails stops no saga."""
        found = getattr(sys.modules[self.params.__module__], f"tell_{step}", None)
        declared = self.step(step)
        if found is None or (answer != name_of(declared.done) and answer not in map(name_of, declared.ends)):
            return None
        try:
            return str(found(decode(answer, body)))
        except Exception:
            log.exception("saga %s cannot tell of %s", self.name, answer)
            return None

    def check(self) -> Self:
        """Itself, when every builder is there. Raises: PlanError."""
        for each in self.steps:
            self._builder(each.name)
            if each.undo is not None:
                self._builder(f"undo_{each.name}")
        return self

    def _builder(self, name: str) -> Callable[..., object | None]:
        # looked up late: the table comes first in the module, its functions after
        found = getattr(sys.modules[self.params.__module__], name, None)
        if not callable(found):
            raise PlanError(f"saga {self.name}: {self.params.__module__} has no function {name}")
        return cast(Callable[..., "object | None"], found)


class Plans(Mapping[str, Saga]):
    """Every plan this process can run, by `name@version`. Raises: PlanError."""

    def __init__(self, *sagas: Saga) -> None:
        self._sagas = {saga.plan: saga.check() for saga in sagas}
        if len(self._sagas) != len(sagas):
            raise PlanError("two plans have the same name and version")

    def __getitem__(self, plan: str) -> Saga:
        return self._sagas[plan]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sagas)

    def __len__(self) -> int:
        return len(self._sagas)

    def questions(self) -> frozenset[str]:
        """Names of the commands that sagas send; any other message with a `reply_to` is an answer."""
        steps = [each for saga in self.values() for each in saga.steps]
        return frozenset(name_of(kind) for each in steps for kind in (each.ask, each.undo) if kind is not None)


def attempt_of(reply_to: str | None) -> int:
    """The number of the attempt that a question belongs to; the first where it is not said."""
    try:
        return ReplyTo.parse(reply_to or "").attempt
    except ValueError:
        return 1


@dataclass(frozen=True, slots=True)
class ReplyTo:
    """Where an answer belongs: `<workflow>|<step>|<attempt>`; an undo's step is marked with `~`, and with `!` what a person waits for."""

    workflow: Urn
    step: str
    attempt: int
    share: Share = Share.FORWARD

    @classmethod
    def parse(cls, text: str) -> ReplyTo:
        """Raises: ValueError."""
        workflow, step, attempt = text.rsplit("|", 2)
        waited = Share.INTERACTIVE if attempt.endswith(WAITED_MARK) else Share.FORWARD
        share = Share.UNDO if step.startswith(UNDO_MARK) else waited
        return cls(Urn(workflow), step, int(attempt.removesuffix(WAITED_MARK)), share)

    @property
    def undo(self) -> bool:
        return self.step.startswith(UNDO_MARK)

    def __str__(self) -> str:
        return f"{self.workflow}|{self.step}|{self.attempt}{WAITED_MARK if self.share is Share.INTERACTIVE else ''}"
