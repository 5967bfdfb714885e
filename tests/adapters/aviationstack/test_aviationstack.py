"""AviationStack: the day, the state and the minutes are believed, a clock is not, and the key is seen nowhere."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx

from adapters.aviationstack import VENDOR
from adapters.aviationstack.client import AviationStack
from adapters.aviationstack.sandbox import credentials
from adapters.registry import SandboxSecrets
from domains.predictor.model import FlightState, FlightStatus
from kernel.answer import Declined, NotSent, Ok, Unknown
from kernel.http import Http
from kernel.sandbox.faults import FaultKind
from kernel.secret import FileSecrets
from kernel.urn import Urn
from tests.adapters.aviationstack.records import FLIGHT, KNOWN, put
from tests.harness.partners import Partners, partners

STATUS = FlightStatus(FLIGHT, FlightState.CANCELLED, "JFK", "BOS", departure_delay=timedelta(minutes=95))


@pytest.fixture
async def world() -> Partners:
    made = partners()
    await put(made)
    return made


async def test_the_flight_of_the_day_is_told_without_a_clock(world: Partners) -> None:
    await put(world, {**KNOWN, "flight_status": "landed"}, day="2013-02-07")
    assert await world.registry.flights[VENDOR].flight(FLIGHT) == Ok(STATUS)


@pytest.mark.parametrize("flight", ["urn:flight:B6123@20130209", "urn:flight:B6124@20130208"])
async def test_a_flight_that_is_not_known_is_none(world: Partners, flight: str) -> None:
    assert await world.registry.flights[VENDOR].flight(Urn(flight)) == Ok(None)


@pytest.mark.parametrize("word", ["scheduled", "active", "landed", "diverted"])
async def test_every_state_has_its_word(world: Partners, word: str) -> None:
    await put(world, {**KNOWN, "flight_status": word})
    answer = await world.registry.flights[VENDOR].flight(FLIGHT)
    assert isinstance(answer, Ok)
    assert answer.value is not None
    assert answer.value.state == word.upper()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.LOST_ANSWER, Unknown),
        (FaultKind.ERROR, Unknown),
        (FaultKind.GARBAGE, Unknown),
        (FaultKind.DRIFT, Unknown),
        (FaultKind.THROTTLE, NotSent),
        (FaultKind.REFUSE, Declined),
        (FaultKind.DELAY, Ok),
    ],
)
async def test_every_fault_is_told_as_what_it_is(world: Partners, kind: FaultKind, expected: type) -> None:
    world.order("aviationstack", kind, seconds=0.01)
    assert type(await world.registry.flights[VENDOR].flight(FLIGHT)) is expected


RECORD = {**KNOWN, "flight_date": "2013-02-08", "flight": {"iata": "B6123"}}


def error(code: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "access_key=sandbox-aviationstack"}}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (httpx.Response(200, json={"data": [RECORD]}), Ok(STATUS)),
        (httpx.Response(200, json={"data": [{**RECORD, "departure": {"iata": "JFK", "delay": "95"}, "live": {}}]}), Ok(STATUS)),
        (httpx.Response(200, json={"pagination": {"offset": 0, "total": 200}, "data": []}), Unknown),
        (httpx.Response(200, json={"data": [{**RECORD, "flight_status": "teleported"}]}), Unknown),
        (httpx.Response(200, json={"data": [{**RECORD, "departure": None}]}), Unknown),
        (httpx.Response(200, json={"data": "none"}), Unknown),
        (httpx.Response(200, json=[]), Unknown),
        (httpx.Response(200, json=error("invalid_access_key")), NotSent("sign-in refused")),
        (httpx.Response(401, json=error("invalid_access_key")), NotSent("sign-in refused")),
        (httpx.Response(403, json=error("inactive_user")), NotSent("sign-in refused")),
        (httpx.Response(200, json=error("usage_limit_reached")), NotSent("throttled")),
        (
            httpx.Response(403, json=error("function_access_restricted")),
            Declined("FUNCTION_ACCESS_RESTRICTED", "the plan does not include this"),
        ),
        (httpx.Response(404, json=error("404_not_found")), Unknown),
        (httpx.Response(502, content=b"<html>"), Unknown),
    ],
)
async def test_an_error_counts_whatever_its_status(
    response: httpx.Response, expected: object, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    with respx.mock() as mock, caplog.at_level(logging.DEBUG, "nexa"):
        mock.get(url__regex="http://a/v1/flights.*").mock(return_value=response)
        answer = await AviationStack(Http("http://a"), SandboxSecrets()).flight(FLIGHT)
    assert answer == expected if not isinstance(expected, type) else isinstance(answer, expected)
    assert credentials("")["access_key"] not in repr(answer)
    assert not any(credentials("")["access_key"] in record.getMessage() for record in caplog.records if record.name.startswith("nexa"))


async def test_what_is_no_flight_is_not_asked_for(world: Partners) -> None:
    assert isinstance(await world.registry.flights[VENDOR].flight(Urn("urn:flight:tonight")), Declined)
    assert world.said(VENDOR) == []


async def test_without_an_account_nothing_is_sent() -> None:
    assert await AviationStack(Http("http://127.0.0.1:1"), FileSecrets(None)).flight(FLIGHT) == NotSent("no account with this partner")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 401),
        ({"access_key": "x"}, 401),
        ({**credentials(""), "flight_date": "2013-02-08"}, 403),
        ({**credentials(""), "limit": "0"}, 422),
        ({**credentials(""), "limit": "many"}, 422),
        ({**credentials(""), "limit": "1", "offset": "1"}, 200),
    ],
)
async def test_the_twin_refuses_as_they_do(world: Partners, query: dict[str, str], status: int) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=world.twin("aviationstack")), base_url="http://twin") as client:
        assert (await client.get("/v1/flights", params=query)).status_code == status
