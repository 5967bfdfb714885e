"""What becomes of an operation after each answer: a pure function of its declaration, its row and the answer. No clock, no dice of its own.

A `Move` is the row as it shall be, when it is to be looked at again, and what its outcome function is told, once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.operation.declaration import PENDING, Class, Finding, Operation, OperationRow, State

LOOKS: Final = (1, 2, 4)  # settle times after it became unknown; an index may lag, an execution may be late
DEATHS: Final = 3  # workers in a row that did not survive it
VERIFY_LATE: Final = timedelta(hours=24)
JOURNAL_LINES: Final = 40  # the newest are kept

AnyOperation = Operation[Any, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is decided: the database's `now`, the factor on settle times, and `draw(seconds)`, a number from 0 to that, by chance."""

    now: datetime
    scale: float
    draw: Callable[[float], float]

    def jitter(self, ceiling: timedelta) -> timedelta:
        return timedelta(seconds=self.draw(ceiling.total_seconds()))


@dataclass(frozen=True, slots=True)
class Move:
    """`after` is None when nothing remains to be done; `outcome` is None while it has not ended."""

    row: OperationRow
    after: timedelta | None
    outcome: Answer[Any] | None = None


def after_send(operation: AnyOperation, row: OperationRow, answer: Answer[Any], moment: Moment) -> Move:
    """What follows the answer to a send."""
    row = replace(row, deaths=0)
    if isinstance(answer, NotSent):
        return _not_sent(operation, row, answer, moment)
    if isinstance(answer, Unknown):
        return _unknown(operation, row, answer, moment)
    if isinstance(answer, Declined) and answer.code in operation.conflicts and operation.look_up is not None:
        return _unresolved(operation, row, moment, LOOKS[0])
    return _ended(operation, row, State.OK if isinstance(answer, Ok) else State.DECLINED, answer, moment)


def after_death(operation: AnyOperation, row: OperationRow, moment: Moment) -> Move:
    """What follows when the worker that had it is gone: nobody knows whether it was sent. `row.deaths` counts this one."""
    if row.state not in PENDING:
        return Move(row, timedelta(0))
    if row.deaths >= DEATHS:
        evidence = {**row.evidence, "deaths": str(row.deaths)}
        return _ended(operation, row, State.REVIEW, Unknown(f"{row.deaths} workers in a row died on it", evidence), moment)
    if row.state is State.UNKNOWN:
        return Move(row, timedelta(0))
    return _unknown(operation, row, Unknown("the worker died between intent and outcome"), moment)


def after_stumble(operation: AnyOperation, row: OperationRow, error: str, moment: Moment) -> Move:
    """What follows when the outcome cannot be written: found out again by the class's own means; the third time, or without any, REVIEW."""
    row = replace(row, deaths=row.deaths + 1)
    if row.state not in PENDING:
        return Move(row, None if row.deaths >= DEATHS else operation.backoff.ceiling(row.deaths))
    if row.deaths >= DEATHS or operation.kind is Class.D:
        why = Unknown("its outcome cannot be written", {**row.evidence, "error": error})
        return _ended(operation, replace(row, unknown_at=row.unknown_at or moment.now), State.REVIEW, why, moment)
    return _unresolved(operation, replace(row, looks=0), moment, LOOKS[0])


def after_look(operation: AnyOperation, row: OperationRow, answer: Answer[Any], moment: Moment) -> Move:
    """What follows the answer to a look-up of an unknown send."""
    row = replace(row, deaths=0)
    if not can_look(operation, row):
        return _ended(operation, row, State.REVIEW, Unknown("the partner cannot be asked what it did", row.evidence), moment)
    if isinstance(answer, (NotSent, Unknown)):
        return _unanswered(operation, row, moment)
    if isinstance(answer, Declined):
        return _ended(operation, row, State.DECLINED, answer, moment)
    if answer.value is not None:
        return _ended(operation, row, State.OK, answer, moment)
    if row.told is not None:
        return _ended(operation, row, State.REVIEW, Unknown("it is said to be there, and was not found", row.evidence), moment)
    if operation.kind is Class.B:
        return _again(operation, row, moment, row.reference)
    looks = row.looks + 1
    if looks < len(LOOKS):
        return _unresolved(operation, replace(row, looks=looks), moment, LOOKS[looks] - LOOKS[looks - 1])
    return _absent(operation, replace(row, looks=looks), moment)


def after_verify(operation: AnyOperation, row: OperationRow, moment: Moment, found: Any = None) -> Move:
    """When to ask once more what is really held. What `found` names under its own reference ends a review."""
    row = replace(row, verified=row.verified + 1, waits=0, deaths=0)
    if row.state is State.REVIEW and found is not None:
        return _ended(operation, row, State.OK, Ok(found), moment)
    return Move(row, VERIFY_LATE * moment.scale if row.verified == 1 else None)


