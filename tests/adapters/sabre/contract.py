"""Sabre publishes no document that may be kept: facts of its pages are in the adapter's own words."""

from __future__ import annotations

from typing import Final

from adapters.sabre import SHEET, VENDOR
from kernel.answer import Ok
from tests.adapters.sabre.bookings import BOOKING, FLIGHT, PNR, put
from tests.harness.contracts import Contract
from tests.harness.partners import T1, Partners


async def converse(world: Partners) -> None:
    assert await put(world, BOOKING) == 204
    assert isinstance(await world.registry.manifests.entry(T1, FLIGHT, PNR), Ok)


CONTRACT: Final = Contract(
    VENDOR, converse, undocumented=dict.fromkeys(SHEET.operations, "Sabre's document is behind its portal's sign-in")
)
