"""The saga that is simulated: four steps at partners of the classes C, B, A and D, three of them with an undo, over three databases.

    reserve   C  booking   a room, found again by its reference, which is not unique there
    issue     B  booking   a ticket under a reference that the partner takes once
    charge    A  wallet    money under a key
    tell      D  wallet    a message; what is unclear is for a person, it cannot be undone, and the saga goes on without it

The domains are as small as can be: a command becomes an intent, an outcome an event, an undo what is held at that time. Everything between
is the product's: engine, operations, relay, consumer, lanes, inbox and outbox.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from jobs.registry import REPLIES, Registry, on, on_many
from kernel import saga
from kernel.answer import Answer, Declined, NotSent, Ok
from kernel.event import Envelope, message
from kernel.lane import Reaction, Taken
from kernel.operation import Class, Intent, Operation, OperationRow, Operations, State, intend, intend_many, operations_of, withdraw
from kernel.saga import CONTINUE_WITH_REVIEW, Answers, Plans, Saga, step
from kernel.urn import Urn
from kernel.work import Work
from runtime.faults.simulation.partner import CONFLICT, Partner

SETTLE: Final = timedelta(minutes=96)
SCALE: Final = 1 / 1440  # a settle time of 4 s, and the late verification after 60
WITHIN: Final = timedelta(seconds=40)  # then the same question is put again
PATIENCE: Final = timedelta(minutes=10)
AT_ONCE: Final = 200  # calls of one kind under way per worker; what is answered in the same moment shares a commit


@dataclass(frozen=True)
class _Question:
    """`saga` is its number in the run, by which the dice know it."""

    saga: str
    step: str
    workflow: Urn
    subject: Urn


@dataclass(frozen=True)
class _Told:
    """`references` are what is held, or what a person has to look for."""

    operation: Urn | None = None
    references: tuple[str, ...] = ()
    why: str | None = None
    unknown: bool = False
    evidence: dict[str, str] = field(default_factory=dict)


class Words:
    """What is said to a domain and what it says, the same for each: declared once per domain, as every message is."""

    def __init__(self, domain: str) -> None:
        self.domain = domain
        self.do, self.undo = self._word("Do", _Question), self._word("Undo", _Question)
        self.done, self.not_done = self._word("Done", _Told), self._word("NotDone", _Told)
        self.undone, self.not_undone = self._word("Undone", _Told), self._word("NotUndone", _Told)
        self.ghost = self._word("GhostHeld", _Told)  # it appeared after it was taken for absent, and cannot be cancelled

    def _word(self, name: str, base: type) -> type:
        return message(self.domain)(type(f"Simulated{name}In{self.domain.title()}", (base,), {}))


BOOKING, WALLET = Words("booking"), Words("wallet")


class Trade:
    """One step's partner: the operation that does it and the one that takes it back."""

    def __init__(self, name: str, kind: Class, words: Words) -> None:
        self.name, self.kind, self.words = name, kind, words
        self.operation: Operation[Partner, str] = Operation(
            name=name, domain=words.domain, kind=kind, send=self._send, outcome=self._outcome, resolved=self._resolved,
            look_up=self._look_up if kind in (Class.B, Class.C) else None, verify=self._verify if kind is Class.C else None,
            settle=SETTLE, time_out=timedelta(seconds=10), patience=PATIENCE, resolve_within=PATIENCE, conflicts=frozenset({CONFLICT}),
            records_only=True, at_once=AT_ONCE,
        )  # fmt: skip
        self.cancellation: Operation[Partner, str] = Operation(
            name=f"cancel_{name}", domain=words.domain, kind=Class.A, send=self._cancel, outcome=self._cancelled, settle=SETTLE / 4,
            time_out=timedelta(seconds=10), patience=PATIENCE, records_only=True, at_once=AT_ONCE,
        )  # fmt: skip

    async def ask(self, work: Work, asked: Sequence[tuple[_Question, Envelope]]) -> None:
        """The commands' effect; asked again they change nothing."""
        intents = [
            Intent(each.subject, f"{self.name}|{each.workflow}", {"saga": each.saga}, envelope.reply_to, correlation=envelope.correlation)
            for each, envelope in asked
        ]
        await intend_many(work, self.operation, intents)

    async def take_back(self, work: Work, asked: _Question, envelope: Envelope) -> None:
        """The undo's effect: at once, or when what is under way has settled."""
        if await withdraw(work, self.operation, subject=asked.subject, workflow=asked.workflow, reply_to=envelope.reply_to):
            return
        await self._take_back(work, asked.subject, asked.workflow, envelope.reply_to)

    async def give_up_waiting(self, work: Work, subject: Urn, workflow: Urn) -> bool:
        """Somebody cannot wait any longer: the step is told to be unknown while its partner still settles. Whether there was one."""
        for row in await operations_of(work, self.operation, subject=subject, workflow=workflow):
            if row.state in (State.SENT, State.UNKNOWN):
                await self._tell(work, row, self.words.not_done(why="nobody can wait for it", unknown=True, evidence=row.evidence))
                return True
        return False

    async def _send(self, partner: Partner, row: OperationRow) -> Answer[str]:
        return await partner.order(row.intent["saga"], self.name, self.kind, row.reference or row.key)

    async def _look_up(self, partner: Partner, row: OperationRow) -> Answer[str | None]:
        return await partner.find(row.intent["saga"], self.name, row.client_reference)

    async def _outcome(self, work: Work, row: OperationRow, answer: Answer[str], partner: Partner) -> None:
        if isinstance(answer, Ok):
            await self._tell(work, row, self.words.done(operation=row.urn, references=(answer.value,)))
        elif isinstance(answer, (Declined, NotSent)):
            await self._tell(work, row, self.words.not_done(operation=row.urn, why=_why(answer)))
        else:
            facts = {"operation": row.urn, "references": _references(row), "why": answer.why, "unknown": True, "evidence": row.evidence}
            await self._tell(work, row, self.words.not_done(**facts))

    async def _resolved(self, work: Work, row: OperationRow, reply_to: str, partner: Partner) -> None:
        if row.workflow is not None:
            await self._take_back(work, row.subject, row.workflow, reply_to)

    async def _verify(self, work: Work, row: OperationRow, reference: str, found: str | None, partner: Partner) -> None:
        if found is not None and reference in row.given_up:
            await self._intend_cancellation(work, row, reference, None)

    async def _take_back(self, work: Work, subject: Urn, workflow: Urn, reply_to: str | None) -> None:
        for row in await operations_of(work, self.operation, subject=subject, workflow=workflow):
            if row.state is State.OK:
                return await self._intend_cancellation(work, row, row.reference or row.key, reply_to)
            if row.state is State.REVIEW:
                told = self.words.not_undone(references=_references(row), why="nobody can tell what is held", evidence=row.evidence)
                return await self._record(work, told, subject, reply_to)
        await self._record(work, self.words.undone(), subject, reply_to)

    async def _intend_cancellation(self, work: Work, row: OperationRow, reference: str, reply_to: str | None) -> None:
        intent = {"saga": row.intent["saga"], "reference": reference}
        await intend(
            work, self.cancellation, subject=row.subject, key=f"cancel|{self.name}|{reference}", intent=intent, reply_to=reply_to,
            workflow=row.workflow,
        )  # fmt: skip

    async def _cancel(self, partner: Partner, row: OperationRow) -> Answer[str]:
        return await partner.cancel(row.intent["saga"], self.name, row.intent["reference"])

    async def _cancelled(self, work: Work, row: OperationRow, answer: Answer[str], partner: Partner) -> None:
        reference = (row.intent["reference"],)
        if isinstance(answer, Ok):
            if row.reply_to is not None:
                await self._tell(work, row, self.words.undone(operation=row.urn, references=reference))
            return
        word = self.words.not_undone if row.reply_to is not None else self.words.ghost
        await self._tell(work, row, word(operation=row.urn, references=reference, why=_why(answer), evidence=row.evidence))

    async def _tell(self, work: Work, row: OperationRow, told: object) -> None:
        await self._record(work, told, row.subject, row.reply_to)

    async def _record(self, work: Work, told: object, subject: Urn, reply_to: str | None) -> None:
        await work.record(told, aggregate=subject, reply_to=reply_to)


