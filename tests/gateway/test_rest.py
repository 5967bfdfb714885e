"""`/partner/v1` over the real contract and a real Postgres."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from gateway.rest.call import BODY_LIMIT
from gateway.rest.reading import TEXT_LIMIT
from kernel.database import Databases
from kernel.tenancy import Tenant
from tests.gateway.partners import Desk, a_notice

PUSH, CASES = "/partner/v1/disruptions", "/partner/v1/cases"


@pytest.fixture
def desk(databases: Databases) -> Desk:
    """Of an airline in which these tests leave nothing that another would meet."""
    return Desk(Tenant("t1"), databases)


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    async with desk.client() as made:
        yield made


@pytest.fixture
async def fresh(tenant: Tenant, databases: Databases) -> AsyncIterator[httpx.AsyncClient]:
    """At an airline without any case."""
    async with Desk(tenant, databases).client() as made:
        yield made


def case_path(urn: str) -> str:
    return f"{CASES}/{quote(urn, safe='')}"


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, held against what every problem promises."""
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json"), response.text
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:nexa:problem:{code.lower().replace('_', '-')}")
    assert body["title"]
    assert body["detail"]
    return body


def faults(response: httpx.Response, status: int) -> dict[str, str]:
    return {fault["field"]: fault["detail"] for fault in problem(response, status, "INVALID_REQUEST")["errors"]}


# what it is for --------------------------------------------------------------------------------------------------------------


async def test_a_pushed_disruption_becomes_a_case_that_can_be_read(fresh: httpx.AsyncClient) -> None:
    pushed = await fresh.post(PUSH, json=a_notice())
    assert pushed.status_code == 202
    assert "x-nexa-replayed" not in pushed.headers
    made = pushed.json()
    assert made["flightNumber"] == "B6900"
    assert made["scheduledDeparture"] == "2026-02-08T14:00:00-05:00"
    assert (made["status"], made["subCasesTotal"], made["counts"]) == ("OPEN", 0, [])
    assert pushed.headers["location"] == case_path(made["urn"])
    read = await fresh.get(pushed.headers["location"])
    assert read.status_code == 200
    assert read.headers["content-type"] == "application/json"
    assert read.json() == made


async def test_a_disruption_pushed_again_is_the_same_case_and_says_so(fresh: httpx.AsyncClient) -> None:
    first = await fresh.post(PUSH, json=a_notice())
    again = await fresh.post(PUSH, json=a_notice())
    assert (again.status_code, again.headers["x-nexa-replayed"]) == (200, "true")
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]


async def test_cases_come_page_by_page_newest_first(fresh: httpx.AsyncClient) -> None:
    pushed = [(await fresh.post(PUSH, json=a_notice(externalEventId=f"e-{n}", flight=f"urn:flight:B6{n}@20260208:vendor:custom"))).json()
              for n in range(3)]  # fmt: skip
    first = (await fresh.get(CASES, params={"first": "2"})).json()
    assert [item["urn"] for item in first["items"]] == [pushed[2]["urn"], pushed[1]["urn"]]
    assert first["total"] == 3
    last = (await fresh.get(CASES, params={"first": "2", "after": first["nextCursor"]})).json()
    assert last == {"items": [pushed[0]], "nextCursor": None, "total": 3}


async def test_a_list_without_cases_is_an_empty_page(fresh: httpx.AsyncClient) -> None:
    assert (await fresh.get(CASES)).json() == {"items": [], "nextCursor": None, "total": 0}


async def test_head_is_answered_as_get_is(client: httpx.AsyncClient) -> None:
    assert (await client.head(CASES)).status_code == 200


# who may ----------------------------------------------------------------------------------------------------------------------


async def test_nobody_is_told_to_sign_in(desk: Desk) -> None:
    async with desk.client("nobody") as client:
        for response in (await client.get(CASES), await client.post(PUSH, json=a_notice())):
            problem(response, 401, "UNAUTHENTICATED")
            assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("who", "method", "path", "scope"),
    [
        ("reader", "POST", PUSH, "disruptions.write"),
        ("pusher", "GET", CASES, "cases.read"),
        ("pusher", "GET", CASES + "/urn%3Acase%3Ax", "cases.read"),
    ],
)
async def test_a_missing_scope_is_named(desk: Desk, who: str, method: str, path: str, scope: str) -> None:
    async with desk.client(who) as client:
        response = await client.request(method, path, json=a_notice() if method == "POST" else None)
    assert scope in problem(response, 403, "FORBIDDEN")["detail"]
    assert response.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'


async def test_a_case_of_another_airline_is_not_found(client: httpx.AsyncClient, desk: Desk) -> None:
    made = (await client.post(PUSH, json=a_notice())).json()
    async with desk.client("stranger") as stranger:
        foreign = await stranger.get(case_path(made["urn"]))
        missing = await stranger.get(case_path("urn:case:c-nothing"))
    problem(foreign, 404, "NOT_FOUND")
    assert foreign.json() == missing.json()


