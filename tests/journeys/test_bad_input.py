"""Nonsense at every door: a typed, clear answer each time, never a 500, and nothing of what was meant is lost."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import pytest
from websockets.exceptions import ConnectionClosed

from kernel.http import Request
from runtime.faults.callers import WITHIN, Caller, document_id, raw_socket, refused
from runtime.faults.flights import a_flight, a_party
from tests.harness.airline import Airline, Airlines, all_of
from tests.harness.running import RunningSite

JSON: Final = "application/json"
ME: Final = json.dumps({"query": "{ me { urn } }"}).encode()
DOORS: Final = ("operator", "partner", "passenger")
PATHS: Final = {"operator": "/graphql", "partner": "/partner/graphql", "passenger": "/graphql"}


@pytest.fixture(scope="module")
def airline(airlines: Airlines) -> Airline:
    return airlines["b1"]


@pytest.fixture(scope="module")
async def callers(airline: Airline) -> dict[str, Caller]:
    """Somebody who may ask, at each door."""
    party = a_party()
    opened = await airline.open(a_flight("b1", [party]))
    await airline.issue(opened.rows)
    operator, partner, passenger = await all_of(airline.operator(), airline.partner(), airline.passenger(party.contact.phone or ""))
    return {"operator": operator, "partner": partner, "passenger": passenger}


def _post(path: str, body: bytes, media: str = JSON, **headers: str) -> Request:
    return Request("POST", path, {"content-type": media, **headers}, body=body)


# --- what cannot be read ------------------------------------------------------------------------------------------------------------

UNREADABLE: Final[dict[str, bytes]] = {
    "nothing": b"",
    "half a body": b'{"query": "{ me',
    "no JSON": b"query=%7Bme%7D",
    "a number": b"42",
    "a text": b'"{ me { urn } }"',
    "a batch": b"[" + b",".join([ME] * 1000) + b"]",
    "NaN": b'{"query": "{ me { urn } }", "variables": {"a": NaN}}',
    "bad UTF-8": b'{"query": "{ me { urn } }\xff\xfe"}',
    "half a surrogate": b'{"query": "{ me { urn } } #\\ud800"}',
    "deep JSON": b'{"query": "{ me { urn } }", "variables": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}",
    "deep lists": b"[" * 50_000,
    "10,000 digits": b'{"query": "{ me { urn } }", "variables": ' + b"9" * 10_000 + b"}",
    "no query": b"{}",
    "a query that is a number": b'{"query": 42}',
    "variables that are a list": b'{"query": "{ me { urn } }", "variables": [1]}',
    "a query and a document": b'{"query": "{ me { urn } }", "documentId": "sha256:0"}',
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_what_cannot_be_read_is_a_400(callers: dict[str, Caller], door: str, body: bytes) -> None:
    refused(await callers[door].send(_post(PATHS[door], body)))


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_a_push_that_cannot_be_read_is_a_problem(callers: dict[str, Caller], body: bytes) -> None:
    reply = await callers["partner"].send(_post("/partner/v1/disruptions", body))
    refused(reply, at=(400, 413, 422))
    assert reply.headers["content-type"].startswith("application/problem+json")


@pytest.mark.parametrize("door", DOORS)
async def test_numbers_without_end_are_refused_wherever_they_stand(callers: dict[str, Caller], door: str) -> None:
    digits = "9" * 10_000
    name = {"operator": None, "partner": "cases", "passenger": "accept"}[door]
    asked: dict[str, Any] = (
        {"documentId": document_id(door, name)} if name else {"query": "query($first: Int!) { cases(first: $first) { totalCount } }"}
    )
    variable = "snapshotVersion" if door == "passenger" else "first"
    body = json.dumps(asked)[:-1] + f', "variables": {{"{variable}": {digits}}}}}'
    refused(await callers[door].send(_post(PATHS[door], body.encode())))


async def test_a_number_without_end_inside_a_document_is_refused(callers: dict[str, Caller]) -> None:
    query = f"{{ cases(first: {'9' * 10_000}) {{ totalCount }} }}"
    refused(await callers["operator"].send(_post("/graphql", json.dumps({"query": query}).encode())), at=(200, 400))


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/json; charset=latin-1"]
)
async def test_another_media_type_is_refused(callers: dict[str, Caller], door: str, media: str) -> None:
    refused(await callers[door].send(_post(PATHS[door], ME, media)), at=(415,))


@pytest.mark.parametrize("door", DOORS)
async def test_a_compressed_body_and_one_without_measure_are_refused(callers: dict[str, Caller], door: str) -> None:
    refused(await callers[door].send(_post(PATHS[door], ME, **{"content-encoding": "gzip"})), at=(415,))
    refused(await callers[door].send(_post(PATHS[door], b" " * 300_000)), at=(413,))
    refused(await callers[door].send(_post(PATHS[door], ME, accept="text/html")), at=(406,))
    refused(await callers[door].send(Request("PUT", PATHS[door])), at=(405,))


@pytest.mark.parametrize(
    "query",
    [
        "{",
        "{ nothing }",
        "query A { me { urn } } query B { me { urn } }",
        "{ " + "a: me { urn } " * 40 + "}",
        "{ case(urn: 1) { urn } }",
        "fragment a on Viewer { ...a } { me { ...a } }",
        "{ cases { edges { node { subCases { edges { node { " + "workflow { " * 20 + "urn" + " }" * 28,
        "{ me { urn } }" + " #" * 5_000,
    ],
)
async def test_a_document_that_cannot_be_run_says_why(callers: dict[str, Caller], query: str) -> None:
    reply = await callers["operator"].send(
        _post("/graphql", json.dumps({"query": query}).encode(), accept="application/graphql-response+json")
    )
    if query.startswith("{ me"):
        assert reply.status in (200, 400)
    else:
        refused(reply)


@pytest.mark.parametrize("door", ["partner", "passenger"])
async def test_only_trusted_documents_are_run(callers: dict[str, Caller], door: str) -> None:
    for asked in ({"query": "{ __schema { types { name } } }"}, {"documentId": "sha256:" + "0" * 64}, {"documentId": "../../etc/passwd"}):
        refused(await callers[door].post(PATHS[door], asked), at=(400, 403))


# --- URNs ---------------------------------------------------------------------------------------------------------------------------

NO_URNS: Final = (
    "",
    "urn",
    "urn:case",
    "urn:unicorn:1",
    "urn:case:",
    "case:1",
    "urn:case:a b",
    "urn:case:1:vendor",
    "urn:case:" + "x" * 200,
    "urn:case:\u0000",
)


@pytest.mark.parametrize("urn", NO_URNS)
async def test_what_is_no_urn_is_named(callers: dict[str, Caller], urn: str) -> None:
    query = "query($urn: Urn!) { case(urn: $urn) { urn } }"
    reply = await callers["operator"].post("/graphql", {"query": query, "variables": {"urn": urn}})
    assert refused(reply, at=(200, 400)) != "INTERNAL"
    if urn and "/" not in urn:
        from_rest = await callers["partner"].get("/partner/v1/cases/" + Request("GET", _quoted(urn)).path)
        assert refused(from_rest, at=(400, 404)) != "INTERNAL"


def _quoted(text: str) -> str:
    return "".join(character if character.isalnum() else f"%{ord(character):02X}" for character in text)


@pytest.mark.parametrize("urn", ["urn:flight:B6@1", "urn:sub-case:s-1", "urn:operator:ana", "urn:pnr:ABC123:vendor:custom"])
async def test_a_urn_of_another_kind_is_no_case(callers: dict[str, Caller], urn: str) -> None:
    query = "query($urn: Urn!) { case(urn: $urn) { urn } }"
    reply = await callers["operator"].post("/graphql", {"query": query, "variables": {"urn": urn}})
    body = json.loads(reply.body)
    assert reply.status in (200, 400)
    assert body.get("data") in (None, {"case": None})
    assert all(error["extensions"]["code"] != "INTERNAL" for error in body.get("errors", []))
    assert refused(await callers["partner"].get(f"/partner/v1/cases/{_quoted(urn)}"), at=(400, 404)) != "INTERNAL"


# --- tokens -------------------------------------------------------------------------------------------------------------------------


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _changed(token: str, *, header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None, signed: bool = True) -> str:
    head, body, signature = token.split(".")

    def reading(part: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return read

    parts = _part({**reading(head), **(header or {})}), _part({**reading(body), **(claims or {})})
    return ".".join((*parts, signature if signed else ""))


BROKEN_TOKENS: Final = ("nonsense", "a.b.c", "...", "x" * 5_000)


@pytest.mark.parametrize("door", DOORS)
async def test_a_token_that_is_not_good_is_a_401(callers: dict[str, Caller], door: str) -> None:
    good = callers[door].token
    foreign = [caller.token for name, caller in callers.items() if name != door]
    forged = [
        _changed(good, header={"alg": "none"}, signed=False),
        _changed(good, header={"alg": "HS256"}),
        _changed(good, claims={"exp": 4_000_000_000}),
        _changed(good, claims={"tenant": "mq", "https://nexa/airline": "mq"}),
        good[:-4] + "AAAA",
    ]
    for token in (*foreign, *forged, *BROKEN_TOKENS):
        reply = await callers[door].send(_post(PATHS[door], ME, authorization=f"Bearer {token}"))
        assert refused(reply, at=(401,)) == "UNAUTHENTICATED", token[:60]
    reply = await callers[door].send(_post(PATHS[door], ME, authorization="Basic bmV4YTpuZXhh"))
    refused(reply, at=(401,))


async def test_an_expired_token_is_a_401(callers: dict[str, Caller], site: RunningSite) -> None:
    short = (await site.token("operator", "--tenant", "b1", "--lifetime", "0"))["token"]
    reply = await callers["operator"].send(_post("/graphql", ME, authorization=f"Bearer {short}"))
    assert refused(reply, at=(401,)) == "UNAUTHENTICATED"
    assert await _close_code(site, token=short) == 4403
    assert await _close_code(site, json.dumps({"type": "ping", "payload": {"token": short}}), token=callers["operator"].token) == 4403


async def test_rights_are_held_to(airline: Airline, callers: dict[str, Caller]) -> None:
    flight = a_flight("b1", [])
    body = flight.push()
    declare = """mutation($input: DeclareDisruptionInput!) { declareDisruption(input: $input) { __typename } }"""
    asked = {"externalEvent": "e", "flight": body["flight"], "airport": "JFK", "destination": "BOS", "cause": "x", "reason": "y"}
    variables = {"input": {**asked, "departs": body["scheduledDeparture"]}}
    for role, may in (("AIRPORT_OPERATOR", False), ("FINANCE_AUDIT", False), ("OPS_SUPERVISOR", True)):
        reply = await (await airline.operator(role)).said(declare, **variables)
        assert (b"CaseDeclared" in reply.body) is may, (role, reply.body)
        if not may:
            assert refused(reply, at=(200, 403)) == "FORBIDDEN"
    issue = await (await airline.operator("FINANCE_AUDIT")).said(
        'mutation { issueVoucher(input: { subCases: [{ urn: "urn:sub-case:s-1", version: 1 }], idempotencyKey: "k" }) { replayed } }'
    )
    assert refused(issue, at=(200, 403)) == "FORBIDDEN"


async def test_oauth_says_no_in_its_own_words(callers: dict[str, Caller]) -> None:
    form = "application/x-www-form-urlencoded"
    wrong: list[tuple[bytes, str, int]] = [
        (b"", form, 401),
        (b"grant_type=client_credentials&client_id=b1.nobody&client_secret=x", form, 401),
        (b"grant_type=client_credentials&client_id=nowhere.feed&client_secret=x", form, 401),
        (b"grant_type=client_credentials&client_id=b1&client_secret=x", form, 401),
        (b"grant_type=password&username=a&password=b", form, 400),
        (b"\xff\xfe", form, 400),
        (b"{}", JSON, 400),
    ]
    for body, media, status in wrong:
        reply = await callers["partner"].send(_post("/oauth/token", body, media, authorization=""))
        assert reply.status in (status, 400, 401), (body, reply.status)
        assert json.loads(reply.body)["error"], body


# --- sockets ------------------------------------------------------------------------------------------------------------------------


async def _close_code(site: RunningSite, *messages: str | bytes, token: str | None = None) -> int | None:
    """With which code the door closes after these messages."""
    async with raw_socket(site.url("operator")) as socket:
        if token is not None:
            await socket.send(json.dumps({"type": "connection_init", "payload": {"token": token}}))
        try:
            for message in messages:
                await socket.send(message)
            while True:
                told = json.loads(await socket.recv())
                if told["type"] == "ping":
                    await socket.send(json.dumps({"type": "pong"}))
        except ConnectionClosed:
            return socket.close_code


SUBSCRIBE: Final = json.dumps({"id": "1", "type": "subscribe", "payload": {"query": "subscription { alerts { seq } }"}})
WRONG_MESSAGES: Final[dict[str, tuple[str | bytes, int]]] = {
    "a string": ('"hello"', 4400),
    "no JSON": ("{", 4400),
    "a number": ("42", 4400),
    "null": ("null", 4400),
    "a list": ("[]", 4400),
    "bytes": (b"\xff\xfe", 4400),
    "deep": ("[" * 100_000, 4400),
    "a type nobody knows": ('{"type": "start"}', 4400),
    "no type": ("{}", 4400),
    "an id that is a number": ('{"id": 1, "type": "subscribe", "payload": {"query": "{ me { urn } }"}}', 4400),
    "no payload": ('{"id": "1", "type": "subscribe"}', 4400),
    "a payload that is a string": ('{"id": "1", "type": "subscribe", "payload": "{ me { urn } }"}', 4400),
    "a second init": ('{"type": "connection_init"}', 4429),
}


@pytest.mark.parametrize("name", WRONG_MESSAGES)
async def test_a_wrong_message_closes_its_own_socket_alone(callers: dict[str, Caller], site: RunningSite, name: str) -> None:
    message, code = WRONG_MESSAGES[name]
    assert await _close_code(site, message, token=callers["operator"].token) == code
    assert (await callers["operator"].send(_post("/graphql", ME))).status == 200


async def test_sockets_are_strict_about_their_order_and_their_tokens(callers: dict[str, Caller], site: RunningSite) -> None:
    good = callers["operator"].token
    assert await _close_code(site, SUBSCRIBE) == 4401
    assert await _close_code(site, SUBSCRIBE, SUBSCRIBE, token=good) == 4409
    for token in (
        callers["partner"].token,
        callers["passenger"].token,
        good[:-4] + "AAAA",
        _changed(good, header={"alg": "none"}, signed=False),
    ):
        assert await _close_code(site, token=token) == 4403
    foreign = json.dumps({"type": "ping", "payload": {"token": callers["partner"].token}})
    assert await _close_code(site, foreign, token=good) == 4403


async def test_a_document_that_cannot_be_run_leaves_the_socket_open(airline: Airline) -> None:
    async with (await airline.operator()).socket() as console:
        for query in ("{", "subscription { nothing }", "subscription { caseBoard { items { nothing } } }"):
            assert (await (await console.listen(query)).message(WITHIN))["type"] == "error"
        stream = await console.listen("subscription($c: Urn!) { subCases(case: $c) { seq } }", c="urn:unicorn:1")
        assert (await stream.message(WITHIN))["type"] == "error"
        assert (await console.ask("{ me { tenant } }"))["me"]["tenant"] == "b1"


# --- webhooks -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/webhooks/b1/twilio", "/webhooks/mq/twilio", "/webhooks/b1/acme", "/webhooks/nowhere/twilio", "/webhooks/b1/"]
)
@pytest.mark.parametrize("body", [b"", b"MessageSid=SM1&MessageStatus=delivered", b"\xff\xfe=%zz"])
async def test_a_webhook_nobody_signed_changes_nothing(callers: dict[str, Caller], path: str, body: bytes) -> None:
    for signature in ("", "AAAA", "=" * 2_000):
        headers = {"x-twilio-signature": signature} if signature else {}
        reply = await callers["partner"].send(_post(path, body, "application/x-www-form-urlencoded", **headers))
        assert 400 <= reply.status < 500, (path, body, reply.status, reply.body[:200])


async def test_all_is_well_after_all_of_this(site: RunningSite) -> None:
    told = await site.status()
    assert told["healthy"]
    assert not any(process["restarts"] for name, process in told["processes"].items() if name in DOORS)
    for process in (*DOORS, "worker"):
        assert '"level": "error"' not in site.log(process)
