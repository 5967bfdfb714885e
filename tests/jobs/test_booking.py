"""Booking against the hotels' twin: whatever is lost on the way, the twin's book holds what we say it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import pytest
from redis.asyncio import Redis

from domains.booking.commands import BookRooms, CancelRooms
from domains.booking.events import HoldsChanged
from domains.booking.model import count_urn
from domains.cases.model import PnrDraft
from jobs.chores.expire_holds import expire_holds
from jobs.chores.rebuild_holds import rebuild_holds
from jobs.operations.book_rooms import BOOK_ROOMS
from jobs.operations.cancel_rooms import CANCEL_ROOMS
from jobs.operations.search_hotels import SEARCH_HOTELS
from jobs.reactions.booking import show_holds
from kernel.database import Databases
from kernel.sandbox.faults import FaultKind
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from tests.domains.booking.rooms import a_wish, the_reservations
from tests.harness.messages import until
from tests.jobs.floor import OPERATIONS, Floor, a_family, a_floor


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


@pytest.fixture
async def floor(databases: Databases, tenant: Tenant, redis: Redis) -> AsyncIterator[Floor]:
    async with a_floor(databases, tenant, redis) as made:
        yield made


async def undone(floor: Floor, attempt: int = 1) -> dict[str, object]:
    await floor.ask(CancelRooms(floor.sub_case, floor.workflow, "declined"), attempt)
    return await floor.answer("booking", "RoomsCancelled", "CancelRefused")


async def test_a_party_is_searched_for_booked_and_let_go(floor: Floor) -> None:
    booked = await floor.booked()
    [held] = floor.bookings()
    assert (booked["name"], booked["confirmation"], booked["rooms"]) == ("RoomsBooked", held["reference"], 1)
    assert booked["hotel_address"]
    assert (await undone(floor))["reservations"] == [booked["reservation"]]
    assert floor.bookings() == []


async def test_a_family_is_one_booking_of_several_rooms(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    async with a_floor(databases, tenant, redis, a_family()) as floor:
        booked = await floor.booked(rooms=2, adults=4, children=2, infants=1)
        [held] = floor.bookings()
        assert booked["rooms"] == 2
        assert held["reference"] == booked["confirmation"]
        assert floor.partners.twin("hotelbeds").calls["book"] == 1


async def test_a_lost_answer_is_found_again_and_not_booked_twice(floor: Floor) -> None:
    floor.partners.order("hotelbeds", FaultKind.LOST_ANSWER, "book", count=1)
    booked = await floor.booked()
    assert [each["reference"] for each in floor.bookings()] == [booked["confirmation"]]


async def test_a_lost_request_is_sent_again_only_when_it_is_proven_absent(floor: Floor) -> None:
    """The last hotel of the ranking: the party has to wait."""
    floor.partners.order("hotelbeds", FaultKind.REFUSE, "book", count=3)
    floor.partners.order("hotelbeds", FaultKind.LOST_REQUEST, "book", count=1)
    booked = await floor.booked()
    calls = floor.partners.twin("hotelbeds").calls
    assert [each["reference"] for each in floor.bookings()] == [booked["confirmation"]]
    assert (calls["book"], booked["attempts"]) == (5, 4)
    assert calls["find"] >= 3  # what is booked and what was given up may be verified by now, too


async def test_a_party_does_not_wait_for_a_lost_request_and_gets_the_next_hotel(floor: Floor) -> None:
    floor.partners.order("hotelbeds", FaultKind.LOST_REQUEST, "book", count=1)
    booked = await floor.booked()
    assert booked["attempts"] == 2
    await floor.quiet("booking")
    calls = floor.partners.twin("hotelbeds").calls
    assert [each["reference"] for each in floor.bookings()] == [booked["confirmation"]]
    assert calls["book"] == 2
    assert [each.state for each in await the_reservations(floor.databases, floor.tenant, floor.workflow)] == ["ABSENT", "CONFIRMED"]


async def test_a_hotel_that_refuses_is_followed_by_the_next(floor: Floor) -> None:
    floor.partners.order("hotelbeds", FaultKind.REFUSE, "book", count=2)
    booked = await floor.booked()
    assert booked["attempts"] == 3
    assert len(floor.bookings()) == 1


async def test_hotels_that_all_refuse_end_in_a_refusal_with_reasons(floor: Floor) -> None:
    floor.partners.order("hotelbeds", FaultKind.REFUSE, "book")
    refused = await floor.booked()
    assert (refused["name"], refused["attempts"], len(refused["evidence"])) == ("RoomsRefused", 4, 4)
    assert floor.bookings() == []


async def test_a_throttle_is_waited_out(floor: Floor) -> None:
    floor.partners.order("hotelbeds", FaultKind.THROTTLE_BARE, "book", count=2)
    assert (await floor.booked())["name"] == "RoomsBooked"
    assert len(floor.bookings()) == 1


async def test_a_price_that_rose_too_far_is_declined_before_booking(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    hotels = floor.partners.twin("hotelbeds").hotels  # type: ignore[attr-defined]  # the hotels' twin has them
    ranking = await floor.ranking()
    for code, hotel in hotels.items():
        hotels[code] = replace(hotel, price=hotel.price * 2, recheck=True)
    await floor.ask(BookRooms(floor.sub_case, ranking, Decimal(2)))
    refused = await floor.answer("booking", "RoomsRefused", "RoomsBooked")
    assert refused["name"] == "RoomsRefused"
    assert floor.bookings() == []


async def test_undoing_while_nobody_knows_resolves_first_and_then_cancels(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    async with a_floor(databases, tenant, redis, scale=0.01) as floor:
        floor.partners.order("hotelbeds", FaultKind.LOST_ANSWER, "book", count=1)
        await floor.ask(BookRooms(floor.sub_case, await floor.ranking()))
        await until(lambda: bool(floor.bookings()))
        assert (await undone(floor))["name"] == "RoomsCancelled"
        assert floor.bookings() == []
        assert len(floor.bookings("CANCELLED")) == 1
        assert await floor.told("booking", "RoomsBooked") == []


async def test_a_booking_that_was_executed_late_is_cancelled_as_a_ghost(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    """After the third look-up, when it counts as absent, and before what was given up is verified."""
    async with a_floor(databases, tenant, redis, scale=0.005) as floor:
        floor.partners.order("hotelbeds", FaultKind.LATE, "book", count=1, seconds=2.75)
        booked = await floor.booked()
        await floor.quiet("booking")
        assert [each["reference"] for each in floor.bookings()] == [booked["confirmation"]]
        assert len(floor.bookings("CANCELLED")) == 1


async def test_what_is_found_after_another_hotel_was_asked_is_cancelled(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    """Executed late: after the second look-up, when the party could not wait any longer, and before the third."""
    async with a_floor(databases, tenant, redis, scale=0.01) as floor:  # looked up after 1.2, 2.4 and 4.8 s
        floor.partners.order("hotelbeds", FaultKind.LATE, "book", count=1, seconds=3.6)
        booked = await floor.booked()
        await floor.quiet("booking")
        assert (booked["attempts"], [each["reference"] for each in floor.bookings()]) == (2, [booked["confirmation"]])
        assert len(floor.bookings("CANCELLED")) == 1
        assert await floor.told("booking", "CancelRefused") == []


async def test_a_refused_cancellation_ends_with_evidence_and_may_be_tried_again(floor: Floor) -> None:
    booked = await floor.booked()
    floor.partners.order("hotelbeds", FaultKind.REFUSE, "cancel", count=1)
    refused = await undone(floor)
    assert (refused["name"], refused["evidence"]["partner_reference"]) == ("CancelRefused", booked["confirmation"])  # type: ignore[index]
    await floor.ask(CancelRooms(floor.sub_case, floor.workflow), 2)
    await floor.answer("booking", "RoomsCancelled")
    assert floor.bookings() == []


async def test_a_cancellation_whose_answer_is_lost_is_asked_again(floor: Floor) -> None:
    await floor.booked()
    floor.partners.order("hotelbeds", FaultKind.LOST_ANSWER, "cancel", count=1)
    assert (await undone(floor))["name"] == "RoomsCancelled"
    assert floor.bookings() == []


async def test_repeated_questions_search_book_and_cancel_once(floor: Floor) -> None:
    wish = a_wish(sub_case=floor.sub_case, adults=1)
    for _ in range(2):
        await floor.ask(wish)
        await floor.answer("booking", "HotelsRanked")
    ranked = await floor.told("booking", "HotelsRanked")
    assert len({each["ranking"] for each in ranked}) == 1
    for _ in range(3):
        await floor.ask(BookRooms(floor.sub_case, ranked[0]["ranking"]))
    await floor.answer("booking", "RoomsBooked")
    for _ in range(3):
        await floor.ask(CancelRooms(floor.sub_case, floor.workflow))
    await floor.answer("booking", "RoomsCancelled")
    calls = floor.partners.twin("hotelbeds").calls
    assert (calls["search"], calls["book"], calls["cancel"]) == (1, 1, 1)


async def test_a_source_that_does_not_answer_is_no_hotel(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    async with a_floor(databases, tenant, redis, operations=(SEARCH_HOTELS, BOOK_ROOMS, CANCEL_ROOMS)) as floor:
        floor.partners.order("hotelbeds", FaultKind.ERROR, "search")
        await floor.ask(a_wish(sub_case=floor.sub_case))
        assert (await floor.answer("booking", "NoHotelFits"))["why"] == "no source of hotels answered"


async def test_an_unknown_airport_and_a_party_without_enough_adults_are_told(floor: Floor) -> None:
    await floor.ask(a_wish(sub_case=floor.sub_case, airport="XXX"))
    assert (await floor.answer("booking", "NoHotelFits"))["why"] == "nobody told Nexa where the airport XXX is"
    await floor.ask(a_wish(sub_case=floor.sub_case, rooms=3, adults=1), 2)
    assert "every room needs one" in (await floor.answers("booking", "NoHotelFits", count=2))[1]["why"]


async def test_an_erased_party_is_not_booked(floor: Floor, databases: Databases) -> None:
    ranking = await floor.ranking()
    floor.sub_case = floor.sub_case.of("sub-case", "s-nobody")
    await floor.ask(BookRooms(floor.sub_case, ranking))
    refused = await floor.answer("booking", "RoomsRefused")
    assert set(refused["evidence"].values()) == {"the party's names were erased"}


async def test_no_name_rests_in_booking(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    async with a_floor(databases, tenant, redis, a_canary()) as floor:
        await floor.booked()
        assert b"Xanthippe" in b"".join(exchange.sent for exchange in floor.partners.said("hotelbeds", "POST"))
        for table in ("operation", "reservation", "placement", "ranking", "candidate", "hold", "outbox"):
            async with databases["booking"].read(tenant) as connection:
                rows = (await connection.exec_driver_sql(f'select * from "{table}"')).all()
            assert "xanthippe" not in repr(rows).lower(), table


async def test_screens_of_every_airport_that_shows_the_rooms_are_told(floor: Floor) -> None:
    feed = Told()
    await floor.booked()
    [reservation] = await the_reservations(floor.databases, floor.tenant, floor.workflow)
    offer = reservation.offer
    event = HoldsChanged(offer.hotel, offer.room_type, "JFK", offer.check_in)
    async with floor.databases["booking"].work(floor.tenant) as work:
        await show_holds(work, [(event, None)], replace(floor.ports, feed=feed))  # type: ignore[list-item, arg-type]
        assert feed.told == []
    [(topic, urn, version)] = feed.told
    assert (topic, urn) == ("holds:JFK", count_urn("JFK", event.hotel, event.room_type, event.night))
    assert version > 1


async def test_a_search_that_is_throttled_waits_and_finds(floor: Floor) -> None:
    floor.partners.order("hotelbeds", FaultKind.THROTTLE_BARE, "search", count=8)  # more often than an unclear search is repeated
    assert (await floor.booked())["name"] == "RoomsBooked"


async def test_a_wiped_store_of_holds_is_rebuilt(floor: Floor, redis: Redis) -> None:
    await floor.booked()
    [reservation] = await the_reservations(floor.databases, floor.tenant, floor.workflow)
    hotel = reservation.offer.hotel
    await redis.flushall()
    assert await floor.ports.holds.known(floor.tenant, [hotel]) == set()
    for _ in range(2):
        await rebuild_holds(floor.ports, floor.tenant)
        await expire_holds(floor.ports, floor.tenant)
    assert await floor.ports.holds.known(floor.tenant, [hotel]) == {hotel}


def test_every_operation_of_booking_says_how_it_is_resolved() -> None:
    assert {each.name: each.kind.value for each in OPERATIONS} == {
        "search_hotels": "READ", "book_rooms": "C", "order_rooms": "D", "cancel_rooms": "A", "issue_card": "A", "void_card": "A",
        "send_message": "C", "send_note": "D", "send_letter": "D", "quote_rides": "READ", "dispatch_ride": "C", "cancel_ride": "A",
    }  # fmt: skip


class Told:
    """A feed that takes note."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Urn, int]] = []

    def publish(self, tenant: Tenant, topic: str, urn: Urn, version: int) -> None:
        self.told.append((topic, urn, version))


def a_canary() -> PnrDraft:
    draft = a_family(1, 0, 0)
    return replace(draft, rooms=1, travellers=tuple(replace(each, given_name="Xanthippe") for each in draft.travellers))
