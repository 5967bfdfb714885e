"""Uber's guest rides are published in prose: facts of those pages are in the adapter's own words."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from adapters.uber import SHEET, VENDOR
from domains.booking.ports import Drive, Point, RideOrder, Rider
from kernel import clock
from kernel.answer import Ok
from tests.harness.contracts import Contract
from tests.harness.partners import T1, Partners

DRIVE: Final = Drive("JFK", Point(40.6398, -73.7789), Point(40.67, -73.80), "Harbor Inn, 10 Conduit Ave", 3)


async def converse(world: Partners) -> None:
    rides = world.registry.rides[VENDOR]
    quoted = await rides.quotes(T1, DRIVE)
    assert isinstance(quoted, Ok)
    order = RideOrder("ride-1", DRIVE, quoted.value[0])
    sent = await rides.dispatch(T1, order, Rider("Ana", "Moreau", "+12125550101", "es"))
    assert isinstance(sent, Ok)
    assert isinstance(await rides.find(T1, order, clock.now() - timedelta(minutes=1)), Ok)
    assert isinstance(await rides.read(T1, order, sent.value.reference), Ok)
    assert isinstance(await rides.cancel(T1, order, sent.value.reference), Ok)


CONTRACT: Final = Contract(
    VENDOR, converse, undocumented=dict.fromkeys(SHEET.operations, "they publish pages in prose; no document has their schemas")
)
