"""SendGrid: an e-mail is sent once, and what became of it is believed only when it is signed."""

from __future__ import annotations

import base64
import json
import logging
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, derive_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.registry import WEBHOOKS, SandboxSecrets
from adapters.sendgrid import SHEET, VENDOR
from adapters.sendgrid.client import Sendgrid
from adapters.sendgrid.sandbox import SendgridTwin, credentials, signed
from adapters.sendgrid.translate import REFERENCE
from adapters.sendgrid.webhook import SIGNATURE, TIMESTAMP, receive
from domains.notifications.ports import Delivery, DeliveryStatus, Letter, SentText
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
HELLO = Letter("ana.moreau@passengers.example", "Your room is ready", "See it here: https://t1.example/?token=a.b.c", MESSAGE)
ACCEPTED, DELIVERED = DeliveryStatus.ACCEPTED, DeliveryStatus.DELIVERED


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def world(mailbox: Mailbox) -> Partners:
    made = partners()
    twin = made.twin("sendgrid")
    assert isinstance(twin, SendgridTwin)
    twin.pace, twin.outside, twin.door = 0.01, Http("", app=mailbox), "http://partner.example"
    return made


async def send(world: Partners, letter: Letter = HELLO) -> Answer[SentText]:
    return await world.registry.default_mail.send(T1, letter)


def held(world: Partners) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.book("sendgrid")["messages"]
    return found


def reports(mailbox: Mailbox) -> list[Delivery]:
    secrets = SandboxSecrets().vendor(T1, VENDOR)
    return [
        report
        for headers, body in mailbox.calls
        for report in WEBHOOKS[VENDOR](Inbound("http://x", headers, body), secrets)
        if isinstance(report, Delivery)
    ]


async def test_a_letter_is_sent_and_reported_delivered_under_our_reference(world: Partners, mailbox: Mailbox) -> None:
    answer = await send(world)
    assert isinstance(answer, Ok)
    assert answer.value.status is ACCEPTED
    await world.twin("sendgrid").quiet()
    id = answer.value.message
    assert reports(mailbox) == [Delivery(id, ACCEPTED, None, MESSAGE), Delivery(id, DELIVERED, None, MESSAGE)]
    [letter] = held(world)
    assert (letter["to"], letter["title"], letter["body"]) == (HELLO.to, HELLO.title, HELLO.body)


async def test_nothing_about_a_letter_is_tracked_and_no_link_rewritten(world: Partners) -> None:
    await send(world)
    asked = json.loads(world.said(VENDOR)[0].sent)
    assert not any(setting["enable"] for setting in asked["tracking_settings"].values())
    assert not asked["tracking_settings"]["click_tracking"]["enable_text"]


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
        (FaultKind.GARBAGE, Ok, 1),  # an empty answer has nothing to spoil: the status says it
        (FaultKind.DRIFT, Ok, 1),
        (FaultKind.REFUSE, Declined, 0),
        (FaultKind.DELAY, Ok, 1),
    ],
)
async def test_every_fault_of_a_send_is_told_as_what_it_is(world: Partners, kind: FaultKind, expected: type, count: int) -> None:
    world.order("sendgrid", kind, "send", count=1, seconds=0.02)
    assert type(await send(world)) is expected
    await world.twin("sendgrid").quiet()
    assert len(held(world)) == count


def test_nothing_can_be_looked_up() -> None:
    assert {name: operation.kind for name, operation in SHEET.operations.items()} == {"send": Class.D}


@pytest.mark.parametrize("to", ["", "nobody", "a b@c.example", "a@b@c", "<ana@b.example>", "a@b.example,c@d.example"])
async def test_an_address_that_cannot_be_one_is_declined_before_it_is_sent(world: Partners, to: str) -> None:
    answer = await send(world, replace(HELLO, to=to))
    assert isinstance(answer, Declined)
    assert answer.code == "INVALID_ADDRESS"
    assert world.said(VENDOR) == []


