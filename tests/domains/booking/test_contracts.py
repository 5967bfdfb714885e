"""Own contracts: what may be agreed and changed, and units that nobody is sold twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.direct.client import Direct
from domains.booking import actions, queries, store
from domains.booking.actions.contract import take_units
from domains.booking.airports import airports
from domains.booking.commands import CreateContract, EditNights
from domains.booking.contract import Contract, Night
from domains.booking.model import Reservation, ReservationState
from domains.booking.ports import Booking, Guest, Occupancy, Offer, Point, Search, Terms
from jobs.own_rooms import ContractedRooms
from kernel.answer import Declined, Ok
from kernel.clock import now
from kernel.database import Databases
from kernel.operation import fresh_reference
from kernel.refusal import BadInput, NotFound, VersionConflict
from kernel.tenancy import Tenant
from kernel.urn import Urn
from tests.domains.booking.rooms import CHECK_IN, Story, usd

JFK = airports()["JFK"].position
GUEST = Guest("Ada", "Lovelace")


def a_promise(**changes: Any) -> CreateContract:
    """Fifty double rooms near JFK, for a week from the tests' night on."""
    made = CreateContract(
        hotel_name="Bay Inn", stars=4, address="1 Quay Street", location=Point(JFK.latitude + 0.02, JFK.longitude), airports=("JFK",),
        first=CHECK_IN, last=CHECK_IN + timedelta(days=6), rooms=(Terms("DBL", "Double", 2, "BB", usd(80), 50),), reason="signed",
        urn=Urn.mint("contract"),
    )  # fmt: skip
    return replace(made, **changes)


def a_search(**changes: Any) -> Search:
    return replace(Search(JFK, 25.0, CHECK_IN, 1, (Occupancy(1, 2),)), **changes)


async def a_contract(databases: Databases, tenant: Tenant, **changes: Any) -> Contract:
    async with databases["booking"].work(tenant) as work:
        return await actions.create_contract(work, a_promise(**changes))


async def edited(databases: Databases, tenant: Tenant, contract: Contract, **changes: Any) -> Contract:
    asked = EditNights(contract.urn, contract.version, "DBL", CHECK_IN, CHECK_IN, "the hotel called")
    async with databases["booking"].work(tenant) as work:
        return await actions.edit_nights(work, replace(asked, **changes))


async def offered(databases: Databases, tenant: Tenant, contract: Contract, **changes: Any) -> list[Offer]:
    said = await Direct(ContractedRooms(databases)).search(tenant, a_search(**changes))
    assert isinstance(said, Ok)
    return [offer for offer in said.value if offer.hotel.id == contract.urn.id]


async def night_of(databases: Databases, tenant: Tenant, contract: Contract) -> Night:
    async with databases["booking"].read(tenant) as connection:
        nights = await queries.contract_nights(connection, tenant, [contract.urn], CHECK_IN, CHECK_IN)
    [night] = nights[contract.urn]
    return night


def an_attempt(offer: Offer) -> Reservation:
    return Reservation(
        urn=Urn.mint("reservation"), sub_case=Urn.mint("sub-case"), workflow=Urn.mint("workflow"), hold=Urn.mint("hold"), place=1,
        state=ReservationState.ASKED, offer=offer, airport="JFK", asked_at=now(), client_reference=fresh_reference(), sends=0,
        total=offer.total,
    )  # fmt: skip


async def taken(databases: Databases, tenant: Tenant, attempt: Reservation) -> int | None:
    async with databases["booking"].work(tenant) as work:
        return await take_units(work, attempt)


async def test_a_contract_is_offered_like_any_source(databases: Databases, tenant: Tenant) -> None:
    contract = await a_contract(databases, tenant, tiers=("BUSINESS",))
    [offer] = await offered(databases, tenant, contract, nights=2, occupancies=(Occupancy(2, 2),))
    assert (offer.name, offer.own, offer.tiers, offer.allotment) == ("Bay Inn", True, ("BUSINESS",), 50)
    assert (offer.nightly, offer.total, offer.rooms) == (usd(80), usd(320), 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"near": airports()["EWR"].position},
        {"radius_km": 1.0},
        {"check_in": CHECK_IN + timedelta(days=6), "nights": 2},
        {"occupancies": (Occupancy(1, 2, (8,)),)},
        {"occupancies": (Occupancy(51, 2),)},
    ],
    ids=["another airport", "too far", "beyond its end", "too many in a room", "too many rooms"],
)
async def test_a_contract_offers_nothing_that_it_does_not_have(databases: Databases, tenant: Tenant, changes: dict[str, Any]) -> None:
    assert await offered(databases, tenant, await a_contract(databases, tenant), **changes) == []


