from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from gateway.documents import documents_of
from gateway.passenger import app
from gateway.signin.passengers import AUDIENCE, LINK, LINK_ISSUER, Links
from gateway.signin.tokens import SigningKey
from kernel.database import Databases
from kernel.secret import Secret
from kernel.snapshot import Snapshots
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from runtime.settings import Settings
from tests.gateway.serving import visiting

T1, T2 = Tenant("t1"), Tenant("t2")
HOST = "http://t1.passengers.test"
DOCUMENTS = documents_of("passenger")
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


@pytest.fixture
async def snapshots(valkey_urls: ValkeyUrls) -> AsyncIterator[Snapshots]:
    made = Snapshots.connect(valkey_urls.snapshots)
    yield made
    await made.close()


@pytest.fixture
def links(keys: dict[str, str]) -> Links:
    return Links(SigningKey.ed25519(keys["link"]), "http://{tenant}.passengers.test")


def a_trip(sub_case: Urn, **changes: Any) -> dict[str, Any]:
    offer = {
        "reservation": "urn:reservation:r-1", "confirmation": "NX-1", "hotelName": "Harbor Inn", "hotelAddress": "1 Pier",
        "hotelPhone": None, "checkIn": "2026-02-08", "checkOut": "2026-02-09", "rooms": 1, "board": "Breakfast",
        "qr": "M0 0h1v1h-1z", "qrSide": 25,
        "card": {"lastFour": "4821", "amount": {"amount": "45.00", "currency": "USD"}, "revealUrl": None},
    }  # fmt: skip
    return {
        "urn": str(sub_case), "version": 2, "offerSince": 2, "status": "OFFER_READY", "leadName": "Ana Álvarez", "language": "en",
        "disruptedFlight": "B6615", "origin": "JFK", "destination": "BOS", "scheduledDeparture": "2026-02-08T17:30:00-05:00",
        "message": "We have a room for you.", "nextFlight": None, "offer": offer, "contact": "the desk", "mayAnswer": True, **changes,
    }  # fmt: skip


@pytest.fixture
async def sub_case(snapshots: Snapshots) -> Urn:
    urn = Urn(f"urn:sub-case:s-door{next(_numbers)}")
    await snapshots.publish(T1, urn, 2, a_trip(urn))
    return urn


def token_in(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]


async def sign_in(client: httpx.AsyncClient, links: Links, sub_case: Urn) -> dict[str, Any]:
    response = await client.post("/session", json={"token": token_in(links.magic_link(T1, sub_case))})
    assert response.status_code == 200, response.text
    return dict(response.json())


def asking(name: str, version: int | None = None) -> dict[str, Any]:
    asked: dict[str, Any] = {"documentId": DOCUMENTS.named(name).id}
    return {**asked, "variables": {"snapshotVersion": version}} if version is not None else asked


async def intents(databases: Databases, sub_case: Urn) -> list[str]:
    async with databases.relay("intake").connect() as connection:
        asked = text("select name from intake where aggregate = :a and published_at is null order by position")
        return list((await connection.execute(asked, {"a": sub_case})).scalars())


async def test_a_link_opens_the_trip(client: httpx.AsyncClient, links: Links, sub_case: Urn) -> None:
    link = links.magic_link(T1, sub_case)
    assert link.startswith("http://t1.passengers.test/?token=")
    assert "Your trip" in (await client.get(link)).text
    said = await sign_in(client, links, sub_case)
    assert said["subCaseUrn"] == sub_case
    response = await client.get("/graphql", params=asking("offer"))
    trip = response.json()["data"]["myTrip"]
    assert trip["leadName"] == "Ana Álvarez"
    assert trip["offer"]["card"]["amount"] == {"amount": "45.00", "currency": "USD"}
    assert "offerSince" not in trip


async def test_the_session_comes_as_a_cookie_no_script_reads_and_as_a_token(client: httpx.AsyncClient, links: Links, sub_case: Urn) -> None:
    response = await client.post("/session", json={"token": token_in(links.magic_link(T1, sub_case))})
    kept = response.headers["set-cookie"]
    assert "HttpOnly" in kept
    assert "SameSite=Lax" in kept
    client.cookies.clear()
    bearer = {"authorization": f"Bearer {response.json()['sessionToken']}"}
    assert (await client.post("/graphql", json=asking("offer"), headers=bearer)).status_code == 200
    assert (await client.post("/graphql", json=asking("offer"))).status_code == 401


