"""Workflows before a person: read with their journals, locked together, and written as the person has decided.

Guarantees: the row's lock is held from reading to writing, so an engine that has claimed the workflow decides from what the person wrote,
or the person from what the engine did; nothing a person writes takes a claim away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.saga.entry import Entry
from kernel.saga.hand import Turn
from kernel.saga.journal import COLUMNS, JOURNAL, WRITE_STEPS, entry_row, read_entry, read_workflow
from kernel.saga.workflow import Workflow
from kernel.tenancy import Tenant
from kernel.turns import Share
from kernel.urn import Urn
from kernel.work import Work

_READ = f"select {COLUMNS} from workflow where tenant = :tenant and urn = any(cast(:urns as text[])) order by urn"
_WRITE = text("""
    update workflow set state = :state, step = :step, failure = :failure, cancel_reason = :cancel_reason, ended_at = null, deaths = 0,
        due = nexa_now(), share = :share, version = version + 1
    where tenant = :tenant and urn = :urn
""")
# The journal keeps what was answered before a person went on; what counts of it, whoever reads it decides by the whole journal.
_STOPPED_BY = text("""
    select w.urn from workflow w
    where w.tenant = :tenant and w.state in ('COMPENSATED', 'REVIEW', 'DONE') and w.ended_at >= :since and exists (
        select from workflow_step s where s.tenant = w.tenant and s.workflow = w.urn
          and s.state in ('REFUSED', 'CONTINUED', 'UNDO_REFUSED')
          and :partner = any(string_to_array(s.answer -> 'evidence' ->> 'away', ' ')))
    order by w.ended_at, w.urn
""")


@dataclass(frozen=True, slots=True)
class Dossier:
    """A workflow and its journal, as one moment has them."""

    workflow: Workflow
    journal: tuple[Entry, ...]


async def read(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, Dossier]:
    """Those of the workflows that exist."""
    return await _read(connection, tenant, urns, _READ)


async def take(work: Work, urns: Sequence[Urn]) -> dict[Urn, Dossier]:
    """Those of the workflows that exist, and nobody else's until the work ends."""
    return await _read(work.connection, work.tenant, urns, f"{_READ} for update")


async def put(work: Work, workflow: Workflow, turn: Turn, share: Share) -> None:
    """Writes what a person has decided of a workflow that this work has taken; it goes on after the commit."""
    work.due = True
    rows = orjson.dumps([entry_row(workflow.urn, entry) for entry in turn.lines]).decode()
    await work.execute(WRITE_STEPS, {"tenant": work.tenant, "rows": rows})
    await work.execute(
        _WRITE,
        {
            "tenant": work.tenant,
            "urn": str(workflow.urn),
            "state": turn.state.value,
            "step": turn.step,
            "failure": turn.failure,
            "cancel_reason": turn.cancel_reason,
            "share": int(share),
        },
    )


async def stopped_by(work: Work, partner: str, since: datetime) -> list[Urn]:
    """The workflows that ended since then and were told on their way that this partner was away, the oldest first."""
    found = await work.execute(_STOPPED_BY, {"tenant": work.tenant, "partner": partner, "since": since})
    return [Urn(urn) for urn in found.scalars()]


async def _read(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn], statement: str) -> dict[Urn, Dossier]:
    facts = {"tenant": tenant, "urns": [str(urn) for urn in urns]}
    workflows = [read_workflow(row, tenant) for row in (await connection.execute(text(statement), facts)).mappings()]
    lines: dict[str, list[Entry]] = {str(workflow.urn): [] for workflow in workflows}
    for row in (await connection.execute(JOURNAL, facts)).mappings():
        if row["workflow"] in lines:  # one that was started between the two statements is left out
            lines[row["workflow"]].append(read_entry(row))
    return {workflow.urn: Dossier(workflow, tuple(lines[str(workflow.urn)])) for workflow in workflows}
