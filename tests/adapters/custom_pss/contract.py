"""The contract of an airline's own PSS is ours: `adapters/custom_pss/wire.py` is its document."""

from __future__ import annotations

from typing import Final

from adapters.custom_pss import SHEET, VENDOR, translate
from kernel.answer import Ok
from tests.adapters.custom_pss.manifests import FLIGHT, MANIFEST, PNR, put
from tests.harness.contracts import Contract
from tests.harness.partners import T1, Partners


async def converse(world: Partners) -> None:
    assert await put(world, translate.written(MANIFEST)) == 204
    assert isinstance(await world.registry.manifests.manifest(T1, FLIGHT), Ok)
    assert isinstance(await world.registry.manifests.next_flight(T1, FLIGHT, PNR), Ok)


CONTRACT: Final = Contract(VENDOR, converse, undocumented=dict.fromkeys(SHEET.operations, "the contract is Nexa's own, in wire.py"))
