"""Reading and writing what the engine knows of its workflows, many at a time: one statement each, whatever their number.

Everything here runs in a transaction that has locked the workflows under the claim's fence (`mine`); a workflow that does not come back
from there has been taken over and must not be written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import RowMapping, text

from kernel.claim import Claim
from kernel.saga.entry import Entry, EntryState
from kernel.saga.transition import Decision, Signal
from kernel.saga.workflow import State, Workflow
from kernel.tenancy import Tenant
from kernel.turns import Share
from kernel.urn import Urn
from kernel.work import Work

COLUMNS = "urn, plan, subject, params, state, step, cancel_reason, failure, actor, correlation, version, share"
_ENTRY = (
    "workflow, entry, step, undo, attempt, asks, state, reply_to, asked_at, deadline, ended_at, "
    "answer_name, answer, summary, evidence, version"
)

# SKIP LOCKED: a row that somebody signals at this moment is left for a moment later, so the engine never waits and never deadlocks.
_MINE = text(f"""
    select {COLUMNS}, deaths, fence, ctid::text as place, nexa_now() as now from workflow w
    where tenant = :tenant and owner = :me
      and (urn, fence) in (select * from unnest(cast(:urns as text[]), cast(:fences as bigint[])))
    for update skip locked
""")
_FREE = text(f"""
    select {COLUMNS}, deaths, fence, ctid::text as place, nexa_now() as now from workflow w
    where tenant = :tenant and urn = any(cast(:urns as text[])) and owner is null and state in ('RUNNING', 'COMPENSATING')
    for update skip locked
""")
_STILL_MINE = text("""
    select urn from workflow where tenant = :tenant and owner = :me
      and (urn, fence) in (select * from unnest(cast(:urns as text[]), cast(:fences as bigint[])))
""")
JOURNAL = text(
    f"select {_ENTRY} from workflow_step where tenant = :tenant and workflow = any(cast(:urns as text[])) order by workflow, entry"
)
_SIGNALS = text("""
    select workflow, urn, reply_to, name, body from signal where tenant = :tenant and workflow = any(cast(:urns as text[])) order by at, urn
""")
_TAKE = text("""
    delete from signal where tenant = :tenant
      and (workflow, urn) in (select * from unnest(cast(:workflows as text[]), cast(:urns as text[])))
""")
WRITE_STEPS = text(f"""
    insert into workflow_step (tenant, {_ENTRY})
    select :tenant, {_ENTRY} from jsonb_to_recordset(cast(:rows as jsonb)) as t(
        workflow text, entry int, step text, undo bool, attempt int, asks int, state text, reply_to text, asked_at timestamptz,
        deadline timestamptz, ended_at timestamptz, answer_name text, answer jsonb, summary text, evidence jsonb, version bigint)
    on conflict (tenant, workflow, entry) do update set
        asks = excluded.asks, state = excluded.state, deadline = excluded.deadline, ended_at = excluded.ended_at,
        answer_name = excluded.answer_name, answer = excluded.answer, summary = excluded.summary, evidence = excluded.evidence,
        version = excluded.version
""")
# What is held is locked, so it is found again by its place; by its name, a plan made for a small table read all of a large one.
_WRITE_WORKFLOWS = text("""
    update workflow w set state = t.state, step = t.step, failure = t.failure, due = t.due, share = t.share, owner = null, deaths = 0,
        fence = w.fence + case when w.owner is null then 1 else 0 end,
        ended_at = case when t.ended then nexa_now() end, version = w.version + t.raised
    from jsonb_to_recordset(cast(:rows as jsonb)) as t(
        place tid, urn text, fence bigint, state text, step text, failure text, due timestamptz, share int, ended bool, raised int)
    where w.tenant = :tenant and w.ctid = t.place and w.urn = t.urn and w.fence = t.fence and w.owner is not distinct from cast(:me as text)
    returning w.urn
""")
_STUMBLE = text("""
    update workflow set deaths = deaths + 1, owner = null, due = nexa_now() + make_interval(secs => :pause)
    where tenant = :tenant and urn = :urn and fence = :fence and owner = :me
    returning deaths
