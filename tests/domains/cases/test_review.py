"""Reviews in people's hands, on a real database: taken, decided, put back, over."""

from __future__ import annotations

import pytest

from domains.cases import actions, queries
from domains.cases.commands import ClaimReview, IssueVoucher, ResolveReview
from domains.cases.model import Finding, ReviewItem, ReviewKind, SubCase
from domains.cases.refusals import FindingNeeded, ReviewOver, ReviewTaken
from kernel.refusal import BadInput, NotFound, VersionConflict
from kernel.urn import Urn
from kernel.work import Work
from tests.builders import a_case

OPERATION = Urn("urn:operation:o-1")
ANA, BEN = Urn("urn:operator:ana"), Urn("urn:operator:ben")


async def a_review(work: Work, operation: Urn | None = OPERATION, kind: ReviewKind = ReviewKind.OUTCOME_UNKNOWN) -> ReviewItem:
    case, [sub_case] = await a_case(work)
    await actions.open_review(work, kind, case, sub_case, "nobody can tell", {"references": "abc"}, subject=sub_case, operation=operation)
    return next(item for item in (await queries.reviews(work.connection, work.tenant)).items if item.sub_case == sub_case)


async def see(work: Work, item: ReviewItem) -> ReviewItem:
    return (await queries.reviews_by_urn(work.connection, work.tenant, [item.urn]))[item.urn]


async def sub_case_of(work: Work, item: ReviewItem) -> SubCase:
    assert item.sub_case is not None
    return (await queries.sub_cases_by_urn(work.connection, work.tenant, [item.sub_case]))[item.sub_case]


def found(item: ReviewItem, finding: Finding | None = Finding.ABSENT, **changes: object) -> ResolveReview:
    facts: dict[str, object] = {"version": item.version, "reason": "I rang them up", "finding": finding, **changes}
    return ResolveReview(item.urn, **facts)  # type: ignore[arg-type]  # a test may ask for anything


async def test_a_review_is_taken_once_and_by_one(work: Work) -> None:
    item = await a_review(work)
    taken = await actions.claim_review(work, ClaimReview(item.urn, item.version, "Ana"))
    assert (taken.claimed_by, taken.claimed_name, taken.version) == (ANA, "Ana", item.version + 1)
    assert await actions.claim_review(work, ClaimReview(item.urn, item.version, "Ana")) == taken
    work.actor = BEN
    with pytest.raises(ReviewTaken, match="Ana"):
        await actions.claim_review(work, ClaimReview(item.urn, taken.version, "Ben"))
    with pytest.raises(ReviewTaken):
        await actions.resolve_review(work, found(taken))
    over = await actions.claim_review(work, ClaimReview(item.urn, taken.version, "Ben", over=True))
    assert over.claimed_by == BEN


async def test_a_finding_goes_to_whoever_owns_the_call_and_the_review_ends_with_it(work: Work) -> None:
    item = await a_review(work)
    decided = await actions.resolve_review(work, found(item, Finding.FOUND, reference=" 1-100 "))
    assert (decided.resolved_at, decided.decision and decided.decision.finding) == (None, Finding.FOUND)
    assert [item.urn for item in (await queries.reviews(work.connection, work.tenant)).items] == [item.urn]
    before = await sub_case_of(work, item)
    for _ in range(2):
        await actions.close_review(work, OPERATION, Finding.FOUND, "")
    closed = await see(work, item)
    assert closed.resolved_at is not None
    assert closed.decision is not None
    assert (closed.decision.by, closed.decision.reason) == (ANA, "I rang them up")
    after = await sub_case_of(work, item)
    assert (after.version, after.snapshot_version) == (before.version + 1, before.snapshot_version)


async def test_a_finding_that_is_not_borne_out_is_put_back(work: Work) -> None:
    item = await a_review(work)
    await actions.resolve_review(work, found(item, Finding.FOUND))
    assert await actions.put_back_review(work, OPERATION, "it was not found there")
    again = await see(work, item)
    assert (again.decision, again.resolved_at) == (None, None)
    assert again.evidence == {"references": "abc", "last_finding": "FOUND: it was not found there"}
    await actions.resolve_review(work, found(again))
    assert not await actions.put_back_review(work, Urn("urn:operation:o-other"), "why")


async def test_a_partners_own_late_word_ends_a_review_that_nobody_has_taken(work: Work) -> None:
    item = await a_review(work)
    await actions.close_review(work, OPERATION, Finding.FOUND, "it appeared after a day")
    closed = await see(work, item)
    assert closed.decision is not None
    assert (closed.decision.by, closed.decision.finding) == (None, Finding.FOUND)


async def test_what_has_no_operation_takes_a_reason_and_no_finding(work: Work) -> None:
    item = await a_review(work, operation=None, kind=ReviewKind.DATA_INCOMPLETE)
    with pytest.raises(BadInput, match="in question"):
        await actions.resolve_review(work, found(item))
    with pytest.raises(BadInput, match="reason"):
        await actions.resolve_review(work, found(item, None, reason="  "))
    done = await actions.resolve_review(work, found(item, None))
    assert done.resolved_at is not None
    with pytest.raises(ReviewOver):
        await actions.resolve_review(work, found(done, None))
    with pytest.raises(ReviewOver):
        await actions.claim_review(work, ClaimReview(done.urn, done.version, "Ana"))


async def test_an_operation_takes_a_finding_and_the_version_that_was_seen(work: Work) -> None:
    item = await a_review(work)
    with pytest.raises(FindingNeeded):
        await actions.resolve_review(work, found(item, None))
    with pytest.raises(VersionConflict) as refused:
        await actions.resolve_review(work, found(item, version=item.version + 1))
    assert refused.value.facts == {"expected": item.version + 1, "actual": item.version}
    with pytest.raises(NotFound):
        await actions.resolve_review(work, ResolveReview(Urn.mint("review"), 1, "why"))


async def test_an_operation_has_one_open_review_whoever_opens_it(work: Work) -> None:
    item = await a_review(work)
    assert item.sub_case is not None
    await actions.open_review(work, ReviewKind.BOOKING_FAILED, item.case, item.sub_case, "again", {}, subject="x", operation=OPERATION)
    assert len((await queries.reviews(work.connection, work.tenant)).items) == 1


async def test_a_voucher_may_be_issued_again_once_the_outcome_is_known(work: Work) -> None:
    _, [urn] = await a_case(work)
    version = (await queries.sub_cases_by_urn(work.connection, work.tenant, [urn]))[urn].version
    [asked] = (await actions.issue_vouchers(work, [IssueVoucher(urn, version)])).requested
    assert asked.workflow is not None
    await actions.end_workflow(
        work, asked.workflow, urn, step="book", why="nobody can tell", unknown=True, evidence={}, operation=OPERATION
    )  # fmt: skip
    current = (await queries.sub_cases_by_urn(work.connection, work.tenant, [urn]))[urn]
    refused = await actions.issue_vouchers(work, [IssueVoucher(urn, current.version)])
    assert [refusal.code for _, refusal in refused.refused] == ["OUTCOME_UNKNOWN"]
    await actions.close_review(work, OPERATION, Finding.ABSENT, "nothing there")
    current = (await queries.sub_cases_by_urn(work.connection, work.tenant, [urn]))[urn]
    assert len((await actions.issue_vouchers(work, [IssueVoucher(urn, current.version)])).requested) == 1
