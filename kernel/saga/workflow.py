"""A running saga as a row, and the three things that others do to it: start it, answer it, cancel it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson
from sqlalchemy import text

from kernel.at_once import Answered
from kernel.event import Envelope, encode
from kernel.saga.plan import ReplyTo, Saga
from kernel.tenancy import Tenant
from kernel.turns import Share
from kernel.urn import Urn
from kernel.work import Work


class State(StrEnum):
    """`RUNNING` and `COMPENSATING` move, the others have ended. `REVIEW`: an undo was refused. `QUARANTINED`: it kills workers."""

    RUNNING = "RUNNING"
    COMPENSATING = "COMPENSATING"
    DONE = "DONE"
    COMPENSATED = "COMPENSATED"
    REVIEW = "REVIEW"
    QUARANTINED = "QUARANTINED"


MOVING: Final = frozenset({State.RUNNING, State.COMPENSATING})


@dataclass(frozen=True, slots=True)
class Workflow:
    """A row of `workflow`. `failure` says why it is undone; `cancel_reason` is set when somebody asked for that."""

    tenant: Tenant
    urn: Urn
    plan: str
    subject: Urn
    params: Mapping[str, Any]
    state: State
    step: str | None
    cancel_reason: str | None
    failure: str | None
    actor: Urn | None
    correlation: str
    version: int
    share: Share = Share.FORWARD

    @property
    def saga(self) -> str:
        """The plan's name without its version."""
        return self.plan.partition("@")[0]


_START = text("""
    insert into workflow (tenant, urn, plan, subject, params, state, actor, correlation, share, due)
    select :tenant, urn, :plan, subject, cast(params as jsonb), 'RUNNING', cast(:actor as text), :correlation, :share, nexa_now()
    from unnest(cast(:urns as text[]), cast(:subjects as text[]), cast(:params as text[])) as t(urn, subject, params)
    on conflict do nothing
""")
# The row is always touched, even when it is due already: its lock makes a claim that cannot see this signal yet wait for it. Without
# that, a claim between this statement and its commit would read no signal, put the workflow to sleep, and nobody would wake it.
_SIGNAL = text("""
    with waiting as (
        insert into signal (tenant, workflow, urn, reply_to, name, body)
        select :tenant, workflow, urn, reply_to, name, cast(body as jsonb)
        from unnest(cast(:workflows as text[]), cast(:urns as text[]), cast(:replies as text[]), cast(:names as text[]),
                    cast(:bodies as text[])) as t(workflow, urn, reply_to, name, body)
        on conflict do nothing returning workflow
    )
    update workflow set due = least(due, nexa_now())
    where tenant = :tenant and urn = any(cast(:workflows as text[])) and state in ('RUNNING', 'COMPENSATING')
""")
_CANCEL = text("""
    update workflow set cancel_reason = :reason, due = nexa_now(), share = :share, version = version + 1
    where tenant = :tenant and urn = :urn and state = 'RUNNING' and cancel_reason is null
    returning urn
""")


async def start(work: Work, saga: Saga, params: object, *, workflow: Urn, subject: Urn, share: Share = Share.FORWARD) -> None:
    """Starts a workflow with this transaction; a second start of the same URN changes nothing. `share`: whether a person waits for it."""
    await start_many(work, saga, [(workflow, subject, params)], share=share)


async def start_many(work: Work, saga: Saga, workflows: Sequence[tuple[Urn, Urn, object]], *, share: Share = Share.FORWARD) -> None:
    """`start` for many `(workflow, subject, params)`."""
    work.due = True
    await work.execute(
        _START,
        {
            "tenant": work.tenant,
            "plan": saga.plan,
            "actor": work.actor,
            "correlation": work.correlation,
            "share": int(share),
            "urns": [str(urn) for urn, _, _ in workflows],
            "subjects": [str(subject) for _, subject, _ in workflows],
            "params": [orjson.dumps(encode(params)).decode() for _, _, params in workflows],
        },
    )


async def signal(work: Work, answers: Sequence[Envelope]) -> None:
    """Hands answers to the workflows that wait for them; what carries no readable `reply_to` is left out. May be repeated.

    Where this process has an engine, those that are free move on in this very transaction.
    """
    found = [(_workflow_of(each), each) for each in answers]
    known: Answered = [(workflow, each) for workflow, each in found if workflow is not None]
    if known:
        known = await work.at_once.answered(work, known)
    if not known:
        return
    work.due = True
    await work.execute(
        _SIGNAL,
        {
            "tenant": work.tenant,
            "workflows": [str(workflow) for workflow, _ in known],
            "urns": [str(each.urn) for _, each in known],
            "replies": [str(each.reply_to) for _, each in known],
            "names": [each.name for _, each in known],
            "bodies": [orjson.dumps(each.body).decode() for _, each in known],
        },
    )


async def notify(work: Work, workflow: Urn, event: Envelope) -> None:
    """Tells a workflow of an event that is no answer: it ends a `wait` for it, where there is one. May be repeated."""
    work.due = True
    told = {"workflows": [str(workflow)], "urns": [str(event.urn)], "replies": [""], "names": [event.name]}
    await work.execute(_SIGNAL, {"tenant": work.tenant, **told, "bodies": [orjson.dumps(event.body).decode()]})


async def cancel(work: Work, workflow: Urn, reason: str) -> bool:
    """Asks a running workflow to undo itself after the step it is at; False when there is none, or it is undoing or over already."""
    work.due = True
    facts = {"tenant": work.tenant, "urn": str(workflow), "reason": reason, "share": int(Share.UNDO)}
    result = await work.execute(_CANCEL, facts)
    return result.first() is not None


def _workflow_of(envelope: Envelope) -> Urn | None:
    try:
        return ReplyTo.parse(envelope.reply_to or "").workflow
    except ValueError:
        return None
