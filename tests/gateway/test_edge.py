from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Route

from gateway.documents import Documents
from gateway.edge import BODY_LIMIT, GraphQLDoor
from gateway.engine import Engine
from kernel.identity import Identity
from schema.audience import PARTNER
from tests.gateway.tiny import World, by_name, context, contract

GRAPHQL = "application/graphql-response+json"


async def authenticate(headers: Headers) -> Identity:
    return await by_name(headers.get("authorization", "").removeprefix("Bearer "))


def client_of(door: GraphQLDoor) -> httpx.AsyncClient:
    app = Starlette(routes=[Route("/graphql", door.answer, methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"])])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test", headers={"authorization": "Bearer ana"})


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(GraphQLDoor(Engine(contract(world)), authenticate, context)) as made:  # type: ignore[arg-type]
        yield made


@pytest.fixture
def documents(tmp_path: Path) -> Documents:
    (tmp_path / "double.graphql").write_text("query Double($n: Int!) { double(number: $n) }\n")
    (tmp_path / "touch.graphql").write_text('mutation Touch { touch(name: "x") }\n')
    return Documents.load(tmp_path)


@pytest.fixture
async def trusting(world: World, documents: Documents) -> AsyncIterator[httpx.AsyncClient]:
    engine = Engine(contract(world, PARTNER))
    async with client_of(GraphQLDoor(engine, authenticate, context, documents=documents, trusted_only=True)) as made:  # type: ignore[arg-type]
        yield made


def code_of(response: httpx.Response) -> str:
    return str(response.json()["errors"][0]["extensions"]["code"])


async def test_a_query_by_post(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ me }"})
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{GRAPHQL}; charset=utf-8"
    assert response.json() == {"data": {"me": "Ana Rossi"}}


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, GRAPHQL),
        ("*/*", GRAPHQL),
        ("application/json", "application/json"),
        ("application/json;q=0.5, application/graphql-response+json", GRAPHQL),
        ("application/json, application/graphql-response+json;q=0.1", "application/json"),
        ("text/html, application/*;q=0.8", GRAPHQL),
    ],
)
async def test_the_better_media_type_is_written(client: httpx.AsyncClient, accept: str | None, expected: str) -> None:
    headers = {"accept": accept} if accept else {}
    response = await client.post("/graphql", json={"query": "{ me }"}, headers=headers)
    assert response.headers["content-type"].startswith(expected)


async def test_nothing_is_written_that_the_caller_cannot_read(client: httpx.AsyncClient) -> None:
    assert (await client.post("/graphql", json={"query": "{ me }"}, headers={"accept": "text/html"})).status_code == 406


BAD_BODIES: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("not json", b"{"),
    ("an array", b"[]"),
    ("a batch", b'[{"query":"{ me }"}]'),
    ("a number", b"1"),
    ("null", b"null"),
    ("bad utf-8", b'{"query":"\xff"}'),
    ("endless number", b'{"query":"{ me }","variables":{"n":' + b"9" * 10_000 + b"}}"),
    ("deep", b'{"query":"{ me }","variables":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001),
    ("not a number", b'{"query":"{ me }","variables":{"n":NaN}}'),
    ("no query", b"{}"),
    ("query of another type", b'{"query":{"a":1}}'),
    ("variables of another type", b'{"query":"{ me }","variables":"x"}'),
    ("variables as a list", b'{"query":"{ me }","variables":[1]}'),
    ("name of another type", b'{"query":"{ me }","operationName":1}'),
    ("extensions of another type", b'{"query":"{ me }","extensions":"x"}'),
    ("two questions", b'{"query":"{ me }","documentId":"x"}'),
    ("not graphql", b'{"query":"{"}'),
    ("unknown field", b'{"query":"{ nothing }"}'),
    ("missing variable", b'{"query":"query($n: Int!) { double(number: $n) }"}'),
    ("wrong variable", b'{"query":"query($n: Int!) { double(number: $n) }","variables":{"n":"x"}}'),
    ("unknown operation", b'{"query":"query A { me }","operationName":"B"}'),
    ("a subscription", b'{"query":"subscription { three }"}'),
]


@pytest.mark.parametrize("body", [body for _, body in BAD_BODIES], ids=[name for name, _ in BAD_BODIES])
async def test_a_bad_request_is_answered_in_json_with_400(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.headers["content-type"].startswith(GRAPHQL)
    assert response.json()["errors"][0]["message"]
    assert code_of(response) != "INTERNAL"


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/json; charset=latin-1"]
)
async def test_only_json_is_read(client: httpx.AsyncClient, media: str) -> None:
    response = await client.post("/graphql", content=b'{"query":"{ me }"}', headers={"content-type": media})
    assert response.status_code == 415


