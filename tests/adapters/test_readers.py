"""Who reads words into forms: the same promises from each of them, and only their own words are definite."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
import respx

from adapters.anthropic.client import Anthropic
from adapters.openai.client import OpenAi
from adapters.registry import SandboxSecrets
from domains.policies.ports import Filled, Reader
from kernel.answer import Declined, NotSent, Ok, Unknown
from kernel.http import Http
from kernel.sandbox.faults import FaultKind
from kernel.sandbox.form import filled
from kernel.sandbox.shell import Call
from kernel.secret import FileSecrets, Secret
from kernel.tenancy import Tenant
from tests.adapters.forms import FORM, SCHEMA
from tests.harness.partners import T1, T2, Partners, partners

READERS = ("anthropic", "openai")
LEAST = {"name": "", "stars": 1, "tiers": [], "nightly": 0}
KINDS: dict[str, type[Anthropic] | type[OpenAi]] = {"anthropic": Anthropic, "openai": OpenAi}


def reader(world: Partners, vendor: str) -> Reader:
    return world.registry.readers[vendor]


async def told(world: Partners, vendor: str, tenant: str, values: object) -> None:
    said = await world.twin(vendor).control(Call("", "PUT", f"/{tenant}/answer", {}, {}, {}, json.dumps(values).encode(), ""))
    assert said is not None
    assert said.status == 204


@pytest.mark.parametrize("vendor", READERS)
async def test_a_form_is_filled_in(vendor: str) -> None:
    world = partners()
    answer = await reader(world, vendor).fill(T1, FORM)
    assert isinstance(answer, Ok)
    assert answer.value.values == LEAST
    [form] = world.book(vendor)["forms"]
    assert (form["tenant"], form["name"]) == ("t1", "policy")
    assert FORM.words not in repr(world.book(vendor))


@pytest.mark.parametrize("vendor", READERS)
async def test_a_twin_says_what_it_was_told_once_and_to_that_airline_alone(vendor: str) -> None:
    world = partners()
    await told(world, vendor, "t1", {**LEAST, "name": "Storm"})
    answers = [await reader(world, vendor).fill(tenant, FORM) for tenant in (T2, T1, T1)]
    assert [answer.value.values["name"] for answer in answers if isinstance(answer, Ok)] == ["", "Storm", ""]


@pytest.mark.parametrize("vendor", READERS)
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.LOST_ANSWER, Unknown),
        (FaultKind.ERROR, Unknown),
        (FaultKind.THROTTLE, NotSent),
        (FaultKind.GARBAGE, Unknown),
        (FaultKind.DRIFT, Unknown),
        (FaultKind.REFUSE, Declined),
    ],
)
async def test_every_fault_is_told_as_what_it_is(vendor: str, kind: FaultKind, expected: type) -> None:
    world = partners()
    world.order(vendor, kind, "fill", count=1)
    assert type(await reader(world, vendor).fill(T1, FORM)) is expected


@pytest.mark.parametrize("vendor", READERS)
async def test_a_form_that_is_not_whole_is_no_answer(vendor: str) -> None:
    world = partners()
    await told(world, vendor, "t1", {"name": "Storm"})
    answer = await reader(world, vendor).fill(T1, FORM)
    assert isinstance(answer, Unknown)
    assert answer.why == "unintelligible: stars of the form is missing"


@pytest.mark.parametrize("vendor", READERS)
async def test_without_an_account_nothing_is_sent(vendor: str) -> None:
    made = KINDS[vendor](Http("http://127.0.0.1:1"), FileSecrets(None))
    assert await made.fill(T1, FORM) == NotSent("no account with this partner")
    await made.probe(T1)


@pytest.mark.parametrize("vendor", READERS)
async def test_a_form_has_a_proper_name(vendor: str) -> None:
    with pytest.raises(ValueError, match="name"):
        await reader(partners(), vendor).fill(T1, replace(FORM, name="no name"))


def chat(end: str = "stop", **message: Any) -> dict[str, Any]:
    return {"model": "m", "choices": [{"finish_reason": end, "message": {"content": json.dumps(LEAST), **message}}]}


def tool(end: str = "tool_use", **block: Any) -> dict[str, Any]:
    return {"model": "m", "stop_reason": end, "content": [{"type": "tool_use", "name": "policy", "input": LEAST, **block}]}


GOOD = Ok(Filled(LEAST, "m"))


@pytest.mark.parametrize(
    ("vendor", "status", "said", "expected"),
    [
        ("openai", 200, chat(), GOOD),
        ("openai", 200, chat(refusal="no"), "REFUSAL"),
        ("openai", 200, chat("content_filter"), "REFUSAL"),
        ("openai", 200, chat("length", content='{"na'), "CUT_SHORT"),
        ("openai", 200, chat(content="no JSON"), Unknown),
        ("openai", 200, chat(content="[]"), Unknown),
        ("openai", 200, {"model": "m", "choices": []}, Unknown),
        ("openai", 404, {"error": {"code": "model_not_found", "type": "invalid_request_error"}}, "MODEL_NOT_FOUND"),
        ("openai", 400, {"error": {"code": None, "type": "invalid_request_error"}}, "INVALID_REQUEST_ERROR"),
        ("openai", 400, {"oops": 1}, Unknown),
        ("openai", 403, {"error": {}}, NotSent("sign-in refused")),
        ("openai", 429, {"error": {"code": "insufficient_quota"}}, NotSent("throttled")),
        ("openai", 503, {}, Unknown),
        ("anthropic", 200, tool(), GOOD),
        ("anthropic", 200, tool("refusal"), "REFUSAL"),
        ("anthropic", 200, tool("max_tokens"), "CUT_SHORT"),
        ("anthropic", 200, tool(name="another"), Unknown),
        ("anthropic", 200, tool(input="x"), Unknown),
        ("anthropic", 200, {"model": "m", "stop_reason": "end_turn", "content": [{"type": "text", "text": "hello"}]}, Unknown),
        ("anthropic", 400, {"error": {"type": "invalid_request_error"}}, "INVALID_REQUEST_ERROR"),
        ("anthropic", 404, {"error": {"type": "not_found_error"}}, "NOT_FOUND_ERROR"),
        ("anthropic", 400, {"oops": 1}, Unknown),
        ("anthropic", 403, {"error": {}}, NotSent("sign-in refused")),
        ("anthropic", 529, {"error": {"type": "overloaded_error"}}, NotSent("throttled")),
        ("anthropic", 504, {"error": {"type": "timeout_error"}}, Unknown),
    ],
)
async def test_only_their_own_words_are_definite(vendor: str, status: int, said: dict[str, Any], expected: object) -> None:
    with respx.mock() as mock:
        mock.post(url__regex="http://ai/v1/.*").mock(return_value=httpx.Response(status, json=said))
        answer = await KINDS[vendor](Http("http://ai"), SandboxSecrets()).fill(T1, FORM)
    if isinstance(expected, str):
        assert isinstance(answer, Declined)
        assert answer.code == expected
    else:
        assert answer == expected if not isinstance(expected, type) else isinstance(answer, expected)


class Accounts:
    """An account that signs in as newer versions want it."""

    def vendor(self, tenant: Tenant, vendor: str) -> dict[str, Secret]:
        return {**SandboxSecrets().vendor(tenant, vendor), "version": Secret("2026-10-21"), "sign_in": Secret("bearer")}


async def test_anthropic_is_signed_in_to_as_the_account_says() -> None:
    world = partners()
    witness = world.witnesses["anthropic"]
    for secrets in (SandboxSecrets(), Accounts()):
        assert isinstance(await Anthropic(Http("http://ai", app=witness), secrets).fill(T1, FORM), Ok)
    classic, newer = (exchange.headers for exchange in witness.exchanges)
    assert ("x-api-key" in classic, classic["anthropic-version"]) == (True, "2023-06-01")
    assert ("x-api-key" in newer, newer["authorization"][:7], newer["anthropic-version"]) == (False, "Bearer ", "2026-10-21")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (SCHEMA, LEAST),
        ({"const": 7}, 7),
        ({"type": ["string", "null"]}, ""),
        ({"type": "array", "minItems": 2, "items": {"type": "boolean"}}, [False, False]),
        ({"type": "null"}, None),
        ({}, {}),
    ],
)
def test_the_least_that_a_schema_allows(schema: dict[str, Any], value: object) -> None:
    assert filled(schema) == value
