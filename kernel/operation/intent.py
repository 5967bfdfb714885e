"""What domains do to operations: intend one, withdraw what is not wanted any more, read what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Row, RowMapping, text

from kernel.at_once import Berth
from kernel.event import encode
from kernel.operation.declaration import PENDING, Operation, OperationRow, State
from kernel.operation.stop import stopped
from kernel.saga.plan import ReplyTo
from kernel.tenancy import Tenant
from kernel.turns import Share
from kernel.urn import Urn
from kernel.work import Work

COLUMNS = (
    "tenant, urn, name, subject, workflow, key, reference, given_up, intent, reply_to, withdrawn_by, actor, correlation, state, sends, "
    "waits, looks, verified, intended_at, deadline, sent_at, unknown_at, journal, deaths, fence, watched_at, told, version"
)

# Those that are taken are born as a claim would leave them: owned, under the first fence, in flight.
_INTEND = text(f"""
    insert into operation (tenant, urn, name, subject, workflow, key, reference, intent, reply_to, actor, correlation, share,
        line, partner, airport, intended_at, deadline, due, stopped_at, resumes, state, owner, fence, sends, sent_at)
    select :tenant, urn, :name, subject, workflow, key, reference, cast(intent as jsonb), reply_to, actor, correlation, share,
           line, partner, airport, now, now + make_interval(secs => :patience), case when not stopped then coalesce(due, now) end,
           case when stopped then now end, case when stopped then coalesce(due, now) end, case when leaves then 'SENT' else 'INTENT' end,
           case when leaves then cast(:me as text) end, leaves::int, leaves::int, case when leaves then now end
    from unnest(cast(:urn as text[]), cast(:subject as text[]), cast(:workflow as text[]), cast(:key as text[]),
                cast(:reference as text[]), cast(:intent as text[]), cast(:reply_to as text[]), cast(:actor as text[]),
                cast(:correlation as text[]), cast(:share as int[]), cast(:due as timestamptz[]), cast(:taken as bool[]),
                cast(:partner as text[]), cast(:airport as text[]))
         as t(urn, subject, workflow, key, reference, intent, reply_to, actor, correlation, share, due, taken, partner, airport)
         cross join (select nexa_now() as now, cast(:tenant as text) as tenant, cast(:line as text) as line) as moment
         cross join lateral (select {stopped("each")} as stopped
             from (select moment.tenant, moment.line, t.partner, t.airport) as each) as word
         cross join lateral (select taken and not stopped as leaves) as now_or_later
    on conflict (tenant, key) do nothing returning urn, intended_at, deadline, version, state
""")
_BY_KEY = text("select urn from operation where tenant = :tenant and key = :key")
# What was given up after it was sent may still appear, so it is looked at even though it is withdrawn.
# One statement: between two, an answer could turn SENT back into INTENT, and neither would see the row.
_WITHDRAW = text("""
    update operation set
        state = case state when 'INTENT' then 'WITHDRAWN' else state end,
        due = case when state = 'INTENT' and given_up = '{}' then null when state = 'INTENT' then nexa_now() else due end,
        ended_at = case state when 'INTENT' then nexa_now() end,
        waits = case state when 'INTENT' then 0 else waits end,
        withdrawn_by = :reply_to, share = :share, version = version + 1
    where tenant = :tenant and subject = :subject and workflow = :workflow and name = any(cast(:names as text[]))
      and state in ('INTENT', 'SENT', 'UNKNOWN')
    returning state
""")
_OF = text(f"""
    select {COLUMNS} from operation
    where tenant = :tenant and subject = :subject and workflow = :workflow and name = any(cast(:names as text[]))
    order by intended_at, urn
