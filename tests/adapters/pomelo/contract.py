"""Pomelo's contract: known from pages in prose alone, so there is nothing to hold it against."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from adapters.pomelo import SHEET, VENDOR
from domains.wallet.ports import CardRequest
from kernel.answer import Ok
from kernel.money import Money
from tests.harness.contracts import Contract
from tests.harness.partners import T1, Partners

WHY: Final = "they publish pages in prose; no stored document has their schemas"


async def converse(world: Partners) -> None:
    issuer, amount = world.registry.default_cards, Money(Decimal("60.00"), "USD")
    request = CardRequest("op-1", "urn:sub-case:s-1", "Ana", "Moreau", amount, "ana@passengers.example", "+12125550101")
    issued = await issuer.issue(T1, request)
    assert isinstance(issued, Ok)
    assert isinstance(await issuer.load(T1, issued.value, amount, "op-2"), Ok)
    assert isinstance(await issuer.void(T1, issued.value, "op-3"), Ok)


CONTRACT: Final = Contract(VENDOR, converse, undocumented=dict.fromkeys(SHEET.operations, WHY))
