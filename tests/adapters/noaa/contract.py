"""NOAA's published contract: what one station reports in snow."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from adapters.noaa import VENDOR
from kernel.answer import Ok
from tests.adapters.noaa.reports import put
from tests.harness.contracts import Contract, Document, Line
from tests.harness.partners import Partners


async def converse(world: Partners) -> None:
    await put(world, "KJFK")
    assert isinstance(await world.registry.weather[VENDOR].observations(("KJFK", "KEWR"), timedelta(hours=2)), Ok)


CONTRACT: Final = Contract(VENDOR, converse, (Line("observations", Document("aviationweather.json"), "GET", "/api/data/metar"),))
