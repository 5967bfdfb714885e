"""What was done for a sub-case, read for screens from the journals of its workflows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.cases import tables as t
from domains.cases.model import TimelineEntry
from kernel.tenancy import Tenant
from kernel.urn import Urn


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """A line of the journal; an undo carries the name of the step it undoes."""

    name: str
    state: str
    attempt: int
    asked_at: datetime | None
    ended_at: datetime | None
    summary: str | None
    next_retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Workflow:
    urn: Urn
    sub_case: Urn
    plan: str
    state: str
    steps: tuple[WorkflowStep, ...]


async def workflows_by_urn(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, Workflow]:
    """Those of `urns` that exist, each with its journal in order."""
    c = t.workflow.c
    rows = (await connection.execute(select(t.workflow).where(c.tenant == tenant, c.urn.in_(list(urns))))).mappings().all()
    steps: dict[str, list[WorkflowStep]] = {row["urn"]: [] for row in rows}
    s = t.workflow_step.c
    journal = select(t.workflow_step).where(s.tenant == tenant, s.workflow.in_(list(steps))).order_by(s.workflow, s.entry)
    for line in (await connection.execute(journal)).mappings():
        steps[line["workflow"]].append(_step(line))
    return {
        Urn(row["urn"]): Workflow(Urn(row["urn"]), Urn(row["subject"]), row["plan"], row["state"], tuple(steps[row["urn"]])) for row in rows
    }


async def timelines(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, list[TimelineEntry]]:
    """Everything every workflow of each sub-case did, oldest first."""
    w, s = t.workflow.c, t.workflow_step.c
    joined = t.workflow_step.join(t.workflow, (w.tenant == s.tenant) & (w.urn == s.workflow))
    statement = (
        select(t.workflow_step, w.subject)
        .select_from(joined)
        .where(w.tenant == tenant, s.tenant == tenant, w.subject.in_(list(sub_cases)))
        .order_by(w.started_at, s.workflow, s.entry)
    )
    found: dict[Urn, list[TimelineEntry]] = {urn: [] for urn in sub_cases}
    for line in (await connection.execute(statement)).mappings():
        at = line["ended_at"] or line["asked_at"]
        entry = TimelineEntry(at, line["step"], line["state"], line["attempt"], line["summary"], _facts(line["evidence"]))
        found[Urn(line["subject"])].append(entry)
    return found


def _step(line: RowMapping) -> WorkflowStep:
    ended = line["ended_at"]
    return WorkflowStep(
        line["step"], line["state"], line["attempt"], line["asked_at"], ended, line["summary"] or None, None if ended else line["deadline"]
    )


def _facts(evidence: Mapping[str, object] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (evidence or {}).items()}
