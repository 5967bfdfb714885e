"""Handing things to a person with the evidence, and taking back what the person found out.

A review of something that a partner may have done ends by a finding: it is sent to whoever owns the call, and the review is over when the
call is. One that merely has to be seen to ends by the person's word.
"""

from __future__ import annotations

from collections.abc import Mapping

from domains.cases import events, store
from domains.cases.actions.settle import change
from domains.cases.commands import ClaimReview, ResolveReview
from domains.cases.model import Decision, Finding, Move, ReviewItem, ReviewKind, SubCaseStatus, moved
from domains.cases.refusals import FindingNeeded, ReviewOver, ReviewTaken
from kernel.refusal import BadInput, NotFound, VersionConflict
from kernel.urn import Urn
from kernel.work import Work


async def open_review(
    work: Work, kind: ReviewKind, case: Urn, sub_case: Urn | None, summary: str, evidence: Mapping[str, str], *, subject: str,
    operation: Urn | None = None,
) -> None:  # fmt: skip
    """Opens a review item; the same kind about the same `subject` is opened once, and one at a time about an operation. May be repeated."""
    now = await work.now()
    item = ReviewItem(Urn.mint("review"), case, sub_case, kind, summary, dict(evidence), now, None, version=1, operation=operation)
    if await store.insert_review(work, item, subject):
        await work.record(events.ReviewOpened(item.urn, case, sub_case, kind), aggregate=sub_case or case)
        await work.audit(action="review.open", entity=item.urn, root=case, reason=summary, after={"kind": kind})


async def step_refused(
    work: Work, workflow: Urn, sub_case_urn: Urn, step: str, why: str, evidence: Mapping[str, str], operation: Urn | None = None,
    again: int = 0,
) -> None:  # fmt: skip
    """A step that must not cost the party its room failed: the workflow goes on, a person makes it good.

    `again` counts the attempts before this one: what fails anew is something new.
    """
    found = await store.sub_case_for_update(work, sub_case_urn)
    if found is None:
        return
    kind = ReviewKind.PAYMENT_FAILED if step == "card" else ReviewKind.PARTIAL_FULFILLMENT
    subject = f"{workflow}|{step}{_again(again)}"
    await open_review(work, kind, found[0].case, sub_case_urn, f"{step}: {why}", evidence, subject=subject, operation=operation)


async def end_workflow(
    work: Work, workflow: Urn, sub_case_urn: Urn, *, step: str | None, why: str, unknown: bool, evidence: Mapping[str, str],
    operation: Urn | None = None, again: int = 0,
) -> None:  # fmt: skip
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
        subject = f"{workflow}{_again(again)}"
        await open_review(work, kind, sub_case.case, sub_case.urn, why, evidence, subject=subject, operation=operation)


async def end_reviews(work: Work, workflow: Urn, reason: str) -> None:
    """Ends what waits for a person about a workflow that goes on by a person's word; what a partner may have done waits on."""
    for item in await store.open_reviews_about(work, workflow):
        await _close(work, item, Decision(None, reason, work.actor, await work.now()))


async def claim_review(work: Work, command: ClaimReview) -> ReviewItem:
    """Takes a review into one's hands; taking what is one's own changes nothing.

    Refuses: NotFound, ReviewOver, ReviewTaken, VersionConflict. May be repeated.
    """
    item = await store.review_for_update(work, command.review)
    if item is not None and item.claimed_by is not None and item.claimed_by == work.actor and item.resolved_at is None:
        return item
    item = _workable(work, item, command.version, command.over)
    claimed = await store.save_review(work, item.urn, claimed_by=work.actor, claimed_name=command.name, claimed_at=await work.now())
    before, after = {"claimed_by": item.claimed_by}, {"claimed_by": work.actor}
    await work.audit(action="review.claim", entity=item.urn, root=item.case, before=before, after=after)
    return claimed


async def resolve_review(work: Work, command: ResolveReview) -> ReviewItem:
    """Ends a review by a person's word, or hands their finding to whoever owns the call; it ends then when the call does.

    Refuses: BadInput (no reason, or a finding where nothing is in question), NotFound, ReviewOver, ReviewTaken, VersionConflict,
    FindingNeeded.
    """
    if not command.reason.strip():
        raise BadInput("A reason is needed: a person decides this.")
    item = _workable(work, await store.review_for_update(work, command.review), command.version, command.over)
    if item.operation is not None and command.finding is None:
        raise FindingNeeded()
    if item.operation is None and command.finding is not None:
        raise BadInput("No partner's doing is in question here: a reason is all it takes.")
    decision = Decision(command.finding, command.reason, work.actor, await work.now())
    if item.operation is None or command.finding is None:
        return await _close(work, item, decision)
    decided = await store.save_review(work, item.urn, decision=decision)
    told = events.ReviewDecided(item.urn, item.operation, command.finding, command.reference.strip(), command.reason)
    await work.record(told, aggregate=item.sub_case or item.case)
    after = {"finding": command.finding, "reference": command.reference.strip() or None, "operation": item.operation}
    await work.audit(action="review.decide", entity=item.urn, root=item.case, reason=command.reason, after=after)
    return decided


async def close_review(work: Work, operation: Urn, finding: Finding, why: str) -> None:
    """The call has ended after all, by a person's finding or by the partner's own late word. May be repeated."""
    item = await store.open_review_of(work, operation)
    if item is not None:
        await _close(work, item, item.decision or Decision(finding, why, None, await work.now()))


async def put_back_review(work: Work, operation: Urn, why: str) -> bool:
    """The partner did not bear out what a person found: the review waits for another finding; False when there is none open."""
    item = await store.open_review_of(work, operation)
    if item is not None and item.decision is not None:
        evidence = {**item.evidence, "last_finding": f"{item.decision.finding}: {why}"}
        await store.save_review(work, item.urn, decision=None, evidence=evidence)
        await work.audit(action="review.put-back", entity=item.urn, root=item.case, reason=why)
        await work.record(events.ReviewOpened(item.urn, item.case, item.sub_case, item.kind), aggregate=item.sub_case or item.case)
    return item is not None


def _again(count: int) -> str:
    return f"|{count}" if count else ""


def _workable(work: Work, item: ReviewItem | None, version: int, over: bool) -> ReviewItem:
    """Itself, when who asks may work on it. Refuses: NotFound, ReviewOver, ReviewTaken, VersionConflict."""
    if item is None:
        raise NotFound("There is no such review.")
    if item.resolved_at is not None:
        raise ReviewOver()
    if item.held_by_other(work.actor) and not over:
        raise ReviewTaken(f"{item.claimed_name} is working on it.", holder_name=item.claimed_name, since=item.claimed_at)
    if item.version != version:
        said = f"It has changed since you looked: version {item.version}, you saw {version}."
        raise VersionConflict(said, expected=version, actual=item.version)
    return item


async def _close(work: Work, item: ReviewItem, decision: Decision) -> ReviewItem:
    closed = await store.save_review(work, item.urn, decision=decision, resolved_at=await work.now())
    await work.record(events.ReviewResolved(item.urn, item.case, item.sub_case, item.kind), aggregate=item.sub_case or item.case)
    await work.audit(
        action="review.resolve", entity=item.urn, root=item.case, reason=decision.reason, before={"kind": item.kind},
        after={"finding": decision.finding, "by": decision.by},
    )  # fmt: skip
    found = await store.sub_case_for_update(work, item.sub_case) if item.sub_case else None
    if found is not None:  # what may be done with it now is another matter: its screens look again
        await change(work, found[0], visible=False)
    return closed
