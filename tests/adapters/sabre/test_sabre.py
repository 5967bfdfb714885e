"""Sabre: one booking is read whole or not at all, and its errors are heard whatever status they come with."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx
import pytest
import respx

from adapters.registry import SandboxSecrets
from adapters.sabre import VENDOR, translate
from adapters.sabre.client import Sabre, basic
from adapters.sabre.sandbox import credentials
from domains.airline.model import Contact, ManifestEntry, Need, NextFlight, Tier, Traveller, TravellerKind
from kernel.answer import Declined, NotSent, Ok, Unknown
from kernel.http import Http, Unintelligible
from kernel.sandbox.faults import FaultKind
from kernel.secret import FileSecrets, Secret
from kernel.tenancy import Tenant
from kernel.urn import Urn
from tests.adapters.sabre.bookings import BOOKING, FLIGHT, PNR, put, segment
from tests.harness.partners import T1, T2, Partners, partners

NEXT = NextFlight(
    Urn("urn:flight:B6125@20130209:vendor:sabre"), datetime.fromisoformat("2013-02-09T10:00:00-05:00"), "JFK", "BOS", "America/New_York"
)
ANA = Traveller(Urn("urn:passenger:SBXPNR-1:vendor:sabre"), "ANA", "DOE", TravellerKind.ADULT, Tier.ECONOMY, frozenset({Need.WCHR}))
KID = Traveller(Urn("urn:passenger:SBXPNR-2:vendor:sabre"), "KID", "DOE", TravellerKind.CHILD, Tier.ECONOMY, age=8)
ENTRY = ManifestEntry(PNR, (ANA, KID), Contact("+12125550101", "ana.doe@example.test"), NEXT)


def changed(**fields: Any) -> dict[str, Any]:
    return {**copy.deepcopy(dict(BOOKING)), **fields}


@pytest.fixture
async def world() -> Partners:
    made = partners()
    assert await put(made, BOOKING) == 204
    return made


async def test_a_booking_is_an_entry_of_the_manifest(world: Partners) -> None:
    manifests = world.registry.manifests
    assert await manifests.entry(T1, FLIGHT, PNR) == Ok(ENTRY)
    assert await manifests.next_flight(T1, FLIGHT, PNR) == Ok(NEXT)


async def test_no_flight_is_listed_and_nobody_is_asked(world: Partners) -> None:
    answer = await world.registry.manifests.manifest(T1, FLIGHT)
    assert isinstance(answer, Declined)
    assert answer.code == "NOT_OFFERED"
    assert world.said(VENDOR) == []


async def test_one_token_serves_all_calls_and_an_expired_one_is_renewed(world: Partners) -> None:
    manifests = world.registry.manifests
    for _ in range(3):
        await manifests.next_flight(T1, FLIGHT, PNR)
    book = world.twin("sabre").book
    (token,) = [value for value, _ in book.all("token")]
    book.change("token", token, until=0)
    assert await manifests.next_flight(T1, FLIGHT, PNR) == Ok(NEXT)
    assert len([each for each in world.said(VENDOR) if each.path == "/v2/auth/token"]) == 2


@pytest.mark.parametrize(
    ("tenant", "flight", "pnr"),
    [
        (T1, FLIGHT, "urn:pnr:NOBODY:vendor:sabre"),
        (T2, FLIGHT, PNR),
        (T1, "urn:flight:B6999@20130208:vendor:sabre", PNR),
        (T1, "urn:flight:B6123@20130209:vendor:sabre", PNR),
    ],
)
async def test_a_booking_that_is_not_on_the_flight_is_declined(world: Partners, tenant: Tenant, flight: str, pnr: str) -> None:
    for ask in (world.registry.manifests.entry, world.registry.manifests.next_flight):
        answer = await ask(tenant, Urn(flight), Urn(pnr))
        assert isinstance(answer, Declined)
        assert answer.code == "PNR_NOT_FOUND"


@pytest.mark.parametrize(
    ("flights", "expected"),
    [
        (BOOKING["flights"][:1], Ok(None)),
        ([BOOKING["flights"][0], BOOKING["flights"][2]], Ok(None)),
        ([segment(123, "JFK", "BOS", "2013-02-08", "18:30"), BOOKING["flights"][1]], Ok(NEXT)),  # not taken out yet
        ([BOOKING["flights"][0], segment(125, "JFK", "BOS", "2013-02-09", "10:00", "UC")], Ok(None)),
        (
            [BOOKING["flights"][0], segment(125, "PVD", "BOS", "2013-02-09", "10:00")],
            Declined("AIRPORT_UNKNOWN", "the next flight leaves from PVD, whose time zone is not known here"),
        ),
    ],
)
async def test_the_next_flight_is_the_airlines_word(flights: list[Any], expected: object) -> None:
    world = partners()
    await put(world, changed(flights=flights))
    assert await world.registry.manifests.next_flight(T1, FLIGHT, PNR) == expected


def test_a_flight_is_found_by_its_operating_carrier() -> None:
    shared = {
        **BOOKING["flights"][0],
        "airlineCode": "AA",
        "flightNumber": 7001,
        "operatingAirlineCode": "B6",
        "operatingFlightNumber": 123,
    }
    told = translate.entry(changed(flights=[shared]), FLIGHT, PNR)
    assert isinstance(told, ManifestEntry)
    assert told.travellers == (ANA, KID)


def test_only_who_sits_on_the_flight_is_on_its_manifest() -> None:
    flights = [{**BOOKING["flights"][0], "travelerIndices": [2]}]
    told = translate.entry(changed(flights=flights), FLIGHT, PNR)
    assert isinstance(told, ManifestEntry)
    assert told.travellers == (KID,)
    assert told.contact == Contact("+34600000001", "agency@example.test")


@pytest.mark.parametrize(
    ("cabin", "tier"),
    [
        ({"cabinTypeCode": "Y"}, Tier.ECONOMY),
        ({"cabinTypeCode": "C"}, Tier.BUSINESS),
        ({"cabinTypeCode": "C", "cabinTypeName": "Coach"}, Tier.ECONOMY),
        ({"cabinTypeCode": None, "cabinTypeName": "Premium Economy"}, Tier.PREMIUM_ECONOMY),
        ({"cabinTypeCode": "F"}, Tier.FIRST),
    ],
)
def test_the_cabin_is_the_tier(cabin: dict[str, Any], tier: Tier) -> None:
    told = translate.entry(changed(flights=[{**BOOKING["flights"][0], **cabin}]), FLIGHT, PNR)
    assert isinstance(told, ManifestEntry)
    assert told.tiers == {tier}


@pytest.mark.parametrize(
    ("kind", "expected", "held"),
    [
        (FaultKind.LOST_REQUEST, Unknown, 1),
        (FaultKind.LOST_ANSWER, Unknown, 1),
        (FaultKind.ERROR, Unknown, 1),
        (FaultKind.GARBAGE, Unknown, 1),
        (FaultKind.DRIFT, Unknown, 1),
        (FaultKind.THROTTLE, NotSent, 1),
        (FaultKind.THROTTLE_BARE, NotSent, 1),
        (FaultKind.REFUSE, Declined, 1),
        (FaultKind.DELAY, Ok, 1),
    ],
)
async def test_every_fault_is_told_as_what_it_is(world: Partners, kind: FaultKind, expected: type, held: int) -> None:
    world.order("sabre", kind, "booking", seconds=0.01)
    assert type(await world.registry.manifests.entry(T1, FLIGHT, PNR)) is expected
    assert len(world.book("sabre")["bookings"]) == held


@pytest.mark.parametrize("kind", [FaultKind.ERROR, FaultKind.LOST_ANSWER, FaultKind.GARBAGE, FaultKind.THROTTLE, FaultKind.DRIFT])
async def test_without_a_token_nothing_is_asked(world: Partners, kind: FaultKind) -> None:
    world.order("sabre", kind, "token")
    assert isinstance(await world.registry.manifests.entry(T1, FLIGHT, PNR), NotSent)


def error(category: str, type: str) -> dict[str, Any]:
    return {"errors": [{"category": category, "type": type, "description": "ANA DOE +12125550101"}]}


@pytest.mark.parametrize("status", [200, 400, 404, 500])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (error("RESOURCE_NOT_FOUND", "BOOKING_NOT_FOUND"), Declined("PNR_NOT_FOUND", "Sabre knows no such booking")),
        (error("FORBIDDEN", "FORBIDDEN_ACCESS"), Declined("FORBIDDEN_ACCESS", "the account may not read this booking")),
        (error("BAD_REQUEST", "INVALID_VALUE"), Declined("INVALID_VALUE", "Sabre refused it (code INVALID_VALUE)")),
        (error("UNAUTHORIZED", "UNAUTHORIZED_ACCESS"), NotSent("sign-in refused")),
        (error("APPLICATION_ERROR", "DOWNLINE_SERVICE_FAILURE"), Unknown),
        (error("WARNING", "RESOURCE_UNAVAILABLE"), Unknown),
        (error("NEW", "NEW"), Unknown),
    ],
)
async def test_errors_decide_and_not_the_status(status: int, body: dict[str, Any], expected: object) -> None:
    with respx.mock() as mock:
        mock.post("http://s/v2/auth/token").respond(200, json={"access_token": "t", "expires_in": 604800})
        mock.post("http://s/v1/trip/orders/getBooking").respond(status, json={**BOOKING, **body})
        answer = await Sabre(Http("http://s"), SandboxSecrets()).entry(T1, FLIGHT, PNR)
    assert answer == expected if not isinstance(expected, type) else isinstance(answer, expected)
    assert "DOE" not in str(answer)


async def test_a_warning_about_what_was_not_asked_for_is_nothing(world: Partners) -> None:
    await put(world, changed(**error("WARNING", "JOURNEY_DATA_MISSING")))
    assert await world.registry.manifests.entry(T1, FLIGHT, PNR) == Ok(ENTRY)


@pytest.mark.parametrize(
    "response", [httpx.Response(200, content=b"<html>"), httpx.Response(503, content=b"<html>"), httpx.Response(200, json=[])]
)
async def test_what_is_not_theirs_is_unknown(response: httpx.Response) -> None:
    with respx.mock() as mock:
        mock.post("http://s/v2/auth/token").respond(200, json={"access_token": "t", "expires_in": "604800"})
        mock.post("http://s/v1/trip/orders/getBooking").mock(return_value=response)
        assert isinstance(await Sabre(Http("http://s"), SandboxSecrets()).entry(T1, FLIGHT, PNR), Unknown)


def flight(**fields: Any) -> dict[str, Any]:
    return changed(flights=[{**BOOKING["flights"][0], **fields}])


def traveler(**fields: Any) -> dict[str, Any]:
    return changed(travelers=[{**BOOKING["travelers"][0], **fields}, BOOKING["travelers"][1]])


@pytest.mark.parametrize(
    "booking",
    [
        changed(bookingId="OTHERS"),
        changed(flights="none"),
        {name: value for name, value in BOOKING.items() if name != "flights"},
        flight(fromAirportCode="New York"),
        flight(departureDate="tonight"),
        flight(departureTime=None),
        flight(flightNumber="many"),
        flight(cabinTypeCode="Q"),
        flight(travelerIndices=[0]),
        flight(travelerIndices=[3]),
        flight(travelerIndices="all"),
        traveler(surname=None),
        traveler(type="PET", passengerCode="PET"),
        changed(travelers=[]),
        changed(specialServices=[{"code": "WCHR", "travelerIndices": [9]}]),
    ],
)
def test_a_broken_booking_is_unintelligible(booking: dict[str, Any]) -> None:
    with pytest.raises(Unintelligible):
        translate.entry(booking, FLIGHT, PNR)


def test_what_is_not_known_does_no_harm() -> None:
    odd = changed(bookingId="1SXXX1A2B3C4D", new=1, contactInfo=None, startDate=None)
    odd["flights"][0] |= {"flightNumber": "123", "travelerIndices": None, "meals": [{"code": "H"}]}
    told = translate.entry(odd, FLIGHT, PNR)
    assert told == ENTRY


async def test_a_pair_is_encoded_twice() -> None:
    # The vector was made with fixed test values, by the published algorithm.
    assert basic("V1:user:GROUP:AA", "pass") == "Basic VmpFNmRYTmxjanBIVWs5VlVEcEJRUT09OmNHRnpjdz09"


async def test_a_ready_pair_is_encoded_once() -> None:
    class Ready:
        def vendor(self, tenant: Tenant, vendor: str) -> Mapping[str, Secret]:
            return {"client_id": Secret("id"), "client_secret": Secret("secret")}

    with respx.mock() as mock:
        token = mock.post("http://s/v2/auth/token").respond(401, json={"error": "invalid_client"})
        assert await Sabre(Http("http://s"), Ready()).entry(T1, FLIGHT, PNR) == NotSent("no sign-in: sign-in refused")
    assert token.calls[0].request.headers["authorization"] == "Basic aWQ6c2VjcmV0"


async def test_without_an_account_nothing_is_sent() -> None:
    answer = await Sabre(Http("http://127.0.0.1:1"), FileSecrets(None)).entry(T1, FLIGHT, PNR)
    assert answer == NotSent("no sign-in: no account with this partner")


async def test_the_twin_shows_what_is_asked_for_and_signs_every_change(world: Partners) -> None:
    await world.registry.manifests.entry(T1, FLIGHT, PNR)
    first = json.loads(world.said(VENDOR)[-1].answered)
    await put(world, changed(isTicketed=False))
    await world.registry.manifests.entry(T1, FLIGHT, PNR)
    second = json.loads(world.said(VENDOR)[-1].answered)
    assert first["bookingSignature"] != second["bookingSignature"]
    assert set(first) == {"timestamp", "bookingSignature", "bookingId", "isCancelable", "isTicketed", "travelers", "flights"} | {
        "contactInfo",
        "specialServices",
    }


async def test_the_twin_knows_a_booking_by_its_surname_too(world: Partners) -> None:
    token = await Sabre(Http("http://twin", app=world.twin("sabre")), SandboxSecrets())._fetch_token(T1)
    assert isinstance(token, Ok)
    head = {"authorization": f"Bearer {token.value.value}"}
    for surname, answered in (("Doe", False), ("Roe", True)):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=world.twin("sabre")), base_url="http://twin") as client:
            asked = {"confirmationId": "SBXPNR", "surname": surname}
            reply = await client.post("/v1/trip/orders/getBooking", json=asked, headers=head)
        assert ("errors" in reply.json()) is answered


def test_the_sandboxs_accounts_are_apart() -> None:
    assert credentials("t1") != credentials("t2")