def after_finding(operation: AnyOperation, row: OperationRow, finding: Finding, reference: str, moment: Moment) -> Move | None:
    """What follows when a person has found out; None when it is not in question, or is said to be there and nobody can be asked for it."""
    refused = operation.by_hand is not None and row.state in (State.DECLINED, State.EXHAUSTED)
    if row.state is not State.REVIEW and not refused:
        return None
    row = replace(row, looks=0, waits=0, verified=0, deaths=0)
    if operation.by_hand is not None and finding is not Finding.FOUND:
        return _ended(operation, row, State.OK, Ok(operation.by_hand(row, reference)), moment)
    if finding is Finding.FOUND:
        return _found_by_hand(operation, replace(row, told=reference), moment)
    row = _given_up(row)
    if finding is Finding.ABSENT:
        return _ended(operation, row, State.EXHAUSTED, NotSent("a person found that there is nothing"), moment)
    return _ended(operation, row, State.DECLINED, Declined("CANCELLED", "a person found that it is cancelled there"), moment)


def overdue(operation: AnyOperation, row: OperationRow, moment: Moment) -> bool:
    """Whether it has been unknown for so long that whoever waits for it should be served otherwise."""
    if operation.instead is None or row.state is not State.UNKNOWN or row.unwanted or row.told is not None or row.unknown_at is None:
        return False
    return moment.now - row.unknown_at >= operation.wait * moment.scale


def can_look(operation: AnyOperation, row: OperationRow) -> bool:
    """Whether the partner can be asked what it did: by our reference, or by its own that a person gave."""
    return operation.look_up is not None or bool(operation.known_as is not None and row.told)


def resend(operation: AnyOperation, row: OperationRow) -> bool:
    """Whether an unknown operation that is due is sent again rather than looked up; class B after a look-up that found nothing."""
    if row.told is not None and can_look(operation, row):
        return False
    if operation.kind is Class.B:
        return operation.look_up is None or row.looks > 0
    return operation.kind in (Class.A, Class.READ)


def to_verify(operation: AnyOperation, row: OperationRow) -> tuple[str, ...]:
    """The references under which something might be held."""
    if operation.verify is None or operation.look_up is None:
        return ()
    own = (row.reference,) if row.reference and row.state in (State.OK, State.REVIEW) else ()
    return tuple(dict.fromkeys((*row.given_up, *own)))


def line(did: str, row: OperationRow, answer: Answer[Any] | None, moment: Moment) -> dict[str, Any]:
    """A line for the journal; what the partner returned with `Ok` is the outcome's business and is left out."""
    told: dict[str, Any] = {"at": moment.now.isoformat(timespec="milliseconds"), "did": did, "reference": row.reference}
    if answer is not None:
        told["answer"] = type(answer).__name__
    if isinstance(answer, Ok) and did in ("look-up", "verify"):
        told["why"] = "found" if answer.value is not None else "nothing found"
    if isinstance(answer, Declined):
        told |= {"code": answer.code, "why": answer.reason}
    if isinstance(answer, (NotSent, Unknown)):
        told["why"] = answer.why
    if isinstance(answer, Unknown) and answer.evidence:
        told["evidence"] = answer.evidence
    return told


def written(row: OperationRow, entry: dict[str, Any]) -> OperationRow:
    return replace(row, journal=(*row.journal, entry)[-JOURNAL_LINES:])


def _not_sent(operation: AnyOperation, row: OperationRow, answer: NotSent, moment: Moment) -> Move:
    row = replace(row, sends=max(0, row.sends - 1), waits=row.waits + 1)
    unresolved = row.unknown_at is not None  # an earlier send under this key is still open: it must not be taken for unsent
    if row.withdrawn_by is not None and not unresolved:
        return _ended(operation, row, State.WITHDRAWN, NotSent("withdrawn before it was sent"), moment)
    if moment.now >= row.deadline:
        if unresolved:
            return _ended(operation, row, State.REVIEW, Unknown(f"it could not be asked again: {answer.why}", row.evidence), moment)
        return _ended(operation, row, State.EXHAUSTED, answer, moment)
    wait = moment.jitter(operation.backoff.ceiling(row.waits))
    if answer.retry_after is not None:
        wait = answer.retry_after + moment.jitter(min(answer.retry_after, operation.backoff.first))
    return Move(replace(row, state=State.UNKNOWN if unresolved else State.INTENT), wait)


