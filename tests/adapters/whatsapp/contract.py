"""The Cloud API's published contract: one message by a template."""

from __future__ import annotations

from typing import Final

from adapters.whatsapp import VENDOR
from domains.notifications.ports import Note
from kernel.answer import Ok
from kernel.urn import Urn
from tests.harness.contracts import Contract, Document, Line
from tests.harness.partners import T1, Partners

DOCUMENT: Final = Document("whatsapp-cloud-messages.json")


async def converse(world: Partners) -> None:
    note = Note("+12125550101", "subcase_offer_ready", "en", ("T1", "Harbour Inn", "https://t1.example/?token=a"), Urn("urn:message:m-1"))
    assert isinstance(await world.registry.default_chat.send(T1, note), Ok)
    world.twin(VENDOR).reset()


CONTRACT: Final = Contract(VENDOR, converse, (Line("send", DOCUMENT, "POST", "/{Version}/{Phone-Number-ID}/messages"),))
