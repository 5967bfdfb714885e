"""Amadeus: the adapter against its twin, fault by fault. What it orders nobody can look up, so nothing may be guessed."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import respx

from adapters.amadeus import VENDOR, translate, wire
from adapters.amadeus.client import HOTELS_A_CALL, HOTELS_ASKED, Amadeus
from adapters.amadeus.sandbox import AmadeusTwin
from adapters.registry import SandboxSecrets
from domains.booking.ports import Booking, BookingStatus, Guest, Offer, Point, RateKind, Search
from domains.booking.rooming import occupancies, seated
from kernel import clock
from kernel.answer import Declined, NotSent, Ok, Unknown
from kernel.http import Http, Reply, Request, write_json
from kernel.sandbox.faults import FaultKind
from kernel.secret import FileSecrets
from kernel.urn import Urn
from tests.harness.partners import T1, T2, Partners, partners

JFK = Point(40.6398, -73.7789)


@pytest.fixture
def world() -> Partners:
    return partners()


def hotels(world: Partners) -> Amadeus:
    source = world.registry.hotels[VENDOR]
    assert isinstance(source, Amadeus)
    return source


def a_twin(world: Partners) -> AmadeusTwin:
    twin = world.twin("amadeus")
    assert isinstance(twin, AmadeusTwin)
    return twin


def today() -> date:
    return clock.now().date()


def search(rooms: int = 1, adults: int = 1, ages: tuple[int, ...] = (), nights: int = 1) -> Search:
    return Search(JFK, 15, today(), nights, occupancies(rooms, adults, ages))


async def offers(world: Partners, wanted: Search | None = None) -> tuple[Offer, ...]:
    answer = await hotels(world).search(T1, wanted or search())
    assert isinstance(answer, Ok)
    return answer.value


async def priced(world: Partners, wanted: Search | None = None) -> Offer:
    """An offer as it may be ordered."""
    answer = await hotels(world).check(T1, (await offers(world, wanted))[0])
    assert isinstance(answer, Ok)
    return answer.value


def booking(offer: Offer, reference: str = "ref-1") -> Booking:
    guest = Guest("Ana", "Doe")
    return Booking(reference, offer, guest, (guest,))


def orders(world: Partners) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = world.book("amadeus")["orders"]
    return made


async def test_search_finds_offers_nearest_first_within_the_circle(world: Partners) -> None:
    found = await offers(world)
    assert len(found) > 15
    assert [offer.distance_km for offer in found] == sorted(offer.distance_km for offer in found)
    assert all(offer.distance_km <= 15 and 2 <= offer.stars <= 5 and offer.shared_id for offer in found)
    offer = found[0]
    assert (offer.hotel.vendor, offer.urn.vendor, offer.total.currency, offer.recheck) == (VENDOR, VENDOR, "USD", True)
    assert {offer.urn for offer in await offers(world, search(rooms=2, adults=4))} & {offer.urn for offer in found}


async def test_the_list_is_asked_once_a_day_and_offers_of_twenty_hotels_at_once(world: Partners) -> None:
    await offers(world)
    await offers(world)
    asked = [exchange.path for exchange in world.said(VENDOR)]
    assert len([path for path in asked if path.endswith("by-geocode")]) == 5  # one for each number of stars
    assert len([path for path in asked if path.endswith("token")]) == 1
    named = [
        dict(httpx.QueryParams(each.query))["hotelIds"].split(",") for each in world.said(VENDOR) if each.path.endswith("hotel-offers")
    ]
    assert all(len(ids) <= HOTELS_A_CALL for ids in named)
    assert sum(map(len, named)) <= 2 * HOTELS_ASKED


async def test_their_price_is_of_one_room_and_ours_of_all(world: Partners) -> None:
    (one,) = [offer for offer in await offers(world) if offer.hotel.id == "ZCJFK016"] or [(await offers(world))[0]]
    two = next(offer for offer in await offers(world, search(rooms=2, adults=2)) if offer.hotel == one.hotel)
    assert two.total.amount == one.total.amount * 2
    assert (two.nightly, two.rooms) == (one.nightly, 2)


async def test_a_party_of_unlike_rooms_is_offered_whole_and_ordered_whole(world: Partners) -> None:
    wanted = search(rooms=2, adults=3, nights=2)
    offer = await priced(world, wanted)
    assert (len(offer.rates), offer.rooms, {rate.kind for rate in offer.rates}) == (2, 2, {RateKind.BOOKABLE})
    guests = seated([Guest("A", "D"), Guest("B", "D"), Guest("C", "D")], wanted.occupancies)
    answer = await hotels(world).book(T1, Booking("family", offer, guests[0], guests))
    assert isinstance(answer, Ok)
    assert (answer.value.rooms, answer.value.total, answer.value.status) == (2, offer.total, BookingStatus.CONFIRMED)
    assert answer.value.check_out == today() + timedelta(days=2)
    (order,) = orders(world)
    assert answer.value.reference == " ".join((order["record"], *order["confirmations"]))


@pytest.mark.parametrize(
    ("wanted", "code"), [(search(rooms=1, adults=1, ages=(8,)), "CHILDREN"), (search(rooms=10, adults=10), "TOO_MANY")]
)
async def test_what_they_cannot_be_asked_is_not_asked(world: Partners, wanted: Search, code: str) -> None:
    answer = await hotels(world).search(T1, wanted)
    assert isinstance(answer, Declined)
    assert (answer.code, world.said(VENDOR)) == (code, [])


async def test_some_offers_are_dearer_when_they_are_priced(world: Partners) -> None:
    twin = a_twin(world)
    offer = next(offer for offer in await offers(world) if twin.hotels[offer.hotel.id].dearer)
    answer = await hotels(world).check(T1, offer)
    assert isinstance(answer, Ok)
    assert answer.value.total.amount == (offer.total.amount * Decimal("1.01")).quantize(Decimal("0.01"))


async def test_an_offer_that_has_ended_is_declined(world: Partners) -> None:
    offer = await priced(world)
    a_twin(world).offers.clear()
    gone = Declined("38420", "the offer is not to be had any more")
    assert await hotels(world).check(T1, offer) == gone
    assert await hotels(world).book(T1, booking(offer)) == gone


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
async def test_every_fault_of_an_order_is_told_as_what_it_is(world: Partners, kind: FaultKind, expected: type, held: int) -> None:
    offer = await priced(world)
    world.order("amadeus", kind, "order", count=1, seconds=0.05)
    answer = await hotels(world).book(T1, booking(offer))
    await world.twin("amadeus").quiet()
    assert type(answer) is expected
    assert len(orders(world)) == held


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
@pytest.mark.parametrize("operation", ["list", "offers", "price"])
async def test_an_unclear_read_is_never_an_empty_one(world: Partners, operation: str, kind: FaultKind, expected: type) -> None:
    offer = await priced(partners())
    world.order("amadeus", kind, operation)
    asks: dict[str, Callable[[], Awaitable[object]]] = {
        "list": lambda: hotels(world).search(T1, search()),
        "offers": lambda: hotels(world).search(T1, search()),
        "price": lambda: hotels(world).check(T1, offer),
    }
    assert type(await asks[operation]()) is expected


async def test_what_some_calls_found_counts_where_others_failed(world: Partners) -> None:
    whole = await offers(world)
    world.order("amadeus", FaultKind.ERROR, "offers", count=1)
    some = await offers(world)
    assert 0 < len(some) < len(whole)
    other = partners()
    other.order("amadeus", FaultKind.ERROR, "list", count=2)
    assert {offer.urn for offer in await offers(other)} < {offer.urn for offer in whole}
    assert {offer.urn for offer in await offers(other)} == {offer.urn for offer in whole}  # what failed is asked again


async def test_nothing_found_is_an_empty_answer(world: Partners) -> None:
    assert await hotels(world).search(T1, replace(search(), near=Point(0.0, 0.0))) == Ok(())
    world.order("amadeus", FaultKind.REFUSE, "offers")
    assert await hotels(world).search(T1, search()) == Ok(())


async def test_nobody_is_asked_what_they_do_not_answer(world: Partners) -> None:
    source = hotels(world)
    assert not source.traceable
    answers = [await source.find(T1, "ref-1", (today(), today())), await source.read(T1, "XAAAAB"), await source.cancel(T1, "XAAAAB")]
    assert [type(answer) for answer in answers] == [Declined] * 3
    assert world.said(VENDOR) == []


async def test_the_hotel_reads_our_reference_and_the_book_no_card(world: Partners) -> None:
    offer = await priced(world)
    answer = await hotels(world).book(T1, replace(booking(offer, "4ref0123456789abcdef"), remark="late: 23:00 / +1 (212)"))
    assert isinstance(answer, Ok)
    assert orders(world)[0]["remark"] == "OUR REF 4ref0123456789abcdef late  23 00    1  212"
    assert "4151289722471370" not in json.dumps(world.book("amadeus"))
    (said,) = [exchange for exchange in world.said(VENDOR) if exchange.path.endswith("hotel-orders")]
    assert b"415128XXXXXX1370" in said.answered


async def test_names_are_written_as_they_take_them(world: Partners) -> None:
    offer = await priced(world)
    guest = Guest("José  Ángel", "O'Brien-Núñez 3rd.")
    assert isinstance(await hotels(world).book(T1, Booking("ref-1", offer, guest, (guest,))), Ok)
    assert orders(world)[0]["guests"] == [{"firstName": "Jose Angel", "lastName": "O Brien-Nunez rd"}]


@pytest.mark.parametrize(
    "broken",
    [
        {"guests": ()},
        {"guests": (Guest("Kid", "Doe", age=8),)},
        {"guests": (Guest("Ana", "Doe"), Guest("Bo", "Doe", room=2))},
        {"guests": (Guest(" ", "Doe"),)},
    ],
)
async def test_what_they_would_not_take_is_refused_before_it_is_sent(world: Partners, broken: dict[str, object]) -> None:
    offer = await priced(world)
    with pytest.raises(ValueError, match=r"."):
        await hotels(world).book(T1, replace(booking(offer), **broken))  # type: ignore[arg-type]  # a table of fields
    assert not [each for each in world.said(VENDOR) if each.path.endswith("/hotel-orders")]


async def test_a_full_hotel_is_declined_and_no_longer_offered(world: Partners) -> None:
    offer = await priced(world)
    for number in range(a_twin(world).hotels[offer.hotel.id].rooms[offer.room_type]):
        assert isinstance(await hotels(world).book(T1, booking(offer, f"fill-{number}")), Ok)
    assert await hotels(world).book(T1, booking(offer, "one-too-many")) == Declined("3664", "the hotel has too few rooms left")
    assert offer.urn not in {other.urn for other in await offers(world)}


async def test_an_expired_token_is_renewed_and_what_it_refused_is_sent_again(world: Partners) -> None:
    offer = await priced(world)
    twin = a_twin(world)
    for value, _ in twin.book.all("token"):
        twin.book.change("token", value, until=0)
    assert isinstance(await hotels(world).book(T1, booking(offer)), Ok)
    assert [each.status for each in world.said(VENDOR) if each.path.endswith("hotel-orders")] == [401, 201]


async def test_tenants_have_accounts_of_their_own(world: Partners) -> None:
    offer = await priced(world)
    assert isinstance(await hotels(world).book(T2, booking(offer)), Ok)
    assert [order["tenant"] for order in orders(world)] == ["t2"]


async def test_without_an_account_nothing_is_sent() -> None:
    source = Amadeus(Http("http://127.0.0.1:1"), FileSecrets(None))
    answer = await source.search(T1, search())
    assert answer == NotSent("no sign-in: no account with this partner")
    assert await source.book(T1, booking(await priced(partners()))) == NotSent("no account with this partner")


async def test_search_answers_within_its_time_box_also_where_the_token_hangs(world: Partners) -> None:
    for operation in ("token", "offers"):
        world.order("amadeus", FaultKind.DELAY, operation, count=3, seconds=30)
        began = clock.monotonic()
        assert isinstance(await hotels(world).search(T1, replace(search(), within=timedelta(seconds=0.3))), Unknown)
        assert clock.monotonic() - began < 15
        world.twin("amadeus").faults.clear()


def told(state: str, rooms: int = 1) -> dict[str, Any]:
    made = {
        "bookingStatus": state,
        "hotel": {"hotelId": "ZAJFK001"},
        "hotelProviderInformation": [{"hotelProviderCode": "ZA", "confirmationNumber": "90000010"}],
        "hotelOffer": {"roomQuantity": rooms, "price": {"total": "100.00", "currency": "USD"}},
    }
    return {"data": {"id": "abc=", "associatedRecords": [{"reference": "XAAAAB"}], "hotelBookings": [made]}}


@pytest.mark.parametrize("state", ["PENDING", "ON_HOLD", "GHOST", "SOMETHING_NEW"])
async def test_an_order_that_is_not_confirmed_is_for_a_person_who_gets_its_references(world: Partners, state: str) -> None:
    offer = replace((await priced(world)), hotel=Urn.of("hotel", "ZAJFK001", VENDOR))
    with respx.mock() as mock:
        mock.post("http://am/v1/security/oauth2/token").respond(200, json={"access_token": "t", "expires_in": 1799})
        mock.post("http://am/v2/booking/hotel-orders").mock(return_value=httpx.Response(201, json=told(state)))
        answer = await Amadeus(Http("http://am"), SandboxSecrets()).book(T1, booking(offer))
    assert isinstance(answer, Unknown)
    assert answer.why == f"the order is {state}"
    assert answer.evidence.items() >= {"order": "abc=", "record": "XAAAAB", "confirmation": "90000010"}.items()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(told("DENIED"), Declined), (told("UNCONFIRMED"), Declined), (told("CONFIRMED", rooms=2), Unknown), ({"data": {"id": "x"}}, Unknown)],
)
async def test_an_order_is_what_was_asked_or_not_understood(world: Partners, answer: dict[str, Any], expected: type) -> None:
    offer = replace((await priced(world)), hotel=Urn.of("hotel", "ZAJFK001", VENDOR))
    assert type(translate.ordered(answer, booking(offer))) is expected


def error(status: int, code: object, title: str = "T") -> Reply:
    return Reply(status, {}, write_json({"errors": [{"status": status, "code": code, "title": title, "detail": "Ana Doe"}]}))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (error(400, 3664), Declined("3664", "the hotel has too few rooms left")),
        (error(400, "03664"), Declined("3664", "the hotel has too few rooms left")),
        (error(400, 8517), Declined("8517", "the hotel does not take the airline's card")),
        (error(400, 37200), Declined("37200", "the price or the terms have changed")),
        (error(400, 477), Declined("477", "Amadeus refused it (code 477)")),
        (error(404, 38196), Declined("38196", "Amadeus refused it (code 38196)")),
        (error(400, 25860), Unknown("status 400, code 25860")),
        (error(400, 39283), Unknown("status 400, code 39283")),
        (error(403, 38197), NotSent("sign-in refused")),
        (error(500, 21934), Unknown("status 500, code 21934")),
        (error(500, 38660), Unknown("status 500, code 38660")),
        (Reply(400, {}, b"<html>"), Unknown("status 400")),
        (Reply(503, {}, b""), Unknown("status 503")),
    ],
)
def test_their_errors_are_read_by_code(reply: Reply, expected: object) -> None:
    assert wire.refusal(reply) == expected


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("/v1/reference-data/locations/hotels/by-city", {"cityCode": "JFK", "ratings": "6"}, 400, 477),
        ("/v1/reference-data/locations/hotels/by-city", {"cityCode": "ZZZ"}, 400, 1157),
        ("/v1/reference-data/locations/hotels/by-geocode", {"latitude": "91", "longitude": "0"}, 400, 477),
        ("/v1/reference-data/locations/hotels/by-geocode", {"latitude": "0", "longitude": "0"}, 400, 895),
        ("/v3/shopping/hotel-offers", {"hotelIds": ""}, 400, 477),
        ("/v3/shopping/hotel-offers", {"hotelIds": "XXXXXXXX"}, 400, 1257),
        ("/v3/shopping/hotel-offers", {"hotelIds": "ZAJFK999", "adults": "0"}, 400, 1257),
        ("/v3/shopping/hotel-offers/NOSUCH", {}, 404, 38420),
        ("/v3/nothing", {}, 404, 38196),
    ],
)
async def test_the_twin_refuses_as_published(world: Partners, path: str, query: dict[str, str], status: int, code: int) -> None:
    await offers(world)
    bearer, _ = next(a_twin(world).book.all("token"))
    request = Request("GET", path, {"authorization": f"Bearer {bearer}"}, tuple(query.items()))
    reply = await Http("http://twin", app=a_twin(world)).send(request, 10)
    assert (reply.status, reply.json()["errors"][0]["code"]) == (status, code)


async def test_numbers_may_come_as_strings_and_a_broken_hotel_is_left_out() -> None:
    listed = [
        {"hotelId": "ZAJFK001", "name": "H", "geoCode": {"latitude": "40.64", "longitude": -73.77}, "new": {}},
        {"hotelId": "ZAJFK002", "name": "no place"},
    ]
    room = {"type": "A1K", "description": None}
    good = {"id": "B", "room": room, "price": {"total": 87.5, "currency": "EUR"}, "boardType": "NEW_BOARD", "policies": None}
    told = [
        {"hotel": {"hotelId": "ZAJFK001"}, "offers": [{**good, "id": "A", "price": {"total": "88", "currency": "EUR"}}, good]},
        {"hotel": {}, "offers": [good]},
    ]
    with respx.mock(assert_all_called=False) as mock:
        mock.post("http://am/v1/security/oauth2/token").respond(200, json={"access_token": "t", "expires_in": "1799"})
        mock.get("http://am/v1/reference-data/locations/hotels/by-geocode", params={"ratings": "3"}).respond(200, json={"data": listed})
        mock.get("http://am/v1/reference-data/locations/hotels/by-geocode").respond(500)
        mock.get("http://am/v3/shopping/hotel-offers").respond(200, json={"data": told})
        found = await Amadeus(Http("http://am"), SandboxSecrets()).search(T1, search())
    assert isinstance(found, Ok)
    (offer,) = found.value
    assert (str(offer.total.amount), offer.stars, offer.board, offer.rates[0].key, offer.room_name) == ("87.5", 3, "RO", "B", "A1K")
