"""Pomelo: a card is made once whatever happens on the way, and a refusal leaves nothing alive."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
import respx

from adapters.pomelo import VENDOR
from adapters.pomelo import client as pomelo_client
from adapters.pomelo.client import Pomelo
from adapters.registry import SandboxSecrets
from domains.wallet.ports import CardRequest, IssuedCard, Voided
from kernel.answer import Declined, NotSent, Ok, Unknown
from kernel.http import Http
from kernel.money import Money
from kernel.sandbox.faults import FaultKind
from kernel.secret import FileSecrets
from tests.harness.partners import T1, T2, Partners, partners

SIXTY = Money(Decimal("60.00"), "USD")
REQUEST = CardRequest("op-1", "urn:sub-case:s-1", "Ana", "Doe", SIXTY)
STEPS = ["user", "card", "account", "load"]


@pytest.fixture
def world() -> Partners:
    return partners()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pomelo_client, "_PAUSE", timedelta(seconds=0.01))


def cards(world: Partners) -> Pomelo:
    issuer = world.registry.default_cards
    assert isinstance(issuer, Pomelo)
    return issuer


async def a_card(world: Partners) -> IssuedCard:
    answer = await cards(world).issue(T1, REQUEST)
    assert isinstance(answer, Ok)
    return answer.value


def alive(world: Partners) -> list[tuple[str, str]]:
    return [(card["status"], card["balance"]) for card in world.book("pomelo")["cards"]]


async def test_a_card_is_issued_loaded_and_known_by_its_owner(world: Partners) -> None:
    card = await a_card(world)
    (held,) = world.book("pomelo")["cards"]
    assert (held["id"], held["status"], held["balance"], held["metadata"]) == (card.card, "ACTIVE", "60.00", {"case": "urn:sub-case:s-1"})
    assert (card.balance, len(card.last_four), card.network) == (SIXTY, 4, "MASTERCARD")
    assert "@" in held["user"]["email"]


async def test_the_same_key_gives_the_same_card_and_another_key_another(world: Partners) -> None:
    card = await a_card(world)
    assert await a_card(world) == card
    other = await cards(world).issue(T1, replace(REQUEST, key="op-2"))
    assert isinstance(other, Ok)
    assert other.value.card != card.card
    assert alive(world) == [("ACTIVE", "60.00")] * 2


async def test_every_create_carries_a_key_of_its_own(world: Partners) -> None:
    await a_card(world)
    keys = [each.headers["x-idempotency-key"] for each in world.said(VENDOR, "POST") if each.path != "/oauth/token"]
    assert len(keys) == len(set(keys)) == 4


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.LOST_REQUEST,
        FaultKind.LOST_ANSWER,
        FaultKind.LATE,
        FaultKind.ERROR,
        FaultKind.ERROR_EXECUTED,
        FaultKind.GARBAGE,
        FaultKind.DRIFT,
    ],
)
async def test_after_an_unclear_step_the_same_request_ends_in_one_card_with_one_load(world: Partners, step: str, kind: FaultKind) -> None:
    world.order("pomelo", kind, step, count=1, seconds=0.01)
    assert isinstance(await cards(world).issue(T1, REQUEST), Unknown)
    await world.twin("pomelo").quiet()
    await a_card(world)
    assert alive(world) == [("ACTIVE", "60.00")]


@pytest.mark.parametrize("kind", [FaultKind.THROTTLE, FaultKind.THROTTLE_BARE])
async def test_a_throttle_before_anything_was_done_is_not_sent(world: Partners, kind: FaultKind) -> None:
    world.order("pomelo", kind, "user", count=1)
    assert isinstance(await cards(world).issue(T1, REQUEST), NotSent)
    assert alive(world) == []


@pytest.mark.parametrize("step", STEPS[1:])
async def test_a_throttle_in_the_middle_is_waited_out(world: Partners, step: str) -> None:
    world.order("pomelo", FaultKind.THROTTLE_BARE, step, count=3)
    await a_card(world)
    assert alive(world) == [("ACTIVE", "60.00")]


async def test_a_throttle_in_the_middle_that_does_not_end_is_unknown_and_not_unsent(
    world: Partners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pomelo_client, "PATIENCE", timedelta(seconds=0.05))
    world.order("pomelo", FaultKind.THROTTLE_BARE, "load")
    assert isinstance(await cards(world).issue(T1, REQUEST), Unknown)


@pytest.mark.parametrize(("step", "left"), [("user", []), ("card", []), ("account", ["DISABLED"]), ("load", ["DISABLED"])])
async def test_a_refusal_on_the_way_leaves_no_live_card(world: Partners, step: str, left: list[str]) -> None:
    world.order("pomelo", FaultKind.REFUSE, step)
    assert isinstance(await cards(world).issue(T1, REQUEST), Declined)
    assert [status for status, _ in alive(world)] == left


@pytest.mark.parametrize("step", STEPS)
async def test_what_was_done_under_a_key_is_answered_again_even_where_a_new_one_would_be_refused(world: Partners, step: str) -> None:
    world.order("pomelo", FaultKind.LOST_ANSWER, step, count=1)
    assert isinstance(await cards(world).issue(T1, REQUEST), Unknown)
    world.order("pomelo", FaultKind.REFUSE, step)
    await a_card(world)
    assert alive(world) == [("ACTIVE", "60.00")]


async def test_a_refusal_whose_card_cannot_be_disabled_is_unknown_until_it_is(world: Partners) -> None:
    world.order("pomelo", FaultKind.REFUSE, "load")
    world.order("pomelo", FaultKind.LOST_REQUEST, "disable", count=1)
    assert isinstance(await cards(world).issue(T1, REQUEST), Unknown)
    assert isinstance(await cards(world).issue(T1, REQUEST), Declined)
    assert alive(world) == [("DISABLED", "0.00")]


async def test_void_takes_everything_back_and_may_be_repeated(world: Partners) -> None:
    card = await a_card(world)
    loaded = await cards(world).load(T1, card, Money(Decimal("20"), "USD"), "load-2")
    assert loaded == await cards(world).load(T1, card, Money(Decimal("20"), "USD"), "load-2")
    assert alive(world) == [("ACTIVE", "80.00")]
    assert await cards(world).void(T1, card, "void-1") == Ok(Voided(card.card, Money(Decimal("80.00"), "USD")))
    assert isinstance(await cards(world).void(T1, card, "void-1"), Ok)
    assert alive(world) == [("DISABLED", "0.00")]


async def test_void_of_a_card_that_was_used_takes_back_the_rest(world: Partners) -> None:
    card = await a_card(world)
    world.twin("pomelo").book.change("account", card.account, balance="12.50")
    assert await cards(world).void(T1, card, "void-1") == Ok(Voided(card.card, Money(Decimal("12.50"), "USD")))
    assert alive(world) == [("DISABLED", "0.00")]


@pytest.mark.parametrize("operation", ["disable", "reverse"])
@pytest.mark.parametrize("kind", [FaultKind.LOST_REQUEST, FaultKind.LOST_ANSWER, FaultKind.ERROR_EXECUTED, FaultKind.GARBAGE])
async def test_a_faulty_void_ends_in_a_dead_empty_card(world: Partners, operation: str, kind: FaultKind) -> None:
    card = await a_card(world)
    world.order("pomelo", kind, operation, count=1)
    assert isinstance(await cards(world).void(T1, card, "void-1"), Unknown)
    assert isinstance(await cards(world).void(T1, card, "void-1"), Ok)
    assert alive(world) == [("DISABLED", "0.00")]


async def test_one_token_serves_all_calls_and_a_revoked_one_is_renewed_once(world: Partners) -> None:
    await a_card(world)
    assert sum(each.path == "/oauth/token" for each in world.said(VENDOR)) == 1
    for token, _ in world.twin("pomelo").book.all("token"):
        world.twin("pomelo").book.change("token", token, until=0)
    assert isinstance(await cards(world).issue(T1, replace(REQUEST, key="op-2")), Ok)
    assert sum(each.path == "/oauth/token" for each in world.said(VENDOR)) == 2


@pytest.mark.parametrize("kind", [FaultKind.LOST_ANSWER, FaultKind.ERROR, FaultKind.GARBAGE, FaultKind.THROTTLE])
async def test_without_a_token_nothing_was_sent(world: Partners, kind: FaultKind) -> None:
    world.order("pomelo", kind, "token", count=1)
    assert isinstance(await cards(world).issue(T1, REQUEST), NotSent)
    await a_card(world)


async def test_one_tenants_card_is_nothing_to_another(world: Partners) -> None:
    card = await a_card(world)
    assert isinstance(await cards(world).void(T2, card, "void-1"), Declined)
    assert alive(world) == [("ACTIVE", "60.00")]


@pytest.mark.parametrize(
    "broken", [{"amount": Money(Decimal("0"), "USD")}, {"amount": Money(Decimal("1.001"), "USD")}, {"given_name": "", "key": "op-3"}]
)
async def test_an_impossible_card_is_refused_before_anything_is_made(world: Partners, broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        await cards(world).issue(T1, replace(REQUEST, **broken))  # type: ignore[arg-type]  # a table of fields
    assert world.book("pomelo")["cards"] == []


async def test_without_an_account_nothing_is_sent() -> None:
    assert await Pomelo(Http("http://127.0.0.1:1"), FileSecrets(None)).issue(T1, REQUEST) == NotSent("no account with this partner")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"id": "atx-1", "result": "APPROVED"}, Ok),
        ({"id": "atx-1", "state": "approved"}, Ok),
        ({"id": "atx-1", "result": {"status": "APPROVED"}}, Ok),
        ({"id": "atx-1", "status": "REJECTED", "status_detail": "X"}, Declined),
        ({"id": "atx-1", "result": "REJETED"}, Declined),
        ({"id": "atx-1", "result": "REJECTED", "status_detail": "holder Ana Doe is blocked"}, Declined),
        ({"id": "atx-1", "result": "HELD"}, Unknown),
        ({"result": "APPROVED"}, Unknown),
        ({}, Unknown),
    ],
)
async def test_a_movement_is_judged_by_its_result_wherever_it_stands(data: dict[str, object], expected: type) -> None:
    card = IssuedCard("crd-1", "acc-1", "usr-1", "atx-0", "0001", "X", SIXTY)
    with respx.mock() as mock:
        mock.post("http://p/oauth/token").respond(200, json={"access_token": "t"})
        mock.post("http://p/core/transactions/v1").mock(return_value=httpx.Response(200, json={"data": data}))
        answer = await Pomelo(Http("http://p"), SandboxSecrets()).load(T1, card, SIXTY, "k")
    assert type(answer) is expected
    assert "Ana" not in str(answer)


@pytest.mark.parametrize(
    ("status", "expected"), [(400, Declined), (404, Declined), (422, Declined), (409, Unknown), (425, Unknown), (503, Unknown)]
)
async def test_the_status_alone_decides_because_no_error_envelope_is_published(status: int, expected: type) -> None:
    card = IssuedCard("crd-1", "acc-1", "usr-1", "atx-0", "0001", "X", SIXTY)
    with respx.mock() as mock:
        mock.post("http://p/oauth/token").respond(200, json={"access_token": "t"})
        mock.post("http://p/core/transactions/v1").respond(status, content=b"<html>")
        answer = await Pomelo(Http("http://p"), SandboxSecrets()).load(T1, card, SIXTY, "k")
    assert type(answer) is expected


async def test_the_twin_refuses_a_key_that_is_used_for_something_else(world: Partners) -> None:
    await a_card(world)
    changed = await cards(world).issue(T1, replace(REQUEST, given_name="Bo"))
    assert isinstance(changed, Unknown)
    assert world.said(VENDOR)[-1].status == 409