async def test_a_link_is_used_once(client: httpx.AsyncClient, door: Starlette, links: Links, sub_case: Urn) -> None:
    token = token_in(links.magic_link(T1, sub_case))
    answers = await asyncio.gather(*(client.post("/session", json={"token": token}) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 410, 410, 410, 410]
    assert (await client.post("/session", json={"token": token})).status_code == 200  # the phone that used it may come back
    async with visiting(door, HOST) as other:
        assert (await other.post("/session", json={"token": token})).status_code == 410


async def test_a_wiped_store_does_not_arm_a_link_again(
    client: httpx.AsyncClient, links: Links, sub_case: Urn, snapshots: Snapshots
) -> None:
    token = token_in(links.magic_link(T1, sub_case))
    assert (await client.post("/session", json={"token": token})).status_code == 200
    await snapshots._redis.flushall()
    client.cookies.clear()
    assert (await client.post("/session", json={"token": token})).status_code == 410


async def test_a_phone_whose_answer_was_lost_may_use_its_link_again(
    client: httpx.AsyncClient, door: Starlette, links: Links, sub_case: Urn
) -> None:
    asked = {"token": token_in(links.magic_link(T1, sub_case)), "nonce": "a-phone-of-ones-own"}
    assert (await client.post("/session", json=asked)).status_code == 200
    client.cookies.clear()  # as when neither the answer nor its cookie arrived
    assert (await client.post("/session", json=asked)).status_code == 200
    async with visiting(door, HOST) as other:
        for nonce in ({"nonce": "another-phones-nonce"}, {"nonce": ""}, {}):
            refused = await other.post("/session", json={"token": asked["token"], **nonce})
            assert (refused.status_code, refused.json()["code"]) == (410, "LINK_USED")


async def test_a_wiped_store_does_not_arm_a_link_for_whoever_tries_twice(
    client: httpx.AsyncClient, links: Links, sub_case: Urn, snapshots: Snapshots
) -> None:
    asked = {"token": token_in(links.magic_link(T1, sub_case)), "nonce": "a-phone-of-ones-own"}
    assert (await client.post("/session", json=asked)).status_code == 200
    await snapshots._redis.flushall()
    client.cookies.clear()
    assert [(await client.post("/session", json=asked)).status_code for _ in range(2)] == [410, 503]


@pytest.mark.parametrize("nonce", [7, None, "short", "x" * 65, "with a space in it"])
async def test_a_nonce_that_is_none_is_refused_before_the_link_is_used(
    client: httpx.AsyncClient, links: Links, sub_case: Urn, nonce: object
) -> None:
    token = token_in(links.magic_link(T1, sub_case))
    assert (await client.post("/session", json={"token": token, "nonce": nonce})).status_code == 400
    assert (await client.post("/session", json={"token": token})).status_code == 200


async def test_two_links_of_one_trip_are_each_good_once(client: httpx.AsyncClient, links: Links, sub_case: Urn) -> None:
    await sign_in(client, links, sub_case)
    client.cookies.clear()
    await sign_in(client, links, sub_case)


@pytest.mark.parametrize(
    ("changes", "typ", "lifetime"),
    [
        ({}, LINK, -1),
        ({}, "at+jwt", 60),
        ({"aud": "https://api.nexa/v1"}, LINK, 60),
        ({"iss": AUDIENCE}, LINK, 60),
        ({"tenant": "t2"}, LINK, 60),
        ({"tenant": "../t1"}, LINK, 60),
        ({"sub": "urn:case:c-1"}, LINK, 60),
        ({"sub": "nonsense"}, LINK, 60),
    ],
)
async def test_a_link_counts_in_its_time_and_for_its_airline(
    client: httpx.AsyncClient, keys: dict[str, str], sub_case: Urn, changes: dict[str, Any], typ: str, lifetime: int
) -> None:
    said = {"iss": LINK_ISSUER, "aud": AUDIENCE, "tenant": "t1", "sub": sub_case, "jti": "x", **changes}
    token = SigningKey.ed25519(keys["link"]).sign(typ, timedelta(seconds=lifetime), said)
    response = await client.post("/session", json={"token": token})
    assert response.status_code == 401
    assert response.json()["code"] == "UNAUTHENTICATED"


async def test_whoever_holds_the_session_key_cannot_write_links(client: httpx.AsyncClient, keys: dict[str, str], sub_case: Urn) -> None:
    said = {"iss": LINK_ISSUER, "aud": AUDIENCE, "tenant": "t1", "sub": sub_case, "jti": "x"}
    token = SigningKey.ed25519(keys["session"]).sign(LINK, timedelta(minutes=1), said)
    assert (await client.post("/session", json={"token": token})).status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"token":1}', b'{"token":""}', b'{"token":"x"}', b'{"token":"a.b.c"}'])
async def test_what_is_no_link_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/session", content=body, headers={"content-type": "application/json"})
    assert response.status_code in (400, 401)
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_session_is_for_its_airline_only(client: httpx.AsyncClient, door: Starlette, links: Links, sub_case: Urn) -> None:
    token = (await sign_in(client, links, sub_case))["sessionToken"]
    async with visiting(door, "http://t2.passengers.test") as other:
        response = await other.post("/graphql", json=asking("offer"), headers={"authorization": f"Bearer {token}"})
    assert response.status_code == 401


async def test_another_site_cannot_use_the_cookie(client: httpx.AsyncClient, links: Links, sub_case: Urn) -> None:
    await sign_in(client, links, sub_case)
    assert (await client.post("/graphql", json=asking("accept", 2), headers={"origin": "http://evil.test"})).status_code == 403
    assert (await client.post("/graphql", json=asking("offer"), headers={"origin": HOST})).status_code == 200


