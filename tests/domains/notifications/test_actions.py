"""Notifications on real Postgres: one message per thing and channel, channel after channel, and every order in which reports may come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from domains.notifications import actions, queries
from domains.notifications.commands import NotifyLead
from domains.notifications.model import Channel, Message, MessageState
from domains.notifications.ports import Delivery, DeliveryStatus, SentText, digest
from domains.notifications.templates import language_of, letter_for, note_for, text_for, trigger_of
from kernel.database import Databases
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work

ACCEPTED, SENT, DELIVERED = DeliveryStatus.ACCEPTED, DeliveryStatus.SENT, DeliveryStatus.DELIVERED
UNDELIVERED, FAILED = DeliveryStatus.UNDELIVERED, DeliveryStatus.FAILED
SMS, WHATSAPP, EMAIL = Channel.SMS, Channel.WHATSAPP, Channel.EMAIL
VENDORS = {SMS: "twilio", WHATSAPP: "whatsapp", EMAIL: "sendgrid"}
READY = "subcase.offer-ready"
OPERATION = Urn("urn:operation:op-1")


class Asked:
    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def send(self, work: Work, message: Message) -> None:
        self.sent.append(message)


class Desk:
    """One sub-case's messages, sent by hand; `channel` None is the one asked for last."""

    def __init__(self, databases: Databases, tenant: Tenant) -> None:
        self.notifications, self.tenant, self.asked = databases["notifications"], tenant, Asked()
        self.sub_case, self.subject = Urn.mint("sub-case"), Urn.mint("reservation")

    @property
    def channels(self) -> list[Channel]:
        """Over which it was to be sent, in this order."""
        return [message.channel for message in self.asked.sent]

    def asked_over(self, channel: Channel | None) -> Message:
        return next(message for message in reversed(self.asked.sent) if channel in (None, message.channel))

    async def notify(self, trigger: str = READY, subject: Urn | None = None, attempt: int = 1) -> None:
        command = NotifyLead(self.sub_case, trigger, subject or self.subject, {"hotel": "Quay"})
        async with self.notifications.work(self.tenant) as work:
            await actions.notify_lead(work, command, f"{Urn.of('workflow', 'w-1')}|notify|{attempt}", self.asked)

    async def sent(self, status: DeliveryStatus = ACCEPTED, channel: Channel | None = None) -> None:
        message = self.asked_over(channel)
        async with self.notifications.work(self.tenant) as work:
            await actions.message_sent(work, message.urn, SentText(self.id(message), status), VENDORS[message.channel])

    async def not_sent(self, channel: Channel | None = None, *, unknown: bool = False, away: str = "") -> None:
        message = self.asked_over(channel)
        why, told = ("nobody can tell", {"operation": OPERATION}) if unknown else ("no such number", {"code": "NO_PHONE"})
        async with self.notifications.work(self.tenant) as work:
            await actions.message_not_sent(
                work, message.urn, why, {**told, **({"away": away} if away else {})}, self.asked, unknown=unknown
            )

    async def nothing_works(self, *, unknown: Sequence[Channel] = ()) -> None:
        for channel in Channel:
            await self.not_sent(channel, unknown=channel in unknown)

    def id(self, message: Message) -> str:
        return f"{VENDORS[message.channel]}-{message.urn.id}"

    async def report(
        self, status: DeliveryStatus, error: str | None = None, channel: Channel | None = None, *, named: bool = False, id: str = ""
    ) -> bool:  # fmt: skip
        """`named`: the report carries our own reference."""
        message = self.asked_over(channel)
        told = Delivery(id or self.id(message), status, error, message.urn if named else None)
        async with self.notifications.work(self.tenant) as work:
            return await actions.record_delivery(work, VENDORS[message.channel], told)

    async def react(self) -> None:
        """What follows when a message did not arrive."""
        missed = [each["message"] for each in await self.told() if each["name"] == "MessageMissed"]
        async with self.notifications.work(self.tenant) as work:
            await actions.try_next_channel(work, Urn(missed[-1]), self.asked)

    async def told(self) -> list[dict[str, Any]]:
        async with self.notifications.read(self.tenant) as connection:
            rows = await connection.execute(
                text("select name, body, reply_to from outbox where tenant = :tenant and receiver = 'notifications' order by position"),
                {"tenant": self.tenant},
            )
            return [{**row.body, "name": row.name, "reply_to": row.reply_to} for row in rows]

    async def names(self) -> list[str]:
        return [each["name"] for each in await self.told()]

    async def messages(self) -> list[Message]:
        async with self.notifications.read(self.tenant) as connection:
            return (await queries.messages_by_sub_case(connection, self.tenant, [self.sub_case]))[self.sub_case]

    async def states(self) -> dict[Channel, MessageState]:
        return {message.channel: message.state for message in await self.messages()}


