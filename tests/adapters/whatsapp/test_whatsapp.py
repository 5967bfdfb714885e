"""WhatsApp: a template message is sent once, and what became of it is believed only when it is signed."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import respx

from adapters.registry import GREETINGS, WEBHOOKS, SandboxSecrets
from adapters.whatsapp import SHEET, VENDOR
from adapters.whatsapp.client import Whatsapp
from adapters.whatsapp.sandbox import WhatsappTwin, credentials
from adapters.whatsapp.webhook import SIGNATURE, greet, receive, signature
from domains.notifications.ports import Delivery, DeliveryStatus, Note, SentText
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.http import Http, Unintelligible, json_request
from kernel.operation import Class
from kernel.sandbox.faults import FaultKind
from kernel.secret import FileSecrets, Secret
from kernel.urn import Urn
from kernel.webhook import ForgedError, Inbound
from tests.harness.contracts import violations
from tests.harness.partners import T1, T2, Mailbox, Partners, partners
from tests.harness.vectors import vector

MESSAGE = Urn("urn:message:m-1")
HELLO = Note("+12125550101", "subcase_offer_ready", "es", ("T1", "Harbour Inn", "https://t1.example/?token=a.b.c"), MESSAGE)
SENT, DELIVERED = DeliveryStatus.SENT, DeliveryStatus.DELIVERED


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def world(mailbox: Mailbox) -> Partners:
    made = partners()
    twin = made.twin("whatsapp")
    assert isinstance(twin, WhatsappTwin)
    twin.pace, twin.outside, twin.door = 0.01, Http("", app=mailbox), "http://partner.example"
    return made


async def send(world: Partners, note: Note = HELLO) -> Answer[SentText]:
    return await world.registry.default_chat.send(T1, note)


def held(world: Partners) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.book("whatsapp")["messages"]
    return found


def reports(mailbox: Mailbox) -> list[Delivery]:
    secrets = SandboxSecrets().vendor(T1, VENDOR)
    return [
        report
        for headers, body in mailbox.calls
        for report in WEBHOOKS[VENDOR](Inbound("http://x", headers, body), secrets)
        if isinstance(report, Delivery)
    ]


async def test_a_note_is_sent_and_reported_delivered_under_our_reference(world: Partners, mailbox: Mailbox) -> None:
    answer = await send(world)
    assert isinstance(answer, Ok)
    assert answer.value.status is DeliveryStatus.ACCEPTED
    await world.twin("whatsapp").quiet()
    id = answer.value.message
    assert reports(mailbox) == [Delivery(id, SENT, None, MESSAGE), Delivery(id, DELIVERED, None, MESSAGE)]
    [note] = held(world)
    assert (note["to"], note["template"], note["language"], tuple(note["parameters"])) == (
        HELLO.to, HELLO.template, HELLO.language, HELLO.parameters,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "expected", "count"),
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
async def test_every_fault_of_a_send_is_told_as_what_it_is(world: Partners, kind: FaultKind, expected: type, count: int) -> None:
    world.order("whatsapp", kind, "send", count=1, seconds=0.02)
    assert type(await send(world)) is expected
    await world.twin("whatsapp").quiet()
    assert len(held(world)) == count


def test_nothing_can_be_looked_up() -> None:
    assert {name: operation.kind for name, operation in SHEET.operations.items()} == {"send": Class.D}


@pytest.mark.parametrize("to", ["", "5550101", "+1212555010a", "+0212555010"])
async def test_a_number_that_cannot_be_one_is_declined_before_it_is_sent(world: Partners, to: str) -> None:
    answer = await send(world, replace(HELLO, to=to))
    assert isinstance(answer, Declined)
    assert answer.code == "INVALID_NUMBER"
    assert world.said(VENDOR) == []


async def test_a_number_that_is_not_there_is_declined_without_being_quoted(world: Partners) -> None:
    answer = await send(world, replace(HELLO, to="+15005550040"))
    assert "+15005550040" in world.said(VENDOR)[-1].answered.decode()
    assert answer == Declined("131026", "the number cannot be reached by chat")


async def test_a_number_found_out_not_to_be_there_is_reported_later(world: Partners, mailbox: Mailbox) -> None:
    answer = await send(world, replace(HELLO, to="+15005550041"))
    assert isinstance(answer, Ok)
    await world.twin("whatsapp").quiet()
    assert reports(mailbox)[-1] == Delivery(answer.value.message, DeliveryStatus.FAILED, "131026", MESSAGE)


async def test_what_is_read_at_once_has_arrived(world: Partners, mailbox: Mailbox) -> None:
    await send(world, replace(HELLO, to="+15005550043"))
    await world.twin("whatsapp").quiet()
    assert [report.status for report in reports(mailbox)] == [SENT, DELIVERED]


async def test_too_soon_after_another_is_not_sent(world: Partners) -> None:
    assert await send(world, replace(HELLO, to="+15005550042")) == NotSent("throttled")


async def test_a_template_nobody_approved_is_declined(world: Partners) -> None:
    answer = await send(world, replace(HELLO, template="unapproved_offer"))
    assert isinstance(answer, Declined)
    assert answer.code == "132001"


async def test_parameters_are_one_line_and_never_empty(world: Partners) -> None:
    await send(world, replace(HELLO, parameters=("a\nb\t c", "     ", "")))
    assert held(world)[0]["parameters"] == ["a b c", "-", "-"]


async def test_a_template_without_a_name_is_refused_before_it_is_sent(world: Partners) -> None:
    with pytest.raises(ValueError, match="lower-case"):
        await send(world, replace(HELLO, template="subcase.offer-ready"))


@pytest.mark.parametrize(("kind", "arrived"), [(FaultKind.DUPLICATE_WEBHOOK, 4), (FaultKind.LOST_WEBHOOK, 0), (FaultKind.DELAY, 2)])
async def test_statuses_may_come_twice_late_or_never(world: Partners, mailbox: Mailbox, kind: FaultKind, arrived: int) -> None:
    world.order("whatsapp", kind, "callback", seconds=0.02)
    await send(world)
    await world.twin("whatsapp").quiet()
    assert len(mailbox.calls) == arrived


async def test_statuses_are_told_again_until_they_are_taken(world: Partners, mailbox: Mailbox) -> None:
    mailbox.statuses = [503, 401]
    await send(world)
    await world.twin("whatsapp").quiet()
    assert len(mailbox.calls) == 4


async def test_without_an_account_nothing_is_sent() -> None:
    answer = await Whatsapp(Http("http://127.0.0.1:1"), FileSecrets(None)).send(T1, HELLO)
    assert answer == Declined("NO_ACCOUNT", "the airline has no account for chat")


async def test_a_language_is_named_as_they_name_it(world: Partners) -> None:
    await send(world, replace(HELLO, language="pt"))
    assert held(world)[0]["language"] == "pt_BR"


def an_error(code: Any, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": f"(#{code}) {HELLO.to}", "type": "OAuthException", "code": code}})


def taken(**changes: Any) -> httpx.Response:
    plain = {"contacts": [{"input": HELLO.to, "wa_id": "12125550101"}], "messages": [{"id": "wamid.1"}]}
    return httpx.Response(200, json={**plain, **changes})


ACCEPTED = Ok(SentText("wamid.1", DeliveryStatus.ACCEPTED))


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (taken(), ACCEPTED),
        (taken(contacts=None), ACCEPTED),
        (taken(contacts=[{"input": "12125550101"}]), ACCEPTED),
        (taken(messages=[{"id": "wamid.1", "message_status": "held_for_quality_assessment"}]), ACCEPTED),
        (taken(messages=[{"id": "wamid.1", "message_status": "on its way"}]), ACCEPTED),
        (taken(messages=[{"id": "wamid.1", "message_status": "paused"}]), Declined("PAUSED", "the template is paused")),
        (taken(contacts=[{"input": "+19995550000"}]), Unknown),
        (taken(messages=[]), Unknown),
        (taken(messages=[{"message_status": "accepted"}]), Unknown),
        (httpx.Response(200, content=b"<html>"), Unknown),
        (an_error(131026), Declined),
        (an_error("131026"), Declined),
        (an_error(131047, 500), Declined),
        (an_error(130429), NotSent("throttled")),
        (an_error(131056, 500), NotSent("throttled")),
        (an_error(190, 400), NotSent("sign-in refused")),
        (an_error(200, 403), NotSent("sign-in refused")),
        (an_error(131000), Unknown),
        (an_error(131016, 503), Unknown),
        (an_error(999999, 500), Unknown),
        (an_error(999999), Declined),
        (httpx.Response(400, content=b"<html>"), Unknown),
        (httpx.Response(400, json={"error": "no"}), Unknown),
    ],
)
async def test_only_their_own_words_are_definite(response: httpx.Response, expected: object) -> None:
    with respx.mock() as mock:
        mock.post(url__regex="http://wa/v23.0/.*/messages").mock(return_value=response)
        answer = await Whatsapp(Http("http://wa"), SandboxSecrets()).send(T1, HELLO)
    assert answer == expected if not isinstance(expected, type) else isinstance(answer, expected)
    assert "2125550101" not in repr(answer)


# --- what the webhook says ----------------------------------------------------------------------------------------------------------

SECRETS = SandboxSecrets().vendor(T1, VENDOR)


def a_status(**changes: Any) -> dict[str, Any]:
    told = {"id": "wamid.1", "status": "delivered", "timestamp": "1796119200", "recipient_id": "12125550101"}
    return {**told, "biz_opaque_callback_data": MESSAGE, **changes}


def webhook(*statuses: Any, tenant: str = T1, **value: Any) -> Inbound:
    number = {"phone_number_id": credentials(T1)["phone_number_id"]}
    told = {"messaging_product": "whatsapp", "metadata": number, "statuses": list(statuses), **value}
    return posted(
        {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": told}]}]}, tenant
    )


def posted(told: Any, tenant: str = T1) -> Inbound:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return Inbound("http://x", {SIGNATURE: signature(credentials(tenant)["app_secret"], body)}, body)


def test_the_published_vector_is_believed_and_nothing_else() -> None:
    told = vector("whatsapp_webhook")
    secrets = {"app_secret": Secret(told["app_secret"]), "phone_number_id": Secret("1")}
    headers = {name.lower(): value for name, value in told["header"].items()}
    body = told["raw_body"].encode()
    assert receive(Inbound("http://x", headers, body), secrets) == ()
    for forged in (Inbound("http://x", headers, body + b" "), Inbound("http://x", {}, body), Inbound("http://x", {SIGNATURE: "é"}, body)):
        with pytest.raises(ForgedError):
            receive(forged, secrets)


def test_the_published_greeting_is_answered() -> None:
    challenge = vector("whatsapp_webhook")["handshake"]["reply"].split()[0]
    query = urlencode({"hub.mode": "subscribe", "hub.verify_token": "ours", "hub.challenge": challenge})
    assert greet(Inbound(f"http://x/?{query}", {}, b""), {"verify_token": Secret("ours")}) == challenge == "1158201444"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"hub.verify_token": "theirs"}, ForgedError),
        ({"hub.verify_token": ""}, ForgedError),
        ({"hub.mode": "unsubscribe"}, ForgedError),
        ({"hub.challenge": ""}, Unintelligible),
        ({"hub.challenge": "<script>"}, Unintelligible),
        ({"hub.challenge": "1" * 129}, Unintelligible),
    ],
)
def test_another_greeting_is_not(changes: dict[str, str], error: type[Exception]) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": credentials(T1)["verify_token"], "hub.challenge": "7", **changes}
    with pytest.raises(error):
        GREETINGS[VENDOR](Inbound(f"http://x/?{urlencode(query)}", {}, b""), SECRETS)


@pytest.mark.parametrize("missing", ["app_secret", "phone_number_id"])
def test_without_the_secret_nothing_is_believed(missing: str) -> None:
    with pytest.raises(ForgedError):
        receive(webhook(a_status()), {name: value for name, value in SECRETS.items() if name != missing})
    with pytest.raises(ForgedError):
        greet(Inbound("http://x/?hub.mode=subscribe&hub.verify_token=&hub.challenge=7", {}, b""), {})


def test_an_airlines_secret_opens_no_other_airlines_statuses() -> None:
    with pytest.raises(ForgedError):
        receive(webhook(a_status(), tenant=T2), SECRETS)


@pytest.mark.parametrize(
    ("word", "status"),
    [("sent", SENT), ("delivered", DELIVERED), ("read", DELIVERED), ("failed", DeliveryStatus.FAILED), ("teleported", None)],
)
def test_each_status_is_what_it_says(word: str, status: DeliveryStatus | None) -> None:
    assert [report.status for report in receive(webhook(a_status(status=word)), SECRETS)] == ([status] if status else [])


@pytest.mark.parametrize(
    ("errors", "error"), [([{"code": 131049, "title": "+12125550101"}], "131049"), ([], "FAILED"), (None, "FAILED"), ([{}], "FAILED")]
)
def test_a_failure_is_told_by_its_code_alone(errors: Any, error: str) -> None:
    [report] = receive(webhook(a_status(status="failed", errors=errors)), SECRETS)
    assert report.error == error


@pytest.mark.parametrize("reference", [None, "", "n-1", "urn:case:c-1", 7])
def test_a_status_without_our_reference_still_names_their_message(reference: Any) -> None:
    assert receive(webhook(a_status(biz_opaque_callback_data=reference)), SECRETS) == (Delivery("wamid.1", DELIVERED),)


def test_what_other_numbers_of_the_account_send_is_nothing_to_us() -> None:
    assert receive(webhook(a_status(), metadata={"phone_number_id": "1"}), SECRETS) == ()


def test_a_message_from_a_passenger_is_nothing_to_us() -> None:
    assert receive(webhook(statuses=None, messages=[{"from": "12125550101", "text": {"body": "hello"}}]), SECRETS) == ()


@pytest.mark.parametrize("broken", [{}, a_status(status=None), a_status(id=None)])
def test_one_status_that_is_not_as_published_keeps_no_other_from_being_heard(broken: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "nexa.partner"):
        told = receive(webhook(broken, a_status()), SECRETS)
    assert [report.status for report in told] == [DELIVERED]
    assert "is not as published" in caplog.text


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"entry": 7}', b'{"entry": [{"changes": 7}]}'])
def test_what_is_signed_and_is_no_webhook_is_unintelligible(body: bytes) -> None:
    with pytest.raises(Unintelligible):
        receive(posted(body), SECRETS)


# --- what the twin refuses ----------------------------------------------------------------------------------------------------------


def asked(**changes: Any) -> dict[str, Any]:
    template = {"name": "t", "language": {"code": "en"}, "components": [{"type": "body", "parameters": [{"type": "text", "text": "x"}]}]}
    return {"messaging_product": "whatsapp", "to": "12125550101", "type": "template", "template": template, **changes}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"messaging_product": None}, 100),
        ({"to": "x"}, 100),
        ({"type": "text", "text": {"body": "hello"}}, 131047),
        ({"template": {"name": "t"}}, 100),
        ({"template": {"name": "t", "language": {"code": "klingon"}}}, 132001),
        ({"biz_opaque_callback_data": "x" * 513}, 100),
    ],
)
async def test_the_twin_refuses_by_their_codes(world: Partners, changes: dict[str, Any], code: int) -> None:
    mine = credentials(T1)
    request = json_request(
        "POST", f"/v23.0/{mine['phone_number_id']}/messages", asked(**changes), {"authorization": f"Bearer {mine['token']}"}
    )
    reply = await Http("http://t", app=world.twin("whatsapp")).send(request, 10)
    assert (reply.status // 100, reply.json()["error"]["code"]) == (4, code)


async def test_the_twins_statuses_are_as_published(world: Partners, mailbox: Mailbox) -> None:
    await send(world, replace(HELLO, to="+15005550041"))
    await world.twin("whatsapp").quiet()
    for _, body in mailbox.calls:
        [entry] = json.loads(body)["entry"]
        schema = {"$ref": "#/components/schemas/StatusMessageValue"}
        assert violations("whatsapp-cloud-messages.json", schema, entry["changes"][0]["value"]) == []
