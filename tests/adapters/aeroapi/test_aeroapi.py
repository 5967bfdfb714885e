"""AeroAPI: the flight of a day is found by the clock at its origin, and a flag alone cancels nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
import respx

from adapters.aeroapi import VENDOR
from adapters.aeroapi.client import AeroApi
from adapters.registry import SandboxSecrets
from domains.predictor.model import AirportDelay, DelayCause, FlightState, FlightStatus
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.http import Http
from kernel.sandbox.faults import FaultKind
from kernel.secret import FileSecrets
from kernel.urn import Urn
from tests.adapters.aeroapi.records import DELAYS, FLIGHT, PLANNED, put
from tests.harness.partners import Partners, partners

OUT = datetime.fromisoformat("2013-02-09T01:30:00Z")


@pytest.fixture
def world() -> Partners:
    return partners()


async def told(world: Partners, **fields: Any) -> FlightStatus | None:
    await put(world, "flights/B6123/B6123-1", fields)
    answer = await world.registry.flights[VENDOR].flight(FLIGHT)
    assert isinstance(answer, Ok)
    return answer.value


async def test_a_flight_is_told_with_its_clocks_and_delays(world: Partners) -> None:
    late = {"estimated_out": "2013-02-09T02:15:00Z", "departure_delay": 2700, "arrival_delay": None}
    assert await told(world, **late) == FlightStatus(
        FLIGHT, FlightState.SCHEDULED, "JFK", "BOS", OUT, OUT + timedelta(minutes=45), timedelta(minutes=45), None
    )


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, FlightState.SCHEDULED),
        ({"cancelled": True, "status": "Cancelled"}, FlightState.CANCELLED),
        ({"cancelled": True, "status": "Result unknown"}, FlightState.UNCLEAR),
        ({"actual_out": "2013-02-09T01:40:00Z", "status": "Taxiing"}, FlightState.ACTIVE),
        ({"actual_off": "2013-02-09T01:55:00Z", "actual_on": "2013-02-09T02:50:00Z", "status": "Arrived"}, FlightState.LANDED),
        ({"diverted": True, "cancelled": True, "status": "Diverted"}, FlightState.DIVERTED),
    ],
)
async def test_the_state_is_what_all_of_it_says(world: Partners, fields: dict[str, Any], state: FlightState) -> None:
    status = await told(world, **fields)
    assert status is not None
    assert status.state is state


async def test_a_diverted_flight_is_one_flight_of_two_records(world: Partners) -> None:
    await put(world, "flights/B6123/B6123-1", {"diverted": True, "status": "Diverted", "scheduled_out": "2013-02-09T01:31:00Z"})
    status = await told(world)
    assert status is not None
    assert (status.state, status.scheduled) == (FlightState.DIVERTED, OUT)


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({"scheduled_out": "2013-02-09T04:59:00Z"}, True),  # a minute before midnight at JFK
        ({"scheduled_out": "2013-02-09T05:00:00Z"}, False),
        ({"scheduled_out": "2013-02-08T04:59:00Z"}, False),
        ({"scheduled_out": None, "scheduled_off": "2013-02-09T01:45:00Z"}, True),
        ({"position_only": True}, False),
    ],
)
async def test_the_day_is_that_at_the_origin(world: Partners, fields: dict[str, Any], known: bool) -> None:
    assert (await told(world, **fields) is not None) is known


async def test_what_holds_an_airport_up_is_told_largest_first(world: Partners) -> None:
    await put(world, "airports/KJFK/delays", DELAYS)
    two, half = timedelta(hours=2), timedelta(minutes=30)
    delays = world.registry.delays[VENDOR]
    assert await delays.delays("KJFK") == Ok(AirportDelay("KJFK", two, (DelayCause("weather", two), DelayCause("traffic", half))))
    assert await delays.delays("KBOS") == Ok(AirportDelay("KBOS", timedelta(0), ()))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.LOST_ANSWER, Unknown),
        (FaultKind.ERROR, Unknown),
        (FaultKind.GARBAGE, Unknown),
        (FaultKind.DRIFT, Unknown),
        (FaultKind.THROTTLE_BARE, NotSent),
        (FaultKind.REFUSE, Declined),
        (FaultKind.DELAY, Ok),
    ],
)
async def test_every_fault_is_told_as_what_it_is(world: Partners, kind: FaultKind, expected: type) -> None:
    world.order("aeroapi", kind, seconds=0.01)
    asked: list[Answer[Any]] = [await world.registry.flights[VENDOR].flight(FLIGHT), await world.registry.delays[VENDOR].delays("KJFK")]
    assert [type(answer) for answer in asked] == [expected] * 2


RECORD = {
    **PLANNED, "ident": "B6123", "fa_flight_id": "x", "status": "Scheduled", "cancelled": False, "diverted": False, "position_only": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"links": None, "num_pages": 1, "flights": []}, Ok(None)),
        ({"links": {"next": "/flights/B6123?cursor=x"}, "num_pages": 1, "flights": []}, Unknown),
        ({"flights": [{**RECORD, "departure_delay": "2700"}]}, Ok),
        ({"flights": [{**RECORD, "departure_delay": None, "new": []}]}, Ok),
        ({"flights": [{**RECORD, "origin": {**PLANNED["origin"], "timezone": "Mars/Olympus"}}]}, Unknown),
        ({"flights": [{**RECORD, "scheduled_out": "tonight"}]}, Unknown),
        ({"flights": [{**RECORD, "status": None}]}, Unknown),
        ({"flights": "none"}, Unknown),
        ({}, Unknown),
    ],
)
async def test_an_answer_is_read_leniently_and_never_guessed(body: dict[str, Any], expected: object) -> None:
    with respx.mock() as mock:
        mock.get(url__regex="http://f/aeroapi/flights/B6123.*").respond(200, json=body)
        answer = await AeroApi(Http("http://f"), SandboxSecrets()).flight(FLIGHT)
    assert answer == expected if not isinstance(expected, type) else isinstance(answer, expected)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (httpx.Response(403, json={"title": "T", "reason": "FORBIDDEN"}), NotSent("sign-in refused")),
        (httpx.Response(404, json={"reason": "NOT_FOUND"}), Declined("NOT_FOUND", "AeroAPI refused it (code NOT_FOUND)")),
        (httpx.Response(404, content=b"<html>"), Unknown),
        (httpx.Response(503, json={"reason": "BUSY"}), Unknown),
    ],
)
async def test_only_their_own_words_are_definite(response: httpx.Response, expected: object) -> None:
    with respx.mock() as mock:
        mock.get("http://f/aeroapi/airports/KJFK/delays").mock(return_value=response)
        answer = await AeroApi(Http("http://f"), SandboxSecrets()).delays("KJFK")
    assert answer == expected if not isinstance(expected, type) else isinstance(answer, expected)


async def test_what_is_no_flight_is_not_asked_for(world: Partners) -> None:
    answer = await world.registry.flights[VENDOR].flight(Urn("urn:flight:tonight"))
    assert isinstance(answer, Declined)
    assert world.said(VENDOR) == []


async def test_without_an_account_nothing_is_sent() -> None:
    assert await AeroApi(Http("http://127.0.0.1:1"), FileSecrets(None)).delays("KJFK") == NotSent("no account with this partner")
