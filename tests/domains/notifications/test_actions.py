"""Notifications on real Postgres: one text per thing to say, and every order in which reports may come."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from domains.notifications import actions, queries
from domains.notifications.commands import NotifyLead
from domains.notifications.model import Message, MessageState
from domains.notifications.ports import Delivery, DeliveryStatus, SentText, digest
from domains.notifications.templates import text_for
from kernel.database import Databases
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work

ACCEPTED, SENT, DELIVERED = DeliveryStatus.ACCEPTED, DeliveryStatus.SENT, DeliveryStatus.DELIVERED
READY = "subcase.offer-ready"


class Asked:
    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def send(self, work: Work, message: Message, facts: dict[str, str]) -> None:
        self.sent.append(message)


class Desk:
    """One sub-case's messages, sent by hand."""

    def __init__(self, databases: Databases, tenant: Tenant) -> None:
        self.notifications, self.tenant, self.asked = databases["notifications"], tenant, Asked()
        self.sub_case, self.subject = Urn.mint("sub-case"), Urn.mint("reservation")

    async def notify(self, trigger: str = READY, subject: Urn | None = None, attempt: int = 1) -> None:
        command = NotifyLead(self.sub_case, trigger, subject or self.subject, {"hotel": "Quay"})
        async with self.notifications.work(self.tenant) as work:
            await actions.notify_lead(work, command, f"{Urn.of('workflow', 'w-1')}|notify|{attempt}", self.asked)

    async def sent(self, status: DeliveryStatus = ACCEPTED) -> None:
        async with self.notifications.work(self.tenant) as work:
            await actions.message_sent(work, self.asked.sent[0].urn, SentText("SM1", status), "twilio")

    async def not_sent(self, *, unknown: bool = False) -> None:
        async with self.notifications.work(self.tenant) as work:
            await actions.message_not_sent(work, self.asked.sent[0].urn, "no phone", {"code": "NO_PHONE"}, unknown=unknown)

    async def report(self, status: DeliveryStatus, error: str | None = None) -> bool:
        async with self.notifications.work(self.tenant) as work:
            return await actions.record_delivery(work, "twilio", Delivery("SM1", status, error))

    async def told(self) -> list[dict[str, Any]]:
        async with self.notifications.read(self.tenant) as connection:
            rows = await connection.execute(
                text("select name, body, reply_to from outbox where tenant = :tenant and receiver = 'notifications' order by position"),
                {"tenant": self.tenant},
            )
            return [{**row.body, "name": row.name, "reply_to": row.reply_to} for row in rows]

    async def messages(self) -> list[Message]:
        async with self.notifications.read(self.tenant) as connection:
            return (await queries.messages_by_sub_case(connection, self.tenant, [self.sub_case]))[self.sub_case]


@pytest.fixture
def desk(databases: Databases, tenant: Tenant) -> Desk:
    return Desk(databases, tenant)


async def test_a_message_is_sent_once_and_told_to_whoever_asks(desk: Desk) -> None:
    await desk.notify()
    await desk.notify()
    for _ in range(2):
        await desk.sent()
    await desk.notify(attempt=2)
    assert len(desk.asked.sent) == 1
    told = await desk.told()
    assert [(each["name"], each["reply_to"][-1]) for each in told] == [("LeadNotified", "1"), ("LeadNotified", "2")]
    assert (told[0]["channel"], told[0]["message"]) == ("SMS", desk.asked.sent[0].urn)


async def test_another_trigger_or_subject_is_another_message(desk: Desk) -> None:
    await desk.notify()
    await desk.notify(trigger="wallet.card-issued")
    await desk.notify(subject=Urn.mint("reservation"))
    assert len(desk.asked.sent) == 3


async def test_a_trigger_without_template_is_not_reached(desk: Desk) -> None:
    await desk.notify(trigger="moon.landing")
    [told] = await desk.told()
    assert (told["name"], told["why"]) == ("LeadNotReached", "there is no template for moon.landing")
    assert desk.asked.sent == []


