"""NOAA: reports in the predictor's units; what is not reported is None and never a zero."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import respx

from adapters.noaa import VENDOR
from adapters.noaa.client import Noaa
from domains.predictor.model import WeatherObservation
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.http import Http
from kernel.sandbox.faults import FaultKind
from tests.adapters.noaa.reports import put
from tests.harness.partners import Partners, partners

TWO_HOURS = timedelta(hours=2)


@pytest.fixture
def world() -> Partners:
    return partners()


async def told(world: Partners, *stations: str, back: timedelta = TWO_HOURS) -> tuple[WeatherObservation, ...]:
    answer = await world.registry.weather[VENDOR].observations(stations, back)
    assert isinstance(answer, Ok)
    return answer.value


async def test_a_report_is_told_in_our_units(world: Partners) -> None:
    at = await put(world, "KJFK")
    (seen,) = await told(world, "KJFK")
    assert seen == WeatherObservation(
        station="KJFK",
        at=datetime.fromtimestamp(at, UTC),
        temperature_celsius=-1.7,
        wind_knots=24,
        gust_knots=37,
        wind_from_degrees=40,
        visibility_metres=402.336,
        clear_beyond=False,
        ceiling_feet=300,
        pressure_hectopascals=1001.5,
        precipitation_millimetres=0.08 * 25.4,
        phenomena=("+SN", "FZFG"),
    )


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"wdir": "VRB"}, "wind_from_degrees", None),
        ({"wdir": 0}, "wind_from_degrees", 0),
        ({"visib": "6+"}, "clear_beyond", True),
        ({"visib": "10+"}, "visibility_metres", 16093.44),
        ({"visib": None}, "visibility_metres", None),
        ({"temp": None}, "temperature_celsius", None),
        ({"temp": "0"}, "temperature_celsius", 0.0),
        ({"wgst": None}, "gust_knots", None),
        ({"precip": None}, "precipitation_millimetres", None),
        ({"precip": 0}, "precipitation_millimetres", 0.0),
        ({"vertVis": None}, "ceiling_feet", 800),
        ({"vertVis": None, "clouds": None}, "ceiling_feet", None),
        ({"vertVis": None, "clouds": [{"cover": "CLR", "base": None}]}, "ceiling_feet", None),
        ({"wxString": None}, "phenomena", ()),
    ],
)
async def test_what_is_not_said_is_none_and_a_zero_is_a_zero(world: Partners, changes: dict[str, Any], field: str, value: object) -> None:
    await put(world, "KJFK", **changes)
    (seen,) = await told(world, "KJFK")
    assert getattr(seen, field) == value


async def test_several_stations_are_told_newest_first(world: Partners) -> None:
    for station, minutes in (("KJFK", 70), ("KEWR", 5), ("KJFK", 20), ("KLGA", 20), ("KBOS", 1)):
        await put(world, station, minutes)
    assert [seen.station for seen in await told(world, "KJFK", "KEWR", "KLGA")] == ["KEWR", "KJFK", "KLGA", "KJFK"]
    assert [seen.station for seen in await told(world, "KJFK", back=timedelta(minutes=30))] == ["KJFK"]


async def test_nothing_reported_is_nothing(world: Partners) -> None:
    assert await told(world, "KJFK") == ()
    assert world.said(VENDOR)[-1].status == 204
    assert await told(world) == ()


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
    await put(world, "KJFK")
    world.order("noaa", kind, seconds=0.01)
    assert type(await world.registry.weather[VENDOR].observations(("KJFK",), TWO_HOURS)) is expected


REPORT = {"icaoId": "KJFK", "obsTime": 1_360_369_800, "temp": "-1"}


async def ask(response: httpx.Response) -> Answer[tuple[WeatherObservation, ...]]:
    with respx.mock() as mock:
        mock.get(url__regex="http://n/api/data/metar.*").mock(return_value=response)
        return await Noaa(Http("http://n")).observations(("KJFK",), TWO_HOURS)


async def test_a_report_that_cannot_be_read_spoils_no_other() -> None:
    answer = await ask(httpx.Response(200, json=[{**REPORT, "obsTime": "now"}, REPORT, {**REPORT, "icaoId": "KXXX"}]))
    assert isinstance(answer, Ok)
    assert [(seen.station, seen.temperature_celsius) for seen in answer.value] == [("KJFK", -1.0)]


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (httpx.Response(200, json=[]), Ok(())),
        (httpx.Response(200, content=b""), Ok(())),
        (httpx.Response(200, content=b"METAR KJFK 081951Z"), Unknown),
        (httpx.Response(200, json={"reports": []}), Unknown),
        (httpx.Response(200, json=[{**REPORT, "visib": "far"}]), Unknown),
        (httpx.Response(200, json=[1]), Unknown),
        (httpx.Response(400, json={"status": "error", "error": "x"}), Declined("BAD_REQUEST", "NOAA cannot make sense of what was asked")),
        (httpx.Response(400, content=b"<html>"), Unknown),
        (httpx.Response(503, content=b"<html>"), Unknown),
    ],
)
async def test_only_their_own_words_are_definite(response: httpx.Response, expected: object) -> None:
    answer = await ask(response)
    assert answer == expected if not isinstance(expected, type) else isinstance(answer, expected)


@pytest.mark.parametrize("station", ["JFK", "kjfk", "KJFK,KEWR", ""])
async def test_what_is_no_station_is_not_asked_for(world: Partners, station: str) -> None:
    assert isinstance(await world.registry.weather[VENDOR].observations((station,), TWO_HOURS), Declined)
    assert world.said(VENDOR) == []
