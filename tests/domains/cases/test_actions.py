"""What cases does when asked, on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from domains.cases import actions, queries, store, tables
from domains.cases.commands import (
    AcceptOffer,
    AcquireLock,
    DeclineOffer,
    IssueVoucher,
    PublishOffer,
    ReleaseLock,
    WithdrawOffer,
)
from domains.cases.model import CaseStatus, Guests, ReviewKind, SubCase, SubCaseStatus
from domains.cases.refusals import LockLost, NoSession, SubCaseLocked, WrongVendor
from kernel.database import Database
from kernel.refusal import BadInput, NotFound, VersionConflict
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work
from tests.builders import DEPARTS, PSS, a_case, a_disruption, a_draft, an_offer, everyone_alive, nobody_alive


async def see(work: Work, urn: Urn) -> SubCase:
    return (await queries.sub_cases_by_urn(work.connection, work.tenant, [urn]))[urn]


async def offered(work: Work, urn: Urn) -> SubCase:
    """A sub-case whose offer is on the passenger's screen."""
    await actions.issue_vouchers(work, [IssueVoucher(urn, (await see(work, urn)).version)])
    await actions.publish_offer(work, PublishOffer(urn, an_offer()))
    return await see(work, urn)


# --- opening ------------------------------------------------------------------------------------------------------------------------


async def test_the_same_disruption_opens_one_case(work: Work) -> None:
    command = a_disruption()
    first, replayed_first = await actions.declare_disruption(work, command, pss=PSS)
    again, replayed = await actions.declare_disruption(work, command, pss=PSS)
    assert (again.urn, replayed_first, replayed) == (first.urn, False, True)
    assert again.departs.utcoffset() == DEPARTS.utcoffset()


async def test_a_second_notice_about_the_same_flight_is_the_same_case(work: Work) -> None:
    command = a_disruption()
    first, _ = await actions.declare_disruption(work, command, pss=PSS)
    again, replayed = await actions.declare_disruption(work, replace(command, external_event="another"), pss=PSS)
    assert (again.urn, replayed) == (first.urn, True)


async def test_a_flight_of_another_vendor_is_refused(work: Work) -> None:
    with pytest.raises(WrongVendor, match="custom"):
        await actions.declare_disruption(work, a_disruption(flight=Urn("urn:flight:B61@20260208:vendor:sabre")), pss=PSS)


@pytest.mark.parametrize("changes", [{"airport": ""}, {"destination": "bos"}, {"external_event": "x" * 201}, {"cause": "\0"}])
async def test_words_that_name_nothing_are_bad_input(work: Work, changes: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="expected"):
        await actions.declare_disruption(work, a_disruption(**changes), pss=PSS)


