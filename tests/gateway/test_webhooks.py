"""`/webhooks/<tenant>/<vendor>`: signed as the vendor signs, against the real registry and a real Postgres."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.routing import Route

from adapters.registry import GREETINGS, WEBHOOKS, SandboxSecrets
from adapters.sendgrid.sandbox import signed as sendgrid_signed
from adapters.whatsapp.sandbox import credentials as whatsapp_account
from adapters.whatsapp.webhook import SIGNATURE as WHATSAPP_SIGNATURE
from adapters.whatsapp.webhook import signature as whatsapp_signature
from domains.notifications import actions, queries
from domains.notifications.commands import NotifyLead
from domains.notifications.model import Message
from domains.notifications.ports import DeliveryStatus, SentText
from gateway.shell import shell
from gateway.webhooks.inbound import BODY_LIMIT, WebhookDoor
from kernel.database import Databases
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work

T1 = Tenant("t1")
PUBLIC = "https://partners.example"  # as the vendor was told; our proxy's other side is http://inside
FORM = "application/x-www-form-urlencoded"


class Asked:
    """Takes intents to send, and the last message of them."""

    message: Message

    async def send(self, work: Work, message: Message) -> None:
        self.message = message


@dataclass(frozen=True)
class Desk:
    """One message of an airline, and what became of it."""

    databases: Databases
    sub_case: Urn
    reference: str

    async def taken(self, vendor: str = "twilio") -> None:
        """The vendor takes the text under the reference."""
        asked = Asked()
        async with self.databases["notifications"].work(T1) as work:
            command = NotifyLead(self.sub_case, "subcase.offer-ready", Urn.mint("reservation"), {"hotel": "Quay"})
            await actions.notify_lead(work, command, "", asked)
            await actions.message_sent(work, asked.message.urn, SentText(self.reference, DeliveryStatus.ACCEPTED), vendor)

    async def message(self) -> Message:
        async with self.databases["notifications"].read(T1) as connection:
            (found,) = (await queries.messages_by_sub_case(connection, T1, [self.sub_case]))[self.sub_case]
            return found


@pytest.fixture
def desk(databases: Databases) -> Desk:
    return Desk(databases, Urn.mint("sub-case"), f"SM{Urn.mint('message').id}")


@pytest.fixture
async def client(databases: Databases) -> AsyncIterator[httpx.AsyncClient]:
    door = WebhookDoor(WEBHOOKS, GREETINGS, SandboxSecrets(), databases, PUBLIC)
    app = shell(
        [
            Route("/webhooks/{tenant}/{vendor}", door.answer, methods=["POST"]),
            Route("/webhooks/{tenant}/{vendor}", door.greet, methods=["GET"]),
        ],
        checks={},
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://inside") as made:
        yield made


def signature(address: str, form: Mapping[str, str], tenant: Tenant = T1) -> str:
    secret = SandboxSecrets().vendor(tenant, "twilio")["auth_token"].reveal()
    covered = address + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(secret.encode(), covered.encode(), hashlib.sha1).digest()).decode()


async def report(client: httpx.AsyncClient, form: Mapping[str, str], path: str = "/webhooks/t1/twilio") -> httpx.Response:
    return await client.post(path, data=dict(form), headers={"x-twilio-signature": signature(PUBLIC + path, form)})


def said(reference: str, status: str, **more: str) -> dict[str, str]:
    return {"MessageSid": reference, "MessageStatus": status, "To": "+12125550100", "AccountSid": "AC1", **more}


def problem(response: httpx.Response, status: int, code: str) -> None:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), response.text
    assert response.json()["code"] == code


async def test_a_delivery_report_reaches_its_message(client: httpx.AsyncClient, desk: Desk) -> None:
    await desk.taken()
    response = await report(client, said(desk.reference, "delivered"))
    assert (response.status_code, response.content) == (204, b"")
    assert (await desk.message()).delivery is DeliveryStatus.DELIVERED


async def test_a_report_counts_once_however_often_it_comes_and_in_any_order(client: httpx.AsyncClient, desk: Desk) -> None:
    await desk.taken()
    await report(client, said(desk.reference, "undelivered", ErrorCode="30003"))
    known = await desk.message()
    for status in ("undelivered", "sent", "delivered"):
        assert (await report(client, said(desk.reference, status))).status_code == 204
    assert await desk.message() == known
    assert known.delivery is DeliveryStatus.UNDELIVERED


async def test_a_report_may_come_before_the_answer_to_the_sending(client: httpx.AsyncClient, desk: Desk) -> None:
    assert (await report(client, said(desk.reference, "delivered"))).status_code == 204
    await desk.taken()
    assert (await desk.message()).delivery is DeliveryStatus.DELIVERED


async def test_the_query_is_signed_too(client: httpx.AsyncClient, desk: Desk) -> None:
    form = said(desk.reference, "delivered")
    assert (await report(client, form, "/webhooks/t1/twilio?a=%41b&c")).status_code == 204
    moved = {"x-twilio-signature": signature(f"{PUBLIC}/webhooks/t1/twilio?a=Ab&c", form)}
    problem(await client.post("/webhooks/t1/twilio?a=%41b&c", data=form, headers=moved), 401, "FORGED")


@pytest.mark.parametrize("status", ["queued-somehow", ""])
async def test_what_nobody_follows_is_taken_and_forgotten(client: httpx.AsyncClient, desk: Desk, status: str) -> None:
    await desk.taken()
    assert (await report(client, said(desk.reference, status))).status_code == 204
    assert (await desk.message()).delivery is DeliveryStatus.ACCEPTED


async def test_a_forged_report_is_refused_and_changes_nothing(client: httpx.AsyncClient, desk: Desk) -> None:
    await desk.taken()
    form, address = said(desk.reference, "failed"), f"{PUBLIC}/webhooks/t1/twilio"
    wrong = [
        {},
        {"x-twilio-signature": ""},
        {"x-twilio-signature": "é"},
        {"x-twilio-signature": signature(address, {**form, "MessageStatus": "delivered"})},
        {"x-twilio-signature": signature("http://inside/webhooks/t1/twilio", form)},  # the address behind the proxy is nobody's
        {"x-twilio-signature": signature(address.replace("t1", "t2"), form)},
        {"x-twilio-signature": signature(address, form, Tenant("t2"))},
    ]
    for headers in wrong:
        response = await client.post(
            "/webhooks/t1/twilio", data=form, headers=[(name.encode(), value.encode()) for name, value in headers.items()]
        )
        problem(response, 401, "FORGED")
    assert (await desk.message()).delivery is DeliveryStatus.ACCEPTED


async def test_what_is_signed_and_makes_no_sense_is_400(client: httpx.AsyncClient) -> None:
    problem(await report(client, {"MessageStatus": "delivered"}), 400, "BAD_REQUEST")


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"=&=&;", b"MessageSid=%ff", b"{", b"a" * 1000])
async def test_nonsense_without_a_signature_is_forged(client: httpx.AsyncClient, body: bytes) -> None:
    for media in (FORM, "application/json", ""):
        problem(await client.post("/webhooks/t1/twilio", content=body, headers={"content-type": media}), 401, "FORGED")


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/zz9/twilio",
        "/webhooks/NOBODY/twilio",
        "/webhooks/platform/twilio",
        "/webhooks/zz9/sendgrid",
        "/webhooks/platform/whatsapp",
        "/webhooks/t1/hotelbeds",
        "/webhooks/t1",
    ],
)
async def test_unknown_airlines_and_vendors_look_alike(client: httpx.AsyncClient, path: str) -> None:
    problem(await report(client, said("SM1", "delivered"), path), 404, "NOT_FOUND")


async def test_a_report_of_one_airline_is_no_report_of_another(client: httpx.AsyncClient, desk: Desk) -> None:
    await desk.taken()
    form, path = said(desk.reference, "delivered"), "/webhooks/t2/twilio"
    headers = {"x-twilio-signature": signature(PUBLIC + path, form, Tenant("t2"))}
    assert (await client.post(path, data=form, headers=headers)).status_code == 204
    assert (await desk.message()).delivery is DeliveryStatus.ACCEPTED


async def test_a_report_has_an_end_and_a_method(client: httpx.AsyncClient) -> None:
    problem(await client.post("/webhooks/t1/twilio", content=urlencode({"x": "y" * BODY_LIMIT})), 413, "TOO_LARGE")
    problem(await client.post("/webhooks/t1/twilio", content=b"", headers={"content-encoding": "gzip"}), 415, "UNSUPPORTED_MEDIA_TYPE")
    refused = await client.get("/webhooks/t1/twilio")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


# --- batches, and greetings -----------------------------------------------------------------------------------------------------------


def mail_batch(*events: dict[str, Any], tenant: str = "t1") -> tuple[bytes, dict[str, str]]:
    body = json.dumps(events).encode()
    return body, sendgrid_signed(tenant, body)


def chat_report(*statuses: dict[str, Any], tenant: str = "t1") -> tuple[bytes, dict[str, str]]:
    mine = whatsapp_account(tenant)
    value = {"metadata": {"phone_number_id": mine["phone_number_id"]}, "statuses": statuses}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "messages", "value": value}]}]}).encode()
    return body, {WHATSAPP_SIGNATURE: whatsapp_signature(mine["app_secret"], body)}


async def test_a_batch_of_mail_events_reaches_every_message_of_it(client: httpx.AsyncClient, databases: Databases) -> None:
    desks = [Desk(databases, Urn.mint("sub-case"), f"id-{number}-{Urn.mint('message').id}") for number in range(3)]
    for each in desks:
        await each.taken("sendgrid")
    events = [
        {"event": "delivered", "sg_event_id": f"e-{each.reference}", "sg_message_id": f"{each.reference}.filter1", "nexa_message": urn}
        for each in desks
        for urn in [(await each.message()).urn]
    ]
    body, headers = mail_batch(*reversed(events), {"event": "delivered", "email": "somebody@else.example", "sg_message_id": "x"})
    response = await client.post("/webhooks/t1/sendgrid", content=body, headers=headers)
    assert (response.status_code, response.content) == (204, b"")
    assert [(await each.message()).delivery for each in desks] == [DeliveryStatus.DELIVERED] * 3


async def test_a_chat_status_reaches_its_message(client: httpx.AsyncClient, desk: Desk) -> None:
    await desk.taken("whatsapp")
    body, headers = chat_report({"id": desk.reference, "status": "read", "recipient_id": "1", "timestamp": "1"})
    assert (await client.post("/webhooks/t1/whatsapp", content=body, headers=headers)).status_code == 204
    assert (await desk.message()).delivery is DeliveryStatus.DELIVERED


@pytest.mark.parametrize("vendor", ["sendgrid", "whatsapp"])
async def test_what_another_airline_signed_is_forged(client: httpx.AsyncClient, vendor: str) -> None:
    body, headers = mail_batch(tenant="t2") if vendor == "sendgrid" else chat_report(tenant="t2")
    for sent in (headers, {}):
        problem(await client.post(f"/webhooks/t1/{vendor}", content=body, headers=sent), 401, "FORGED")
    assert (await client.post(f"/webhooks/t2/{vendor}", content=body, headers=headers)).status_code == 204


@pytest.mark.parametrize("vendor", ["sendgrid", "whatsapp"])
async def test_what_is_signed_and_no_batch_is_400(client: httpx.AsyncClient, vendor: str) -> None:
    body = b'"nothing"'
    headers = sendgrid_signed("t1", body)
    if vendor == "whatsapp":
        headers = {WHATSAPP_SIGNATURE: whatsapp_signature(whatsapp_account("t1")["app_secret"], body)}
    problem(await client.post(f"/webhooks/t1/{vendor}", content=body, headers=headers), 400, "BAD_REQUEST")


def greeting(**changes: str) -> dict[str, str]:
    return {"hub.mode": "subscribe", "hub.verify_token": whatsapp_account("t1")["verify_token"], "hub.challenge": "1158201444", **changes}


async def test_a_greeting_is_answered_with_its_bare_challenge(client: httpx.AsyncClient) -> None:
    response = await client.get("/webhooks/t1/whatsapp", params=greeting())
    assert (response.status_code, response.content) == (200, b"1158201444")
    assert response.headers["content-type"].startswith("text/plain")


async def test_a_greeting_with_another_token_is_not(client: httpx.AsyncClient) -> None:
    problem(await client.get("/webhooks/t1/whatsapp", params=greeting(**{"hub.verify_token": "guess"})), 403, "FORBIDDEN")
    problem(await client.get("/webhooks/t2/whatsapp", params=greeting()), 403, "FORBIDDEN")
    problem(await client.get("/webhooks/t1/whatsapp", params=greeting(**{"hub.challenge": "<b>"})), 400, "BAD_REQUEST")
    problem(await client.get("/webhooks/zz9/whatsapp", params=greeting()), 404, "NOT_FOUND")
    problem(await client.get("/webhooks/t1/sendgrid", params=greeting()), 405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(("key", "status"), [("signing_key", 204), ("client_secret", 401)])
async def test_a_report_about_a_ride_is_taken_from_its_vendor_alone(client: httpx.AsyncClient, key: str, status: int) -> None:
    meta = {"resource_id": "unknown", "status": "no_drivers_available"}
    body = json.dumps({"event_id": "e1", "event_type": "guests.trips.status_changed", "meta": meta}).encode()
    signed = hmac.new(SandboxSecrets().vendor(T1, "uber")[key].reveal().encode(), body, hashlib.sha256).hexdigest()
    response = await client.post("/webhooks/t1/uber", content=body, headers={"x-uber-signature": signed})
    assert response.status_code == status, response.text
