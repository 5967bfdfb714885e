"""The published contract of Amadeus' flight orders, a stand-in for the one that airlines use: a token, and one order."""

from __future__ import annotations

from typing import Final

from adapters.amadeus_pss import VENDOR
from kernel.answer import Ok
from tests.adapters.amadeus_pss.orders import FLIGHT, ORDER, PLAIN, put
from tests.harness.contracts import Contract, Document, Line, Sdk
from tests.harness.partners import T1, Partners

AUTH: Final = Document("amadeus-auth.json", "/v1")
ORDERS: Final = Document("amadeus-flight-orders.json", "/v1")


async def prepare(world: Partners) -> None:
    assert await put(world, ORDER, pnr=PLAIN) == 204


async def converse(world: Partners) -> None:
    await prepare(world)
    assert isinstance(await world.registry.manifests.entry(T1, FLIGHT, PLAIN), Ok)


CONTRACT: Final = Contract(
    VENDOR,
    converse,
    (
        Line("token", AUTH, "POST", "/security/oauth2/token"),
        Line("order", ORDERS, "GET", "/booking/flight-orders/{flight-orderId}"),
    ),
    sdk=Sdk("amadeus", ("token", "order"), prepare),
)