def _unknown(operation: AnyOperation, row: OperationRow, answer: Unknown, moment: Moment) -> Move:
    evidence = {**row.evidence, **answer.evidence}
    spent = row.sends >= operation.budget
    if operation.kind is Class.READ:
        if row.withdrawn_by is not None:
            return _ended(operation, row, State.WITHDRAWN, NotSent("withdrawn; it only reads"), moment)
        if spent or moment.now >= row.deadline:
            return _ended(operation, row, State.EXHAUSTED, Unknown(answer.why, evidence), moment)
        return Move(replace(row, state=State.INTENT, waits=0), moment.jitter(operation.backoff.ceiling(row.sends)))
    row = replace(row, looks=0)
    if operation.kind is Class.D or (spent and resend(operation, row) and _long_unknown(operation, row, moment)):
        return _ended(operation, row, State.REVIEW, Unknown(answer.why, evidence), moment)
    return _unresolved(operation, row, moment, LOOKS[0])


def _unresolved(operation: AnyOperation, row: OperationRow, moment: Moment, settles: int) -> Move:
    """Sends beyond the budget are looks: the same once more is how a key is asked what became of it, and that grows ever less urgent."""
    since = row.unknown_at or moment.now
    beyond = row.sends - operation.budget
    later = operation.backoff.ceiling(beyond + 1) if beyond >= 0 and resend(operation, row) else timedelta(0)
    return Move(replace(row, state=State.UNKNOWN, unknown_at=since, waits=0), operation.settle * settles * moment.scale + later)


def _long_unknown(operation: AnyOperation, row: OperationRow, moment: Moment) -> bool:
    """Whether it is time for a person."""
    return moment.now - (row.unknown_at or moment.now) >= operation.resolve_within


def _unanswered(operation: AnyOperation, row: OperationRow, moment: Moment) -> Move:
    """A look-up that says nothing is not an empty one."""
    if _long_unknown(operation, row, moment):
        return _ended(operation, row, State.REVIEW, Unknown("no look-up was answered", row.evidence), moment)
    row = replace(row, waits=row.waits + 1)
    return Move(row, moment.jitter(operation.backoff.ceiling(row.waits)))


def _absent(operation: AnyOperation, row: OperationRow, moment: Moment) -> Move:
    """Three empty look-ups: it is taken as never executed, and what may still appear under the old reference is a ghost."""
    row = replace(_given_up(row), unknown_at=None, looks=0)
    return _again(operation, row, moment, operation.next_reference())


def _again(operation: AnyOperation, row: OperationRow, moment: Moment, reference: str | None) -> Move:
    """Free to send once more; `row.unknown_at` still set means: under the same reference as the unresolved send, which is not unsent."""
    unresolved = row.unknown_at is not None
    if row.unwanted and not unresolved:
        why = "withdrawn, and proven absent" if row.withdrawn_by is not None else "watched, and proven absent"
        return _ended(operation, row, State.WITHDRAWN, NotSent(why), moment)
    if unresolved and row.sends >= operation.budget and _long_unknown(operation, row, moment):
        return _ended(operation, row, State.REVIEW, Unknown("not found, and no send is left", row.evidence), moment)
    if not unresolved and (row.sends >= operation.budget or moment.now >= row.deadline):
        return _ended(operation, row, State.EXHAUSTED, NotSent(f"proven absent after {row.sends} sends"), moment)
    wait = moment.jitter(operation.backoff.ceiling(row.sends))
    state = State.UNKNOWN if unresolved else State.INTENT
    return Move(replace(row, state=state, looks=int(unresolved), reference=reference, waits=0), wait)


def _ended(operation: AnyOperation, row: OperationRow, state: State, answer: Answer[Any], moment: Moment) -> Move:
    row = replace(row, state=state, unknown_at=row.unknown_at if state is State.REVIEW else None, waits=0, told=None)
    after = operation.settle * moment.scale if to_verify(operation, row) else None
    return Move(row, after, answer)


def _given_up(row: OperationRow) -> OperationRow:
    """Its reference is only watched from here on."""
    return replace(row, given_up=tuple(dict.fromkeys((*row.given_up, row.reference)))) if row.reference else row


def _found_by_hand(operation: AnyOperation, row: OperationRow, moment: Moment) -> Move | None:
    """Of an undo: what it should have taken back still stands, so it goes out anew. Of all else: it is looked for once more."""
    if operation.by_hand is not None:
        fresh = replace(_given_up(row), reference=operation.next_reference()) if operation.kind is Class.C else row
        return Move(replace(fresh, state=State.INTENT, sends=0, unknown_at=None), timedelta(0))
    if operation.kind is Class.D and not can_look(operation, row):
        return None
    sends = 0 if resend(operation, row) else row.sends
    return Move(replace(row, state=State.UNKNOWN, sends=sends, unknown_at=moment.now), timedelta(0))