@pytest.mark.parametrize(
    ("who", "statuses", "error"),
    [
        ("bounce", [ACCEPTED, DeliveryStatus.UNDELIVERED], "5.1.1"),
        ("drop", [DeliveryStatus.FAILED], "FAILED"),
        ("defer", [ACCEPTED, ACCEPTED, DELIVERED], None),
    ],
)
async def test_what_does_not_arrive_is_reported_later(
    world: Partners, mailbox: Mailbox, who: str, statuses: list[DeliveryStatus], error: str | None
) -> None:
    await send(world, replace(HELLO, to=f"{who}@passengers.example"))
    await world.twin("sendgrid").quiet()
    told = reports(mailbox)
    assert [report.status for report in told] == statuses
    assert told[-1].error == error
    assert "passengers.example" not in repr(told)


@pytest.mark.parametrize(("kind", "arrived"), [(FaultKind.DUPLICATE_WEBHOOK, 4), (FaultKind.LOST_WEBHOOK, 0), (FaultKind.DELAY, 2)])
async def test_events_may_come_twice_late_or_never(world: Partners, mailbox: Mailbox, kind: FaultKind, arrived: int) -> None:
    world.order("sendgrid", kind, "callback", seconds=0.02)
    await send(world)
    await world.twin("sendgrid").quiet()
    assert len(mailbox.calls) == arrived


async def test_events_are_told_again_until_they_are_taken(world: Partners, mailbox: Mailbox) -> None:
    mailbox.statuses = [503, 401]
    await send(world)
    await world.twin("sendgrid").quiet()
    assert {report.status for report in reports(mailbox)} == {ACCEPTED, DELIVERED}
    assert len(mailbox.calls) == 4


async def test_a_restarted_twin_goes_on_with_what_was_under_way(world: Partners, mailbox: Mailbox) -> None:
    first = world.twin("sendgrid")
    assert isinstance(first, SendgridTwin)
    first.pace = 30
    await send(world)
    second = SendgridTwin(first.book, pace=0.01, outside=Http("", app=mailbox))
    second.door = first.door
    await Sendgrid(Http("http://twin", app=second), SandboxSecrets()).send(T2, HELLO)
    await second.quiet()
    assert len(mailbox.calls) == 4
    first.reset()


async def test_without_an_account_nothing_is_sent() -> None:
    answer = await Sendgrid(Http("http://127.0.0.1:1"), FileSecrets(None)).send(T1, HELLO)
    assert answer == Declined("NO_ACCOUNT", "the airline has no account for e-mail")


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (httpx.Response(202, headers={"x-message-id": "14c5d75ce93.dfd.64b469"}), Ok(SentText("14c5d75ce93.dfd.64b469", ACCEPTED))),
        (httpx.Response(202), Ok(SentText(MESSAGE, ACCEPTED))),
        (httpx.Response(200, content=b"<html>"), Ok(SentText(MESSAGE, ACCEPTED))),
        (httpx.Response(400, json={"errors": [{"message": "m", "field": "personalizations.0.to.0.email"}]}), Declined),
        (httpx.Response(400, json={"errors": [{"message": "m", "field": None, "help": {"a": 1}}]}), Declined),
        (httpx.Response(413, json={"errors": [{"message": "too large", "field": None}]}), Declined),
        (httpx.Response(400, content=b"<html>"), Unknown),
        (httpx.Response(400, json={"errors": []}), Unknown),
        (httpx.Response(400, json=[]), Unknown),
        (httpx.Response(401, json={"errors": [{"message": "m"}]}), NotSent("sign-in refused")),
        (httpx.Response(403, json={"errors": [{"message": "m", "field": "from"}]}), NotSent("sign-in refused")),
        (httpx.Response(503, content=b"<html>"), Unknown),
        (httpx.Response(302, headers={"location": "http://elsewhere"}), Unknown),
    ],
)
async def test_only_their_own_words_are_definite(response: httpx.Response, expected: object) -> None:
    with respx.mock() as mock:
        mock.post("http://sg/v3/mail/send").mock(return_value=response)
        answer = await Sendgrid(Http("http://sg"), SandboxSecrets()).send(T1, HELLO)
    assert answer == expected if not isinstance(expected, type) else isinstance(answer, expected)


