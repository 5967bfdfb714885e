"""Handing things to a person, with the evidence."""

from __future__ import annotations

from collections.abc import Mapping

from domains.cases import events, store
from domains.cases.actions.settle import change
from domains.cases.model import Move, ReviewItem, ReviewKind, SubCaseStatus, moved
from kernel.urn import Urn
from kernel.work import Work


async def open_review(
    work: Work, kind: ReviewKind, case: Urn, sub_case: Urn | None, summary: str, evidence: Mapping[str, str], *, subject: str
) -> None:
    """Opens a review item; the same kind about the same `subject` is opened once. May be repeated."""
    item = ReviewItem(Urn.mint("review"), case, sub_case, kind, summary, dict(evidence), await work.now(), None, version=1)
    if await store.insert_review(work, item, subject):
        await work.record(events.ReviewOpened(item.urn, case, sub_case, kind), aggregate=sub_case or case)
        await work.audit(action="review.open", entity=item.urn, root=case, reason=summary, after={"kind": kind})


async def step_refused(work: Work, workflow: Urn, sub_case_urn: Urn, step: str, why: str, evidence: Mapping[str, str]) -> None:
    """A step that must not cost the party its room failed: the workflow goes on, a person makes it good."""
    found = await store.sub_case_for_update(work, sub_case_urn)
    if found is None:
        return
    kind = ReviewKind.PAYMENT_FAILED if step == "card" else ReviewKind.PARTIAL_FULFILLMENT
    await open_review(work, kind, found[0].case, sub_case_urn, f"{step}: {why}", evidence, subject=f"{workflow}|{step}")


async def end_workflow(
    work: Work, workflow: Urn, sub_case_urn: Urn, *, step: str | None, why: str, unknown: bool, evidence: Mapping[str, str]
) -> None:
    """A voucher's workflow was undone: the sub-case waits for a person, or is pending again when it was cancelled (`step` None)."""
    found = await store.sub_case_for_update(work, sub_case_urn)
    if found is None:
        return
    sub_case, _ = found
    if sub_case.workflow != workflow or sub_case.status != SubCaseStatus.PROCESSING:
        return
    target = moved(sub_case.status, Move.GIVE_UP if step else Move.UNDO)
    await change(work, sub_case, status=target, reason=why, offer=None, offer_since=None)
    if step:
        failed = ReviewKind.ALLOCATION_FAILED if step == "choose" else ReviewKind.BOOKING_FAILED
        kind = ReviewKind.OUTCOME_UNKNOWN if unknown else failed
        await open_review(work, kind, sub_case.case, sub_case.urn, why, evidence, subject=workflow)
