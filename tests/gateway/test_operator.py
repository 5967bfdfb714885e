from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from starlette.applications import Starlette

from gateway.operator import app
from gateway.signin.people import BY_ROLE, PEOPLE
from gateway.signin.provider import API, access_token
from gateway.signin.tokens import SigningKey
from kernel.identity import Role
from kernel.tenancy import Tenant
from runtime.settings import Settings
from tests.gateway.serving import serving, socket, visiting

T1, T2 = Tenant("t1"), Tenant("t2")
HOST = "http://operators.test"
ISSUER = f"{HOST}/provider"
ME = "{ me { urn name role airports tenant session } }"


@pytest.fixture(scope="module")
async def door(settings: Settings) -> AsyncIterator[Starlette]:
    made = app(settings)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def client(door: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with visiting(door, HOST) as client:
        yield client


@pytest.fixture
def key(keys: dict[str, str]) -> SigningKey:
    return SigningKey.rsa(keys["provider"])


def bearer(key: SigningKey, role: Role = Role.ADMIN, tenant: Tenant = T1) -> dict[str, str]:
    return {"authorization": f"Bearer {access_token(key, ISSUER, BY_ROLE[role], tenant)}"}


async def ask(client: httpx.AsyncClient, query: str, headers: dict[str, str], **variables: Any) -> dict[str, Any]:
    response = await client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def choose(client: httpx.AsyncClient, person: str = "ana-rossi", tenant: str = "t1", to: str = "/cases/x") -> httpx.Response:
    """A person's way through the sign-in; gives the answer of the callback."""
    away = await client.get("/auth/login", params={"next": to})
    assert away.status_code == 303
    question = await client.get(away.headers["location"])
    assert "Ana Rossi" in question.text
    back = await client.post(away.headers["location"], data={"tenant": tenant, "person": person})
    assert back.status_code == 303
    return await client.get(back.headers["location"])


async def test_signing_in_ends_where_it_began_and_gives_the_page_a_token(client: httpx.AsyncClient) -> None:
    done = await choose(client)
    assert done.status_code == 303
    assert done.headers["location"] == "/cases/x"
    (kept,) = done.headers.get_list("set-cookie")[:1]
    assert "HttpOnly" in kept
    assert "SameSite=strict" in kept
    said = (await client.get("/auth/token")).json()
    seen = await ask(client, ME, {"authorization": f"Bearer {said['token']}"})
    assert seen["data"]["me"] == {
        "urn": "urn:operator:t1-ana-rossi", "name": "Ana Rossi", "role": "ADMIN", "airports": [], "tenant": "t1", "session": "",
    }  # fmt: skip


async def test_the_token_can_be_had_again_and_its_cookie_changes(client: httpx.AsyncClient) -> None:
    await choose(client)
    before = client.cookies["nexa_refresh"]
    assert (await client.get("/auth/token")).status_code == 200
    assert client.cookies["nexa_refresh"] != before
    assert (await client.post("/auth/token")).status_code == 200


async def test_signing_out_ends_it_for_the_issuer_too(client: httpx.AsyncClient) -> None:
    await choose(client)
    kept = client.cookies["nexa_refresh"]
    assert (await client.post("/auth/logout")).status_code == 204
    assert (await client.get("/auth/token")).status_code == 401
    assert (await client.get("/auth/token", headers={"cookie": f"nexa_refresh={kept}"})).status_code == 401


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "http://evil.test"}])
async def test_another_site_gets_no_token(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    await choose(client)
    assert (await client.get("/auth/token", headers=headers)).status_code == 403


@pytest.mark.parametrize("next", ["//evil.test", "https://evil.test/x", "/\\evil.test", "javascript:alert(1)", "x"])
async def test_nobody_is_sent_to_another_site(client: httpx.AsyncClient, next: str) -> None:
    assert (await choose(client, to=next)).headers["location"] == "/"


async def test_an_answer_that_was_not_asked_for_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/auth/callback", params={"code": "x", "state": "y"})).status_code == 400
    await client.get("/auth/login")
    assert (await client.get("/auth/callback", params={"code": "x", "state": "y"})).status_code == 400


async def test_another_name_of_the_host_is_led_to_the_one_that_is_known(client: httpx.AsyncClient) -> None:
    response = await client.get("/auth/login?next=%2Fhotels", headers={"host": "127.0.0.1:8400"})
    assert response.headers["location"] == f"{HOST}/auth/login?next=%2Fhotels"


def asked_with(**changes: str) -> dict[str, str]:
    verifier = "v" * 43
    return {
        "client_id": "console", "redirect_uri": f"{HOST}/auth/callback", "response_type": "code", "scope": "openid", "state": "s",
        "code_challenge": create_s256_code_challenge(verifier), "code_challenge_method": "S256", **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    "change", [{"client_id": "other"}, {"redirect_uri": "http://evil.test/"}, {"redirect_uri": f"{HOST}/auth/callback/"}]
)
async def test_the_provider_answers_only_at_known_addresses(client: httpx.AsyncClient, change: dict[str, str]) -> None:
    response = await client.get("/provider/authorize", params=asked_with(**change))
    assert response.status_code == 400
    assert "location" not in response.headers


@pytest.mark.parametrize(
    "change", [{"code_challenge": ""}, {"code_challenge_method": "plain"}, {"response_type": "token"}, {"scope": "profile"}]
)
async def test_the_provider_insists_on_pkce(client: httpx.AsyncClient, change: dict[str, str]) -> None:
    response = await client.get("/provider/authorize", params=asked_with(**change))
    said = parse_qs(urlsplit(response.headers["location"]).query)
    assert said["error"]
    assert "code" not in said


async def code(client: httpx.AsyncClient) -> str:
    response = await client.post("/provider/authorize", params=asked_with(), data={"tenant": "t1", "person": "ana-rossi"})
    return parse_qs(urlsplit(response.headers["location"]).query)["code"][0]


async def exchange(client: httpx.AsyncClient, code: str, **changes: str) -> httpx.Response:
    form = {"grant_type": "authorization_code", "client_id": "console", "code": code, "code_verifier": "v" * 43}
    return await client.post("/provider/token", data={**form, "redirect_uri": f"{HOST}/auth/callback", **changes})


@pytest.mark.parametrize(
    "change", [{"code_verifier": "w" * 43}, {"code_verifier": ""}, {"redirect_uri": "http://evil.test"}, {"code": "x"}]
)
async def test_a_code_without_its_verifier_is_worth_nothing(client: httpx.AsyncClient, change: dict[str, str]) -> None:
    mine = await code(client)
    response = await exchange(client, change.pop("code", mine), **change)
    assert response.status_code == 400
    assert response.json()["error"] == "invalid_grant"


async def test_a_code_is_used_once(client: httpx.AsyncClient) -> None:
    mine = await code(client)
    assert (await exchange(client, mine)).status_code == 200
    assert (await exchange(client, mine)).status_code == 400


async def test_the_discovery_document_leads_to_what_there_is(client: httpx.AsyncClient) -> None:
    said = (await client.get("/provider/.well-known/openid-configuration")).json()
    assert said["issuer"] == ISSUER
    assert (await client.get(said["jwks_uri"])).json()["keys"][0]["alg"] == "RS256"
    assert "d" not in (await client.get(said["jwks_uri"])).json()["keys"][0]


def claims(**changes: Any) -> dict[str, Any]:
    said = {
        "iss": ISSUER, "aud": API, "name": "Ana", "https://nexa/airline": "t1", "https://nexa/role": "ADMIN",
        "https://nexa/operator_urn": "urn:operator:x", "airports": [],
    }  # fmt: skip
    return {**said, **changes}


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def status_of(client: httpx.AsyncClient, token: str) -> int:
    response = await client.post("/graphql", json={"query": "{ me { name } }"}, headers={"authorization": f"Bearer {token}"})
    assert response.json()["errors" if response.status_code != 200 else "data"]
    return response.status_code


@pytest.mark.parametrize(
    ("changes", "typ", "lifetime", "status"),
    [
        ({}, "at+jwt", 60, 200),
        ({}, "at+jwt", -1, 401),
        ({}, "JWT", 60, 401),
        ({"aud": "https://passengers.nexa/v1"}, "at+jwt", 60, 401),
        ({"iss": "http://evil.test"}, "at+jwt", 60, 401),
        ({"https://nexa/airline": ""}, "at+jwt", 60, 403),
        ({"https://nexa/airline": "NOT A TENANT"}, "at+jwt", 60, 403),
        ({"https://nexa/airline": "platform"}, "at+jwt", 60, 403),
        ({"https://nexa/role": "GOD"}, "at+jwt", 60, 403),
        ({"https://nexa/operator_urn": "urn:passenger:x"}, "at+jwt", 60, 403),
        ({"airports": "JFK"}, "at+jwt", 60, 403),
    ],
)
async def test_a_token_counts_in_its_time_and_for_its_purpose(
    client: httpx.AsyncClient, key: SigningKey, changes: dict[str, Any], typ: str, lifetime: int, status: int
) -> None:
    assert await status_of(client, key.sign(typ, timedelta(seconds=lifetime), claims(**changes))) == status


async def test_a_token_signed_by_somebody_else_does_not_count(client: httpx.AsyncClient, key: SigningKey, keys: dict[str, str]) -> None:
    stranger = SigningKey.rsa(keys["partner"])
    assert await status_of(client, stranger.sign("at+jwt", timedelta(minutes=1), claims())) == 401
    header = {"alg": "RS256", "typ": "at+jwt", "kid": key.id}
    said = {**claims(), "iat": 0, "exp": 4_000_000_000}
    assert await status_of(client, jwt.encode(header, said, stranger.key, algorithms=["RS256"])) == 401
    secret = key.key.as_pem(private=False)  # the attack that confuses algorithms: the public key as a shared secret
    signed = ".".join(_b64(json.dumps(part).encode()) for part in ({**header, "alg": "HS256"}, said))
    confused = f"{signed}.{_b64(hmac.digest(secret, signed.encode(), 'sha256'))}"
    assert await status_of(client, confused) == 401


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", "e30.e30.", "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.e30.", "." * 10, "x" * 10_000, "é.é.é"]
)
async def test_nonsense_is_no_token(client: httpx.AsyncClient, token: str) -> None:
    response = await client.post("/graphql", json={"query": "{ me { name } }"}, headers=[(b"authorization", f"Bearer {token}".encode())])
    assert response.status_code == 401


