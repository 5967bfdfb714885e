"""What the airline changes afterwards: what becomes of each party, and of what was got for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from domains.cases import actions, queries
from domains.cases.commands import AcceptOffer, ChangeNextFlight, DeclineOffer, IssueVoucher, PublishOffer, ReinstateFlight
from domains.cases.model import ReviewKind, StayPlan, SubCase, SubCaseStatus
from kernel.refusal import BadInput, NotFound
from kernel.urn import Urn
from kernel.work import Work
from tests.builders import DEPARTS, PSS, a_case, a_draft, an_offer

S = SubCaseStatus


async def see(work: Work, urn: Urn) -> SubCase:
    return (await queries.sub_cases_by_urn(work.connection, work.tenant, [urn]))[urn]


async def become(work: Work, urn: Urn, status: SubCaseStatus) -> SubCase:
    """Brings a fresh sub-case into a state by the ordinary way."""
    if status is not S.PENDING:
        await actions.issue_vouchers(work, [IssueVoucher(urn, (await see(work, urn)).version)])
    if status in (S.OFFER_READY, S.RESOLVED, S.REJECTED_BY_PAX):
        await actions.publish_offer(work, PublishOffer(urn, an_offer()))
        seen = (await see(work, urn)).snapshot_version
        if status is S.RESOLVED:
            await actions.accept_offer(work, AcceptOffer(urn, seen, "i-1"))
        if status is S.REJECTED_BY_PAX:
            await actions.decline_offer(work, DeclineOffer(urn, seen, "i-1"))
    found = await see(work, urn)
    assert found.status is status
    return found


async def seated(work: Work, case: Urn, party: SubCase, hours: float, number: str = "B6999") -> SubCase:
    flight = (await queries.cases_by_urn(work.connection, work.tenant, [case]))[case].flight
    command = ChangeNextFlight(
        flight, party.pnr, Urn.of("flight", f"{number}@20260209", PSS), DEPARTS + timedelta(hours=hours), "JFK", "BOS"
    )
    return await actions.change_next_flight(work, command)


async def told(work: Work, name: str) -> list[Any]:
    await work.flush()
    found = text("select body from outbox where tenant = :tenant and name = :name order by position")
    return list((await work.execute(found, {"tenant": work.tenant, "name": name})).scalars())


@pytest.mark.parametrize(
    ("status", "gives_back"),
    [(S.PENDING, False), (S.PROCESSING, True), (S.OFFER_READY, True), (S.RESOLVED, True), (S.REJECTED_BY_PAX, True)],
)
async def test_a_flight_that_goes_after_all_needs_nobody_housed(work: Work, status: SubCaseStatus, gives_back: bool) -> None:
    case, (urn,) = await a_case(work)
    party = await become(work, urn, status)
    assert await actions.reinstate_flight(work, ReinstateFlight(case, "The storm has passed")) == (urn,)
    cancelled = await see(work, urn)
    assert (cancelled.status, cancelled.reason) == (S.CANCELLED, "The storm has passed")
    assert cancelled.snapshot_version > party.snapshot_version
    unneeded = await told(work, "AccommodationUnneeded")
    assert [each["workflow"] for each in unneeded] == ([party.workflow] if gives_back else [])
    assert await actions.reinstate_flight(work, ReinstateFlight(case, "once more")) == ()


async def test_it_needs_a_reason_and_a_case_within_reach(work: Work) -> None:
    case, _ = await a_case(work)
    with pytest.raises(BadInput):
        await actions.reinstate_flight(work, ReinstateFlight(case, " "))
    with pytest.raises(NotFound):
        await actions.reinstate_flight(work, ReinstateFlight(case, "because"), frozenset({"XYZ"}))
    with pytest.raises(NotFound):
        await actions.reinstate_flight(work, ReinstateFlight(Urn.mint("case"), "because"))


async def test_who_waits_has_other_nights_with_another_next_flight(work: Work) -> None:
    case, (urn,) = await a_case(work)
    changed = await seated(work, case, await see(work, urn), 44)
    assert (changed.status, changed.stay) == (S.PENDING, StayPlan(date(2026, 2, 8), date(2026, 2, 10)))
    assert changed.next_flight is not None
    assert changed.next_flight.flight_number == "B6999"
    assert (await seated(work, case, changed, 44)).version == changed.version  # the same word again


@pytest.mark.parametrize("status", [S.PENDING, S.PROCESSING, S.OFFER_READY, S.RESOLVED])
async def test_nobody_is_housed_for_a_night_that_is_none(work: Work, status: SubCaseStatus) -> None:
    case, (urn,) = await a_case(work)
    party = await become(work, urn, status)
    changed = await seated(work, case, party, 2)
    assert (changed.status, changed.stay) == (S.LOCAL_RESIDENT, None)
    assert len(await told(work, "AccommodationUnneeded")) == (status is not S.PENDING)


async def test_a_night_that_is_due_after_all_is_taken_up_again(work: Work) -> None:
    case, (urn,) = await a_case(work)
    gone = await seated(work, case, await see(work, urn), 2)
    again = await seated(work, case, gone, 20)
    assert (again.status, again.stay and again.stay.nights) == (S.PENDING, 1)


@pytest.mark.parametrize("status", [S.PROCESSING, S.OFFER_READY, S.RESOLVED])
async def test_other_nights_of_somebody_who_has_a_room_are_a_persons_business(work: Work, status: SubCaseStatus) -> None:
    case, (urn,) = await a_case(work)
    party = await become(work, urn, status)
    changed = await seated(work, case, party, 44)
    assert (changed.status, changed.stay and changed.stay.nights) == (status, 2)
    open_ones = await queries.reviews(work.connection, work.tenant, case_urn=case)
    [item] = [each for each in open_ones.items if each.sub_case == urn]
    assert item.kind is ReviewKind.PARTIAL_FULFILLMENT
    assert (item.evidence["booked"], item.evidence["needed"]) == ("2026-02-08 to 2026-02-09", "2026-02-08 to 2026-02-10")
    assert ("hotel" in item.evidence) is (status is not S.PROCESSING)


async def test_another_flight_in_the_same_night_changes_no_nights(work: Work) -> None:
    case, (urn,) = await a_case(work)
    party = await become(work, urn, S.RESOLVED)
    changed = await seated(work, case, party, 21)
    assert (changed.status, changed.stay) == (S.RESOLVED, party.stay)
    assert (await queries.reviews(work.connection, work.tenant, case_urn=case)).items == ()


async def test_what_changed_is_in_the_audit(work: Work) -> None:
    case, (urn,) = await a_case(work)
    await seated(work, case, await see(work, urn), 44)
    [entry] = [each for each in await told(work, "AuditRecorded") if each["action"] == "sub-case.next-flight"]
    assert entry["before"]["nights"] == "2026-02-08 to 2026-02-09"
    assert entry["after"]["nights"] == "2026-02-08 to 2026-02-10"


async def test_a_booking_of_another_flight_is_not_found(work: Work) -> None:
    case, (urn,) = await a_case(work)
    with pytest.raises(NotFound):
        await seated(work, case, replace(await see(work, urn), pnr=a_draft().pnr), 20)