TRADES: Final = {
    trade.name: trade
    for trade in (
        Trade("reserve", Class.C, BOOKING),
        Trade("issue", Class.B, BOOKING),
        Trade("charge", Class.A, WALLET),
        Trade("tell", Class.D, WALLET),
    )
}
OPERATIONS: Final = Operations(
    *(trade.operation for trade in TRADES.values()), *(trade.cancellation for trade in TRADES.values() if trade.kind is not Class.D)
)


@dataclass(frozen=True, slots=True)
class Params:
    """Which saga of the run this is."""

    saga: str
    workflow: Urn
    subject: Urn


ERRAND: Final = Saga(
    "errand",
    Params,
    step("reserve", ask=BOOKING.do, done=BOOKING.done, refused=BOOKING.not_done, undo=BOOKING.undo, undone=BOOKING.undone, within=WITHIN),
    step("issue", ask=BOOKING.do, done=BOOKING.done, refused=BOOKING.not_done, undo=BOOKING.undo, undone=BOOKING.undone, within=WITHIN),
    step("charge", ask=WALLET.do, done=WALLET.done, refused=WALLET.not_done, undo=WALLET.undo, undone=WALLET.undone, within=WITHIN),
    step("tell", ask=WALLET.do, done=WALLET.done, refused=WALLET.not_done, on_failure=CONTINUE_WITH_REVIEW, within=WITHIN),
)