async def test_what_is_packed_is_not_unpacked(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert (await client.post("/graphql", content=b"\x1f\x8b", headers=headers)).status_code == 415


@pytest.mark.parametrize("length", [None, "12", "-5", "9" * 5000])
async def test_a_body_has_an_end_whatever_it_says_of_its_length(client: httpx.AsyncClient, length: str | None) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(BODY_LIMIT // 1024 + 2):
            yield b" " * 1024

    headers = {"content-type": "application/json"} | ({"content-length": length} if length else {})
    assert (await client.post("/graphql", content=endless(), headers=headers)).status_code == 413


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_other_methods_are_told_which_are_known(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_a_read_by_get_is_kept_by_its_tag(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params={"query": "query($n: Int!) { double(number: $n) }", "variables": '{"n": 21}'})
    assert response.json() == {"data": {"double": 42}}
    again = await client.get("/graphql", params={"query": "{ double(number: 21) }"}, headers={"if-none-match": response.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""
    other = await client.get("/graphql", params={"query": "{ double(number: 1) }"}, headers={"if-none-match": response.headers["etag"]})
    assert other.status_code == 200


async def test_a_write_never_comes_by_get(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params={"query": 'mutation { touch(name: "x") }'})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("query", ["", "query=%7B%20me%20%7D&query=x", "query=%ff", "query=%7Bme%7D&variables=%7B", "&&&", "x" * 20_000])
async def test_a_bad_query_string_is_400(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/graphql?{query}")).status_code == 400


@pytest.mark.parametrize("header", [{"authorization": "Bearer nobody"}, {"authorization": "Basic eDp5"}, {"authorization": ""}])
async def test_nobody_is_told_to_sign_in(client: httpx.AsyncClient, header: dict[str, str]) -> None:
    response = await client.post("/graphql", json={"query": "{ me }"}, headers=header)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert code_of(response) == "UNAUTHENTICATED"


async def test_what_a_resolver_refuses_is_said(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ me tired }"})
    assert response.status_code == 200
    assert response.json()["data"] == {"me": "Ana Rossi", "tired": None}
    assert response.json()["errors"][0]["message"] == "The server is too tired for this."
    assert code_of(response) == "TOO_TIRED"


async def test_what_broke_is_written_down_and_not_told(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    response = await client.post("/graphql", json={"query": "{ me broken }"})
    assert response.status_code == 200
    assert code_of(response) == "INTERNAL"
    assert "secret-marker" not in response.text
    assert "secret-marker" in caplog.text


async def test_a_door_that_breaks_answers_500_without_its_reasons(world: World) -> None:
    async def breaks(headers: Headers) -> Identity:
        raise RuntimeError("secret-marker")

    async with client_of(GraphQLDoor(Engine(contract(world)), breaks, context)) as client:  # type: ignore[arg-type]
        response = await client.post("/graphql", json={"query": "{ me }"})
    assert response.status_code == 500
    assert "secret-marker" not in response.text
    assert code_of(response) == "INTERNAL"


async def test_callers_of_plain_json_read_invalid_questions_with_200(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ nothing }"}, headers={"accept": "application/json"})
    assert response.status_code == 200
    assert code_of(response) == "GRAPHQL_VALIDATION_FAILED"


async def test_a_trusted_document_is_named_by_the_digest_of_its_file(trusting: httpx.AsyncClient, documents: Documents) -> None:
    id = documents.named("double").id
    for known in (id, id.removeprefix("sha256:")):
        response = await trusting.post("/graphql", json={"documentId": known, "variables": {"n": 2}})
        assert response.json() == {"data": {"double": 4}}
    response = await trusting.get("/graphql", params={"documentId": id, "variables": json.dumps({"n": 2})})
    assert response.json() == {"data": {"double": 4}}
    assert response.headers["etag"]


async def test_a_trusted_write_does_not_come_by_get_either(trusting: httpx.AsyncClient, documents: Documents) -> None:
    assert (await trusting.get("/graphql", params={"documentId": documents.named("touch").id})).status_code == 405


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"query": "{ me }"}, "TRUSTED_DOCUMENTS_ONLY"),
        ({"documentId": "double"}, "PERSISTED_DOCUMENT_NOT_FOUND"),
        ({"documentId": "sha256:" + "0" * 64}, "PERSISTED_DOCUMENT_NOT_FOUND"),
        ({"documentId": ""}, "PERSISTED_DOCUMENT_NOT_FOUND"),
    ],
)
async def test_nothing_else_is_answered_to_those_who_must_be_trusted(trusting: httpx.AsyncClient, asked: dict[str, Any], code: str) -> None:
    response = await trusting.post("/graphql", json=asked)
    assert response.status_code == 400
    assert code_of(response) == code


@pytest.mark.parametrize("query", ["{ __schema { types { name } } }", '{ __type(name: "Query") { name } }'])
async def test_the_schema_is_shown_to_operators_only(client: httpx.AsyncClient, world: World, query: str) -> None:
    assert (await client.post("/graphql", json={"query": query})).status_code == 200
    async with client_of(GraphQLDoor(Engine(contract(world, PARTNER)), authenticate, context)) as partner:  # type: ignore[arg-type]
        response = await partner.post("/graphql", json={"query": query})
        assert response.status_code == 400
        guess = await partner.post("/graphql", json={"query": "{ mee }"})
    assert "Did you mean" not in guess.text


@pytest.mark.parametrize(
    "query",
    [
        "{" + "a{" * 3000 + "a" + "}" * 3001,
        "{ " + " ".join(f"a{n}: me" for n in range(200)) + " }",
        "query { ...A } "
        + " ".join(
            f"fragment {a} on Query {{ ...{b} ...{b} }}"
            for a, b in zip("ABCDEFGHIJKLMNOPQRSTUVWX", "BCDEFGHIJKLMNOPQRSTUVWXY", strict=True)
        )
        + " fragment Y on Query { me }",
        "{ me " + "@skip(if: false) " * 3000 + "}",
    ],
    ids=["depth", "aliases", "fragments", "directives"],
)
async def test_bombs_are_refused(client: httpx.AsyncClient, query: str) -> None:
    response = await client.post("/graphql", json={"query": query})
    assert response.status_code == 400
