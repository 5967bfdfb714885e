"""Anthropic's published contract: one form."""

from __future__ import annotations

from typing import Final

from adapters.anthropic import VENDOR
from kernel.answer import Ok
from tests.adapters.forms import FORM
from tests.harness.contracts import Contract, Document, Line, Sdk
from tests.harness.partners import T1, Partners


async def converse(world: Partners) -> None:
    assert isinstance(await world.registry.readers[VENDOR].fill(T1, FORM), Ok)


CONTRACT: Final = Contract(
    VENDOR, converse, (Line("fill", Document("anthropic-messages.json"), "POST", "/v1/messages"),), sdk=Sdk("anthropic", ("fill",))
)
