"""Reads of cases, each one statement; batches answer by URN. `airports` bounds an operator, empty means everywhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, RowMapping, Select, case, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.cases import store
from domains.cases import tables as t
from domains.cases.demand import Demand
from domains.cases.model import Case, CaseStatus, Lock, Party, ReviewItem, SubCase, SubCaseStatus, TimelineEntry
from domains.cases.timeline import Workflow, WorkflowStep
from kernel.tenancy import Tenant
from kernel.urn import Urn

PAGE = 200  # rows at most in one page, whatever is asked for


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`items` in order; `total` of all that match; `more` when others follow the last one."""

    items: tuple[T, ...]
    total: int
    more: bool


async def cases(
    connection: AsyncConnection,
    tenant: Tenant,
    *,
    first: int = 50,
    after: tuple[datetime, Urn] | None = None,
    airport: str | None = None,
    status: CaseStatus | None = None,
    airports: Collection[str] = (),
) -> Page[Case]:
    """Newest first. `after` is (opened_at, urn) of the last case of the page before."""
    c = t.case.c
    where: list[ColumnElement[bool]] = [c.tenant == tenant]
    if airport:
        where.append(c.airport == airport)
    if status:
        where.append(c.status == status)
    if airports:
        where.append(c.airport.in_(list(airports)))
    total = (await connection.execute(select(func.count()).select_from(t.case).where(*where))).scalar_one()
    if after:
        where.append(tuple_(c.opened_at, c.urn) < tuple_(*after))
    take = min(first, PAGE)
    rows = (
        (await connection.execute(select(t.case).where(*where).order_by(c.opened_at.desc(), c.urn.desc()).limit(take + 1))).mappings().all()
    )
    urns = [row["urn"] for row in rows[:take]]
    facts = await _facts(connection, tenant, urns)
    return Page(tuple(store.case_of(row, **facts.get(row["urn"], {})) for row in rows[:take]), total, len(rows) > take)


async def cases_by_urn(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, Case]:
    c = t.case.c
    rows = (await connection.execute(select(t.case).where(c.tenant == tenant, c.urn.in_(list(urns))))).mappings().all()
    facts = await _facts(connection, tenant, [row["urn"] for row in rows])
    return {Urn(row["urn"]): store.case_of(row, **facts.get(row["urn"], {})) for row in rows}


