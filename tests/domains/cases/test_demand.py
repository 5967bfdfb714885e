"""Groups, demand and its gate, and what cases does with a wave."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from domains.cases import actions, queries
from domains.cases.commands import AcquireLock, DecideDemand, GroupSubCases, IssueVoucher, RequestDemand, UngroupSubCases
from domains.cases.demand import DemandState, tier_of, vulnerable
from domains.cases.model import Guests, ReviewKind, SubCase, SubCaseStatus, Tier
from domains.cases.refusals import DemandDecided, NothingDemanded, NotTogether, SubCaseLocked
from domains.policies.model import Gate
from kernel.refusal import BadInput, NotFound, VersionConflict
from kernel.urn import Urn
from kernel.work import Work
from tests.builders import DEPARTS, a_case, a_draft, everyone_alive

WAVE = Urn("urn:wave:one")


async def see(work: Work, urn: Urn) -> SubCase:
    return (await queries.sub_cases_by_urn(work.connection, work.tenant, [urn]))[urn]


async def reviews(work: Work) -> dict[Urn | None, ReviewKind]:
    return {item.sub_case: item.kind for item in (await queries.reviews(work.connection, work.tenant)).items}


@pytest.mark.parametrize(("gate", "rooms", "opens"), [(Gate(True, 4), 4, True), (Gate(True, 4), 5, False), (Gate(False, 99), 1, False)])
def test_the_gate_opens_for_what_fits_it(gate: Gate, rooms: int, opens: bool) -> None:
    assert gate.opens(rooms) is opens


async def test_minors_special_needs_and_crew_come_first(work: Work) -> None:
    drafts = [
        a_draft(), a_draft(guests=Guests(1, 1)), a_draft(guests=Guests(1, 0, 1)), a_draft(special_needs=("MEDA",)),
        a_draft(tier=Tier.CREW),
    ]  # fmt: skip
    _, urns = await a_case(work, *drafts)
    assert [vulnerable(await see(work, urn)) for urn in urns] == [False, True, True, True, True]


async def test_a_group_has_one_tier_or_none(work: Work) -> None:
    _, urns = await a_case(work, a_draft(), a_draft(), a_draft(tier=Tier.FIRST), a_draft(mixed_tier=True))
    one, same, first, mixed = [await see(work, urn) for urn in urns]
    assert [tier_of(parties) for parties in ([one, same], [one, first], [one, mixed], [first])] == [Tier.ECONOMY, None, None, Tier.FIRST]


async def test_a_group_is_asked_for_whole(work: Work) -> None:
    _, (one, other) = await a_case(work, a_draft(), a_draft(rooms=2))
    await actions.group_sub_cases(work, GroupSubCases((one, other)))
    demand = await actions.request_demand(work, RequestDemand(sub_cases=(one,)), Gate(True, 3).opens)
    assert (demand.state, demand.automatic, demand.rooms, set(demand.sub_cases)) == (DemandState.APPROVED, True, 3, {one, other})


async def test_who_leaves_a_group_is_alone(work: Work) -> None:
    _, urns = await a_case(work, a_draft(), a_draft(), a_draft())
    group = await actions.group_sub_cases(work, GroupSubCases(tuple(urns)))
    await actions.ungroup_sub_cases(work, UngroupSubCases((urns[2],)))
    found = await queries.groups_by_sub_case(work.connection, work.tenant, urns)
    assert found == dict.fromkeys(urns[:2], group.urn)


async def test_who_is_not_at_one_place_for_the_same_nights_makes_no_group(work: Work) -> None:
    later = a_draft()
    assert later.next_flight is not None
    later = replace(later, next_flight=replace(later.next_flight, departs=DEPARTS + timedelta(hours=44)))
    _, urns = await a_case(work, a_draft(), later)
    with pytest.raises(NotTogether):
        await actions.group_sub_cases(work, GroupSubCases(tuple(urns)))
    with pytest.raises(BadInput, match="two sub-cases"):
        await actions.group_sub_cases(work, GroupSubCases((urns[0], urns[0])))
    with pytest.raises(NotFound):
        await actions.group_sub_cases(work, GroupSubCases(tuple(urns)), frozenset({"LGA"}))


async def test_whom_somebody_works_on_is_not_grouped(work: Work) -> None:
    _, urns = await a_case(work, a_draft(), a_draft())
    await actions.acquire_lock(work, AcquireLock(urns[0], "hers", "Ana"), everyone_alive)
    with pytest.raises(SubCaseLocked):
        await actions.group_sub_cases(work, GroupSubCases(tuple(urns), "mine"))
    await actions.group_sub_cases(work, GroupSubCases(tuple(urns), "hers"))


async def test_a_supervisor_decides_what_the_gate_does_not(work: Work) -> None:
    case, _ = await a_case(work, a_draft(), a_draft())
    demand = await actions.request_demand(work, RequestDemand(cases=(case,)), Gate(True, 1).opens)
    assert (demand.state, demand.automatic) == (DemandState.AWAITING, False)
    with pytest.raises(BadInput, match="reason"):
        await actions.decide_demand(work, DecideDemand(demand.urn, demand.version, True, " "))
    with pytest.raises(VersionConflict):
        await actions.decide_demand(work, DecideDemand(demand.urn, demand.version + 1, True, "they need beds"))
    decided = await actions.decide_demand(work, DecideDemand(demand.urn, demand.version, True, "they need beds"))
    assert (decided.state, decided.reason, decided.decided_by) == (DemandState.APPROVED, "they need beds", work.actor)
    with pytest.raises(DemandDecided):
        await actions.decide_demand(work, DecideDemand(demand.urn, decided.version, False, "too late"))
    (kept,) = await queries.demands(work.connection, work.tenant)
    assert kept == decided


async def test_nothing_is_asked_for_who_needs_nothing(work: Work) -> None:
    case, (urn,) = await a_case(work)
    await actions.issue_vouchers(work, [IssueVoucher(urn, 1)])
    with pytest.raises(NothingDemanded):
        await actions.request_demand(work, RequestDemand(cases=(case,)), Gate(True, 9).opens)


async def test_a_wave_requests_vouchers_and_hands_over_the_rest(work: Work) -> None:
    _, (one, other, third) = await a_case(work, a_draft(), a_draft(), a_draft())
    lone, nowhere = actions.Placed(Urn("urn:group:a"), ((one, 1),)), Urn("urn:group:b")
    unplaced = actions.Unplaced(nowhere, (other,), ReviewKind.ALLOCATION_FAILED, "no room")
    for _ in range(2):  # the second time nothing is left to do
        await actions.place_wave(work, WAVE, [lone], [unplaced])
    assert [(await see(work, urn)).status for urn in (one, other, third)] == [
        SubCaseStatus.PROCESSING, SubCaseStatus.PENDING, SubCaseStatus.PENDING,
    ]  # fmt: skip
    assert await reviews(work) == {other: ReviewKind.ALLOCATION_FAILED}


async def test_a_group_that_cannot_be_whole_any_more_is_a_persons(work: Work) -> None:
    _, (one, other) = await a_case(work, a_draft(), a_draft())
    await actions.acquire_lock(work, AcquireLock(one, "hers", "Ana"), everyone_alive)
    await actions.place_wave(work, WAVE, [actions.Placed(Urn("urn:group:a"), ((one, 1), (other, 1)))], [])
    assert (await see(work, other)).status is SubCaseStatus.PENDING
    assert await reviews(work) == dict.fromkeys((one, other), ReviewKind.ALLOCATION_FAILED)


async def test_who_is_served_already_needs_nobody(work: Work) -> None:
    _, (one,) = await a_case(work)
    await actions.issue_vouchers(work, [IssueVoucher(one, 1)])
    assert await actions.place_wave(work, WAVE, [actions.Placed(Urn("urn:group:a"), ((one, 1),))], []) == 0
    assert await reviews(work) == {}


async def test_so_many_vouchers_at_once_that_the_gate_stays_shut_are_none(work: Work) -> None:
    _, urns = await a_case(work, a_draft(rooms=2), a_draft(rooms=2), a_draft(rooms=0))
    commands = [IssueVoucher(urn, 1) for urn in urns]
    done = await actions.issue_vouchers(work, commands, gate=Gate(True, 3).opens)
    assert done.requested == ()
    assert {urn: refusal.code for urn, refusal in done.refused} == dict(
        zip(urns, ["DEMAND_NEEDED", "DEMAND_NEEDED", "MINORS_ALONE"], strict=True)
    )
    assert len((await actions.issue_vouchers(work, commands[:1], gate=Gate(True, 3).opens)).requested) == 1
