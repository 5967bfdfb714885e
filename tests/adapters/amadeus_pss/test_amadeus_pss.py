"""Amadeus flight orders: an order is read as the booking it is, and what it does not carry is not made up."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
import pytest
import respx

from adapters.amadeus_pss import VENDOR, translate
from adapters.amadeus_pss.client import AmadeusPss
from adapters.registry import SandboxSecrets
from domains.airline.model import Contact, ManifestEntry, NextFlight, Tier, Traveller, TravellerKind
from kernel.answer import Declined, NotSent, Ok, Unknown
from kernel.http import Http, Unintelligible
from kernel.sandbox.faults import FaultKind
from kernel.sandbox.shell import Call
from kernel.secret import FileSecrets
from kernel.urn import Urn
from tests.adapters.amadeus_pss.orders import FLIGHT, ORDER, PNR, put, segment
from tests.harness.contracts import document, violations
from tests.harness.partners import T1, T2, Partners, partners

NEXT = NextFlight(
    Urn("urn:flight:B6125@20130209:vendor:amadeus_pss"), datetime.fromisoformat("2013-02-09T10:00:00-05:00"), "JFK", "BOS",
    "America/New_York",
)  # fmt: skip


def a(id: str, given: str, kind: TravellerKind, age: int | None = None) -> Traveller:
    return Traveller(Urn.of("passenger", f"{PNR.id}-{id}", VENDOR), given, "DOE", kind, Tier.BUSINESS, age=age)


ENTRY = ManifestEntry(
    PNR,
    (a("1", "ANA", TravellerKind.ADULT), a("3", "BABY", TravellerKind.INFANT), a("2", "KID", TravellerKind.CHILD, 8)),
    Contact("+33487692704", "ana.doe@example.test"),
    NEXT,
)


def changed(**fields: Any) -> dict[str, Any]:
    return {**copy.deepcopy(dict(ORDER)), **fields}


def flying(*segments: Mapping[str, Any]) -> dict[str, Any]:
    order = changed()
    order["flightOffers"][0]["itineraries"] = [{"segments": list(segments)}]
    return order


@pytest.fixture
async def world() -> Partners:
    made = partners()
    assert await put(made, ORDER) == 204
    return made


async def test_an_order_is_an_entry_of_the_manifest(world: Partners) -> None:
    manifests = world.registry.manifests
    assert await manifests.entry(T1, FLIGHT, PNR) == Ok(ENTRY)
    assert await manifests.next_flight(T1, FLIGHT, PNR) == Ok(NEXT)


async def test_no_flight_is_listed_and_nobody_is_asked(world: Partners) -> None:
    answer = await world.registry.manifests.manifest(T1, FLIGHT)
    assert isinstance(answer, Declined)
    assert answer.code == "NOT_OFFERED"
    assert world.said(VENDOR) == []


@pytest.mark.parametrize("order", ["eJzTd9f3s4gKC/MEAAt8Ans=", "MlpZVkFMfFdBVFNPTnwyMDE1LTExLTAy", "ab+/", "abc+"])
def test_an_order_and_its_pnr_name_each_other(order: str) -> None:
    assert translate.order_id(translate.pnr_of(order)) == order


async def test_an_id_with_a_slash_is_asked_for_whole(world: Partners) -> None:
    assert "/" in translate.order_id(PNR)
    assert await world.registry.manifests.next_flight(T1, FLIGHT, PNR) == Ok(NEXT)
    assert await world.registry.manifests.next_flight(T2, FLIGHT, PNR) == Declined("PNR_NOT_FOUND", "Amadeus knows no such order")


async def test_a_cancelled_order_is_gone(world: Partners) -> None:
    await world.registry.manifests.next_flight(T1, FLIGHT, PNR)
    head = {"authorization": world.said(VENDOR, "GET")[-1].headers["authorization"]}
    path = world.said(VENDOR, "GET")[-1].path
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=world.twin("amadeus_pss")), base_url="http://twin") as client:
        assert (await client.delete(path, headers=head)).status_code == 204
        assert (await client.delete(path, headers=head)).status_code == 404
    assert isinstance(await world.registry.manifests.next_flight(T1, FLIGHT, PNR), Declined)
    assert [order["cancelled"] for order in world.book("amadeus_pss")["orders"]] == [True]


LOST = segment("1", "123", "JFK", "BOS", "2013-02-08T18:30:00", bookingStatus="CANCELLED")
LATER = segment("2", "125", "JFK", "BOS", "2013-02-09T10:00:00", bookingStatus="CONFIRMED")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (flying(LOST), None),
        (flying(LOST, LATER), NEXT),
        (flying(LOST, {**LATER, "bookingStatus": "WAITLISTED"}), None),
        (flying(LOST, {**LATER, "segmentType": "GHOST"}), None),
        (flying(LOST, {**LATER, "isFlown": True}), None),
        (flying(LOST, segment("3", "9", "BOS", "MAD", "2013-02-08T23:00:00")), None),
        (flying(LATER), translate.NOT_ON_FLIGHT),
    ],
)
def test_the_next_flight_is_the_airlines_word(order: dict[str, Any], expected: object) -> None:
    assert translate.next_flight(order, FLIGHT, PNR) == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.LOST_REQUEST, Unknown),
        (FaultKind.LOST_ANSWER, Unknown),
        (FaultKind.ERROR, Unknown),
        (FaultKind.GARBAGE, Unknown),
        (FaultKind.DRIFT, Unknown),
        (FaultKind.THROTTLE, NotSent),
        (FaultKind.THROTTLE_BARE, NotSent),
        (FaultKind.REFUSE, Declined),
        (FaultKind.DELAY, Ok),
    ],
)
async def test_every_fault_is_told_as_what_it_is(world: Partners, kind: FaultKind, expected: type) -> None:
    world.order("amadeus_pss", kind, "order", seconds=0.01)
    assert type(await world.registry.manifests.entry(T1, FLIGHT, PNR)) is expected


@pytest.mark.parametrize("kind", [FaultKind.ERROR, FaultKind.LOST_ANSWER, FaultKind.GARBAGE, FaultKind.THROTTLE])
async def test_without_a_token_nothing_is_asked(world: Partners, kind: FaultKind) -> None:
    world.order("amadeus_pss", kind, "token")
    assert isinstance(await world.registry.manifests.entry(T1, FLIGHT, PNR), NotSent)


async def test_an_expired_token_is_renewed_once(world: Partners) -> None:
    await world.registry.manifests.entry(T1, FLIGHT, PNR)
    book = world.twin("amadeus_pss").book
    (token,) = [value for value, _ in book.all("token")]
    book.change("token", token, until=0)
    assert await world.registry.manifests.entry(T1, FLIGHT, PNR) == Ok(ENTRY)
    assert len(world.said(VENDOR, "POST")) == 2


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, 1797, Declined("PNR_NOT_FOUND", "Amadeus knows no such order")),
        (404, "1797", Declined("PNR_NOT_FOUND", "Amadeus knows no such order")),
        (400, 477, Declined("ORDER_ID_INVALID", "this is no order's id")),
        (403, 38197, NotSent("sign-in refused")),
        (404, 38196, Unknown),  # a wrong address is not a missing order
        (500, 141, Unknown),
        (400, 99999, Unknown),
    ],
)
async def test_only_their_own_words_are_definite(status: int, code: object, expected: object) -> None:
    body = {"errors": [{"status": status, "code": code, "title": "T", "detail": "ANA DOE"}]}
    with respx.mock() as mock:
        mock.post("http://a/v1/security/oauth2/token").respond(200, json={"access_token": "t", "expires_in": 1799})
        mock.get(url__regex="http://a/v1/booking/flight-orders/.*").respond(status, json=body)
        answer = await AmadeusPss(Http("http://a"), SandboxSecrets()).entry(T1, FLIGHT, PNR)
    assert answer == expected if not isinstance(expected, type) else isinstance(answer, expected)
    assert "DOE" not in str(answer)


def offer(**fields: Any) -> dict[str, Any]:
    order = changed()
    order["flightOffers"][0] |= fields
    return order


def traveler(**fields: Any) -> dict[str, Any]:
    order = changed()
    order["travelers"][0] |= fields
    return order


@pytest.mark.parametrize(
    "order",
    [
        changed(id="T1RIRVI="),
        changed(flightOffers=[]),
        changed(flightOffers="none"),
        changed(travelers=[]),
        flying({**LOST, "departure": {"iataCode": "JFK", "at": "tonight"}}),
        flying({**LOST, "departure": {"iataCode": "New York", "at": "2013-02-08T18:30:00"}}),
        flying({**LOST, "arrival": None}),
        offer(travelerPricings=None),
        offer(
            travelerPricings=[{"travelerId": "1", "travelerType": "PET", "fareDetailsBySegment": [{"segmentId": "1", "cabin": "FIRST"}]}]
        ),
        offer(
            travelerPricings=[{"travelerId": "1", "travelerType": "ADULT", "fareDetailsBySegment": [{"segmentId": "1", "cabin": "HOLD"}]}]
        ),
        traveler(name=None),
        traveler(name={"firstName": "ANA"}),
    ],
)
def test_a_broken_order_is_unintelligible(order: dict[str, Any]) -> None:
    with pytest.raises(Unintelligible):
        translate.entry(order, FLIGHT, PNR)


def test_what_is_not_known_does_no_harm() -> None:
    order = changed(remarks=None, new=1, contacts=None)
    order["flightOffers"][0]["itineraries"][0]["segments"][0] |= {"number": 123, "new": {}}
    assert translate.entry(order, FLIGHT, PNR) == ENTRY


def test_a_fax_is_no_contact() -> None:
    order = changed(travelers=[{key: value for key, value in each.items() if key != "contact"} for each in ORDER["travelers"]])
    told = translate.entry(order, FLIGHT, PNR)
    assert isinstance(told, ManifestEntry)
    assert told.contact == Contact("+33480080070", "agency@example.test")


@pytest.mark.parametrize("body", [[], {}, {"type": "hotel-order", "flightOffers": []}])
async def test_only_an_order_can_be_put_in(body: object) -> None:
    world = partners()
    said = await world.twin("amadeus_pss").control(Call("", "PUT", f"/t1/orders/{PNR.id}", {}, {}, {}, json.dumps(body).encode(), ""))
    assert said is not None
    assert said.status == 400


async def test_without_an_account_nothing_is_sent() -> None:
    answer = await AmadeusPss(Http("http://127.0.0.1:1"), FileSecrets(None)).entry(T1, FLIGHT, PNR)
    assert answer == NotSent("no sign-in: no account with this partner")


@pytest.mark.parametrize(("kind", "named"), [(FaultKind.REFUSE, "404"), (FaultKind.ERROR, "500")])
async def test_an_error_has_the_published_envelope(world: Partners, kind: FaultKind, named: str) -> None:
    world.order("amadeus_pss", kind, "order")
    await world.registry.manifests.entry(T1, FLIGHT, PNR)
    (exchange,) = world.said(VENDOR, "GET")
    assert exchange.status == int(named)
    published = document("amadeus-flight-orders.json")["responses"][named]["schema"]
    assert violations("amadeus-flight-orders.json", published, json.loads(exchange.answered)) == []


def test_their_own_example_is_understood() -> None:
    """Whoever is on its first flight, and no other flight there takes that one's place."""
    order = document("amadeus-flight-orders.json")["responses"]["returnFlightOrders"]["schema"]["example"]["data"]
    told = translate.entry(order, Urn("urn:flight:IB3403@20180922"), translate.pnr_of(order["id"]))
    assert isinstance(told, ManifestEntry)
    assert [(each.given_name, each.kind, each.age) for each in told.travellers] == [
        ("STEPHANE", "ADULT", None),
        ("JULES", "INFANT", None),
        ("EMILIE", "CHILD", 10),
    ]
    assert (told.contact.phone, told.contact.email, told.next_flight) == ("+33487692704", "support@mail.com", None)
