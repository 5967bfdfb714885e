"""Messages against the channels' twins: one message per thing to say, whatever is lost on the way, and nothing of it at rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from adapters.registry import WEBHOOKS, SandboxSecrets
from adapters.sendgrid.sandbox import SendgridTwin
from adapters.whatsapp.sandbox import WhatsappTwin
from domains.notifications import actions
from domains.notifications.commands import NotifyLead
from domains.notifications.events import MessageFound, MessageMissed
from domains.notifications.ports import Delivery
from kernel.database import Databases
from kernel.event import decode
from kernel.http import Http
from kernel.sandbox.faults import FaultKind
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.webhook import Inbound
from runtime.embedded.valkey import ValkeyUrls
from tests.builders import a_draft
from tests.harness.messages import until
from tests.harness.partners import Mailbox
from tests.jobs.floor import Floor, a_floor

RESERVATION = Urn("urn:reservation:r-1")
EMAIL = "ana.moreau@passengers.example"
REFUSED = "+15005550001"  # of Twilio's own numbers, the one that is none


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


@pytest.fixture
async def floor(databases: Databases, tenant: Tenant, redis: Redis) -> AsyncIterator[Floor]:
    async with a_floor(databases, tenant, redis) as made:
        yield made


@asynccontextmanager
async def reporting(databases: Databases, tenant: Tenant, redis: Redis, **draft: object) -> AsyncIterator[tuple[Floor, Mailbox]]:
    """A floor with a party whose number takes no texts, whose mail and chat report to the mailbox."""
    async with a_floor(databases, tenant, redis, a_draft(**{"phone": REFUSED, "email": EMAIL, **draft})) as floor:
        mailbox = Mailbox()
        for partner in ("sendgrid", "whatsapp"):
            twin = floor.partners.twin(partner)
            assert isinstance(twin, (SendgridTwin, WhatsappTwin))
            twin.pace, twin.outside, twin.door = 0.01, Http("", app=mailbox), f"http://{partner}"
        yield floor, mailbox


async def told(floor: Floor, count: int = 1) -> dict[str, object]:
    await floor.ask(NotifyLead(floor.sub_case, "subcase.offer-ready", RESERVATION, {"hotel": "Harbour Inn"}))
    return (await floor.answers("notifications", "LeadNotified", "LeadNotReached", count=count))[-1]


async def hear(floor: Floor, mailbox: Mailbox, vendor: str) -> None:
    """Takes what the partner reported, as our door does, and does what follows from it."""
    await floor.partners.twin(vendor).quiet()
    secrets = SandboxSecrets().vendor(floor.tenant, vendor)
    for headers, body in mailbox.calls:
        for report in WEBHOOKS[vendor](Inbound("http://x", headers, body), secrets):
            assert isinstance(report, Delivery)
            async with floor.databases["notifications"].work(floor.tenant) as work:
                await actions.record_delivery(work, vendor, report)
    mailbox.calls.clear()
    for each in await floor.told("notifications", "MessageFound", "MessageMissed"):
        event = decode(each["name"], {name: value for name, value in each.items() if name not in ("name", "reply_to")})
        assert isinstance(event, (MessageFound, MessageMissed))
        await floor.ask(event)


async def states(floor: Floor) -> dict[str, str]:
    async with floor.databases["notifications"].read(floor.tenant) as connection:
        rows = await connection.execute(text("select name, state from operation where tenant = :tenant"), {"tenant": floor.tenant})
        return {row.name: row.state for row in rows}


async def test_the_lead_gets_one_text_with_a_link(floor: Floor) -> None:
    assert (await told(floor))["name"] == "LeadNotified"
    await told(floor)
    [body] = floor.texts()
    assert body.endswith(floor.links.made[0])
    assert "Harbour Inn" in body


@pytest.mark.parametrize(("language", "words"), [("es-MX", "su habitación"), ("pt", "o seu quarto"), ("ja", "your room")])
async def test_the_lead_is_told_in_their_language(databases: Databases, tenant: Tenant, redis: Redis, language: str, words: str) -> None:
    async with a_floor(databases, tenant, redis, a_draft(language=language)) as floor:
        await told(floor)
    assert words in floor.texts()[0]


@pytest.mark.parametrize("fault", [FaultKind.LOST_ANSWER, FaultKind.ERROR_EXECUTED, FaultKind.GARBAGE])
async def test_a_text_whose_answer_is_lost_is_found_and_not_sent_again(floor: Floor, fault: FaultKind) -> None:
    floor.partners.order("twilio", fault, "send", count=1)
    assert (await told(floor))["name"] == "LeadNotified"
    assert len(floor.texts()) == 1
    assert len(floor.links.made) == 1


async def test_a_text_that_never_arrived_there_is_sent_again(floor: Floor) -> None:
    floor.partners.order("twilio", FaultKind.LOST_REQUEST, "send", count=1)
    assert (await told(floor))["name"] == "LeadNotified"
    assert len(floor.texts()) == 1


async def test_where_texts_do_not_go_a_chat_message_does(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    async with reporting(databases, tenant, redis, language="fr") as (floor, _):
        answer = await told(floor)
        [note] = floor.notes()
    assert (answer["name"], answer["channel"]) == ("LeadNotified", "WHATSAPP")
    assert (note["to"], note["language"], note["parameters"][1]) == (REFUSED, "fr", "Harbour Inn")
    assert (floor.texts(), floor.letters()) == ([], [])


async def test_a_party_without_phone_gets_an_e_mail(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    async with reporting(databases, tenant, redis, phone=None, language="es") as (floor, _):
        answer = await told(floor)
        [letter] = floor.letters()
    assert (answer["name"], answer["channel"]) == ("LeadNotified", "EMAIL")
    assert (letter["to"], "su habitación está lista" in letter["title"]) == (EMAIL, True)
    assert floor.links.made[-1] in letter["body"]
    assert (floor.texts(), floor.notes()) == ([], [])


async def test_a_party_without_phone_and_mail_is_not_reached(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    async with a_floor(databases, tenant, redis, a_draft(phone=None)) as floor:
        missed = await told(floor)
    why = "the party left no phone number; the party left no e-mail address"
    assert (missed["name"], missed["why"], missed["unknown"]) == ("LeadNotReached", why, False)
    assert (floor.texts(), floor.notes(), floor.letters()) == ([], [], [])


UNCLEAR = [FaultKind.LOST_REQUEST, FaultKind.LOST_ANSWER, FaultKind.ERROR, FaultKind.ERROR_EXECUTED, FaultKind.GARBAGE]


@pytest.mark.parametrize("fault", UNCLEAR)
async def test_an_unclear_chat_message_goes_to_mail_at_once_and_is_never_sent_again(
    databases: Databases, tenant: Tenant, redis: Redis, fault: FaultKind
) -> None:
    async with reporting(databases, tenant, redis) as (floor, _):
        floor.partners.order("whatsapp", fault, "send", count=1)
        answer = await told(floor)
        assert (answer["name"], answer["channel"]) == ("LeadNotified", "EMAIL")
        assert await states(floor) == {"send_message": "DECLINED", "send_note": "REVIEW", "send_letter": "OK"}
        await told(floor, count=2)
        assert len(floor.partners.said("whatsapp")) == 1
        assert [each["opens"] for each in await floor.told("notifications", "MessageReviewed")] == [False]


async def test_what_was_unclear_everywhere_is_a_persons_until_a_report_settles_it(
    databases: Databases, tenant: Tenant, redis: Redis
) -> None:
    async with reporting(databases, tenant, redis) as (floor, mailbox):
        floor.partners.order("whatsapp", FaultKind.LOST_REQUEST, "send", count=1)
        floor.partners.order("sendgrid", FaultKind.LOST_ANSWER, "send", count=1)
        missed = await told(floor)
        assert (missed["name"], missed["unknown"]) == ("LeadNotReached", True)
        assert len(floor.letters()) == 1  # it was sent, and nobody knows yet
        await hear(floor, mailbox, "sendgrid")
        found = (await floor.answers("notifications", "LeadNotified"))[0]
        assert (found["channel"], found["reply_to"]) == ("EMAIL", missed["reply_to"])
        assert await states(floor) == {"send_message": "DECLINED", "send_note": "REVIEW", "send_letter": "OK"}
        settled = (await floor.told("notifications", "MessageReviewed"))[-1]
        assert (settled["finding"], settled["operation"]) == ("FOUND", missed["evidence"]["operation"])  # type: ignore[index]
        assert len(floor.letters()) == 1


async def test_a_chat_message_reported_lost_is_followed_by_an_e_mail(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    async with reporting(databases, tenant, redis, phone="+15005550041") as (floor, mailbox):
        floor.partners.order("twilio", FaultKind.REFUSE, "send")
        assert (await told(floor))["channel"] == "WHATSAPP"
        await hear(floor, mailbox, "whatsapp")
        await floor.answers("notifications", "LeadNotified", count=2)
        assert len(floor.letters()) == 1


async def test_an_e_mail_that_comes_back_is_told_to_people(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    async with reporting(databases, tenant, redis, phone=None, email="bounce@passengers.example") as (floor, mailbox):
        await told(floor)
        await hear(floor, mailbox, "sendgrid")
        missed = await floor.answer("notifications", "LeadNotReached")
    assert (missed["reply_to"], missed["evidence"]["error"]) == (None, "5.1.1")


async def test_a_throttled_channel_is_waited_for(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    async with reporting(databases, tenant, redis) as (floor, _):
        floor.partners.order("whatsapp", FaultKind.THROTTLE_BARE, "send", count=2)
        assert (await told(floor))["channel"] == "WHATSAPP"
        assert len(floor.partners.said("whatsapp")) == 3


@pytest.mark.parametrize("channels", [("twilio",), ("twilio", "whatsapp"), ("twilio", "whatsapp", "sendgrid")])
async def test_neither_address_nor_words_nor_link_rests(
    databases: Databases, tenant: Tenant, redis: Redis, channels: Sequence[str]
) -> None:
    async with reporting(databases, tenant, redis, phone="+12125550199") as (floor, _):
        for partner in channels[:-1]:
            floor.partners.order(partner, FaultKind.REFUSE, "send")
        await told(floor)
        await until(lambda: len(floor.links.made) >= len(channels))
        for table in ("operation", "message", "sending", "delivery", "outbox"):
            async with databases["notifications"].read(floor.tenant) as connection:
                rows = repr((await connection.exec_driver_sql(f'select * from "{table}"')).all())
            assert not [secret for secret in ("+1212555", "passengers.example", "token=", "ready. See it") if secret in rows], table