def _asking(name: str) -> Callable[[Params, Answers], object]:
    words = TRADES[name].words
    return lambda params, answers: words.do(params.saga, name, params.workflow, params.subject)


def _undoing(name: str) -> Callable[[Params, Answers, str], object]:
    words = TRADES[name].words
    return lambda params, answers, reason: words.undo(params.saga, name, params.workflow, params.subject)


reserve, issue, charge, tell = (_asking(name) for name in TRADES)
undo_reserve, undo_issue, undo_charge = (_undoing(name) for name in ("reserve", "issue", "charge"))

PLANS: Final = Plans(ERRAND)


async def do(work: Work, taken: Sequence[tuple[_Question, Envelope]], ports: object) -> None:
    """Every step that is asked becomes an intent, a batch at once."""
    for name, trade in TRADES.items():
        if asked := [(question, envelope) for question, envelope in taken if question.step == name]:
            await trade.ask(work, asked)


async def undo(work: Work, asked: _Question, envelope: Envelope, ports: object) -> None:
    """Every undo is done when its step has settled."""
    await TRADES[asked.step].take_back(work, asked, envelope)


def reactions() -> Registry:
    """Who reacts to what."""
    registry = Registry()
    for words in (BOOKING, WALLET):
        on_many(words.do, registry=registry, domain=words.domain)(do)
        on(words.undo, registry=registry, domain=words.domain)(undo)
    registry.add(REPLIES, Reaction("cases:signal", "cases", _signal, many=True))
    return registry


async def _signal(work: Work, taken: Sequence[Taken], ports: object) -> None:
    await saga.signal(work, [each.envelope for each in taken])


def _references(row: OperationRow) -> tuple[str, ...]:
    return (*row.given_up, row.reference or row.key)


def _why(answer: Answer[str]) -> str:
    if isinstance(answer, Declined):
        return answer.reason
    return "" if isinstance(answer, Ok) else answer.why
