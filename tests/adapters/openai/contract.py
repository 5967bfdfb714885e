"""OpenAI's published contract: one form, and which models there are."""

from __future__ import annotations

from typing import Final

from adapters.openai import VENDOR
from kernel.answer import Ok
from tests.adapters.forms import FORM
from tests.harness.contracts import Contract, Document, Line, Sdk
from tests.harness.partners import T1, Partners

DOCUMENT: Final = Document("openai-chat-completions.json", "/v1")


async def converse(world: Partners) -> None:
    assert isinstance(await world.registry.readers[VENDOR].fill(T1, FORM), Ok)
    await world.registry.probes[VENDOR].probe(T1)


CONTRACT: Final = Contract(
    VENDOR,
    converse,
    (Line("fill", DOCUMENT, "POST", "/chat/completions"), Line("models", DOCUMENT, "GET", "/models")),
    sdk=Sdk("openai", ("fill", "models")),
)
