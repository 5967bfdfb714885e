from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from adapters.registry import vendor_secrets
from domains.access import actions
from domains.access.commands import AddSecret, RegisterPartner
from gateway.documents import documents_of
from gateway.partner import app
from gateway.signin.partners import AUDIENCE
from gateway.signin.tokens import SigningKey
from kernel.database import Databases
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.settings import Settings
from tests.gateway.serving import visiting

T1, T2 = Tenant("t1"), Tenant("t2")
HOST = "http://partners.test"
DOCUMENTS = documents_of("partner")
_numbers = itertools.count()


@pytest.fixture(scope="module")
async def door(settings: Settings) -> AsyncIterator[Starlette]:
    made = app(settings)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def client(door: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with visiting(door, HOST) as client:
        yield client


async def register(databases: Databases, tenant: Tenant, *scopes: str) -> tuple[str, str]:
    """Client id and secret of a new registration."""
    partner = Urn.of("partner", f"system-{next(_numbers)}")
    async with databases["access"].work(tenant) as work:
        await actions.register_partner(work, RegisterPartner(partner, "A system", frozenset(scopes)))
        return f"{tenant}.{partner.id}", await actions.add_secret(work, AddSecret(partner))


@pytest.fixture
async def system(databases: Databases) -> tuple[str, str]:
    return await register(databases, T1, "cases.read", "disruptions.write")


async def grant(client: httpx.AsyncClient, system: tuple[str, str], **more: str) -> httpx.Response:
    return await client.post("/oauth/token", data={"grant_type": "client_credentials", **more}, auth=system)


async def bearer(client: httpx.AsyncClient, system: tuple[str, str], **more: str) -> dict[str, str]:
    response = await grant(client, system, **more)
    assert response.status_code == 200, response.text
    return {"authorization": f"Bearer {response.json()['access_token']}"}


def a_push() -> dict[str, Any]:
    number = next(_numbers)
    return {
        "externalEventId": f"door-{number}", "flight": f"urn:flight:B6{7000 + number}@20260208:vendor:custom", "airport": "JFK",
        "destination": "BOS", "scheduledDeparture": "2026-02-08T17:30:00-05:00", "cause": "blizzard",
    }  # fmt: skip


async def test_credentials_become_a_token_with_the_scopes_of_the_registration(client: httpx.AsyncClient, system: tuple[str, str]) -> None:
    said = (await grant(client, system)).json()
    assert said["token_type"] == "Bearer"
    assert said["expires_in"] == 3600
    assert said["scope"] == "cases.read disruptions.write"
    fewer = (await grant(client, system, scope="cases.read")).json()
    assert fewer["scope"] == "cases.read"


async def test_credentials_may_come_in_the_form(client: httpx.AsyncClient, system: tuple[str, str]) -> None:
    form = {"grant_type": "client_credentials", "client_id": system[0], "client_secret": system[1]}
    response = await client.post("/oauth/token", data=form)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("spoil", ["secret", "id", "tenant", "no tenant", "bad tenant", "empty"])
async def test_wrong_credentials_are_refused_alike(client: httpx.AsyncClient, system: tuple[str, str], spoil: str) -> None:
    id, secret = system
    shown = {
        "secret": (id, secret + "x"), "id": (id + "x", secret), "tenant": (id.replace("t1", "t2"), secret),
        "no tenant": (id.partition(".")[2], secret), "bad tenant": ("NOBODY!." + id, secret), "empty": (id, ""),
    }[spoil]  # fmt: skip
    response = await grant(client, shown)
    assert response.status_code == 401
    assert response.json()["error"] == "invalid_client"
    assert response.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "scope": "cases.read notifications.send"}, "invalid_scope"),
    ],
)
async def test_other_wishes_are_refused(client: httpx.AsyncClient, system: tuple[str, str], form: dict[str, str], error: str) -> None:
    response = await client.post("/oauth/token", data=form or {"x": "y"}, auth=system)
    assert response.status_code == 400
    assert response.json()["error"] == error


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"{}", "application/json"),
        (b"\xff\xfe", "application/x-www-form-urlencoded"),
        (b"a=1&a=2", "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 20_000, "application/x-www-form-urlencoded"),
        (b"", ""),
    ],
)
async def test_an_unreadable_wish_is_refused(client: httpx.AsyncClient, body: bytes, media: str) -> None:
    response = await client.post("/oauth/token", content=body, headers={"content-type": media})
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_request"


