"""A report of a station in snow, and the way to put it into the twin."""

from __future__ import annotations

import json
from typing import Any, Final

from kernel import clock
from kernel.sandbox.shell import Call
from tests.harness.partners import Partners

SNOW: Final[dict[str, Any]] = {
    "temp": -1.7,
    "dewp": -2.8,
    "wdir": 40,
    "wspd": 24,
    "wgst": 37,
    "visib": 0.25,
    "altim": 1001.5,
    "precip": 0.08,
    "vertVis": 300,
    "wxString": "+SN FZFG",
    "clouds": [{"cover": "BKN", "base": 800}, {"cover": "FEW", "base": 200}],
}


async def put(world: Partners, station: str, minutes_ago: int = 10, **changes: Any) -> int:
    at = int(clock.now().timestamp()) - 60 * minutes_ago
    body = json.dumps({**SNOW, **changes}).encode()
    said = await world.twin("noaa").control(Call("", "PUT", f"/reports/{station}/{at}", {}, {}, {}, body, ""))
    assert said is not None
    assert said.status == 204
    return at