async def test_a_night_that_is_stopped_or_blocked_is_not_offered(databases: Databases, tenant: Tenant) -> None:
    contract = await a_contract(databases, tenant)
    contract = await edited(databases, tenant, contract, capacity=10, blocked=4)
    assert [offer.allotment for offer in await offered(databases, tenant, contract)] == [6]
    contract = await edited(databases, tenant, contract, stopped=True)
    assert await offered(databases, tenant, contract) == []
    assert len(await offered(databases, tenant, contract, check_in=CHECK_IN + timedelta(days=1))) == 1
    await edited(databases, tenant, contract, stopped=False)
    assert (await night_of(databases, tenant, contract)).free == 6


async def test_a_change_needs_a_reason_a_version_and_a_night(databases: Databases, tenant: Tenant) -> None:
    contract = await a_contract(databases, tenant)
    with pytest.raises(BadInput):
        await edited(databases, tenant, contract, reason=" ", capacity=1)
    with pytest.raises(BadInput):
        await edited(databases, tenant, contract, room_type="SUITE", capacity=1)
    with pytest.raises(VersionConflict):
        await edited(databases, tenant, contract, version=7, capacity=1)
    with pytest.raises(NotFound):
        await edited(databases, tenant, replace(contract, urn=Urn.mint("contract")), capacity=1)
    await edited(databases, tenant, contract, capacity=1)
    told = await Story(databases, tenant).told("AuditRecorded")
    mine = [each for each in told if each["entity"] == contract.urn]
    assert [(each["action"], each["reason"]) for each in mine] == [
        ("contract.created", "signed"),
        ("contract.nights-edited", "the hotel called"),
    ]


async def test_the_same_name_is_the_same_contract(databases: Databases, tenant: Tenant) -> None:
    promise = a_promise()
    async with databases["booking"].work(tenant) as work:
        first = await actions.create_contract(work, promise)
        assert await actions.create_contract(work, promise) == first
        with pytest.raises(BadInput):
            await actions.create_contract(work, replace(promise, stars=1))


@pytest.mark.parametrize(
    "changes",
    [
        {"stars": 9},
        {"airports": ("ZZZ",)},
        {"tiers": ("GOLD",)},
        {"last": CHECK_IN - timedelta(days=1)},
        {"rooms": ()},
        {"email": "nobody"},
    ],
)
async def test_what_could_not_be_sold_is_refused(databases: Databases, tenant: Tenant, changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        await a_contract(databases, tenant, **changes)


async def test_many_at_once_are_never_sold_more_than_there_is(databases: Databases, tenant: Tenant) -> None:
    contract = await a_contract(databases, tenant)
    [offer] = await offered(databases, tenant, contract)
    answers = await asyncio.gather(*(taken(databases, tenant, an_attempt(offer)) for _ in range(80)))
    assert answers.count(None) == 50
    assert set(answers) == {None, 0}
    night = await night_of(databases, tenant, contract)
    assert (night.held, night.confirmed, night.free) == (50, 0, 0)


async def test_a_booking_confirms_its_units_and_may_be_repeated(databases: Databases, tenant: Tenant) -> None:
    contract, direct = await a_contract(databases, tenant), Direct(ContractedRooms(databases))
    [offer] = await offered(databases, tenant, contract, nights=2, occupancies=(Occupancy(2, 2),))
    attempt = an_attempt(offer)
    reference, days = attempt.client_reference, (CHECK_IN, CHECK_IN)
    booking = Booking(reference, offer, GUEST, (GUEST,))
    assert await taken(databases, tenant, attempt) is None
    assert await direct.find(tenant, reference, days) == Ok(None)
    made = await direct.book(tenant, booking)
    assert isinstance(made, Ok)
    assert (made.value.rooms, made.value.total, made.value.check_out) == (2, usd(320), CHECK_IN + timedelta(days=2))
    assert await direct.book(tenant, booking) == made
    assert await direct.find(tenant, reference, days) == made
    assert await direct.read(tenant, reference) == made
    assert (await night_of(databases, tenant, contract)).confirmed == 2
    assert [each.allotment for each in await offered(databases, tenant, contract)] == [48]
    for _ in range(2):
        assert isinstance(await direct.cancel(tenant, reference), Ok)
    assert (await night_of(databases, tenant, contract)).free == 50
    assert isinstance(await direct.read(tenant, reference), Declined)
    assert isinstance(await direct.book(tenant, booking), Declined)


async def test_units_given_back_are_sold_again(databases: Databases, tenant: Tenant) -> None:
    contract = await a_contract(databases, tenant, rooms=(Terms("DBL", "Double", 2, "BB", usd(80), 1),))
    [offer] = await offered(databases, tenant, contract)
    first = an_attempt(offer)
    assert await taken(databases, tenant, first) is None
    assert await taken(databases, tenant, an_attempt(offer)) == 0
    async with databases["booking"].work(tenant) as work:
        await store.free_units(work, reservation=first.urn, pending=True)
    assert await taken(databases, tenant, an_attempt(offer)) is None


async def test_another_airline_sees_nothing_of_it(databases: Databases, tenant: Tenant) -> None:
    contract = await a_contract(databases, tenant)
    assert await offered(databases, Tenant("t2"), contract) == []
