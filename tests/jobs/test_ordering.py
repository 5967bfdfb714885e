"""Rooms of a source that nobody can look up: ordered once, for a person where it is unclear, and undone by a person alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from domains.booking.commands import BookRooms, CancelRooms
from domains.cases.events import ReviewDecided
from domains.cases.model import Finding
from jobs.finding import end_operation
from kernel.database import Databases
from kernel.sandbox.faults import FaultKind
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from tests.domains.booking.rooms import the_reservations
from tests.jobs.floor import Floor, a_floor

UNCLEAR = (FaultKind.LOST_REQUEST, FaultKind.LOST_ANSWER, FaultKind.ERROR, FaultKind.ERROR_EXECUTED, FaultKind.GARBAGE)


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


@pytest.fixture
async def floor(databases: Databases, tenant: Tenant, redis: Redis) -> AsyncIterator[Floor]:
    async with a_floor(databases, tenant, redis, sources=("amadeus",)) as made:
        yield made


def orders(floor: Floor) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = floor.partners.book("amadeus")["orders"]
    return made


async def states(floor: Floor) -> list[str]:
    return [each.state.value for each in await the_reservations(floor.databases, floor.tenant, floor.workflow)]


async def undone(floor: Floor, attempt: int = 1) -> dict[str, Any]:
    await floor.ask(CancelRooms(floor.sub_case, floor.workflow, "declined"), attempt)
    return (await floor.answers("booking", "RoomsCancelled", "CancelRefused", count=attempt))[-1]


async def test_a_party_is_searched_for_priced_and_ordered(floor: Floor) -> None:
    booked = await floor.booked()
    [order] = orders(floor)
    assert (booked["name"], booked["vendor"], booked["rooms"]) == ("RoomsBooked", "amadeus", 1)
    assert booked["confirmation"] == " ".join((order["record"], *order["confirmations"]))
    assert floor.partners.twin("amadeus").calls["price"] == 1


@pytest.mark.parametrize("fault", UNCLEAR)
async def test_an_unclear_order_is_never_sent_again_and_the_party_sleeps_elsewhere(floor: Floor, fault: FaultKind) -> None:
    floor.partners.order("amadeus", fault, "order", count=1)
    booked = await floor.booked()
    told = await floor.answer("booking", "BookingReviewed")
    await floor.quiet("booking")
    assert (booked["name"], booked["attempts"], floor.partners.twin("amadeus").calls["order"]) == ("RoomsBooked", 2, 2)
    assert await states(floor) == ["UNKNOWN", "CONFIRMED"]
    lost = (await the_reservations(floor.databases, floor.tenant, floor.workflow))[0]
    assert (told["finding"], told["evidence"]["references"], told["evidence"]["vendor"]) == (None, lost.client_reference, "amadeus")
    assert all(lost.client_reference in order["remark"] for order in orders(floor)[:-1])  # the hotel knows it by that
    if fault is FaultKind.GARBAGE:
        assert told["evidence"]["status"] == "201"  # what little the answer said


async def test_where_every_order_is_unclear_the_party_is_refused_and_a_person_knows_why(floor: Floor) -> None:
    floor.partners.order("amadeus", FaultKind.LOST_ANSWER, "order")
    refused = await floor.booked()
    assert (refused["name"], refused["attempts"], refused["unknown"]) == ("RoomsRefused", 4, True)
    assert len(await floor.answers("booking", "BookingReviewed", count=4)) == 4
    assert await states(floor) == ["UNKNOWN"] * 4


async def test_the_undo_of_an_order_is_a_persons_with_its_references(floor: Floor) -> None:
    booked = await floor.booked()
    refused = await undone(floor)
    evidence = refused["evidence"]
    assert (refused["name"], evidence["partner_reference"], evidence["vendor"]) == ("CancelRefused", booked["confirmation"], "amadeus")
    assert "ask the hotel" in refused["why"]
    assert len(orders(floor)) == 1
    await decide(floor, evidence["operation"], Finding.CANCELLED, "C90000010")
    gone = await floor.answer("booking", "RoomsCancelled")
    assert gone["reservations"] == [booked["reservation"]]
    assert await states(floor) == ["CANCELLED"]


async def test_the_undo_of_an_unclear_order_is_a_persons_too(floor: Floor) -> None:
    floor.partners.order("amadeus", FaultKind.LOST_ANSWER, "order", count=1)
    await floor.booked()
    assert (await undone(floor))["name"] == "CancelRefused"
    await floor.quiet("booking")
    assert await states(floor) == ["CANCEL_REFUSED", "CANCEL_REFUSED"]
    assert floor.partners.twin("amadeus").calls["order"] == 2


async def test_what_a_person_did_not_find_is_over(floor: Floor) -> None:
    floor.partners.order("amadeus", FaultKind.LOST_REQUEST, "order", count=1)
    await floor.booked()
    review = await floor.answer("booking", "BookingReviewed")
    await decide(floor, review["operation"], Finding.FOUND, "XAAAAB")  # nobody can be asked, so it is not believed
    assert "counts as absent" in (await floor.answers("booking", "BookingReviewed", count=2))[-1]["why"]
    await decide(floor, review["operation"], Finding.ABSENT)
    assert (await floor.answers("booking", "BookingReviewed", count=3))[-1]["finding"] == "ABSENT"
    assert await states(floor) == ["ABSENT", "CONFIRMED"]


async def test_a_full_hotel_is_followed_by_the_next_and_an_ended_offer_too(floor: Floor) -> None:
    floor.partners.order("amadeus", FaultKind.REFUSE, "order", count=1)
    floor.partners.order("amadeus", FaultKind.REFUSE, "price", count=1)
    booked = await floor.booked()
    assert (booked["name"], booked["attempts"], len(orders(floor))) == ("RoomsBooked", 3, 1)


async def test_two_sources_are_searched_and_each_house_is_asked_where_it_is_cheapest(
    databases: Databases, tenant: Tenant, redis: Redis
) -> None:
    async with a_floor(databases, tenant, redis, sources=("hotelbeds", "amadeus")) as floor:
        ranking = await floor.ranking()
        ranked = await floor.answer("booking", "HotelsRanked")
        assert (ranked["answered"], ranked["silent"]) == (["hotelbeds", "amadeus"], {})
        await floor.ask(BookRooms(floor.sub_case, ranking))
        booked = await floor.answer("booking", "RoomsBooked")
        held = {"hotelbeds": floor.bookings(), "amadeus": orders(floor)}
        assert [vendor for vendor, bookings in held.items() if bookings] == [booked["vendor"]]


async def test_where_one_source_is_silent_the_other_takes_the_party(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    for silent, other in (("hotelbeds", "amadeus"), ("amadeus", "hotelbeds")):
        async with a_floor(databases, tenant, redis, sources=("hotelbeds", "amadeus")) as floor:
            floor.partners.order(silent, FaultKind.ERROR)
            booked = await floor.booked()
            ranked = await floor.answer("booking", "HotelsRanked")
            assert (booked["vendor"], ranked["answered"], list(ranked["silent"])) == (other, [other], [silent])


async def decide(floor: Floor, operation: str, finding: Finding, reference: str = "") -> None:
    """A person says what they found, and booking hears of it."""
    event = ReviewDecided(Urn.mint("review"), Urn(operation), finding, reference, "I rang them up")
    async with floor.databases["booking"].work(floor.tenant) as work:
        await end_operation(work, event, floor.ports)
    floor.engine.wake(floor.tenant)