@pytest.fixture
def desk(databases: Databases, tenant: Tenant) -> Desk:
    return Desk(databases, tenant)


async def test_a_message_is_sent_once_and_told_to_whoever_asks(desk: Desk) -> None:
    await desk.notify()
    await desk.notify()
    for _ in range(2):
        await desk.sent()
    await desk.notify(attempt=2)
    assert desk.channels == [SMS]
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


# --- channel after channel ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unknown", [False, True])
async def test_what_was_not_sent_and_what_may_have_been_goes_to_the_next_channel(desk: Desk, unknown: bool) -> None:
    await desk.notify()
    await desk.not_sent(unknown=unknown)
    assert await desk.told() == []  # whoever asked waits for the next one
    assert desk.channels == [SMS, WHATSAPP]
    await desk.not_sent(unknown=unknown)
    assert desk.channels == [SMS, WHATSAPP, EMAIL]
    assert {tuple(message.facts.items()) for message in desk.asked.sent} == {(("hotel", "Quay"),)}
    await desk.sent()
    [told] = await desk.told()
    assert (told["name"], told["channel"], told["reply_to"][-1]) == ("LeadNotified", "EMAIL", "1")


@pytest.mark.parametrize("unknown", [(), (WHATSAPP,), (SMS, EMAIL)])
async def test_not_reached_says_whether_anybody_knows(desk: Desk, unknown: Sequence[Channel]) -> None:
    await desk.notify()
    await desk.nothing_works(unknown=unknown)
    await desk.notify()
    told = await desk.told()
    assert [(each["name"], each["unknown"]) for each in told] == [("LeadNotReached", bool(unknown))] * 2
    assert told[0]["evidence"].get("operation") == (OPERATION if unknown else None)
    assert set(told[0]["evidence"]) >= {"sms", "whatsapp", "email"}
    assert (await desk.states())[WHATSAPP] is (MessageState.UNKNOWN if WHATSAPP in unknown else MessageState.NOT_SENT)


async def test_not_reached_names_every_partner_that_was_away(desk: Desk) -> None:
    await desk.notify()
    for channel in Channel:
        await desk.not_sent(channel, away="" if channel is EMAIL else VENDORS[channel])
    assert (await desk.told())[0]["evidence"]["away"] == "twilio whatsapp"


async def test_a_later_attempt_sends_only_what_is_certain_not_to_have_been_sent(desk: Desk) -> None:
    await desk.notify()
    await desk.nothing_works(unknown=[WHATSAPP])
    for _ in range(2):
        await desk.notify(attempt=2)
    assert desk.channels == [SMS, WHATSAPP, EMAIL, SMS]
    await desk.not_sent()
    assert desk.channels == [SMS, WHATSAPP, EMAIL, SMS, EMAIL]
    await desk.not_sent()
    assert [(each["name"], each["reply_to"][-1]) for each in await desk.told()] == [("LeadNotReached", "1"), ("LeadNotReached", "2")]
    await desk.notify(attempt=2)
    assert len(desk.asked.sent) == 5
    assert [each["reply_to"][-1] for each in await desk.told()] == ["1", "2", "2"]


async def test_where_everything_may_have_been_sent_no_attempt_sends_again(desk: Desk) -> None:
    await desk.notify()
    await desk.nothing_works(unknown=tuple(Channel))
    await desk.notify(attempt=2)
    assert len(desk.asked.sent) == 3
    assert [each["unknown"] for each in await desk.told()] == [True, True]


async def test_two_channels_that_fail_at_once_ask_for_one_more(desk: Desk) -> None:
    await desk.notify()
    for _ in range(2):
        await desk.not_sent(SMS)
    assert desk.channels == [SMS, WHATSAPP]


# --- what the partners report -----------------------------------------------------------------------------------------------------------


async def test_reports_move_a_message_forward_only(desk: Desk) -> None:
    await desk.notify()
    await desk.sent()
    news = [await desk.report(status) for status in (SENT, ACCEPTED, SENT, DELIVERED, SENT, DELIVERED)]
    assert news == [True, False, False, True, False, False]
    assert [each["status"] for each in await desk.told() if each["name"] == "MessageDelivered"] == ["SENT", "DELIVERED"]
    assert [message.delivery for message in await desk.messages()] == [DELIVERED]


