"""Taking a sub-case up, writing a change of it down, and what follows for its case."""

from __future__ import annotations

from typing import Any

from domains.cases import events, store
from domains.cases.model import TERMINAL, CaseStatus, Lock, SubCase, SubCaseStatus
from kernel.refusal import NotFound
from kernel.urn import Urn
from kernel.work import Work


async def find(work: Work, urn: Urn) -> tuple[SubCase, Lock | None]:
    """The sub-case and its lock, nobody else's until the work ends. Refuses: NotFound."""
    found = await store.sub_case_for_update(work, urn)
    if found is None:
        raise NotFound("There is no such sub-case.")
    return found


async def change(work: Work, sub_case: SubCase, *, visible: bool = True, **values: Any) -> int:
    """Saves the values, raises the version, tells the screens; `visible` also raises the passenger's snapshot. The new snapshot version."""
    snapshot = sub_case.snapshot_version + (1 if visible else 0)
    version = await store.save_sub_case(work, sub_case.urn, snapshot_version=snapshot, **values)
    status = SubCaseStatus(values.get("status", sub_case.status))
    await work.record(events.SubCaseChanged(sub_case.urn, sub_case.case, status, version), aggregate=sub_case.urn)
    return snapshot


async def refresh_case(work: Work, case: Urn) -> CaseStatus | None:
    """Derives the case's status from its sub-cases; None when there is no such case. May be repeated."""
    known = await store.case_by_urn(work, case)
    if known is None:
        return None
    counts = await store.status_counts(work, case)
    status = case_status(counts)
    await store.save_case(work, case, status=status)
    if status != known.status:
        await work.audit(action="case.status", entity=case, before={"status": known.status}, after={"status": status})
    return status


def case_status(counts: dict[SubCaseStatus, int]) -> CaseStatus:
    """OPEN while everything that needs looking after is pending, CLOSED when all are terminal."""
    here = {status for status, count in counts.items() if count}
    if here and here <= TERMINAL:
        return CaseStatus.CLOSED
    return CaseStatus.IN_PROGRESS if here - {SubCaseStatus.PENDING, SubCaseStatus.LOCAL_RESIDENT} else CaseStatus.OPEN
