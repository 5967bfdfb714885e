"""A flight as AviationStack tells of it, and the way to put it into the twin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kernel.sandbox.shell import Call
from kernel.urn import Urn
from tests.harness.partners import Partners

FLIGHT = Urn("urn:flight:B6123@20130208:vendor:aviationstack")
KNOWN: Mapping[str, Any] = {
    "flight_status": "cancelled",
    "departure": {"iata": "JFK", "timezone": "America/New_York", "delay": 95, "scheduled": "2013-02-08T18:30:00+00:00"},
    "arrival": {"iata": "BOS"},
}


async def put(world: Partners, told: Mapping[str, Any] = KNOWN, day: str = "2013-02-08", designator: str = "B6123") -> None:
    call = Call("", "PUT", f"/flights/{day}/{designator}", {}, {}, {}, json.dumps(told).encode(), "")
    said = await world.twin("aviationstack").control(call)
    assert said is not None
    assert said.status == 204
