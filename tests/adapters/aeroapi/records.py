"""A flight and an airport as AeroAPI tells of them, and the way to put them into the twin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from kernel.sandbox.shell import Call
from kernel.urn import Urn
from tests.harness.partners import Partners

FLIGHT: Final = Urn("urn:flight:B6123@20130208:vendor:aeroapi")
DELAYS: Final = {
    "airport": "KJFK",
    "category": "weather",
    "color": "red",
    "delay_secs": 7200,
    "reasons": [
        {"category": "traffic", "color": "yellow", "delay_secs": 1800, "reason": "volume"},
        {"category": "weather", "color": "red", "delay_secs": 7200, "reason": "snow and ice"},
    ],
}


def airport(icao: str, iata: str, zone: str) -> dict[str, Any]:
    return {
        "code": icao, "code_icao": icao, "code_iata": iata, "code_lid": None, "timezone": zone, "name": iata, "city": iata,
        "airport_info_url": f"/airports/{icao}",
    }  # fmt: skip


PLANNED: Final[Mapping[str, Any]] = {
    "ident_iata": "B6123",
    "operator": "JBU",
    "operator_iata": "B6",
    "flight_number": "123",
    "origin": airport("KJFK", "JFK", "America/New_York"),
    "destination": airport("KBOS", "BOS", "America/New_York"),
    "scheduled_out": "2013-02-09T01:30:00Z",  # the evening of the 8th at JFK
    "scheduled_off": "2013-02-09T01:45:00Z",
    "departure_delay": 0,
    "arrival_delay": 0,
}


async def put(world: Partners, path: str, told: Mapping[str, Any]) -> None:
    body = {**PLANNED, **told} if path.startswith("flights/") else told
    said = await world.twin("aeroapi").control(Call("", "PUT", f"/{path}", {}, {}, {}, json.dumps(body).encode(), ""))
    assert said is not None
    assert said.status == 204