@pytest.mark.parametrize("named", [False, True])
async def test_a_report_that_overtakes_the_answer_is_not_lost(desk: Desk, named: bool) -> None:
    await desk.notify()
    assert await desk.report(DELIVERED, named=named)
    await desk.sent()
    assert sorted(await desk.names()) == ["LeadNotified", "MessageDelivered"]
    assert [message.delivery for message in await desk.messages()] == [DELIVERED]


async def test_a_report_under_another_id_counts_by_our_reference(desk: Desk) -> None:
    await desk.notify()
    await desk.sent()
    assert await desk.report(DELIVERED, named=True, id="theirs-2")
    assert await desk.report(SENT, named=True, id="theirs-3")
    assert [message.delivery for message in await desk.messages()] == [DELIVERED]


@pytest.mark.parametrize("named", [False, True])
async def test_what_does_not_arrive_goes_to_the_next_channel_and_then_to_people(desk: Desk, named: bool) -> None:
    await desk.notify()
    for channel in Channel:
        await desk.sent()
        await desk.report(UNDELIVERED, f"error-{channel}", named=named)
        await desk.report(UNDELIVERED, "again", named=named)
        await desk.react()
    assert desk.channels == [SMS, WHATSAPP, EMAIL]
    told = [each for each in await desk.told() if each["name"].startswith("Lead")]
    assert [(each["name"], each["reply_to"] is None) for each in told] == [
        ("LeadNotified", False), ("LeadNotified", True), ("LeadNotified", True), ("LeadNotReached", True),
    ]  # fmt: skip
    assert (told[-1]["unknown"], told[-1]["evidence"]["error"]) == (False, "error-EMAIL")
    assert told[-1]["why"] == "SMS: it did not arrive; WHATSAPP: it did not arrive; EMAIL: it did not arrive"


async def test_what_did_not_arrive_and_was_reported_before_the_answer_goes_on_too(desk: Desk) -> None:
    await desk.notify()
    await desk.report(FAILED, "131026")
    await desk.sent()
    await desk.react()
    assert desk.channels == [SMS, WHATSAPP]
    assert await desk.names() == ["LeadNotified", "MessageDelivered", "MessageMissed"]


async def test_once_reached_nothing_more_is_sent(desk: Desk) -> None:
    await desk.notify()
    await desk.not_sent(unknown=True)
    await desk.sent()
    await desk.sent(channel=SMS)  # found after all
    await desk.report(UNDELIVERED, channel=SMS)
    await desk.react()
    assert desk.channels == [SMS, WHATSAPP]
    assert [each["channel"] for each in await desk.told() if each["name"] == "LeadNotified"] == ["WHATSAPP"]


async def test_a_report_on_what_nobody_could_tell_asks_for_its_outcome(desk: Desk) -> None:
    await desk.notify()
    await desk.not_sent(SMS)
    await desk.nothing_works(unknown=[WHATSAPP])
    assert await desk.report(DELIVERED, channel=WHATSAPP, named=True)
    found = (await desk.told())[-1]
    assert (found["name"], found["operation"], found["message"]) == ("MessageFound", OPERATION, desk.asked_over(WHATSAPP).urn)
    async with desk.notifications.read(desk.tenant) as connection:
        known = await queries.reported(connection, desk.tenant, desk.asked_over(WHATSAPP).urn)
        nothing = await queries.reported(connection, desk.tenant, desk.asked_over(EMAIL).urn)
    assert (known, nothing) == (SentText(desk.id(desk.asked_over(WHATSAPP)), DELIVERED), None)
    await desk.sent(DELIVERED, WHATSAPP)
    assert [each["channel"] for each in await desk.told() if each["name"] == "LeadNotified"] == ["WHATSAPP"]


async def test_a_report_that_was_here_before_the_doubt_keeps_the_next_channel_silent(desk: Desk) -> None:
    await desk.notify()
    await desk.not_sent(SMS)
    await desk.report(DELIVERED, channel=WHATSAPP, named=True)
    await desk.not_sent(WHATSAPP, unknown=True)
    assert desk.channels == [SMS, WHATSAPP]
    assert (await desk.names())[-1] == "MessageFound"