async def test_a_push_opens_a_case_and_the_same_push_names_it_again(client: httpx.AsyncClient, system: tuple[str, str]) -> None:
    headers, push = await bearer(client, system), a_push()
    first = await client.post("/partner/v1/disruptions", json=push, headers=headers)
    assert first.status_code == 202, first.text
    again = await client.post("/partner/v1/disruptions", json=push, headers=headers)
    assert again.status_code == 200
    assert again.headers["x-nexa-replayed"] == "true"
    assert again.json()["urn"] == first.json()["urn"]
    read = await client.get(f"/partner/v1/cases/{Urn(first.json()['urn']).path}", headers=headers)
    assert read.json()["flight"] == push["flight"]


async def test_another_airline_does_not_find_it(client: httpx.AsyncClient, databases: Databases, system: tuple[str, str]) -> None:
    pushed = await client.post("/partner/v1/disruptions", json=a_push(), headers=await bearer(client, system))
    stranger = await bearer(client, await register(databases, T2, "cases.read"))
    assert (await client.get(f"/partner/v1/cases/{Urn(pushed.json()['urn']).path}", headers=stranger)).status_code == 404


async def test_a_scope_that_was_not_given_is_missing(client: httpx.AsyncClient, system: tuple[str, str]) -> None:
    headers = await bearer(client, system, scope="cases.read")
    response = await client.post("/partner/v1/disruptions", json=a_push(), headers=headers)
    assert response.status_code == 403
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("changes", "lifetime"),
    [({}, -1), ({"aud": "https://api.nexa/v1"}, 60), ({"iss": "http://evil.test"}, 60), ({"tenant": "NOBODY"}, 60), ({"sub": "x"}, 60)],
)
async def test_a_token_counts_in_its_time_and_for_its_purpose(
    client: httpx.AsyncClient, keys: dict[str, str], changes: dict[str, str], lifetime: int
) -> None:
    said = {"iss": HOST, "aud": AUDIENCE, "tenant": "t1", "sub": "urn:partner:x", "scope": "cases.read", **changes}
    token = SigningKey.rsa(keys["partner"]).sign("at+jwt", timedelta(seconds=lifetime), said)
    for path in ("/partner/v1/cases", "/partner/graphql?documentId=x"):
        assert (await client.get(path, headers={"authorization": f"Bearer {token}"})).status_code in (401, 403)


async def test_trusted_documents_are_answered_and_nothing_else(client: httpx.AsyncClient, system: tuple[str, str]) -> None:
    headers = await bearer(client, system)
    asked = {"documentId": DOCUMENTS.named("cases").id, "variables": {"first": 1}}
    assert (await client.post("/partner/graphql", json=asked, headers=headers)).json()["data"]["cases"]["totalCount"] >= 0
    assert (await client.post("/partner/graphql", json={"query": "{ cases { totalCount } }"}, headers=headers)).status_code == 400


# webhooks -----------------------------------------------------------------------------------------------------------------------

REPORT = {"MessageSid": "SM" + "0" * 32, "MessageStatus": "delivered", "AccountSid": "AC1", "From": "+1", "To": "+2"}


def signed(form: dict[str, str], secret: str, path: str = "/webhooks/t1/twilio") -> dict[str, str]:
    covered = f"{HOST}{path}" + "".join(name + form[name] for name in sorted(form))
    return {"x-twilio-signature": base64.b64encode(hmac.new(secret.encode(), covered.encode(), hashlib.sha1).digest()).decode()}


@pytest.fixture
def secret(settings: Settings) -> str:
    """Of the account that every sandbox knows."""
    return vendor_secrets(settings.secrets_dir, production=False).vendor(T1, "twilio")["auth_token"].reveal()


async def test_a_signed_report_is_taken_as_often_as_it_comes(client: httpx.AsyncClient, secret: str) -> None:
    for _ in range(2):
        response = await client.post("/webhooks/t1/twilio", data=REPORT, headers=signed(REPORT, secret))
        assert response.status_code == 204


async def test_a_report_without_its_signature_is_refused(client: httpx.AsyncClient, secret: str) -> None:
    for headers in ({}, signed(REPORT, "guess"), signed({**REPORT, "MessageStatus": "failed"}, secret)):
        response = await client.post("/webhooks/t1/twilio", data=REPORT, headers=headers)
        assert response.status_code == 401


@pytest.mark.parametrize("path", ["/webhooks/NOBODY/twilio", "/webhooks/t1/nobody", "/webhooks/platform/twilio"])
async def test_an_address_that_is_none_looks_like_none(client: httpx.AsyncClient, secret: str, path: str) -> None:
    assert (await client.post(path, data=REPORT, headers=signed(REPORT, secret, path))).status_code == 404


async def test_the_door_says_how_it_is(client: httpx.AsyncClient) -> None:
    assert (await client.get("/readyz")).json() == {"status": "ready"}
    assert (await client.get("/nothing")).status_code == 404
