"""A wave through one worker and the partners' twins: demanded, planned, looked at, committed and booked; the books are the witness."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import text

from domains.booking import actions as booking
from domains.booking import queries as reads
from domains.booking import store as waves
from domains.booking.commands import CommitWave
from domains.booking.wave import Wave, WaveState
from domains.cases import actions, queries
from domains.cases.commands import GroupSubCases, IssueVoucher, RequestDemand
from domains.cases.demand import Demand
from domains.cases.model import Guests, PnrDraft, SubCaseStatus, Tier, Traveller
from domains.policies.model import Policy, PolicyState
from jobs.sagas import accommodate
from jobs.wishes import wish_for
from kernel.urn import Urn
from tests.builders import a_case, a_draft
from tests.jobs.test_accommodation import TOMORROW, Storm, storm

__all__ = ["storm"]  # the fixture
T = TypeVar("T")


def a_party(**changes: Any) -> PnrDraft:
    """One that flies a night after its cancelled flight."""
    draft = a_draft(**changes)
    assert draft.next_flight is not None
    return replace(draft, next_flight=replace(draft.next_flight, departs=TOMORROW + timedelta(hours=24)))


def a_family() -> PnrDraft:
    """Two and a child, in one room."""
    alone = a_party(guests=Guests(2, 1))
    others = [
        Traveller(Urn.of("passenger", f"{alone.pnr.id}-{kind}", "b6"), "Bo", "Moreau", kind) for kind in ("ADULT", "CHILD")
    ]  # fmt: skip
    return replace(alone, travellers=(*alone.travellers, *others))


async def eventually(look: Callable[[], Awaitable[T | None]], seconds: float = 60) -> T:
    async with asyncio.timeout(seconds):
        while True:
            if (found := await look()) is not None:
                return found
            await asyncio.sleep(0.05)


async def demanded(storm: Storm, drafts: Sequence[PnrDraft], groups: Sequence[Sequence[int]] = ()) -> Demand:
    """Rooms for a case of these parties; `groups` by the drafts' order."""
    async with storm.databases["cases"].work(storm.tenant, actor=Urn("urn:operator:ana")) as work:
        case, storm.sub_cases = await a_case(work, *drafts, departs=TOMORROW)
        for members in groups:
            await actions.group_sub_cases(work, GroupSubCases(tuple(storm.sub_cases[index] for index in members)))
        return await actions.request_demand(work, RequestDemand(cases=(case,)), lambda rooms: True)


async def the_wave(storm: Storm, demand: Demand, state: WaveState) -> Wave:
    async def look() -> Wave | None:
        async with storm.databases["booking"].work(storm.tenant) as work:
            wave = await waves.lock_wave(work, Urn.of("wave", demand.urn.id))
        return wave if wave and wave.state is not WaveState.SEARCHING else None

    wave = await eventually(look)
    assert wave.state is state, wave
    return wave


async def commit(storm: Storm, wave: Wave) -> Wave:
    async with storm.databases["booking"].work(storm.tenant, actor=Urn("urn:operator:ben")) as work:
        return await booking.commit_wave(work, CommitWave(wave.urn, wave.version))


