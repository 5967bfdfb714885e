"""Ending what nobody could resolve: a person has asked the partner by other means, and says what they found.

Guarantees: the finding is written under the row's lock and takes the claim of whoever is verifying it, so that of two words only one
counts; the outcome is told as if the partner had given it, and so is whoever waits for it; what a person says is not there, or cancelled,
is still looked for at the settle time and after a day; what a person says *is* there is only believed once the partner says so too,
where it can be asked.
"""

from __future__ import annotations

import random
from typing import Any

import orjson
from sqlalchemy import text

from kernel.answer import Answer, Declined, NotSent, Unknown
from kernel.operation.declaration import PENDING, Finding, Operation, OperationRow, Operations, State
from kernel.operation.intent import COLUMNS, pending_for, read_row
from kernel.operation.resolution import Moment, after_finding, written
from kernel.turns import Share
from kernel.urn import Urn
from kernel.work import Work

_LOCK = text(f"select {COLUMNS}, nexa_now() as now from operation where tenant = :tenant and urn = :urn for update")
_WRITE = text("""
    update operation set state = :state, reference = :reference, given_up = cast(:given_up as text[]), sends = :sends, waits = :waits,
        looks = :looks, verified = :verified, deaths = :deaths, unknown_at = :unknown_at, told = :told, journal = cast(:journal as jsonb),
        share = :share, ended_at = case when :ended then nexa_now() end, deadline = nexa_now() + make_interval(secs => :patience),
        due = nexa_now() + make_interval(secs => cast(:after as float8)), owner = null, fence = fence + 1, version = version + 1
    where tenant = :tenant and urn = :urn
""")
_FOUND = {State.OK: Finding.FOUND, State.DECLINED: Finding.CANCELLED, State.EXHAUSTED: Finding.ABSENT, State.WITHDRAWN: Finding.ABSENT}


async def resolve(
    work: Work, operations: Operations, urn: Urn, finding: Finding, *, reason: str, reference: str = "", ports: Any, scale: float,
) -> bool:  # fmt: skip
    """Ends the operation by what a person found, or looks for it once more; False when it is not in this database. May be repeated.

    `reference` is the partner's own, where the person has one. `Operation.reviewed` is told what came of it, also when it was out of
    question already; when it is to be looked for, that comes later.
    """
    found = (await work.execute(_LOCK, {"tenant": work.tenant, "urn": str(urn)})).mappings().first()
    if found is None:
        return False
    was, moment = read_row(found), Moment(found["now"], scale, lambda seconds: random.uniform(0, seconds))
    operation = operations[was.name]
    move = after_finding(operation, was, finding, reference, moment)
    if move is None:
        await _again(work, operation, was)
        return True
    told = {"at": moment.now.isoformat(timespec="milliseconds"), "did": "review", "reference": reference or was.reference}
    row = written(move.row, {**told, "answer": finding.value, "why": reason})
    work.due = True
    await work.execute(
        _WRITE,
        {
            "tenant": work.tenant,
            "urn": str(urn),
            "state": row.state.value,
            "reference": row.reference,
            "given_up": list(row.given_up),
            "sends": row.sends,
            "waits": row.waits,
            "looks": row.looks,
            "verified": row.verified,
            "deaths": row.deaths,
            "unknown_at": row.unknown_at,
            "told": row.told,
            "share": int(Share.INTERACTIVE),  # somebody sits and waits for it
            "journal": orjson.dumps(list(row.journal)).decode(),
            "ended": row.state not in PENDING,
            "patience": operation.patience.total_seconds(),
            "after": None if move.after is None else move.after.total_seconds(),
        },
    )
    if move.outcome is not None:
        await settle(work, operations, operation, was, row, move.outcome, ports)
    return True


async def settle(
    work: Work, operations: Operations, operation: Operation[Any, Any], was: OperationRow, row: OperationRow, outcome: Answer[Any],
    ports: Any,
) -> None:  # fmt: skip
    """Tells what became of an operation, in the transaction that ends it: its outcome, its review, and the undo that waited for it."""
    await operation.outcome(work, row, outcome, ports)
    if row.state is State.REVIEW or was.state is State.REVIEW or was.told is not None:
        await review(work, operation, row, _why(outcome))
    if row.withdrawn_by is None or operation.resolved is None or row.workflow is None:
        return
    together = [each for each in operations.values() if each.resolved is operation.resolved]
    if not await pending_for(work, *together, subject=row.subject, workflow=row.workflow):
        await operation.resolved(work, row, row.withdrawn_by, ports)


async def review(work: Work, operation: Operation[Any, Any], row: OperationRow, why: str) -> None:
    """Tells `Operation.reviewed` how it stands: in question, or what it was found to be."""
    if operation.reviewed is not None:
        await operation.reviewed(work, row, _finding(operation, row), why)


async def _again(work: Work, operation: Operation[Any, Any], row: OperationRow) -> None:
    """It was resolved meanwhile, or nobody can be asked: whoever decided is told how it stands."""
    if row.state is State.REVIEW:
        needed = "its own is needed" if operation.known_as else "nor by its own: it counts as absent, or as cancelled once it is"
        await review(work, operation, row, f"the partner cannot be asked for it by our reference; {needed}")
    elif row.state not in PENDING:
        await review(work, operation, row, "it was resolved meanwhile")


def _finding(operation: Operation[Any, Any], row: OperationRow) -> Finding | None:
    """Of an undo that was done: what it took back is cancelled; one that was refused is as much in question as before."""
    if operation.by_hand is not None:
        return Finding.CANCELLED if row.state is State.OK else None
    return _FOUND.get(row.state)


def _why(outcome: Answer[Any]) -> str:
    if isinstance(outcome, Declined):
        return outcome.reason
    return outcome.why if isinstance(outcome, (NotSent, Unknown)) else ""