async def test_what_is_reported_lost_before_the_doubt_goes_on_at_once(desk: Desk) -> None:
    await desk.notify()
    await desk.not_sent(SMS)
    await desk.report(FAILED, channel=WHATSAPP, named=True)
    await desk.not_sent(WHATSAPP, unknown=True)
    assert desk.channels == [SMS, WHATSAPP, EMAIL]
    await desk.sent(FAILED, WHATSAPP)  # found, and found lost
    assert "LeadNotified" not in await desk.names()


async def test_a_report_about_nobodys_message_changes_nothing(desk: Desk) -> None:
    await desk.notify()
    assert await desk.report(DELIVERED, id="nobody's")
    assert not await desk.report(DELIVERED, id="nobody's")
    assert await desk.told() == []


async def test_a_report_with_a_reference_that_is_not_ours_changes_nothing(desk: Desk) -> None:
    async with desk.notifications.work(desk.tenant) as work:
        assert await actions.record_delivery(work, "sendgrid", Delivery("x", DELIVERED, None, Urn("urn:message:nobody")))
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


@pytest.mark.parametrize("found", [True, False])
async def test_what_a_person_finds_out_about_a_message_is_the_last_word(desk: Desk, found: bool) -> None:
    await desk.notify()
    await desk.nothing_works(unknown=[SMS])
    await desk.not_sent(SMS, unknown=True)  # put back: nothing new
    for _ in range(2):
        await desk.sent(channel=SMS) if found else await desk.not_sent(SMS)
    told = await desk.told()
    assert [each["name"] for each in told] == ["LeadNotReached", "LeadNotified" if found else "LeadNotReached"]
    assert told[0]["unknown"]
    assert not told[1].get("unknown")
    assert (await desk.states())[SMS] is (MessageState.SENT if found else MessageState.NOT_SENT)


# --- what is said -----------------------------------------------------------------------------------------------------------------------

LINK = "https://b6.example/?token=x"
RIDE = "transport.dispatched"
TRIGGERS = (READY, "wallet.card-issued", RIDE)
LANGUAGES = ("en", "es", "fr", "pt")


def test_a_text_holds_the_link_and_says_something_for_a_missing_fact() -> None:
    said = text_for(READY, "en", "B6", {"hotel": "Quay"}, LINK)
    assert said == f"B6: your room at Quay is ready. See it and accept or decline here: {LINK}"
    assert "a hotel nearby" in text_for(READY, "en", "B6", {"hotel": ""}, LINK)
    assert "un hotel cercano" in text_for(READY, "es", "B6", {}, LINK)
    assert "{" not in text_for("wallet.card-issued", "en", "B6", {}, LINK)


@pytest.mark.parametrize("trigger", TRIGGERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_trigger_is_said_in_every_language_on_every_channel(trigger: str, language: str) -> None:
    facts = {"hotel": "Quay Inn", "amount": "45.00 USD", "vehicle": "UberX", "shown": "r1de"}
    said_of = {READY: ("Quay Inn",), "wallet.card-issued": ("45.00 USD",), RIDE: ("UberX", "r1de")}[trigger]
    said = text_for(trigger, language, "B6", facts, LINK)
    letter, note = letter_for(trigger, language, "B6", facts, LINK), note_for(trigger, language, "B6", facts, LINK)
    assert said.startswith("B6")
    assert said.endswith(LINK)
    assert all(fact in said for fact in said_of)
    assert letter.title.startswith("B6")
    assert letter.body.startswith(said)
    assert "\n" not in letter.title
    assert note.parameters == ("B6", *said_of, LINK)
    assert note.template == trigger.replace(".", "_").replace("-", "_")
    assert trigger_of(said) == trigger_of(letter.body) == trigger


def test_no_two_languages_say_the_same() -> None:
    assert len({text_for(trigger, language, "B6", {}, "l") for trigger in TRIGGERS for language in LANGUAGES}) == 12


def test_what_is_not_ours_is_about_nothing() -> None:
    assert trigger_of("Your parcel has arrived") is None


@pytest.mark.parametrize(
    ("passenger", "airport", "language"),
    [
        ("en", "JFK", "en"),
        ("es-MX", "JFK", "es"),
        ("PT_br", "JFK", "pt"),
        ("ja", "JFK", "en"),
        ("ja", "PUJ", "es"),
        ("de", "CDG", "fr"),
        ("", "GRU", "pt"),
        ("en", "CDG", "en"),
        ("xx", "", "en"),
    ],
)
def test_the_language_is_the_passengers_else_the_airports_else_english(passenger: str, airport: str, language: str) -> None:
    assert language_of(passenger, airport) == language