async def test_a_wave_books_what_it_planned_and_hands_the_rest_to_a_person(storm: Storm) -> None:
    drafts = [
        *(a_party() for _ in range(3)),
        a_family(),
        a_party(), a_party(),  # together
        a_party(), a_party(tier=Tier.BUSINESS),  # together, and of two tiers
    ]  # fmt: skip
    async with storm.worker():
        demand = await demanded(storm, drafts, [(4, 5), (6, 7)])
        wave = await the_wave(storm, demand, WaveState.DRAFT)
        assert (wave.searches, wave.rooms) == (2, 8)  # parties of one shape ask one question
        assert wave.cost is not None
        assert wave.market is not None
        assert wave.bound is not None
        assert wave.bound.amount <= wave.cost.amount <= wave.market.amount
        assert storm.bookings() == []
        assert {row.status for row in await storm.now()} == {SubCaseStatus.PENDING}
        assert (await commit(storm, wave)).state is WaveState.COMMITTED
        assert (await commit(storm, wave)).state is WaveState.COMMITTED  # again changes nothing
        await storm.until_quiet(workflows=6)
    rows = {row.urn: row for row in await storm.now()}
    placed, mixed = storm.sub_cases[:6], storm.sub_cases[6:]
    assert {rows[urn].status for urn in placed} == {SubCaseStatus.OFFER_READY}
    assert {rows[urn].status for urn in mixed} == {SubCaseStatus.PENDING}
    assert len(storm.bookings()) == 6
    together = [rows[urn].offer for urn in placed[4:]]
    assert len({offer.hotel_name for offer in together if offer}) == 1
    assert await _reviews(storm) == {(urn, "MIXED_TIER_GROUP") for urn in mixed}
    assert await _cost(storm, placed) == wave.cost.amount
    async with storm.databases["booking"].read(storm.tenant) as connection:
        searched = await connection.execute(text("select name from operation where tenant = :tenant"), {"tenant": storm.tenant})
        assert list(searched.scalars()).count("search_hotels") == 0  # `choose` reads the wave
        rankings = await reads.rankings_by_sub_case(connection, storm.tenant, placed)
    assert all(len(each) == 1 and each[0].candidates for each in rankings.values())


async def _reviews(storm: Storm) -> set[tuple[Urn | None, str]]:
    """Of sub-cases."""
    async with storm.databases["cases"].read(storm.tenant) as connection:
        found = (await queries.reviews(connection, storm.tenant)).items
    return {(item.sub_case, item.kind.value) for item in found if item.sub_case}


async def _cost(storm: Storm, sub_cases: Sequence[Urn]) -> Decimal:
    offers = [row.offer for row in await storm.now() if row.urn in sub_cases]
    return sum((offer.total.amount for offer in offers if offer), Decimal(0))


async def test_what_changed_after_the_plan_is_not_booked_from_it(storm: Storm) -> None:
    async with storm.worker():
        demand = await demanded(storm, [a_party(), a_party(), a_party()], [(0, 1)])
        wave = await the_wave(storm, demand, WaveState.DRAFT)
        async with storm.databases["cases"].work(storm.tenant) as work:
            await actions.issue_vouchers(work, [IssueVoucher(storm.sub_cases[0], version=1)])
        await commit(storm, wave)
        await storm.until_quiet(workflows=2)

        async def reviewed() -> bool | None:
            return await _reviews(storm) == {(urn, "ALLOCATION_FAILED") for urn in storm.sub_cases[:2]} or None

        await eventually(reviewed)
    status = {row.urn: row.status for row in await storm.now()}
    assert [status[urn].value for urn in storm.sub_cases] == ["OFFER_READY", "PENDING", "OFFER_READY"]


async def test_a_wave_without_a_policy_says_so(storm: Storm) -> None:
    async with storm.databases["policies"].work(storm.tenant) as work:
        await work.execute(text("update policy set state = 'ARCHIVED' where tenant = :tenant"), {"tenant": storm.tenant})
    async with storm.worker():
        wave = await the_wave(storm, await demanded(storm, [a_party()]), WaveState.FAILED)
    assert wave.why == "The airline has no active policy."


async def test_a_wave_asks_what_the_saga_would_ask(storm: Storm) -> None:
    policy = Policy(Urn("urn:policy:p"), "Default", PolicyState.ACTIVE, version=1)
    async with storm.databases["cases"].work(storm.tenant) as work:
        _, (urn,) = await a_case(work, a_party(guests=Guests(2, 1, 1)), departs=TOMORROW)
        found = (await queries.sub_cases_by_urn(work.connection, storm.tenant, [urn]))[urn]
    params = accommodate.params(replace(found, workflow=Urn("urn:workflow:w")), policy)
    assert accommodate.choose(params, {}) == wish_for(found, policy)
