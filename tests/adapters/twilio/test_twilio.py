"""Twilio: a text is sent, found again, and its delivery believed only when it is signed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
import respx

from adapters.registry import WEBHOOKS, SandboxSecrets
from adapters.twilio import VENDOR
from adapters.twilio.client import Twilio
from adapters.twilio.sandbox import TwilioTwin, credentials
from adapters.twilio.webhook import receive, signature
from domains.notifications.ports import Delivery, DeliveryStatus, SentText, Text, digest
from kernel import clock
from kernel.answer import Declined, NotSent, Ok, Unknown
from kernel.http import Http
from kernel.sandbox.faults import FaultKind
from kernel.secret import FileSecrets, Secret
from kernel.webhook import ForgedError, Inbound
from tests.harness.partners import T1, T2, Mailbox, Partners, partners

CALLBACK = "http://partner.example/webhooks/t1/twilio"
HELLO = Text("+12125550101", "Your room is ready: https://t1.example/?token=a.b.c", CALLBACK)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def world(mailbox: Mailbox) -> Partners:
    made = partners()
    twin = made.twin("twilio")
    assert isinstance(twin, TwilioTwin)
    twin.pace, twin.outside = 0.01, Http("", app=mailbox)
    return made


async def found(world: Partners, text: Text = HELLO) -> SentText | None:
    answer = await world.registry.default_texts.find(T1, text.to, digest(text.body), clock.now() - timedelta(minutes=1))
    assert isinstance(answer, Ok)
    return answer.value


def reports(mailbox: Mailbox) -> list[Delivery]:
    secrets = SandboxSecrets().vendor(T1, VENDOR)
    return [
        report
        for headers, body in mailbox.calls
        for report in WEBHOOKS[VENDOR](Inbound(CALLBACK, headers, body), secrets)
        if isinstance(report, Delivery)
    ]


async def test_a_text_is_sent_found_again_and_reported_delivered(world: Partners, mailbox: Mailbox) -> None:
    answer = await world.registry.default_texts.send(T1, HELLO)
    assert isinstance(answer, Ok)
    assert answer.value.status is DeliveryStatus.ACCEPTED
    await world.twin("twilio").quiet()
    message = answer.value.message
    assert await found(world) == SentText(message, DeliveryStatus.DELIVERED)
    assert reports(mailbox) == [Delivery(message, DeliveryStatus.SENT), Delivery(message, DeliveryStatus.DELIVERED)]
    assert [held["body"] for held in world.book("twilio")["messages"]] == [HELLO.body]


@pytest.mark.parametrize(
    ("kind", "expected", "held"),
    [
        (FaultKind.LOST_REQUEST, Unknown, 0),
        (FaultKind.LOST_ANSWER, Unknown, 1),
        (FaultKind.LATE, Unknown, 1),
        (FaultKind.ERROR, Unknown, 0),
        (FaultKind.ERROR_EXECUTED, Unknown, 1),
        (FaultKind.THROTTLE, NotSent, 0),
        (FaultKind.THROTTLE_BARE, NotSent, 0),
        (FaultKind.GARBAGE, Unknown, 1),
        (FaultKind.DRIFT, Unknown, 1),
        (FaultKind.REFUSE, Declined, 0),
        (FaultKind.DELAY, Ok, 1),
    ],
)
async def test_every_fault_of_a_send_is_told_as_what_it_is(world: Partners, kind: FaultKind, expected: type, held: int) -> None:
    world.order("twilio", kind, "send", count=1, seconds=0.02)
    assert type(await world.registry.default_texts.send(T1, HELLO)) is expected
    await world.twin("twilio").quiet()
    assert len(world.book("twilio")["messages"]) == held
    assert (await found(world) is not None) == bool(held)


@pytest.mark.parametrize("kind", [FaultKind.LOST_ANSWER, FaultKind.ERROR, FaultKind.GARBAGE, FaultKind.DRIFT])
async def test_an_unclear_look_up_is_never_an_empty_one(world: Partners, kind: FaultKind) -> None:
    await world.registry.default_texts.send(T1, HELLO)
    world.order("twilio", kind, "find")
    answer = await world.registry.default_texts.find(T1, HELLO.to, digest(HELLO.body), clock.now() - timedelta(minutes=1))
    assert isinstance(answer, Unknown)


async def test_find_knows_number_text_and_time_apart(world: Partners) -> None:
    texts = world.registry.default_texts
    await texts.send(T1, HELLO)
    assert await found(world, replace(HELLO, body="another")) is None
    assert await found(world, replace(HELLO, to="+12125550102")) is None
    assert await texts.find(T1, HELLO.to, digest(HELLO.body), clock.now() + timedelta(seconds=2)) == Ok(None)
    assert await texts.find(T2, HELLO.to, digest(HELLO.body), clock.now() - timedelta(minutes=1)) == Ok(None)


async def test_what_is_still_queued_is_found(world: Partners) -> None:
    twin = world.twin("twilio")
    assert isinstance(twin, TwilioTwin)
    twin.pace = 30
    await world.registry.default_texts.send(T1, HELLO)
    assert (await found(world)) is not None
    twin.reset()


async def test_what_lags_behind_is_not_found_and_not_absent(world: Partners) -> None:
    await world.registry.default_texts.send(T1, HELLO)
    world.order("twilio", FaultKind.LOOK_UP_LAG, "find", count=1, seconds=60)
    assert await found(world) is None
    assert await found(world) is not None


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("+15005550001", "21211"),
        ("+15005550003", "21408"),
        ("+15005550004", "21610"),
        ("5550101", "INVALID_NUMBER"),
        ("", "INVALID_NUMBER"),
    ],
)
async def test_a_number_that_cannot_be_reached_is_declined(world: Partners, to: str, code: str) -> None:
    answer = await world.registry.default_texts.send(T1, replace(HELLO, to=to))
    assert isinstance(answer, Declined)
    assert answer.code == code


@pytest.mark.parametrize("to", ["+15005550001", "+15005550003", "+15005550004"])
async def test_a_refusal_that_quotes_the_number_is_told_without_it(world: Partners, to: str) -> None:
    answer = await world.registry.default_texts.send(T1, replace(HELLO, to=to))
    assert to in world.said(VENDOR)[-1].answered.decode()
    assert isinstance(answer, Declined)
    assert answer.reason
    assert not any(letter.isdigit() for letter in answer.reason)


@pytest.mark.parametrize("error", [{"code": 21999}, {"code": 12125550101}])
async def test_a_refusal_nobody_foresaw_is_told_without_the_number_too(error: dict[str, object]) -> None:
    response = httpx.Response(400, json={**error, "message": f"no texts to {HELLO.to}"})
    with respx.mock() as mock:
        mock.post(url__regex="http://tw/.*").mock(return_value=response)
        answer = await Twilio(Http("http://tw"), SandboxSecrets()).send(T1, HELLO)
    assert isinstance(answer, Declined)
    assert HELLO.to.removeprefix("+") not in f"{answer.code} {answer.reason}"


async def test_a_number_that_is_never_reached_is_reported_later(world: Partners, mailbox: Mailbox) -> None:
    answer = await world.registry.default_texts.send(T1, replace(HELLO, to="+15005550030"))
    assert isinstance(answer, Ok)
    await world.twin("twilio").quiet()
    assert reports(mailbox)[-1] == Delivery(answer.value.message, DeliveryStatus.UNDELIVERED, "30003")


@pytest.mark.parametrize(("kind", "arrived"), [(FaultKind.DUPLICATE_WEBHOOK, 4), (FaultKind.LOST_WEBHOOK, 0), (FaultKind.DELAY, 2)])
async def test_callbacks_may_come_twice_late_or_never(world: Partners, mailbox: Mailbox, kind: FaultKind, arrived: int) -> None:
    world.order("twilio", kind, "callback", seconds=0.02)
    await world.registry.default_texts.send(T1, HELLO)
    await world.twin("twilio").quiet()
    assert len(mailbox.calls) == arrived
    assert (await found(world)) is not None


async def test_a_restarted_twin_goes_on_with_what_was_under_way(world: Partners, mailbox: Mailbox) -> None:
    first = world.twin("twilio")
    assert isinstance(first, TwilioTwin)
    first.pace = 30
    await world.registry.default_texts.send(T1, HELLO)
    second = TwilioTwin(first.book, pace=0.01, outside=Http("", app=mailbox))
    await Twilio(Http("http://twin", app=second), SandboxSecrets()).find(T1, HELLO.to, "", clock.now())
    await second.quiet()
    assert [report.status for report in reports(mailbox)] == [DeliveryStatus.SENT, DeliveryStatus.DELIVERED]
    first.reset()


@pytest.mark.parametrize("body", ["", "x" * 1601])
async def test_a_text_that_no_phone_could_get_is_refused_before_it_is_sent(world: Partners, body: str) -> None:
    with pytest.raises(ValueError, match="1600"):
        await world.registry.default_texts.send(T1, replace(HELLO, body=body))


async def test_without_an_account_nothing_is_sent() -> None:
    assert await Twilio(Http("http://127.0.0.1:1"), FileSecrets(None)).send(T1, HELLO) == NotSent("no account with this partner")


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (
            httpx.Response(400, json={"code": 20422, "message": "m", "status": 400}),
            Declined("20422", "Twilio refused it (code 20422)"),
        ),
        (httpx.Response(400, content=b"<html>"), Unknown),
        (httpx.Response(403, json={"code": 20003}), NotSent("sign-in refused")),
        (httpx.Response(201, json={"sid": "SM1", "status": "queued", "to": "+19995550000"}), Unknown),
        (httpx.Response(201, json={"sid": "SM1", "status": "teleported", "to": HELLO.to}), Unknown),
        (httpx.Response(201, json={"sid": "SM1", "status": "accepted", "to": HELLO.to}), Ok(SentText("SM1", DeliveryStatus.ACCEPTED))),
    ],
)
async def test_only_their_own_words_are_definite(response: httpx.Response, expected: object) -> None:
    with respx.mock() as mock:
        mock.post(url__regex="http://tw/2010-04-01/Accounts/AC.*/Messages.json").mock(return_value=response)
        answer = await Twilio(Http("http://tw"), SandboxSecrets()).send(T1, HELLO)
    assert answer == expected if not isinstance(expected, type) else isinstance(answer, expected)


def test_a_report_changes_nothing_that_has_ended_or_is_further_on() -> None:
    sent, delivered = Delivery("m", DeliveryStatus.SENT), Delivery("m", DeliveryStatus.DELIVERED)
    assert sent.changes(DeliveryStatus.ACCEPTED)
    assert delivered.changes(DeliveryStatus.ACCEPTED)
    assert not sent.changes(DeliveryStatus.SENT)
    assert not sent.changes(DeliveryStatus.DELIVERED)
    assert not Delivery("m", DeliveryStatus.FAILED).changes(DeliveryStatus.DELIVERED)


# The vectors were made with fixed test secrets and checked with the vendor's own validator.
VECTOR = {
    "AccountSid": "AC11111111111111111111111111111111",
    "ApiVersion": "2010-04-01",
    "From": "+15005550001",
    "MessageSid": "SM22222222222222222222222222222222",
    "MessageStatus": "delivered",
    "SmsSid": "SM22222222222222222222222222222222",
    "SmsStatus": "delivered",
    "To": "+15005550006",
}
URL = "http://127.0.0.1:8080/webhooks/twilio/status?tenant=acme"
SECRETS = {"auth_token": Secret("12345678901234567890123456789012"), "shared_key": Secret("sharedkey-secret-1")}
DELIVERED = Delivery("SM22222222222222222222222222222222", DeliveryStatus.DELIVERED)
SHARED = {
    "x-twilio-signature": "ax1r+FD3dm+7dK6dFxAUQzKcoV0j48HT34IywrwuUqQ=",
    "x-twilio-webhooks-signature-settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256",
}


def callback(headers: Mapping[str, str], form: Mapping[str, str] = VECTOR, url: str = URL) -> Inbound:
    return Inbound(url, {"content-type": "application/x-www-form-urlencoded", **headers}, urlencode(form).encode())


@pytest.mark.parametrize("headers", [{"x-twilio-signature": "I+KG1UD/zqTSUPnHZ/W0NBtwI04="}, SHARED])
def test_the_published_vectors_are_believed(headers: dict[str, str]) -> None:
    assert receive(callback(headers), SECRETS) == (DELIVERED,)


@pytest.mark.parametrize(
    "forged",
    [
        callback({}),
        callback({"x-twilio-signature": "I+KG1UD/zqTSUPnHZ/W0NBtwI05="}),
        callback({"x-twilio-signature": "I+KG1UD/zqTSUPnHZ/W0NBtwI04="}, {**VECTOR, "MessageStatus": "failed"}),
        callback({"x-twilio-signature": "I+KG1UD/zqTSUPnHZ/W0NBtwI04="}, {**VECTOR, "Added": "1"}),
        callback({"x-twilio-signature": "I+KG1UD/zqTSUPnHZ/W0NBtwI04="}, url=URL.replace("acme", "evil")),
        callback({"x-twilio-signature": SHARED["x-twilio-signature"]}),
        callback({**SHARED, "x-twilio-signature": "I+KG1UD/zqTSUPnHZ/W0NBtwI04="}),
    ],
)
def test_everything_else_is_forged(forged: Inbound) -> None:
    with pytest.raises(ForgedError):
        receive(forged, SECRETS)


def test_fields_we_do_not_know_are_covered_by_the_signature() -> None:
    form = {**VECTOR, "RawDlrDoneDate": "2611221000"}
    signed = signature(SECRETS["auth_token"].reveal(), URL, form)
    assert receive(callback({"x-twilio-signature": signed}, form), SECRETS) == (DELIVERED,)


def test_a_port_may_be_signed_or_not() -> None:
    signed = signature(SECRETS["auth_token"].reveal(), "https://nexa.example/w", VECTOR)
    assert receive(callback({"x-twilio-signature": signed}, url="https://nexa.example:443/w"), SECRETS) == (DELIVERED,)


def test_a_json_body_is_covered_by_the_digest_in_the_address() -> None:
    body = b'{"event":"x"}'
    url = f"http://127.0.0.1:8080/webhooks/twilio/json?bodySHA256={hashlib.sha256(body).hexdigest()}"
    head = {"content-type": "application/json", "x-twilio-signature": "MxcHQjXyXOhL5U7ldFaISL7d6yM="}
    assert receive(Inbound(url, head, body), SECRETS) == ()
    with pytest.raises(ForgedError):
        receive(Inbound(url, head, b'{"event":"y"}'), SECRETS)


def test_without_the_secret_nothing_is_believed() -> None:
    with pytest.raises(ForgedError):
        receive(callback(SHARED), {"auth_token": SECRETS["auth_token"]})


async def test_the_twin_signs_as_the_vendor_does(world: Partners, mailbox: Mailbox) -> None:
    await world.registry.default_texts.send(T1, HELLO)
    await world.twin("twilio").quiet()
    headers, body = mailbox.calls[0]
    form = dict(parse_qsl(body.decode()))
    assert headers["x-twilio-signature"] == signature(credentials(T1)["auth_token"], CALLBACK, form)
    assert set(VECTOR) <= set(form)