async def test_each_sees_their_own_airline(client: httpx.AsyncClient, key: SigningKey) -> None:
    for tenant in (T1, T2):
        seen = await ask(client, "{ me { tenant } cases(first: 1) { totalCount } }", bearer(key, tenant=tenant))
        assert seen["data"]["me"] == {"tenant": tenant}


async def test_a_session_in_a_header_counts_only_for_its_owner(door: Starlette, client: httpx.AsyncClient, key: SigningKey) -> None:
    async with serving(door) as port, socket(port) as live:
        ana = access_token(key, ISSUER, BY_ROLE[Role.ADMIN], T1)
        session = (await live.init(ana))["session"]
        mine = await ask(client, ME, {"authorization": f"Bearer {ana}", "nexa-session": session})
        assert mine["data"]["me"]["session"] == session
        theirs = await ask(client, ME, {**bearer(key, Role.OPS_SUPERVISOR), "nexa-session": session})
        assert theirs["data"]["me"]["session"] == ""


async def test_the_board_is_pushed_over_a_socket(door: Starlette, key: SigningKey) -> None:
    async with serving(door) as port, socket(port) as live:
        await live.init(access_token(key, ISSUER, BY_ROLE[Role.ADMIN], T1))
        await live.subscribe("board", "subscription { caseBoard { seq snapshot items { urn } } }")
        message = await live.receive()
        assert message["payload"]["data"]["caseBoard"]["snapshot"]


