"""AviationStack's flights are published in prose: facts of those pages are in the adapter's own words."""

from __future__ import annotations

from typing import Final

from adapters.aviationstack import SHEET, VENDOR
from kernel.answer import Ok
from tests.adapters.aviationstack.records import FLIGHT, put
from tests.harness.contracts import Contract
from tests.harness.partners import Partners


async def converse(world: Partners) -> None:
    await put(world)
    assert isinstance(await world.registry.flights[VENDOR].flight(FLIGHT), Ok)


CONTRACT: Final = Contract(VENDOR, converse, undocumented=dict.fromkeys(SHEET.operations, "they publish pages in prose, and no schemas"))
