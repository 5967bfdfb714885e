"""kernel.partner: every exchange becomes one of four answers, once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import pytest
import respx

from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.http import Http, Reply, Request
from kernel.operation import Class
from kernel.partner import (
    LONGEST_PAUSE,
    Exchange,
    PartnerClient,
    PartnerOperation,
    Passage,
    Sheet,
    Verdict,
    retry_after,
    throttled,
    unauthorized,
)
from kernel.tenancy import Tenant
from kernel.wire import text

T = TypeVar("T")
T1 = Tenant("t1")
SHEET = Sheet("acme", "things", "none", {"make": PartnerOperation(Class.C, timedelta(seconds=5), timedelta(seconds=60), stays="a toy")})


class Porter:
    """A gate that remembers, and refuses when told to."""

    def __init__(self, refusal: NotSent | None = None) -> None:
        self.refusal = refusal
        self.reports: list[tuple[Passage, Verdict | None, timedelta | None]] = []

    async def through(self, passage: Passage, exchange: Exchange[T]) -> Answer[T]:
        if self.refusal is not None:
            return self.refusal
        outcome = await exchange()
        self.reports.append((passage, outcome.verdict, outcome.pause))
        return outcome.answer


def understand(reply: Reply) -> str | Declined | NotSent | Unknown:
    said = reply.json()
    if reply.status == 503:
        return Unknown("busy", {"their": "id-1"})
    if reply.status == 403:
        return unauthorized() if said["why"] == "key" else throttled(reply)
    if reply.status >= 400:
        return Declined(said["code"], "no")
    return str(said["id"])


async def ask(porter: Porter | None = None, **answer: object) -> Answer[str]:
    with respx.mock() as mock:
        mock.post("http://acme/make").mock(**answer)  # type: ignore[arg-type]  # respx takes either of its two
        client = PartnerClient(SHEET, Http("http://acme"), porter or Porter())
        return await client.ask(T1, "make", Request("POST", "/make"), understand)


@pytest.mark.parametrize(
    ("response", "expected", "verdict"),
    [
        (httpx.Response(200, json={"id": "x"}), Ok("x"), Verdict.HEALTHY),
        (httpx.Response(500, json={"code": "FULL"}), Declined("FULL", "no"), Verdict.HEALTHY),
        (httpx.Response(429, headers={"retry-after": "7"}), NotSent("throttled", timedelta(seconds=7)), Verdict.THROTTLED),
        (httpx.Response(429), NotSent("throttled"), Verdict.THROTTLED),
        (httpx.Response(403, json={"why": "qps"}), NotSent("throttled"), Verdict.THROTTLED),
        (httpx.Response(403, json={"why": "key"}), NotSent("sign-in refused"), Verdict.UNAUTHORIZED),
        (httpx.Response(401, json={}), NotSent("sign-in refused"), Verdict.UNAUTHORIZED),
    ],
)
async def test_a_definite_answer_keeps_its_kind(response: httpx.Response, expected: object, verdict: Verdict) -> None:
    porter = Porter()
    assert await ask(porter, return_value=response) == expected
    assert [report[1] for report in porter.reports] == [verdict]


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, content=b'{"id": "x'),
        httpx.Response(200, json={"identity": "x"}),
        httpx.Response(200, json=[]),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(502, content=b"<html>"),
        httpx.Response(503, json={}),
    ],
)
async def test_everything_unclear_after_the_first_byte_is_unknown(response: httpx.Response) -> None:
    porter = Porter()
    answer = await ask(porter, return_value=response)
    assert isinstance(answer, Unknown)
    assert answer.evidence["status"] == str(response.status_code)
    assert [report[1] for report in porter.reports] == [Verdict.FAILED]


@pytest.mark.parametrize("error", [KeyError, TypeError, ValueError, ZeroDivisionError, AttributeError])
async def test_an_error_in_reading_the_answer_is_unknown_too(error: type[Exception]) -> None:
    def stumble(reply: Reply) -> str:
        raise error("ANA DOE")

    with respx.mock() as mock:
        mock.post("http://acme/make").respond(200, json={})
        answer = await PartnerClient(SHEET, Http("http://acme")).ask(T1, "make", Request("POST", "/make"), stumble)
    assert isinstance(answer, Unknown)
    assert "ANA" not in answer.why


async def test_what_is_not_as_published_is_named_by_its_field(caplog: pytest.LogCaptureFixture) -> None:
    def read(reply: Reply) -> str:
        return text(reply.json(), "made")

    with respx.mock() as mock, caplog.at_level("WARNING", "nexa.partner"):
        mock.post("http://acme/make").respond(200, json={"madeV2": "ANA DOE"})
        answer = await PartnerClient(SHEET, Http("http://acme")).ask(T1, "make", Request("POST", "/make"), read)
    assert isinstance(answer, Unknown)
    assert answer.why == "unintelligible: made is missing"
    assert answer.why in caplog.text
    assert "ANA" not in caplog.text


async def test_unreachable_is_not_sent_and_a_lost_answer_is_unknown() -> None:
    assert isinstance(await ask(side_effect=httpx.ConnectError("no")), NotSent)
    assert isinstance(await ask(side_effect=httpx.ReadTimeout("late")), Unknown)


async def test_what_the_gate_refuses_never_goes_out() -> None:
    with respx.mock(assert_all_called=False) as mock:
        route = mock.post("http://acme/make").respond(200, json={"id": "x"})
        porter = Porter(NotSent("open breaker", timedelta(seconds=3)))
        answer = await PartnerClient(SHEET, Http("http://acme"), porter).ask(T1, "make", Request("POST", "/make"), understand)
    assert answer == NotSent("open breaker", timedelta(seconds=3))
    assert (route.call_count, porter.reports) == (0, [])


async def test_a_call_is_made_once_whatever_comes_back() -> None:
    for status in (200, 400, 401, 408, 425, 429, 500, 502, 503, 504):
        with respx.mock() as mock:
            route = mock.post("http://acme/make").respond(status, json={"id": "x", "code": "x"})
            await PartnerClient(SHEET, Http("http://acme")).ask(T1, "make", Request("POST", "/make"), understand)
            assert route.call_count == 1


class Tokens:
    """Hands out token 0, then 1 when a fresh one is asked for."""

    def __init__(self, refusal: NotSent | Unknown | None = None) -> None:
        self.asked: list[bool] = []
        self.refusal = refusal

    async def __call__(self, fresh: bool) -> Mapping[str, str] | NotSent | Unknown:
        self.asked.append(fresh)
        return self.refusal or {"authorization": f"Bearer {len(self.asked) - 1}"}


@pytest.mark.parametrize(("good", "expected", "asked"), [(0, "x", [False]), (1, "x", [False, True]), (2, None, [False, True])])
async def test_a_refused_token_is_renewed_once(good: int, expected: str | None, asked: list[bool]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        right = request.headers["authorization"] == f"Bearer {good}"
        return httpx.Response(200, json={"id": "x"}) if right else httpx.Response(401)

    tokens = Tokens()
    with respx.mock() as mock:
        mock.post("http://acme/make").mock(side_effect=answer)
        client = PartnerClient(SHEET, Http("http://acme"))
        said = await client.ask(T1, "make", Request("POST", "/make"), understand, sign_in=tokens)
    assert said == (Ok(expected) if expected else NotSent("sign-in refused"))
    assert tokens.asked == asked


@pytest.mark.parametrize("refusal", [NotSent("throttled", timedelta(seconds=2)), Unknown("late")])
async def test_without_a_token_nothing_was_sent(refusal: NotSent | Unknown) -> None:
    client = PartnerClient(SHEET, Http("http://127.0.0.1:1"))
    answer = await client.ask(T1, "make", Request("POST", "/make"), understand, sign_in=Tokens(refusal))
    assert isinstance(answer, NotSent)
    assert answer.retry_after == getattr(refusal, "retry_after", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("3", timedelta(seconds=3)),
        ("0.5", timedelta(seconds=0.5)),
        ("-3", None),
        ("soon", None),
        ("1e999", None),
        ("99999999", LONGEST_PAUSE),
        ("Wed, 21 Oct 2015 07:28:00 GMT", timedelta(0)),
        ("Fri, 31 Dec 2999 23:59:59 GMT", LONGEST_PAUSE),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(text: str, expected: timedelta | None) -> None:
    assert retry_after(Reply(429, {"retry-after": text}, b"")) == expected


@pytest.mark.parametrize(
    ("operations", "said"),
    [
        ({"make": {"kind": Class.C}}, "neither"),
        ({"order": {"kind": Class.D}}, "neither"),
        ({"make": {"kind": Class.C, "undo": "break"}}, "not on the sheet"),
        ({"make": {"kind": Class.C, "undo": "break"}, "break": {"kind": Class.A}}, None),
        ({"order": {"kind": Class.D, "stays": "it is cancelled by telephone"}}, None),
        ({"look": {"kind": Class.READ}}, None),
    ],
)
def test_a_sheet_says_what_takes_back_what_was_done(operations: dict[str, dict[str, Any]], said: str | None) -> None:
    lines = {name: PartnerOperation(time_out=timedelta(seconds=5), **facts) for name, facts in operations.items()}
    if said is None:
        Sheet("acme", "things", "none", lines)
        return
    with pytest.raises(ValueError, match=said):
        Sheet("acme", "things", "none", lines)