async def _facts(connection: AsyncConnection, tenant: Tenant, urns: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What a case's line on the board says of its sub-cases: counts, nights, who waits longest, who is inside."""
    if not urns:
        return {}
    c = t.sub_case.c
    waiting = case((c.status.in_([SubCaseStatus.PENDING, SubCaseStatus.PROCESSING]), c.opened_at))
    statement = (
        select(c.case_urn, c.status, func.count(), func.count(c.check_in), func.min(waiting))
        .where(c.tenant == tenant, c.case_urn.in_(list(urns)))
        .group_by(c.case_urn, c.status)
    )
    facts: dict[str, dict[str, Any]] = {urn: {"counts": {}, "needing_night": 0, "oldest_waiting": None, "operators": ()} for urn in urns}
    for urn, status, count, nights, oldest in await connection.execute(statement):
        fact = facts[urn]
        fact["counts"][SubCaseStatus(status)] = count
        fact["needing_night"] += nights
        fact["oldest_waiting"] = min(filter(None, (fact["oldest_waiting"], oldest)), default=None)
    lock = t.lock.c
    held = select(lock.case_urn, lock.holder_name).where(lock.tenant == tenant, lock.case_urn.in_(list(urns)), lock.session.is_not(None))
    for urn, name in await connection.execute(held.distinct().order_by(lock.case_urn, lock.holder_name)):
        facts[urn]["operators"] = (*facts[urn]["operators"], name)
    return facts


async def sub_cases_of(
    connection: AsyncConnection, tenant: Tenant, case_urn: Urn, *, first: int = PAGE, after: Urn | None = None
) -> Page[SubCase]:
    """In the order of their URNs, which is stable and means nothing."""
    c = t.sub_case.c
    where = [c.tenant == tenant, c.case_urn == case_urn]
    total = (await connection.execute(select(func.count()).select_from(t.sub_case).where(*where))).scalar_one()
    take = min(first, PAGE)
    statement = select(t.sub_case).where(*where, c.urn > after if after else c.urn > "").order_by(c.urn).limit(take + 1)
    rows = (await connection.execute(statement)).mappings().all()
    return Page(tuple(store.sub_case_of(row) for row in rows[:take]), total, len(rows) > take)


async def sub_cases_by_urn(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, SubCase]:
    c = t.sub_case.c
    rows = (await connection.execute(select(t.sub_case).where(c.tenant == tenant, c.urn.in_(list(urns))))).mappings()
    return {Urn(row["urn"]): store.sub_case_of(row) for row in rows}


async def groups_by_sub_case(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, Urn]:
    """The group of each of them that has one."""
    c = t.placed_together.c
    rows = await connection.execute(select(c.sub_case, c.group_urn).where(c.tenant == tenant, c.sub_case.in_(list(sub_cases))))
    return {Urn(sub_case): Urn(group) for sub_case, group in rows}


async def demands(connection: AsyncConnection, tenant: Tenant, *, first: int = PAGE) -> list[Demand]:
    """Newest first."""
    statement = select(t.demand).where(t.demand.c.tenant == tenant).order_by(t.demand.c.asked_at.desc(), t.demand.c.urn).limit(first)
    return [store.demand_of(row) for row in (await connection.execute(statement)).mappings()]


async def demands_by_urn(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, Demand]:
    """Those of `urns` that exist."""
    statement = select(t.demand).where(t.demand.c.tenant == tenant, t.demand.c.urn.in_(list(urns)))
    return {Urn(row["urn"]): store.demand_of(row) for row in (await connection.execute(statement)).mappings()}


async def lead_names(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, str]:
    """Personal data: for operators' screens only."""
    c = t.party.c
    rows = await connection.execute(select(c.sub_case, c.lead_name).where(c.tenant == tenant, c.sub_case.in_(list(sub_cases))))
    return {Urn(urn): name for urn, name in rows}


async def party_of(connection: AsyncConnection, tenant: Tenant, sub_case: Urn) -> Party | None:
    """Personal data: for the job that has to reach or name the party, in memory only."""
    return await store.party(connection, tenant, sub_case)


async def locks_by_sub_case(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> dict[Urn, Lock]:
    c = t.lock.c
    rows = (await connection.execute(select(t.lock).where(c.tenant == tenant, c.sub_case.in_(list(sub_cases))))).mappings()
    return {Urn(row["sub_case"]): store.lock_of(row) for row in rows}


async def held_locks(connection: AsyncConnection, tenant: Tenant, case_urn: Urn | None = None) -> list[Lock]:
    """Every lock that somebody holds now."""
    c = t.lock.c
    where = [c.tenant == tenant, c.session.is_not(None)] + ([c.case_urn == case_urn] if case_urn else [])
    return [store.lock_of(row) for row in (await connection.execute(select(t.lock).where(*where).order_by(c.since))).mappings()]


async def locking_sessions(connection: AsyncConnection, tenant: Tenant) -> list[str]:
    """The sessions that hold a lock."""
    c = t.lock.c
    return list((await connection.execute(select(c.session).where(c.tenant == tenant, c.session.is_not(None)).distinct())).scalars())


async def reviews(
    connection: AsyncConnection,
    tenant: Tenant,
    *,
    first: int = 50,
    after: tuple[datetime, Urn] | None = None,
    case_urn: Urn | None = None,
    airports: Collection[str] = (),
) -> Page[ReviewItem]:
    """The open ones, oldest first."""
    c = t.review.c
    where: list[ColumnElement[bool]] = [c.tenant == tenant, c.resolved_at.is_(None)]
    if case_urn:
        where.append(c.case_urn == case_urn)
    if airports:
        where.append(c.case_urn.in_(_cases_at(tenant, airports)))
    total = (await connection.execute(select(func.count()).select_from(t.review).where(*where))).scalar_one()
    if after:
        where.append(tuple_(c.opened_at, c.urn) > tuple_(*after))
    take = min(first, PAGE)
    rows = (await connection.execute(select(t.review).where(*where).order_by(c.opened_at, c.urn).limit(take + 1))).mappings().all()
    return Page(tuple(store.review_of(row) for row in rows[:take]), total, len(rows) > take)


async def reviews_by_urn(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, ReviewItem]:
    c = t.review.c
    rows = (await connection.execute(select(t.review).where(c.tenant == tenant, c.urn.in_(list(urns))))).mappings()
    return {Urn(row["urn"]): store.review_of(row) for row in rows}


def _cases_at(tenant: Tenant, airports: Collection[str]) -> Select[Any]:
    return select(t.case.c.urn).where(t.case.c.tenant == tenant, t.case.c.airport.in_(list(airports)))


@dataclass(frozen=True, slots=True)
class SnapshotFacts:
    """What a passenger's document is compiled from. Personal data inside."""

    case: Case
    sub_case: SubCase
    party: Party


async def snapshot_facts(connection: AsyncConnection, tenant: Tenant, sub_cases: Sequence[Urn]) -> list[SnapshotFacts]:
    """The facts of these sub-cases."""
    rows_of = {row.urn: row for row in (await sub_cases_by_urn(connection, tenant, sub_cases)).values()}
    c = t.case.c
    urns = list({sub_case.case for sub_case in rows_of.values()})
    found = (await connection.execute(select(t.case).where(c.tenant == tenant, c.urn.in_(urns)))).mappings()
    known = {Urn(row["urn"]): store.case_of(row) for row in found}
    p = t.party.c
    parties = (await connection.execute(select(t.party).where(p.tenant == tenant, p.sub_case.in_(list(rows_of))))).mappings()
    people = {Urn(row["sub_case"]): store.party_of(row) for row in parties}
    return [SnapshotFacts(known[row.case], row, people[row.urn]) for row in rows_of.values() if row.urn in people]


async def stale_snapshots(connection: AsyncConnection, tenant: Tenant, *, after: Urn | None = None, first: int = PAGE) -> list[Urn]:
    """Sub-cases whose passengers see an older version than there is, in pages; one without a party has nobody who could look."""
    c, p = t.sub_case.c, t.party.c
    somebody = select(p.sub_case).where(p.tenant == tenant, p.sub_case == c.urn).exists()
    stale = (c.tenant == tenant, c.snapshot_published < c.snapshot_version, c.urn > (after or ""), somebody)
    return [Urn(urn) for urn in (await connection.execute(select(c.urn).where(*stale).order_by(c.urn).limit(first))).scalars()]


async def sub_case_urns(connection: AsyncConnection, tenant: Tenant, *, after: Urn | None = None, first: int = 500) -> list[Urn]:
    """All of a tenant's sub-cases, in pages, for a rebuild."""
    c = t.sub_case.c
    statement = select(c.urn).where(c.tenant == tenant, c.urn > after if after else c.urn > "").order_by(c.urn).limit(first)
    return [Urn(urn) for urn in (await connection.execute(statement)).scalars()]


async def counts(connection: AsyncConnection, tenant: Tenant) -> dict[str, int]:
    """How far the work has got: cases, sub-cases in all and by status, those needing a night, open reviews, workflows."""
    c, w = t.sub_case.c, t.workflow.c
    rows = await connection.execute(select(c.status, func.count(), func.count(c.check_in)).where(c.tenant == tenant).group_by(c.status))
    found = {"cases": 0, "sub_cases": 0, "needing_night": 0}
    for status, count, nights in rows:
        found["sub_cases"] += count
        found["needing_night"] += nights
        found[status.lower()] = count
    others = {
        "cases": select(func.count()).select_from(t.case).where(t.case.c.tenant == tenant),
        "reviews": select(func.count()).select_from(t.review).where(t.review.c.tenant == tenant, t.review.c.resolved_at.is_(None)),
        "workflows": select(func.count()).select_from(t.workflow).where(w.tenant == tenant),
        "workflows_running": select(func.count()).select_from(t.workflow).where(w.tenant == tenant, w.ended_at.is_(None)),
    }
    row = (await connection.execute(select(*(one.scalar_subquery().label(name) for name, one in others.items())))).mappings().one()
    return {**found, **row}


async def workflows_by_urn(connection: AsyncConnection, tenant: Tenant, urns: Sequence[Urn]) -> dict[Urn, Workflow]:
    """Those of `urns` that exist, each with its journal in order."""
    c = t.workflow.c
    rows = (await connection.execute(select(t.workflow).where(c.tenant == tenant, c.urn.in_(list(urns))))).mappings().all()
    steps: dict[str, list[WorkflowStep]] = {row["urn"]: [] for row in rows}
    s = t.workflow_step.c
    journal = select(t.workflow_step).where(s.tenant == tenant, s.workflow.in_(list(steps))).order_by(s.workflow, s.entry)
    for line in (await connection.execute(journal)).mappings():
        steps[line["workflow"]].append(_step(line))
    return {Urn(row["urn"]): _workflow(row, steps[row["urn"]]) for row in rows}


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
        entry = TimelineEntry(at, line["step"], line["state"], line["attempt"], line["summary"], _plain(line["evidence"]))
        found[Urn(line["subject"])].append(entry)
    return found


def _workflow(row: RowMapping, steps: Sequence[WorkflowStep]) -> Workflow:
    return Workflow(Urn(row["urn"]), Urn(row["subject"]), row["plan"], row["state"], tuple(steps), row["version"])


def _step(line: RowMapping) -> WorkflowStep:
    return WorkflowStep(
        line["step"], line["state"], line["attempt"], line["asked_at"], line["ended_at"], line["summary"] or None, line["deadline"]
    )


def _plain(evidence: Mapping[str, object] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (evidence or {}).items()}