async def test_a_refusal_that_quotes_the_address_is_told_without_it() -> None:
    response = httpx.Response(400, json={"errors": [{"message": f"{HELLO.to} is not one", "field": f"to.{HELLO.to}"}]})
    with respx.mock() as mock:
        mock.post("http://sg/v3/mail/send").mock(return_value=response)
        answer = await Sendgrid(Http("http://sg"), SandboxSecrets()).send(T1, HELLO)
    assert answer == Declined("REFUSED", "SendGrid refused it (code REFUSED)")


# --- what the webhook says ----------------------------------------------------------------------------------------------------------


def an_event(**changes: Any) -> dict[str, Any]:
    told = {"event": "delivered", "sg_message_id": "id-1.filter0001.16648.5515E0B88.0", "sg_event_id": "e-1", REFERENCE: MESSAGE}
    return {**told, **changes}


def batch(*events: Any, tenant: str = T1) -> Inbound:
    body = json.dumps(list(events)).encode()
    return Inbound("http://x", signed(tenant, body), body)


SECRETS = SandboxSecrets().vendor(T1, VENDOR)


def test_the_published_vector_is_believed_and_nothing_else() -> None:
    told = vector("sendgrid_event_webhook")
    secrets = {"event_public_key": Secret(told["public_key"])}
    headers = {name.lower(): value for name, value in told["headers"].items()}
    body = told["raw_body"].encode()
    assert receive(Inbound("http://x", headers, body), secrets) == ()  # signed, and none of ours
    later = {**headers, TIMESTAMP: "1760000001"}
    for forged in (Inbound("http://x", headers, body.rstrip()), Inbound("http://x", later, body), Inbound("http://x", {}, body)):
        with pytest.raises(ForgedError):
            receive(forged, secrets)


def test_the_published_key_signs_what_we_believe() -> None:
    told = vector("sendgrid_event_webhook")
    key = derive_private_key(int(told["private_scalar_hex_for_sandbox_signing"], 16), SECP256R1())
    body = json.dumps([an_event()]).encode()
    signature = base64.b64encode(key.sign(b"1760000000" + body, ECDSA(SHA256()))).decode()
    secrets = {"event_public_key": Secret(told["public_key"])}
    assert receive(Inbound("http://x", {SIGNATURE: signature, TIMESTAMP: "1760000000"}, body), secrets) == (
        Delivery("id-1", DELIVERED, None, MESSAGE),
    )


@pytest.mark.parametrize("signature", ["", "x", "é", "AAAA", base64.b64encode(b"0" * 70).decode()])
def test_what_is_no_signature_is_forged(signature: str) -> None:
    good = batch(an_event())
    with pytest.raises(ForgedError):
        receive(replace(good, headers={**good.headers, SIGNATURE: signature}), SECRETS)


@pytest.mark.parametrize("key", ["", "x", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"])
def test_without_a_good_key_nothing_is_believed(key: str) -> None:
    with pytest.raises(ForgedError):
        receive(batch(an_event()), {"event_public_key": Secret(key)} if key else {})


def test_an_airlines_key_opens_no_other_airlines_events() -> None:
    with pytest.raises(ForgedError):
        receive(batch(an_event(), tenant=T2), SECRETS)


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ("processed", ACCEPTED),
        ("deferred", ACCEPTED),
        ("delivered", DELIVERED),
        ("open", DELIVERED),
        ("click", DELIVERED),
        ("bounce", DeliveryStatus.UNDELIVERED),
        ("dropped", DeliveryStatus.FAILED),
        ("spamreport", None),
        ("unsubscribe", None),
        ("group_resubscribe", None),
        ("teleported", None),
    ],
)
def test_each_event_is_what_it_says(event: str, status: DeliveryStatus | None) -> None:
    assert [report.status for report in receive(batch(an_event(event=event)), SECRETS)] == ([status] if status else [])


