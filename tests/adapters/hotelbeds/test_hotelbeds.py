"""Hotelbeds: the adapter against its twin, fault by fault, and its words against what they publish."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import httpx
import pytest
import respx

from adapters.hotelbeds import VENDOR, wire
from adapters.hotelbeds.client import Hotelbeds, signature
from adapters.registry import SandboxSecrets
from domains.booking.ports import Booking, BookingStatus, Confirmation, Guest, Offer, Point, Search
from domains.booking.rooming import occupancies, seated
from kernel import clock
from kernel.answer import Declined, NotSent, Ok, Unknown
from kernel.http import Http, Reply, write_json
from kernel.sandbox.faults import FaultKind
from kernel.secret import FileSecrets, Secret
from kernel.tenancy import Tenant
from tests.harness.partners import T1, T2, Partners, partners

JFK = Point(40.6398, -73.7789)


@pytest.fixture
def world() -> Partners:
    return partners()


def hotels(world: Partners) -> Hotelbeds:
    source = world.registry.hotels[VENDOR]
    assert isinstance(source, Hotelbeds)
    return source


def today() -> date:
    return clock.now().date()


def search(rooms: int = 1, adults: int = 1, ages: tuple[int, ...] = (), nights: int = 1) -> Search:
    return Search(JFK, 15, today(), nights, occupancies(rooms, adults, ages))


async def offers(world: Partners, wanted: Search | None = None) -> tuple[Offer, ...]:
    answer = await hotels(world).search(T1, wanted or search())
    assert isinstance(answer, Ok)
    return answer.value


async def roomy(world: Partners, wanted: Search | None = None) -> Offer:
    """An offer that can be booked as it is and does not run out."""
    return next(offer for offer in await offers(world, wanted) if not offer.recheck and offer.allotment > 20)


def booking(offer: Offer, reference: str = "ref-1") -> Booking:
    guest = Guest("Ana", "Doe")
    return Booking(reference, offer, guest, (guest,))


async def found(world: Partners, reference: str) -> Confirmation | None:
    answer = await hotels(world).find(T1, reference, (today(), today()))
    assert isinstance(answer, Ok)
    return answer.value


def test_the_signature_is_the_published_hash() -> None:
    expected = "31cd970e76d4966f19cab3b008519e81be327a327af9376bb4225698bbb963cd"
    assert signature("a1b2c3d4e5", "sEcReT9876", 1760000000) == expected


async def test_search_finds_offers_nearest_first_within_the_circle(world: Partners) -> None:
    found = await offers(world)
    assert len(found) > 50
    assert [offer.distance_km for offer in found] == sorted(offer.distance_km for offer in found)
    assert all(offer.distance_km <= 15 and offer.allotment >= 1 for offer in found)
    offer = found[0]
    assert offer.address
    assert offer.phone
    assert (offer.hotel.vendor, offer.urn.vendor, offer.total.currency) == (VENDOR, VENDOR, "USD")
    assert all(offer.nightly.amount == offer.total.amount for offer in found)


async def test_two_searches_meet_at_one_offer_urn(world: Partners) -> None:
    one = {offer.urn for offer in await offers(world, search())}
    other = {offer.urn for offer in await offers(world, search(rooms=2, adults=4))}
    assert other
    assert other <= one


async def test_a_party_of_unlike_rooms_is_offered_whole_and_booked_whole(world: Partners) -> None:
    wanted = search(rooms=2, adults=3, ages=(8,), nights=2)
    offer = await roomy(world, wanted)
    assert (len(offer.rates), offer.rooms) == (2, 2)
    assert offer.total.amount == sum(rate.total.amount for rate in offer.rates)
    assert offer.nightly.amount == (offer.total.amount / 4).quantize(Decimal("0.01"))
    guests = seated([Guest("A", "D"), Guest("B", "D"), Guest("C", "D"), Guest("Kid", "D", age=8)], wanted.occupancies)
    answer = await hotels(world).book(T1, Booking("family", offer, guests[0], guests))
    assert isinstance(answer, Ok)
    assert (answer.value.rooms, answer.value.total) == (2, offer.total)
    assert answer.value.check_out == today() + timedelta(days=2)


async def test_a_recheck_rate_must_be_checked_and_may_cost_more(world: Partners) -> None:
    offer = next(offer for offer in await offers(world) if offer.recheck and offer.allotment > 20)
    assert isinstance(await hotels(world).book(T1, booking(offer, "unchecked")), Declined)
    answer = await hotels(world).check(T1, offer)
    assert isinstance(answer, Ok)
    assert not answer.value.recheck
    assert answer.value.total.amount > offer.total.amount
    assert isinstance(await hotels(world).book(T1, booking(answer.value, "checked")), Ok)


async def test_each_rate_is_checked_in_its_own_call(world: Partners) -> None:
    wanted = search(rooms=2, adults=3)
    offer = next(offer for offer in await offers(world, wanted) if offer.recheck)
    answer = await hotels(world).check(T1, offer)
    assert isinstance(answer, Ok)
    assert answer.value.total.amount == sum(rate.total.amount for rate in answer.value.rates)
    assert [len(json.loads(each.sent)["rooms"]) for each in world.said(VENDOR) if each.path.endswith("checkrates")] == [1, 1]


@pytest.mark.parametrize(
    ("kind", "expected", "held"),
    [
        (FaultKind.LOST_REQUEST, Unknown, 0),
        (FaultKind.LOST_ANSWER, Unknown, 1),
        (FaultKind.LATE, Unknown, 1),
        (FaultKind.ERROR, Unknown, 0),
        (FaultKind.ERROR_EXECUTED, Unknown, 1),
        (FaultKind.THROTTLE, NotSent, 0),
        (FaultKind.THROTTLE_BARE, NotSent, 0),
        (FaultKind.GARBAGE, Unknown, 1),
        (FaultKind.DRIFT, Unknown, 1),
        (FaultKind.REFUSE, Declined, 0),
        (FaultKind.DELAY, Ok, 1),
    ],
)
async def test_every_fault_of_a_booking_is_told_as_what_it_is(world: Partners, kind: FaultKind, expected: type, held: int) -> None:
    offer = await roomy(world)
    world.order("hotelbeds", kind, "book", count=1, seconds=0.05)
    answer = await hotels(world).book(T1, booking(offer))
    await world.twin("hotelbeds").quiet()
    assert type(answer) is expected
    assert len(world.book("hotelbeds")["bookings"]) == held
    assert (await found(world, "ref-1") is not None) == bool(held)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.LOST_REQUEST, Unknown),
        (FaultKind.LOST_ANSWER, Unknown),
        (FaultKind.ERROR, Unknown),
        (FaultKind.GARBAGE, Unknown),
        (FaultKind.DRIFT, Unknown),
        (FaultKind.THROTTLE, NotSent),
    ],
)
@pytest.mark.parametrize("operation", ["search", "check", "find", "read"])
async def test_an_unclear_read_is_never_an_empty_one(world: Partners, operation: str, kind: FaultKind, expected: type) -> None:
    offer, source = await roomy(world), hotels(world)
    booked = await source.book(T1, booking(offer))
    assert isinstance(booked, Ok)
    world.order("hotelbeds", kind, operation)
    asks: dict[str, Callable[[], Awaitable[object]]] = {
        "search": lambda: source.search(T1, search()),
        "check": lambda: source.check(T1, offer),
        "find": lambda: source.find(T1, "ref-1", (today(), today())),
        "read": lambda: source.read(T1, booked.value.reference),
    }
    assert type(await asks[operation]()) is expected


async def test_a_throttle_carries_their_wish(world: Partners) -> None:
    offer = await roomy(world)
    world.order("hotelbeds", FaultKind.THROTTLE, "book", count=1, seconds=7)
    assert await hotels(world).book(T1, booking(offer)) == NotSent("throttled", timedelta(seconds=7))


async def test_over_the_limit_is_not_sent() -> None:
    world = partners(rate=2)
    answers = [await hotels(world).find(T1, "x", (today(), today())) for _ in range(3)]
    assert [type(answer) for answer in answers] == [Ok, Ok, NotSent]


async def test_what_lags_behind_is_not_found_and_not_absent(world: Partners) -> None:
    await hotels(world).book(T1, booking(await roomy(world)))
    world.order("hotelbeds", FaultKind.LOOK_UP_LAG, "find", count=1, seconds=60)
    assert await found(world, "ref-1") is None
    assert await found(world, "ref-1") is not None


async def test_find_prefers_the_living_of_two_and_sees_no_other_tenants(world: Partners) -> None:
    offer, source = await roomy(world), hotels(world)
    first = await source.book(T1, booking(offer))
    assert isinstance(first, Ok)
    await source.cancel(T1, first.value.reference)
    second = await source.book(T1, booking(offer))
    assert isinstance(second, Ok)
    assert await found(world, "ref-1") == second.value
    assert await source.find(T2, "ref-1", (today(), today())) == Ok(None)
    assert isinstance(await source.read(T2, second.value.reference), Declined)
    assert isinstance(await source.cancel(T2, second.value.reference), Declined)
    assert await source.find(T1, "ref-1", (today() + timedelta(days=1), today() + timedelta(days=2))) == Ok(None)


async def test_a_failed_booking_repeated_within_the_window_is_refused_as_before(world: Partners) -> None:
    offer = min(await offers(world), key=lambda offer: (offer.recheck, offer.allotment))
    for number in range(offer.allotment):
        assert isinstance(await hotels(world).book(T1, booking(offer, f"fill-{number}")), Ok)
    for _ in range(2):
        answer = await hotels(world).book(T1, booking(offer, "one-too-many"))
        assert answer == Declined("PRODUCT_ERROR", "the hotel has too few rooms left")
    assert [each.status for each in world.said(VENDOR)[-2:]] == [500, 410]
    assert offer.urn not in {other.urn for other in await offers(world)}


async def test_cancel_gives_the_rooms_back_and_may_be_repeated(world: Partners) -> None:
    offer, source = await roomy(world), hotels(world)
    booked = await source.book(T1, booking(offer))
    assert isinstance(booked, Ok)
    once = await source.cancel(T1, booked.value.reference)
    assert once == await source.cancel(T1, booked.value.reference)
    assert isinstance(once, Ok)
    assert len(world.said(VENDOR, "DELETE")) == 1
    read = await source.read(T1, booked.value.reference)
    assert isinstance(read, Ok)
    assert read.value.status is BookingStatus.CANCELLED
    assert (await roomy(world)).allotment == offer.allotment


@pytest.mark.parametrize(
    ("operation", "kind", "expected", "then"),
    [
        ("cancel", FaultKind.LOST_ANSWER, Unknown, "CANCELLED"),
        ("cancel", FaultKind.LOST_REQUEST, Unknown, "CONFIRMED"),
        ("cancel", FaultKind.ERROR_EXECUTED, Unknown, "CANCELLED"),
        ("cancel", FaultKind.REFUSE, Declined, "CONFIRMED"),
        ("read", FaultKind.LOST_ANSWER, NotSent, "CONFIRMED"),
        ("read", FaultKind.ERROR, NotSent, "CONFIRMED"),
    ],
)
async def test_a_faulty_cancel_can_be_repeated_until_it_is_done(
    world: Partners, operation: str, kind: FaultKind, expected: type, then: str
) -> None:
    source = hotels(world)
    booked = await source.book(T1, booking(await roomy(world)))
    assert isinstance(booked, Ok)
    world.order("hotelbeds", kind, operation, count=1)
    assert type(await source.cancel(T1, booked.value.reference)) is expected
    assert world.book("hotelbeds")["bookings"][0]["status"] == then
    assert isinstance(await source.cancel(T1, booked.value.reference), Ok)
    assert world.book("hotelbeds")["bookings"][0]["status"] == "CANCELLED"


async def test_search_answers_within_its_time_box(world: Partners) -> None:
    world.order("hotelbeds", FaultKind.DELAY, "search", seconds=30)
    began = clock.monotonic()
    answer = await hotels(world).search(T1, replace(search(), within=timedelta(seconds=0.2)))
    assert isinstance(answer, Unknown)
    assert clock.monotonic() - began < 15


async def test_a_silent_content_api_costs_the_address_and_not_the_offers(world: Partners) -> None:
    world.order("hotelbeds", FaultKind.ERROR, "describe", count=1)
    assert {offer.address for offer in await offers(world)} == {""}
    assert all(offer.address for offer in await offers(world))
    before = len(world.said(VENDOR, "GET"))
    await offers(world)
    assert len(world.said(VENDOR, "GET")) == before


@pytest.mark.parametrize(
    "broken",
    [
        {"client_reference": ""},
        {"client_reference": "x" * 21},
        {"guests": ()},
        {"guests": (Guest("Kid", "Doe", age=8),)},
        {"guests": (Guest("Ana", "Doe"), Guest("Bo", "Doe", room=2))},
        {"holder": Guest(" ", "Doe")},
    ],
)
async def test_what_no_source_would_take_is_refused_before_it_is_sent(world: Partners, broken: dict[str, object]) -> None:
    offer = await roomy(world)
    with pytest.raises(ValueError, match=r"."):
        await hotels(world).book(T1, replace(booking(offer), **broken))  # type: ignore[arg-type]  # a table of fields
    assert not [each for each in world.said(VENDOR) if each.path.endswith("/bookings")]


async def test_without_an_account_nothing_is_sent() -> None:
    source = Hotelbeds(Http("http://127.0.0.1:1"), FileSecrets(None))
    assert await source.search(T1, search()) == NotSent("no account with this partner")


async def test_a_wrong_secret_is_refused_at_sign_in(world: Partners) -> None:
    class Wrong(SandboxSecrets):
        def vendor(self, tenant: Tenant, vendor: str) -> Mapping[str, Secret]:
            return {**super().vendor(T2, vendor), "secret": super().vendor(T1, vendor)["secret"]}

    source = Hotelbeds(Http("http://twin", app=world.twin("hotelbeds")), Wrong())
    assert await source.search(T1, search()) == NotSent("sign-in refused")


def refused(code: str) -> Declined:
    return Declined(code, f"Hotelbeds refused it (code {code})")


def error(status: int, body: object, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, headers or {}, write_json(body))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(400, {"error": {"code": "INVALID_DATA", "message": "m"}}), refused("INVALID_DATA")),
        (error(400, {"error": {"code": "INVALID_DATA", "message": "holder Ana Doe, +12125550101"}}), refused("INVALID_DATA")),
        (error(400, {"error": {"code": "INVALID_REQUEST"}}), refused("INVALID_REQUEST")),
        (error(402, {"error": {"code": "PAYMENT", "message": "m"}}), refused("PAYMENT")),
        (error(402, {"error": {"code": "Ana Doe, 2125550101", "message": "m"}}), refused("REFUSED")),
        (error(403, {"error": "Not Authorized"}), NotSent("sign-in refused")),
        (error(403, {"error": "Over QPS"}), NotSent("throttled")),
        (error(403, {}, {"x-mashery-error-code": "ERR_403_DEVELOPER_OVER_RATE"}), NotSent("throttled")),
        (error(403, {"error": "Over QPS"}, {"retry-after": "9"}), NotSent("throttled", timedelta(seconds=9))),
        (error(410, {"error": {"code": "PRODUCT_ERROR", "message": "m"}}), refused("PRODUCT_ERROR")),
        (
            error(500, {"error": {"code": "PRODUCT_ERROR-99FD", "message": "Insufficient allotment"}}),
            Declined("PRODUCT_ERROR", "the hotel has too few rooms left"),
        ),
        (error(500, {"error": {"code": "PRODUCT_ERROR", "message": "Booking confirmation error"}}), Unknown("booking confirmation error")),
        (error(500, {"error": {"code": "CONFIGURATION_ERROR", "message": "m"}}), refused("CONFIGURATION_ERROR")),
        (error(500, {"error": {"code": "SYSTEM_ERROR", "message": "m"}}), Unknown("status 500")),
        (error(500, {"error": "text"}), Unknown("status 500")),
        (error(502, "text"), Unknown("status 502")),
        (error(503, {"error": {"code": "SERVICE_OVERLOAD", "message": "m"}}), Unknown("status 503")),
        (error(404, {"error": "no"}), refused("HTTP_404")),
        (Reply(404, {}, b"<html>"), Unknown("status 404")),
    ],
)
def test_their_errors_are_read_by_code_before_status(reply: Reply, expected: object) -> None:
    assert wire.refusal(reply) == expected


async def test_numbers_may_come_as_strings_and_a_broken_hotel_is_left_out() -> None:
    rate = {
        "rateKey": "k",
        "rateType": "BOOKABLE",
        "net": 88.10,
        "allotment": "5",
        "boardCode": "RO",
        "rooms": "1",
        "adults": 1,
        "children": None,
    }
    hotel = {"code": "900001", "name": "H", "categoryCode": "H4_5", "latitude": 40.64, "longitude": "-73.77", "currency": "EUR"}
    room = {"code": "DBL ST/X", "rates": [rate, {**rate, "net": "87.00", "rateKey": "cheaper"}]}
    answer = {"hotels": {"hotels": [{**hotel, "rooms": [room], "new": {}}, {"code": 1, "rooms": [room]}]}, "auditData": None}
    with respx.mock(assert_all_called=False) as mock:
        mock.post("http://hb/hotel-api/1.0/hotels").mock(return_value=httpx.Response(200, json=answer))
        mock.get("http://hb/hotel-content-api/1.0/hotels").respond(500)
        told = await Hotelbeds(Http("http://hb"), SandboxSecrets()).search(T1, search())
    assert isinstance(told, Ok)
    (offer,) = told.value
    assert (str(offer.total.amount), offer.stars, offer.allotment, offer.rates[0].key) == ("87.00", 0, 5, "cheaper")
    assert offer.urn.id.startswith("900001|DBL~ST~X|RO|")