@pytest.mark.parametrize("urn", ["nonsense", "urn:ufo:1", "urn:case:", "urn:case:\u0000", "urn:case:x:vendor:", "urn:case:" + "x" * 500])
async def test_a_urn_of_no_known_kind_is_said_to_be_one(client: httpx.AsyncClient, key: SigningKey, urn: str) -> None:
    body = json.dumps({"query": "query($u: Urn!) { case(urn: $u) { urn } }", "variables": {"u": urn}})
    response = await client.post("/graphql", content=body, headers={**bearer(key), "content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] in ("BAD_USER_INPUT", "BAD_REQUEST")


async def test_the_console_is_served_with_what_it_may_load(client: httpx.AsyncClient) -> None:
    for path in ("/", "/cases/urn%3Acase%3Ax", "/hotels"):
        page = await client.get(path)
        assert "The console" in page.text
        assert page.headers["cache-control"] == "no-cache"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "ws://operators.test" in page.headers["content-security-policy"]
    assert (await client.get("/", headers={"if-none-match": page.headers["etag"]})).status_code == 304
    script = await client.get("/assets/main-a1b2.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/assets/none.js", "/favicon.ico", "/assets/%2e%2e/%2e%2e/%2e%2e/secrets.json", "/..%2f..%2fsecrets.json", "/a%00b.js"]
)
async def test_nothing_beside_the_page_is_served(client: httpx.AsyncClient, settings: Settings, path: str) -> None:
    (settings.home / "secrets.json").write_text("secret-marker")
    response = await client.get(path)
    assert response.status_code == 404
    assert "secret-marker" not in response.text


async def test_the_door_says_how_it_is(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    assert (await client.get("/readyz")).json() == {"status": "ready"}


@pytest.mark.parametrize(
    ("method", "path", "status"), [("DELETE", "/auth/token", 405), ("POST", "/nothing", 405), ("PUT", "/graphql", 401)]
)
async def test_what_is_not_there_is_said_in_json(client: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    response = await client.request(method, path)
    assert response.status_code in (status, 405)
    assert response.headers["content-type"].startswith("application/")


async def test_everybody_on_the_list_can_sign_in(client: httpx.AsyncClient) -> None:
    for person in PEOPLE:
        await choose(client, person.id)
        token = (await client.get("/auth/token")).json()["token"]
        seen = await ask(client, ME, {"authorization": f"Bearer {token}"})
        assert seen["data"]["me"]["name"] == person.name


@pytest.mark.parametrize("form", [{"tenant": "t9", "person": "ana-rossi"}, {"tenant": "t1", "person": secrets.token_hex(4)}, {}])
async def test_nobody_else_can(client: httpx.AsyncClient, form: dict[str, str]) -> None:
    response = await client.post("/provider/authorize", params=asked_with(), data=form)
    assert response.status_code == 400