""")


class FenceLost(Exception):
    """A workflow was taken over between its lock and its write; nothing of the batch may stand."""


@dataclass(frozen=True, slots=True)
class Held:
    """A workflow that is locked by this transaction, with everything its next move depends on."""

    workflow: Workflow
    place: str
    fence: int
    deaths: int
    now: datetime
    entries: tuple[Entry, ...]
    signals: tuple[Signal, ...]
    signal_urns: tuple[str, ...]


async def hold(work: Work, claims: Sequence[Claim], me: str) -> tuple[list[Held], list[Claim]]:
    """Locks the claimed workflows; those held, and those that are ours but locked by somebody else at the moment."""
    fences = {claim.urn: claim.fence for claim in claims}
    facts = {"tenant": work.tenant, "me": me, "urns": [str(urn) for urn in fences], "fences": list(fences.values())}
    rows = (await work.execute(_MINE, facts)).mappings().all()
    held = await _with_journal(work, rows)
    missing = fences.keys() - {each.workflow.urn for each in held}
    if not missing:
        return held, []
    still = set((await work.execute(_STILL_MINE, facts)).scalars())
    return held, [claim for claim in claims if claim.urn in missing and claim.urn in still]


async def hold_free(work: Work, told: Mapping[Urn, Sequence[Signal]]) -> list[Held]:
    """Locks those workflows that nobody has claimed and nobody else writes at the moment, each with what it is told now besides."""
    rows = (await work.execute(_FREE, {"tenant": work.tenant, "urns": [str(urn) for urn in told]})).mappings().all()
    held = await _with_journal(work, rows)
    return [replace(each, signals=(*each.signals, *told[each.workflow.urn])) for each in held]


async def write(work: Work, decided: Sequence[tuple[Held, Decision]], me: str | None) -> None:
    """Writes the decisions, sends what they ask and gives the claims back. Without `me` they were held free. Raises: FenceLost."""
    changed = [entry_row(held.workflow.urn, entry) for held, decision in decided for entry in decision.changed.values()]
    if changed:
        await work.execute(WRITE_STEPS, {"tenant": work.tenant, "rows": _json(changed)})
    signals = [(str(held.workflow.urn), urn) for held, _ in decided for urn in held.signal_urns]
    if signals:
        taken = {"workflows": [workflow for workflow, _ in signals], "urns": [urn for _, urn in signals]}
        await work.execute(_TAKE, {"tenant": work.tenant, **taken})
    rows = [_workflow_row(held, decision) for held, decision in decided]
    written = (await work.execute(_WRITE_WORKFLOWS, {"tenant": work.tenant, "me": me, "rows": _json(rows)})).all()
    if len(written) != len(rows):
        raise FenceLost
    for held, decision in decided:
        work.actor, work.correlation = held.workflow.actor, held.workflow.correlation
        for command, reply_to in decision.asks:
            await work.ask(command, aggregate=held.workflow.subject, reply_to=reply_to)


async def stumble(work: Work, claim: Claim, me: str, pause: float) -> int | None:
    """Gives back a workflow whose move failed; how often in a row now, None when it was lost."""
    facts = {"tenant": work.tenant, "urn": str(claim.urn), "fence": claim.fence, "me": me, "pause": pause}
    deaths: int | None = (await work.execute(_STUMBLE, facts)).scalar()
    return deaths


async def _with_journal(work: Work, rows: Sequence[RowMapping]) -> list[Held]:
    if not rows:
        return []
    facts = {"tenant": work.tenant, "urns": [row["urn"] for row in rows]}
    entries: dict[str, list[Entry]] = {row["urn"]: [] for row in rows}
    signals: dict[str, list[RowMapping]] = {row["urn"]: [] for row in rows}
    for row in (await work.execute(JOURNAL, facts)).mappings():
        entries[row["workflow"]].append(read_entry(row))
    for row in (await work.execute(_SIGNALS, facts)).mappings():
        signals[row["workflow"]].append(row)
    return [
        Held(
            workflow=read_workflow(row, work.tenant),
            place=row["place"],
            fence=row["fence"],
            deaths=row["deaths"],
            now=row["now"],
            entries=tuple(entries[row["urn"]]),
            signals=tuple(Signal(each["reply_to"], each["name"], each["body"]) for each in signals[row["urn"]]),
            signal_urns=tuple(each["urn"] for each in signals[row["urn"]]),
        )
        for row in rows
    ]


def read_workflow(row: RowMapping, tenant: Tenant) -> Workflow:
    return Workflow(
        tenant=tenant,
        urn=Urn(row["urn"]),
        plan=row["plan"],
        subject=Urn(row["subject"]),
        params=row["params"],
        state=State(row["state"]),
        step=row["step"],
        cancel_reason=row["cancel_reason"],
        failure=row["failure"],
        actor=Urn(row["actor"]) if row["actor"] else None,
        correlation=row["correlation"],
        version=row["version"],
        share=Share(row["share"]),
    )


def read_entry(row: RowMapping) -> Entry:
    facts = {name: value for name, value in row.items() if name not in ("workflow", "state")}
    return Entry(state=EntryState(row["state"]), **facts)


def entry_row(workflow: Urn, entry: Entry) -> dict[str, Any]:
    return {
        "workflow": str(workflow), "entry": entry.entry, "step": entry.step, "undo": entry.undo, "attempt": entry.attempt,
        "asks": entry.asks, "state": entry.state.value, "reply_to": entry.reply_to, "asked_at": entry.asked_at,
        "deadline": entry.deadline, "ended_at": entry.ended_at, "answer_name": entry.answer_name, "answer": entry.answer,
        "summary": entry.summary, "evidence": entry.evidence, "version": entry.version,
    }  # fmt: skip


def _workflow_row(held: Held, decision: Decision) -> dict[str, Any]:
    changed = bool(decision.changed) or decision.state != held.workflow.state
    return {
        "place": held.place, "urn": str(held.workflow.urn), "fence": held.fence, "state": decision.state.value, "step": decision.step,
        "failure": decision.failure, "due": decision.due, "share": int(_share(held.workflow, decision)),
        "ended": decision.ended, "raised": int(changed),
    }  # fmt: skip


def _share(workflow: Workflow, decision: Decision) -> Share:
    return Share.UNDO if decision.state is State.COMPENSATING else workflow.share


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