# what was sent -----------------------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"airport": None}, "airport", "is missing"),
    ({"airport": 3}, "airport", "a text of 1 to"),
    ({"airport": ""}, "airport", "a text of 1 to"),
    ({"cause": "x" * (TEXT_LIMIT + 1)}, "cause", f"1 to {TEXT_LIMIT} characters"),
    ({"cause": "a\u0007b"}, "cause", "control characters"),
    ({"cause": ["blizzard"]}, "cause", "a text of 1 to"),
    ({"externalEventId": {"id": 1}}, "externalEventId", "a text of 1 to"),
    ({"flight": "B6900"}, "flight", "expected urn:<entity>:<id>"),
    ({"flight": 900}, "flight", "a URN as a string"),
    ({"scheduledDeparture": "tomorrow"}, "scheduledDeparture", "such as 2026-02-08T12:00:00Z"),
    ({"scheduledDeparture": "2026-02-08T14:00:00"}, "scheduledDeparture", "no offset"),
    ({"departs": "2026-02-08T14:00:00Z"}, "departs", "is not known; known are: airport, cause, destination, externalEventId"),
    ({"x": 1}, "x", "is not known"),
]


@pytest.mark.parametrize(("change", "field", "said"), WRONG, ids=[f"{field}-{n}" for n, (_, field, _) in enumerate(WRONG)])
async def test_a_wrong_body_is_told_which_field_and_what_would_be_right(
    client: httpx.AsyncClient, change: dict[str, Any], field: str, said: str
) -> None:
    found = faults(await client.post(PUSH, json=a_notice(**change)), 422)
    assert list(found) == [field]
    assert said in found[field]


async def test_every_fault_of_a_body_is_told_at_once(client: httpx.AsyncClient) -> None:
    assert set(faults(await client.post(PUSH, json={}), 422)) == set(a_notice())


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"x"'])
async def test_a_body_is_one_object(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post(PUSH, content=body, headers={"content-type": "application/json"})
    assert problem(response, 400, "BAD_REQUEST")["detail"] == "The body is one JSON object."


@pytest.mark.parametrize("body", [b"", b"{", b'{"airport":"\xff"}', b'{"n":NaN}', b'{"a":' * 5_000 + b"1" + b"}" * 5_001])
async def test_a_body_that_is_not_json_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    problem(await client.post(PUSH, content=body, headers={"content-type": "application/json"}), 400, "BAD_REQUEST")


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=latin-1"])
async def test_only_json_is_read(client: httpx.AsyncClient, media: str) -> None:
    problem(await client.post(PUSH, content=b"{}", headers={"content-type": media}), 415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_body_has_an_end(client: httpx.AsyncClient) -> None:
    problem(await client.post(PUSH, json=a_notice(cause="x" * BODY_LIMIT)), 413, "TOO_LARGE")


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0, */*", "application/problem+json"])
async def test_nothing_is_written_that_the_caller_cannot_read(client: httpx.AsyncClient, accept: str) -> None:
    problem(await client.get(CASES, headers={"accept": accept}), 406, "NOT_ACCEPTABLE")


@pytest.mark.parametrize("accept", ["*/*", "application/*;q=0.1", "text/html, application/json", "*/*;q=0, application/json"])
async def test_json_is_written_for_who_reads_it(client: httpx.AsyncClient, accept: str) -> None:
    assert (await client.get(CASES, headers={"accept": accept})).status_code == 200


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [("first=x", "first", "a whole number"), ("first=", "first", "a whole number"), ("first=99999999999", "first", "a whole number"),
     ("first=3000000000", "first", "a whole number"), ("airport=JFK", "airport", "known are: after, first"), ("after=", "after", "a text"),
     ("after=%00", "after", "a text")],
)  # fmt: skip
async def test_a_wrong_query_is_told_which_parameter(client: httpx.AsyncClient, query: str, field: str, said: str) -> None:
    found = faults(await client.get(f"{CASES}?{query}"), 400)
    assert list(found) == [field]
    assert said in found[field]


@pytest.mark.parametrize("query", ["first=0", "first=-1", "first=201", "after=x", "after=MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMCB1cm46Y2FzZTp4"])
async def test_a_query_that_the_list_refuses_is_400(client: httpx.AsyncClient, query: str) -> None:
    problem(await client.get(f"{CASES}?{query}"), 400, "BAD_INPUT")


@pytest.mark.parametrize("query", ["first=1&first=2", "&&", "x", "first=%ff"])
async def test_a_query_that_is_not_readable_is_400(client: httpx.AsyncClient, query: str) -> None:
    problem(await client.get(f"{CASES}?{query}"), 400, "BAD_REQUEST")


async def test_a_name_that_is_no_urn_is_told_so(client: httpx.AsyncClient) -> None:
    assert "expected urn:<entity>:<id>" in faults(await client.get(f"{CASES}/nonsense"), 400)["urn"]


@pytest.mark.parametrize("urn", ["urn:hotel:1:vendor:hotelbeds", "urn:case:c-nothing", "urn:case:c-nothing:status:OPEN"])
async def test_a_name_of_no_case_is_not_found(client: httpx.AsyncClient, urn: str) -> None:
    assert problem(await client.get(case_path(urn)), 404, "NOT_FOUND")["detail"] == "There is no such case."


async def test_a_flight_of_another_vendor_is_refused_with_the_reason(client: httpx.AsyncClient) -> None:
    refused = problem(await client.post(PUSH, json=a_notice(flight="urn:flight:B6900@20260208:vendor:sabre")), 422, "WRONG_VENDOR")
    assert refused["title"] == "The flight's URN names a vendor that this airline does not use"
    assert "custom" in refused["detail"]


async def test_a_flight_without_a_day_is_refused(client: httpx.AsyncClient) -> None:
    refused = problem(await client.post(PUSH, json=a_notice(flight="urn:flight:B6900:vendor:custom")), 422, "BAD_INPUT")
    assert "urn:flight:<number>@<yyyymmdd>" in refused["detail"]


# where there is nothing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", PUSH, "POST"), ("DELETE", CASES, "GET, HEAD"), ("POST", CASES, "GET, HEAD"), ("PUT", CASES + "/urn%3Acase%3Ax", "GET, HEAD"),
     ("OPTIONS", PUSH, "POST")],
)  # fmt: skip
async def test_other_methods_are_told_which_are_known(client: httpx.AsyncClient, method: str, path: str, allowed: str) -> None:
    response = await client.request(method, path)
    problem(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path", ["/partner/v1", "/partner/v1/", "/partner/v1/nothing", CASES + "/", CASES + "/a%2Fb", "/partner/v1/cases/a/b"]
)
async def test_an_address_without_anything_is_a_problem_too(client: httpx.AsyncClient, path: str) -> None:
    problem(await client.get(path), 404, "NOT_FOUND")


