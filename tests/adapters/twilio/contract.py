"""Twilio's published contract: a text, and looking for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from adapters.twilio import VENDOR
from domains.notifications.ports import Text, digest
from kernel import clock
from kernel.answer import Ok
from tests.harness.contracts import Contract, Document, Line, Sdk
from tests.harness.partners import T1, Partners

DOCUMENT: Final = Document("twilio-messages.json")
MESSAGES: Final = "/2010-04-01/Accounts/{AccountSid}/Messages.json"


async def converse(world: Partners) -> None:
    texts = world.registry.default_texts
    assert isinstance(await texts.send(T1, Text("+12125550101", "Hello", "https://t1.example/w")), Ok)
    assert isinstance(await texts.find(T1, "+12125550101", digest("Hello"), clock.now() - timedelta(minutes=1)), Ok)
    world.twin("twilio").reset()


CONTRACT: Final = Contract(
    VENDOR,
    converse,
    (Line("send", DOCUMENT, "POST", MESSAGES, status=201), Line("find", DOCUMENT, "GET", MESSAGES)),
    sdk=Sdk("twilio", ("send", "find")),
)