""")


@dataclass(frozen=True, slots=True)
class Intent:
    """What shall happen once. `key` names it for good; `facts` is plain JSON without personal data.

    Left out, `workflow` and `share` are read from `reply_to`, and `actor` and `correlation` are the work's.
    """

    subject: Urn
    key: str
    facts: Mapping[str, Any]
    reply_to: str | None = None
    workflow: Urn | None = None
    client_reference: str | None = None
    due: datetime | None = None  # not sent before
    share: Share | None = None
    actor: Urn | None = None
    correlation: str | None = None
    partner: str | None = None  # with `airport`: which stops of its line hold it
    airport: str | None = None


async def intend(
    work: Work, operation: Operation[Any, Any], *, subject: Urn, key: str, intent: Mapping[str, Any], reply_to: str | None = None,
    workflow: Urn | None = None, client_reference: str | None = None, due: datetime | None = None, share: Share | None = None,
    partner: str | None = None, airport: str | None = None,
) -> Urn:  # fmt: skip
    """Commits with this transaction that the operation shall happen once; it is sent within moments of the commit, or from `due` on.

    `key` names the intent for good: intending it again answers with the first one and changes nothing. `workflow` is read from
    `reply_to` when not given, and so is `share`. `intent` is plain JSON without personal data. Must run in the operation's own database.
    """
    urn = Urn.mint("operation")
    made = Intent(subject, key, intent, reply_to, workflow, client_reference, due, share, partner=partner, airport=airport)
    if await _insert(work, operation, [(urn, made)]):
        return urn
    return Urn((await work.execute(_BY_KEY, {"tenant": work.tenant, "key": key})).scalar_one())


async def intend_many(work: Work, operation: Operation[Any, Any], intents: Sequence[Intent]) -> None:
    """`intend` for many, in one statement; those whose key is known already change nothing."""
    await _insert(work, operation, [(Urn.mint("operation"), each) for each in intents])


async def _insert(work: Work, operation: Operation[Any, Any], intents: Sequence[tuple[Urn, Intent]]) -> int:
    """How many are new."""
    if work.domain != operation.domain:
        raise ValueError(f"operation {operation.name} lies in {operation.domain}, this work is in {work.domain}")
    if not intents:
        return 0
    berth = _reserve(work, operation, [urn for urn, each in intents if each.due is None])
    lines = [_line(work, operation, urn, each, berth) for urn, each in intents]
    work.due = work.due or not all(line["taken"] for line in lines)
    columns = {name: [line[name] for line in lines] for name in lines[0]}
    facts: dict[str, Any] = {
        "tenant": work.tenant,
        "name": operation.name,
        "line": operation.line and operation.line.value,
        "me": berth and berth.me,
    }
    facts["patience"] = operation.patience.total_seconds()
    new = {row.urn: row for row in await work.execute(_INTEND, {**facts, **columns})}
    if berth is not None:
        born = [_born(work, operation, line, new[line["urn"]]) for line in lines if _left(new.get(line["urn"]))]
        work.after_commit(partial(_send, berth, born))
    return len(new)


def _line(work: Work, operation: Operation[Any, Any], urn: Urn, each: Intent, berth: Berth | None) -> dict[str, Any]:
    return {
        "urn": urn,
        "subject": str(each.subject),
        "workflow": _workflow(each.workflow, each.reply_to),
        "key": each.key,
        "reference": each.client_reference or operation.next_reference(),
        "intent": orjson.dumps(encode(each.facts)).decode(),
        "reply_to": each.reply_to,
        "actor": each.actor or work.actor,
        "correlation": each.correlation or work.correlation,
        "share": int(_share(operation, each.reply_to) if each.share is None else each.share),
        "due": each.due,
        "taken": berth is not None and urn in berth.urns,
        "partner": each.partner,
        "airport": each.airport,
    }


def _left(new: Row[Any] | None) -> bool:
    """Whether it was written as taken: it is new, there was a place for it, and its line is not stopped."""
    return new is not None and new.state == State.SENT


def _reserve(work: Work, operation: Operation[Any, Any], urns: Sequence[Urn]) -> Berth | None:
    """Places in flight, if any, that are given back unless the work is committed."""
    berth = work.at_once.reserve(operation.name, urns)
    if berth is not None:
        work.if_undone(berth.release)
    return berth


async def _send(berth: Berth, rows: Sequence[OperationRow]) -> None:
    berth.send(rows)


async def withdraw(work: Work, *operations: Operation[Any, Any], subject: Urn, workflow: Urn, reply_to: str | None) -> int:
    """Takes back, for free, what of these operations was not sent yet; the number of those in flight or unknown, which must settle first.

    When it is not zero, stop here: `Operation.resolved` is called with `reply_to` once the last of them has settled.
    """
    facts = {"tenant": work.tenant, "subject": str(subject), "workflow": str(workflow), "names": [each.name for each in operations]}
    states = (await work.execute(_WITHDRAW, {**facts, "reply_to": reply_to, "share": int(Share.UNDO)})).scalars()
    return sum(state != State.WITHDRAWN for state in states)


async def operations_of(work: Work, *operations: Operation[Any, Any], subject: Urn, workflow: Urn) -> list[OperationRow]:
    """What was intended for this subject by this workflow, oldest first."""
    facts = {"tenant": work.tenant, "subject": str(subject), "workflow": str(workflow), "names": [each.name for each in operations]}
    return [read_row(row) for row in (await work.execute(_OF, facts)).mappings()]


async def pending_for(work: Work, *operations: Operation[Any, Any], subject: Urn, workflow: Urn) -> int:
    """How many of them have not ended."""
    return sum(row.state in PENDING for row in await operations_of(work, *operations, subject=subject, workflow=workflow))


def _born(work: Work, operation: Operation[Any, Any], made: Mapping[str, Any], at: Row[Any]) -> OperationRow:
    """The row that was written as taken, as a claim would have found it."""
    return OperationRow(
        tenant=work.tenant, urn=made["urn"], name=operation.name, subject=Urn(made["subject"]), workflow=_urn(made["workflow"]),
        key=made["key"], reference=made["reference"], given_up=(), intent=orjson.loads(made["intent"]), reply_to=made["reply_to"],
        withdrawn_by=None, actor=made["actor"], correlation=made["correlation"], state=State.SENT, sends=1, waits=0, looks=0, verified=0,
        intended_at=at.intended_at, deadline=at.deadline, sent_at=at.intended_at, unknown_at=None, journal=(), deaths=0, fence=1,
        version=at.version,
    )  # fmt: skip


def read_row(row: RowMapping) -> OperationRow:
    return OperationRow(
        tenant=Tenant(row["tenant"]),
        urn=Urn(row["urn"]),
        name=row["name"],
        subject=Urn(row["subject"]),
        workflow=_urn(row["workflow"]),
        key=row["key"],
        reference=row["reference"],
        given_up=tuple(row["given_up"]),
        intent=row["intent"],
        reply_to=row["reply_to"],
        withdrawn_by=row["withdrawn_by"],
        actor=_urn(row["actor"]),
        correlation=row["correlation"],
        state=State(row["state"]),
        sends=row["sends"],
        waits=row["waits"],
        looks=row["looks"],
        verified=row["verified"],
        intended_at=row["intended_at"],
        deadline=row["deadline"],
        sent_at=row["sent_at"],
        unknown_at=row["unknown_at"],
        journal=tuple(row["journal"]),
        deaths=row["deaths"],
        fence=row["fence"],
        watched_at=row["watched_at"],
        told=row["told"],
        version=row["version"],
    )


def _urn(value: str | None) -> Urn | None:
    return None if value is None else Urn(value)


def _workflow(workflow: Urn | None, reply_to: str | None) -> str | None:
    if workflow is not None:
        return str(workflow)
    return str(ReplyTo.parse(reply_to).workflow) if reply_to else None


def _share(operation: Operation[Any, Any], reply_to: str | None) -> Share:
    return operation.share or (ReplyTo.parse(reply_to).share if reply_to else Share.FORWARD)