async def test_an_unchanged_trip_is_not_sent_again(client: httpx.AsyncClient, links: Links, sub_case: Urn, snapshots: Snapshots) -> None:
    await sign_in(client, links, sub_case)
    first = await client.get("/graphql", params=asking("offer"))
    again = await client.get("/graphql", params=asking("offer"), headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    await snapshots.publish(T1, sub_case, 3, a_trip(sub_case, version=3))
    changed = await client.get("/graphql", params=asking("offer"), headers={"if-none-match": first.headers["etag"]})
    assert changed.json()["data"]["myTrip"]["version"] == 3


@pytest.mark.parametrize(("name", "command"), [("accept", "AcceptOffer"), ("decline", "DeclineOffer")])
async def test_an_answer_is_kept_before_it_is_acknowledged(
    client: httpx.AsyncClient, links: Links, sub_case: Urn, databases: Databases, name: str, command: str
) -> None:
    await sign_in(client, links, sub_case)
    said = (await client.post("/graphql", json=asking(name, 2))).json()["data"][f"{name}Offer"]
    assert said["__typename"] == "AnswerAcknowledged"
    assert await intents(databases, sub_case) == [command]
    again = (await client.post("/graphql", json=asking(name, 2))).json()["data"][f"{name}Offer"]
    assert again["intent"] == said["intent"]
    assert await intents(databases, sub_case) == [command]


async def test_an_answer_to_another_offer_is_told_so(
    client: httpx.AsyncClient, links: Links, sub_case: Urn, snapshots: Snapshots, databases: Databases
) -> None:
    await sign_in(client, links, sub_case)
    await snapshots.publish(T1, sub_case, 5, a_trip(sub_case, version=5, offerSince=4))
    said = (await client.post("/graphql", json=asking("accept", 2))).json()["data"]["acceptOffer"]
    assert (said["__typename"], said["seen"], said["current"]) == ("OfferChanged", 2, 5)
    assert await intents(databases, sub_case) == []


async def test_while_the_store_is_rebuilt_an_answer_is_asked_for_again(
    client: httpx.AsyncClient, links: Links, sub_case: Urn, snapshots: Snapshots, databases: Databases
) -> None:
    await sign_in(client, links, sub_case)
    async with snapshots.rebuild(T1):
        response = await client.post("/graphql", json=asking("accept", 2))
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        assert await intents(databases, sub_case) == []
        assert (await client.get("/graphql", params=asking("offer"))).status_code == 200  # what is there is shown
    assert (await client.post("/graphql", json=asking("accept", 2))).status_code == 200


async def test_a_trip_the_store_has_lost_is_on_its_way_back(
    client: httpx.AsyncClient, links: Links, sub_case: Urn, snapshots: Snapshots
) -> None:
    await sign_in(client, links, sub_case)
    await snapshots.forget(T1, sub_case)
    for response in (await client.get("/graphql", params=asking("offer")), await client.post("/graphql", json=asking("accept", 2))):
        assert response.status_code == 503
        assert response.headers["retry-after"]


@pytest.mark.parametrize("version", ["2", 2.5, None, 2**40, {}, True])
async def test_a_version_that_is_none_is_refused(client: httpx.AsyncClient, links: Links, sub_case: Urn, version: object) -> None:
    await sign_in(client, links, sub_case)
    body = {"documentId": DOCUMENTS.named("accept").id, "variables": {"snapshotVersion": version}}
    assert (await client.post("/graphql", json=body)).status_code == 400


@pytest.mark.parametrize(
    "asked", [{"query": "{ myTrip { urn } }"}, {"query": "{ __schema { types { name } } }"}, {"documentId": "sha256:" + "a" * 64}]
)
async def test_only_trusted_documents_are_answered(client: httpx.AsyncClient, links: Links, sub_case: Urn, asked: dict[str, str]) -> None:
    await sign_in(client, links, sub_case)
    assert (await client.post("/graphql", json=asked)).status_code == 400


async def test_it_works_while_postgres_is_away(settings: Settings, links: Links, sub_case: Urn) -> None:
    """Sign-in and reading need the snapshot store alone; an answer is asked for again."""
    away = {**settings.database_urls, "intake": Secret("postgresql://nobody:nothing@127.0.0.1:1/nexa_intake")}
    fields = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
    made = app(Settings(**{**fields, "database_urls": away}))
    async with made.router.lifespan_context(made), visiting(made, HOST) as client:
        await sign_in(client, links, sub_case)
        assert (await client.get("/graphql", params=asking("offer"))).status_code == 200
        response = await client.post("/graphql", json=asking("accept", 2))
        assert response.status_code == 503
        assert (await client.get("/readyz")).json() == {"status": "not ready", "unreachable": ["intake"]}


async def test_the_door_knows_nothing_else(settings: Settings) -> None:
    """It starts with the snapshot store, the intake and two keys."""
    told = {
        name: getattr(settings, name) for name in ("environment", "home", "passenger_url", "snapshot_url", "link_public_key", "session_key")
    }
    made = app(Settings(**told, database_urls={"intake": settings.database_urls["intake"]}))
    async with made.router.lifespan_context(made), visiting(made, HOST) as client:
        assert (await client.get("/readyz")).json() == {"status": "ready"}
