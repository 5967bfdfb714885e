"""FlightAware's published contract: a cancelled flight, and an airport that stands still."""

from __future__ import annotations

from typing import Final

from adapters.aeroapi import VENDOR
from kernel.answer import Ok
from tests.adapters.aeroapi.records import DELAYS, FLIGHT, put
from tests.harness.contracts import Contract, Contradiction, Document, Line, Part
from tests.harness.partners import Partners

DOCUMENT: Final = Document("flightaware-aeroapi.json", "/aeroapi")


async def converse(world: Partners) -> None:
    await put(world, "flights/B6123/B6123-1", {"cancelled": True, "status": "Cancelled"})
    await put(world, "airports/KJFK/delays", DELAYS)
    assert isinstance(await world.registry.flights[VENDOR].flight(FLIGHT), Ok)
    assert isinstance(await world.registry.delays[VENDOR].delays("KJFK"), Ok)


CONTRACT: Final = Contract(
    VENDOR,
    converse,
    (
        Line(
            "flight", DOCUMENT, "GET", "/flights/{ident}",
            contradictions=(Contradiction(
                Part.REQUEST, r"^(start|end): .* is valid under each of", "only their formats tell a day from an instant"
            ),),
        ),
        Line("delays", DOCUMENT, "GET", "/airports/{id}/delays"),
    ),
)  # fmt: skip
