"""SendGrid's published contract: one e-mail."""

from __future__ import annotations

from typing import Final

from adapters.sendgrid import VENDOR
from domains.notifications.ports import Letter
from kernel.answer import Ok
from kernel.urn import Urn
from tests.harness.contracts import Contract, Document, Line, Sdk
from tests.harness.partners import T1, Partners

DOCUMENT: Final = Document("sendgrid-mail-send.json", "/v3")


async def converse(world: Partners) -> None:
    letter = Letter("ana@passengers.example", "Your room is ready", "See it here: https://t1.example/?token=a", Urn("urn:message:m-1"))
    assert isinstance(await world.registry.default_mail.send(T1, letter), Ok)
    world.twin(VENDOR).reset()


CONTRACT: Final = Contract(VENDOR, converse, (Line("send", DOCUMENT, "POST", "/mail/send", status=202),), sdk=Sdk("sendgrid", ("send",)))