def test_an_event_that_comes_twice_in_a_batch_counts_once() -> None:
    told = receive(batch(an_event(), an_event(), an_event(sg_event_id="e-2", event="open")), SECRETS)
    assert len(told) == 2


@pytest.mark.parametrize("reference", [None, "", "n-1", "urn:case:c-1", 7, "urn:message:"])
def test_mail_that_is_not_ours_is_nothing_to_us(reference: Any) -> None:
    assert receive(batch(an_event(**{REFERENCE: reference})), SECRETS) == ()


@pytest.mark.parametrize("broken", [7, None, [], {REFERENCE: MESSAGE}, an_event(event=None), an_event(sg_message_id=None)])
def test_one_event_that_is_not_as_published_keeps_no_other_from_being_heard(broken: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "nexa.partner"):
        told = receive(batch(broken, an_event()), SECRETS)
    assert [report.status for report in told] == [DELIVERED]
    assert "is not as published" in caplog.text


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"null", b'"x"'])
def test_what_is_signed_and_is_no_batch_is_unintelligible(body: bytes) -> None:
    with pytest.raises(Unintelligible):
        receive(Inbound("http://x", signed(T1, body), body), SECRETS)


# --- what the twin refuses ----------------------------------------------------------------------------------------------------------


def asked(**changes: Any) -> dict[str, Any]:
    plain = {
        "personalizations": [{"to": [{"email": HELLO.to}]}],
        "from": {"email": "care@t1.example"},
        "subject": "s",
        "content": [{"type": "text/plain", "value": "v"}],
    }
    return {**plain, **changes}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"personalizations": []}, "personalizations"),
        ({"personalizations": [{"to": []}]}, "personalizations.0.to"),
        ({"personalizations": [{"to": [{"email": "x"}]}]}, "personalizations.0.to.0.email"),
        ({"personalizations": [{"to": [{"email": HELLO.to}], "custom_args": {"a": 1}}]}, "personalizations.0.custom_args"),
        ({"from": None}, "from.email"),
        ({"subject": ""}, "subject"),
        ({"content": []}, "content.0.value"),
    ],
)
async def test_the_twin_names_the_field_that_is_wrong(world: Partners, changes: dict[str, Any], field: str) -> None:
    head = {"authorization": f"Bearer {credentials(T1)['api_key']}"}
    reply = await Http("http://t", app=world.twin("sendgrid")).send(json_request("POST", "/v3/mail/send", asked(**changes), head), 10)
    assert (reply.status, reply.json()["errors"][0]["field"]) == (400, field)


async def test_the_twins_own_sandbox_mode_sends_nothing(world: Partners) -> None:
    head = {"authorization": f"Bearer {credentials(T1)['api_key']}"}
    request = json_request("POST", "/v3/mail/send", asked(mail_settings={"sandbox_mode": {"enable": True}}), head)
    reply = await Http("http://t", app=world.twin("sendgrid")).send(request, 10)
    assert (reply.status, reply.body, held(world)) == (200, b"", [])


@pytest.mark.parametrize("kind", [FaultKind.REFUSE, FaultKind.ERROR, FaultKind.THROTTLE])
async def test_the_twins_refusals_have_the_published_envelope(world: Partners, kind: FaultKind) -> None:
    world.order("sendgrid", kind, "send")
    await send(world)
    schema = {"$ref": "#/definitions/global_error_response_schema"}
    assert violations("sendgrid-mail-send.json", schema, json.loads(world.said(VENDOR)[0].answered)) == []