async def test_what_breaks_behind_is_told_without_what_it_was(desk: Desk) -> None:
    desk.doors = type(desk.doors)()  # a process that was given no databases
    async with desk.client() as client:
        broken = problem(await client.get(CASES), 500, "INTERNAL")
    assert "databases" not in str(broken)


async def test_a_body_that_breaks_off_is_no_error_of_ours(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    headers = [(b"authorization", b"Bearer desk"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": PUSH, "query_string": b"", "headers": headers, "root_path": ""}
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await Starlette(routes=desk.routes())(scope, receive, send)
    assert sent[0]["status"] == 400
    assert caplog.records == []


# whatever it is ------------------------------------------------------------------------------------------------------------------

TEXTS = st.text(max_size=40) | st.sampled_from(
    ["urn:flight:B6900@20260208:vendor:custom", "urn:flight:@:vendor:custom", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+00:00",
     "2026-02-08T14:00:00+05:30:15.5", "2026-W06-7T14:00Z", "x" * TEXT_LIMIT, "🛬" * TEXT_LIMIT, "\ud7ff\ue000", "null", "1e400"]
)  # fmt: skip
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS | st.lists(TEXTS, max_size=2)
INSTANTS = st.builds(
    lambda local, offset: f"{local.isoformat()}{offset}", st.datetimes(), st.sampled_from(["Z", "+14:00", "-12:00", "+05:45", "-00:00:01"])
)
GOOD = {
    **dict.fromkeys(a_notice(), TEXTS),
    "flight": st.integers(1).map("urn:flight:B6{}@20260208:vendor:custom".format),
    "scheduledDeparture": INSTANTS,
}
BODIES = st.builds(
    lambda good, wrong, extra: {**a_notice(**good), **wrong, **extra},
    st.fixed_dictionaries({}, optional=GOOD),
    st.fixed_dictionaries({}, optional=dict.fromkeys(a_notice(), VALUES)) | st.just({}),
    st.dictionaries(TEXTS, VALUES, max_size=1) | st.just({}),
)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
async def test_no_body_is_an_error_of_ours(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    response = await client.post(PUSH, content=json.dumps(body), headers={"content-type": "application/json"})
    assert response.status_code in (200, 202, 400, 422), response.text
    if response.status_code < 300:
        assert (await client.get(response.headers["location"])).status_code == 200


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(max_size=60), first=TEXTS, after=TEXTS)
async def test_no_address_is_an_error_of_ours(client: httpx.AsyncClient, path: str, first: str, after: str) -> None:
    named = await client.get(f"{CASES}/{quote(path, safe='')}", params={"first": first})
    paged = await client.get(CASES, params={"after": after})
    cursor = await client.get(CASES, params={"after": base64.urlsafe_b64encode(f"{first} {after}".encode()).decode().rstrip("=")})
    assert {named.status_code, paged.status_code, cursor.status_code} <= {200, 400, 404}