@pytest.mark.parametrize("changes", [{"flight": Urn("urn:pnr:ABC:vendor:custom_pss")}, {"departs": DEPARTS.replace(tzinfo=None)}])
async def test_a_disruption_without_a_flight_or_an_offset_is_bad_input(work: Work, changes: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        await actions.declare_disruption(work, a_disruption(**changes), pss=PSS)


async def test_a_manifest_opens_one_sub_case_per_pnr_and_only_once(work: Work) -> None:
    drafts = [a_draft(), a_draft(guests=Guests(2, 1), rooms=1)]
    case, opened = await a_case(work, *drafts)
    assert await actions.provision_manifest(work, case, drafts) == 0
    page = await queries.sub_cases_of(work.connection, work.tenant, case)
    assert {sub_case.urn for sub_case in page.items} == set(opened)
    seen = (await queries.cases_by_urn(work.connection, work.tenant, [case]))[case]
    assert (seen.sub_cases_total, seen.needing_night, seen.manifest_state) == (2, 2, "PROVISIONED")


async def test_who_flies_the_same_day_needs_no_night(work: Work) -> None:
    draft = a_draft()
    assert draft.next_flight is not None
    _, (urn,) = await a_case(work, replace(draft, next_flight=replace(draft.next_flight, departs=DEPARTS + timedelta(hours=6))))
    assert (await see(work, urn)).status == SubCaseStatus.LOCAL_RESIDENT


async def test_an_empty_manifest_becomes_a_review(work: Work) -> None:
    case, _ = await actions.declare_disruption(work, a_disruption(), pss=PSS)
    await actions.provision_manifest(work, case.urn, [])
    found = await queries.reviews(work.connection, work.tenant)
    assert [(item.kind, item.case) for item in found.items] == [(ReviewKind.DATA_INCOMPLETE, case.urn)]


async def test_what_a_person_must_look_at_is_flagged_at_opening(work: Work) -> None:
    await a_case(work, a_draft(mixed_tier=True), a_draft(phone=None), a_draft(rooms=None, guests=Guests(0, 1)))
    kinds = sorted(item.kind for item in (await queries.reviews(work.connection, work.tenant)).items)
    assert kinds == [ReviewKind.DATA_INCOMPLETE, ReviewKind.DATA_INCOMPLETE, ReviewKind.MIXED_TIER_GROUP]


# --- locks --------------------------------------------------------------------------------------------------------------------------


async def test_a_lock_keeps_others_out_until_its_session_dies(work: Work) -> None:
    _, (urn,) = await a_case(work)
    mine = await actions.acquire_lock(work, AcquireLock(urn, "s1", "A. Rossi"), everyone_alive)
    assert await actions.acquire_lock(work, AcquireLock(urn, "s1", "A. Rossi"), everyone_alive) == mine
    with pytest.raises(SubCaseLocked, match="Rossi"):
        await actions.acquire_lock(work, AcquireLock(urn, "s2", "B. Okafor"), everyone_alive)
    taken = await actions.acquire_lock(work, AcquireLock(urn, "s2", "B. Okafor"), nobody_alive)
    assert (taken.fence, taken.holder_name) == (mine.fence + 1, "B. Okafor")
    with pytest.raises(LockLost):
        await actions.release_lock(work, ReleaseLock(urn, "s1"))


async def test_a_lock_without_a_session_is_refused(work: Work) -> None:
    _, (urn,) = await a_case(work)
    with pytest.raises(NoSession):
        await actions.acquire_lock(work, AcquireLock(urn, "", "A. Rossi"), everyone_alive)
    assert await queries.held_locks(work.connection, work.tenant) == []


async def test_releasing_raises_the_fence_and_a_dead_session_loses_all(work: Work) -> None:
    _, urns = await a_case(work, a_draft(), a_draft())
    for urn in urns:
        await actions.acquire_lock(work, AcquireLock(urn, "s1", "A. Rossi"), everyone_alive)
    free = await actions.release_lock(work, ReleaseLock(urns[0], "s1"))
    assert (free.fence, free.holder) == (2, None)
    assert [lock.sub_case for lock in await actions.release_session(work, "s1")] == [urns[1]]
    assert await queries.held_locks(work.connection, work.tenant) == []


# --- vouchers -----------------------------------------------------------------------------------------------------------------------


async def test_vouchers_are_requested_for_those_that_may_have_one(work: Work) -> None:
    _, (fine, mixed, alone, stale) = await a_case(
        work, a_draft(), a_draft(mixed_tier=True), a_draft(rooms=None, guests=Guests(0, 1)), a_draft()
    )
    unknown = Urn("urn:sub-case:s-none")
    answer = await actions.issue_vouchers(
        work, [IssueVoucher(urn, 1) for urn in (fine, mixed, alone)] + [IssueVoucher(stale, 7), IssueVoucher(unknown, 1)]
    )
    assert [sub_case.urn for sub_case in answer.requested] == [fine]
    assert {urn: refusal.code for urn, refusal in answer.refused} == {
        mixed: "MIXED_TIER_PARTY",
        alone: "MINORS_ALONE",
        stale: "VERSION_CONFLICT",
        unknown: "NOT_FOUND",
    }
    assert (await see(work, fine)).status == SubCaseStatus.PROCESSING


async def test_a_voucher_is_not_requested_twice(work: Work) -> None:
    _, (urn,) = await a_case(work)
    first = await actions.issue_vouchers(work, [IssueVoucher(urn, 1)])
    again = await actions.issue_vouchers(work, [IssueVoucher(urn, 2)])
    assert (len(first.requested), [refusal.code for _, refusal in again.refused]) == (1, ["MOVE_REFUSED"])


async def test_somebody_elses_lock_stops_a_voucher_and_ones_own_does_not(work: Work) -> None:
    _, (urn,) = await a_case(work)
    lock = await actions.acquire_lock(work, AcquireLock(urn, "s1", "A. Rossi"), everyone_alive)
    other = await actions.issue_vouchers(work, [IssueVoucher(urn, 1, session="s2")])
    assert [refusal.code for _, refusal in other.refused] == ["SUB_CASE_LOCKED"]
    old = await actions.issue_vouchers(work, [IssueVoucher(urn, 1, session="s1", fence=lock.fence - 1)])
    assert [refusal.code for _, refusal in old.refused] == ["LOCK_LOST"]
    mine = await actions.issue_vouchers(work, [IssueVoucher(urn, 1, session="s1", fence=lock.fence)])
    assert len(mine.requested) == 1


async def test_an_operator_of_another_airport_does_not_find_it(work: Work) -> None:
    _, (urn,) = await a_case(work)
    answer = await actions.issue_vouchers(work, [IssueVoucher(urn, 1)], frozenset({"EWR"}))
    assert isinstance(answer.refused[0][1], NotFound)


# --- offers and answers -------------------------------------------------------------------------------------------------------------


async def test_an_acceptance_resolves_and_a_second_one_changes_nothing(work: Work) -> None:
    case, (urn,) = await a_case(work)
    seen = (await offered(work, urn)).snapshot_version
    await actions.attach_card(work, urn, Urn.mint("issued-card"), "0001", an_offer().total)
    await actions.accept_offer(work, AcceptOffer(urn, seen, "i1"))  # the card came after the screen was drawn: still the same offer
    resolved = await see(work, urn)
    await actions.accept_offer(work, AcceptOffer(urn, seen, "i2"))
    assert (resolved.status, (await see(work, urn)).version) == (SubCaseStatus.RESOLVED, resolved.version)
    assert await actions.refresh_case(work, case) == CaseStatus.CLOSED


async def test_an_answer_to_an_older_offer_is_overtaken_and_said_so(work: Work) -> None:
    _, (urn,) = await a_case(work)
    first = await offered(work, urn)
    await actions.decline_offer(work, DeclineOffer(urn, first.snapshot_version - 1, "i1"))
    after = await see(work, urn)
    assert after.status == SubCaseStatus.OFFER_READY
    assert after.snapshot_version == first.snapshot_version + 1
    assert after.reason is not None


async def test_a_refusal_rejects_and_withdrawing_keeps_it_rejected(work: Work) -> None:
    _, (urn,) = await a_case(work)
    ready = await offered(work, urn)
    assert ready.offer is not None
    await actions.decline_offer(work, DeclineOffer(urn, ready.snapshot_version, "i1"))
    await actions.withdraw_offer(work, WithdrawOffer(urn, ready.offer.reservation))
    after = await see(work, urn)
    assert (after.status, after.offer) == (SubCaseStatus.REJECTED_BY_PAX, None)


async def test_an_undone_workflow_goes_to_a_person_with_the_evidence(work: Work) -> None:
    _, (urn,) = await a_case(work)
    requested = (await actions.issue_vouchers(work, [IssueVoucher(urn, 1)])).requested[0]
    assert requested.workflow is not None
    for _ in range(2):
        await actions.end_workflow(work, requested.workflow, urn, step="book", why="No room.", unknown=False, evidence={"hotels": "4"})
    found = (await queries.reviews(work.connection, work.tenant)).items
    assert [(item.kind, item.evidence) for item in found] == [(ReviewKind.BOOKING_FAILED, {"hotels": "4"})]
    assert (await see(work, urn)).status == SubCaseStatus.MANUAL_REVIEW


async def test_nothing_is_booked_anew_while_an_outcome_is_unknown(work: Work) -> None:
    _, urns = await a_case(work, a_draft(), a_draft())
    for sub_case, unknown in zip(
        (await actions.issue_vouchers(work, [IssueVoucher(urn, 1) for urn in urns])).requested, (True, False), strict=True
    ):
        assert sub_case.workflow is not None
        await actions.end_workflow(work, sub_case.workflow, sub_case.urn, step="book", why="No answer.", unknown=unknown, evidence={})
    again = [IssueVoucher(urn, (await see(work, urn)).version) for urn in urns]
    answer = await actions.issue_vouchers(work, again)
    assert len(answer.requested) == 1
    assert [refusal.code for _, refusal in answer.refused] == ["OUTCOME_UNKNOWN"]
    await work.execute(update(tables.review).values(resolved_at=func.nexa_now()).where(tables.review.c.tenant == work.tenant))
    ((refused, _),) = answer.refused
    assert (await actions.issue_vouchers(work, [one for one in again if one.sub_case == refused])).refused == ()


async def test_the_party_is_kept_apart_and_read_whole(work: Work) -> None:
    draft = a_draft()
    _, (urn,) = await a_case(work, draft)
    party = await queries.party_of(work.connection, work.tenant, urn)
    assert party is not None
    assert (party.travellers, party.phone) == (draft.travellers, draft.phone)


# --- idempotency and isolation ------------------------------------------------------------------------------------------------------


async def test_a_key_is_claimed_once_and_answers_again(work: Work) -> None:
    assert await store.claim_key(work, "k1", "d1") is None
    await store.store_answer(work, "k1", {"requested": ["a"]})
    assert await store.claim_key(work, "k1", "d2") == ("d1", {"requested": ["a"]})


async def test_another_airline_sees_nothing(cases: Database, tenant: Tenant) -> None:
    async with cases.work(tenant) as work:
        case, (urn,) = await a_case(work)
    async with cases.read(Tenant("t2")) as connection:
        assert await queries.cases_by_urn(connection, Tenant("t2"), [case]) == {}
        assert await queries.sub_cases_by_urn(connection, Tenant("t2"), [urn]) == {}
        assert await queries.cases_by_urn(connection, tenant, [case]) == {}  # a forgotten filter finds nothing either


def test_version_conflict_has_its_own_code() -> None:
    assert VersionConflict.code == "VERSION_CONFLICT"