@pytest.mark.parametrize("unknown", [False, True])
async def test_not_reached_says_whether_anybody_knows(desk: Desk, unknown: bool) -> None:
    await desk.notify()
    await desk.not_sent(unknown=unknown)
    await desk.notify()
    assert [(each["name"], each["unknown"]) for each in await desk.told()] == [("LeadNotReached", unknown)] * 2
    assert [message.state for message in await desk.messages()] == [MessageState.UNKNOWN if unknown else MessageState.NOT_SENT]


@pytest.mark.parametrize("unknown", [False, True])
async def test_a_later_attempt_sends_only_what_is_certain_not_to_have_been_sent(desk: Desk, unknown: bool) -> None:
    await desk.notify()
    await desk.not_sent(unknown=unknown)
    for _ in range(2):
        await desk.notify(attempt=2)
    assert len(desk.asked.sent) == (1 if unknown else 2)


async def test_reports_move_a_message_forward_only(desk: Desk) -> None:
    await desk.notify()
    await desk.sent()
    news = [await desk.report(status) for status in (SENT, ACCEPTED, SENT, DELIVERED, SENT, DELIVERED)]
    assert news == [True, False, False, True, False, False]
    assert [each["status"] for each in await desk.told() if each["name"] == "MessageDelivered"] == ["SENT", "DELIVERED"]
    assert [message.delivery for message in await desk.messages()] == [DELIVERED]


async def test_a_report_that_overtakes_the_answer_is_not_lost(desk: Desk) -> None:
    await desk.notify()
    assert await desk.report(DELIVERED)
    assert await desk.told() == []
    await desk.sent()
    assert [each["name"] for each in await desk.told()] == ["LeadNotified", "MessageDelivered"]
    assert [message.delivery for message in await desk.messages()] == [DELIVERED]


async def test_a_text_that_does_not_arrive_is_told_to_people(desk: Desk) -> None:
    await desk.notify()
    await desk.sent()
    await desk.report(DeliveryStatus.UNDELIVERED, "30003")
    missed = (await desk.told())[-1]
    assert (missed["name"], missed["reply_to"], missed["evidence"]["error"]) == ("LeadNotReached", None, "30003")


async def test_a_report_about_nobodys_message_changes_nothing(desk: Desk) -> None:
    assert await desk.report(DELIVERED)
    assert not await desk.report(DELIVERED)
    assert await desk.told() == []


async def test_what_leaves_is_remembered_by_its_digest_for_each_reference(desk: Desk) -> None:
    await desk.notify()
    urn = desk.asked.sent[0].urn
    for reference, body in [("first", "one"), ("first", "two"), ("second", "three")]:
        async with desk.notifications.work(desk.tenant) as work:
            await actions.message_leaves(work, urn, reference, body)
    async with desk.notifications.read(desk.tenant) as connection:
        known = [await queries.digest_of(connection, desk.tenant, urn, reference) for reference in ("first", "second", "third")]
    assert known == [digest("two"), digest("three"), None]


def test_a_text_holds_the_link_and_says_something_for_a_missing_fact() -> None:
    link = "https://b6.example/?token=x"
    assert text_for(READY, "B6", {"hotel": "Quay"}, link) == f"B6: your room at Quay is ready. See it and accept or decline here: {link}"
    assert "a hotel nearby" in text_for(READY, "B6", {"hotel": ""}, link)
    assert "{" not in text_for("wallet.card-issued", "B6", {}, link)


@pytest.mark.parametrize("found", [True, False])
async def test_what_a_person_finds_out_about_a_text_is_the_last_word(desk: Desk, found: bool) -> None:
    await desk.notify()
    await desk.not_sent(unknown=True)
    await desk.not_sent(unknown=True)  # put back: nothing new
    for _ in range(2):
        await desk.sent() if found else await desk.not_sent()
    told = [each["name"] for each in await desk.told()]
    assert told == ["LeadNotReached", "LeadNotified" if found else "LeadNotReached"]
    assert [message.state for message in await desk.messages()] == [MessageState.SENT if found else MessageState.NOT_SENT]
