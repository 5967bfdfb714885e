"""Cards against the issuer's twin: one card and one load, whatever is lost on the way; none when it is undone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from redis.asyncio import Redis

from domains.wallet.commands import IssueCard, VoidCard
from kernel.database import Databases
from kernel.money import Money
from kernel.sandbox.faults import FaultKind
from kernel.tenancy import Tenant
from runtime.embedded.valkey import ValkeyUrls
from tests.jobs.floor import Floor, a_floor

AMOUNT = Money(Decimal("45.00"), "USD")


@pytest.fixture
async def floor(databases: Databases, tenant: Tenant, valkey_urls: ValkeyUrls) -> AsyncIterator[Floor]:
    redis = Redis.from_url(valkey_urls.coordination)
    async with a_floor(databases, tenant, redis) as made:
        yield made
    await redis.aclose()


async def test_a_card_is_issued_with_its_load_and_voided(floor: Floor) -> None:
    await floor.ask(IssueCard(floor.sub_case, AMOUNT))
    issued = await floor.answer("wallet", "CardIssued", "CardRefused")
    [held] = floor.cards()
    assert (issued["name"], held["balance"]) == ("CardIssued", "45.00")
    await floor.ask(VoidCard(floor.sub_case, floor.workflow, "declined"))
    voided = await floor.answer("wallet", "CardVoided", "VoidRefused")
    assert voided["cards"] == [issued["card"]]
    assert floor.cards() == []
    assert [card["balance"] for card in floor.cards("DISABLED")] == ["0.00"]


@pytest.mark.parametrize("operation", ["user", "card", "account", "load"])
@pytest.mark.parametrize("fault", [FaultKind.LOST_ANSWER, FaultKind.ERROR_EXECUTED, FaultKind.LOST_REQUEST])
async def test_what_is_lost_on_the_way_makes_no_second_card(floor: Floor, operation: str, fault: FaultKind) -> None:
    floor.partners.order("pomelo", fault, operation, count=1)
    await floor.ask(IssueCard(floor.sub_case, AMOUNT))
    await floor.ask(IssueCard(floor.sub_case, AMOUNT))
    assert (await floor.answer("wallet", "CardIssued", "CardRefused"))["name"] == "CardIssued"
    assert [card["balance"] for card in floor.cards()] == ["45.00"]


async def test_an_issuer_that_refuses_leaves_no_card(floor: Floor) -> None:
    floor.partners.order("pomelo", FaultKind.REFUSE, "load")
    await floor.ask(IssueCard(floor.sub_case, AMOUNT))
    refused = await floor.answer("wallet", "CardIssued", "CardRefused")
    assert (refused["name"], refused["unknown"]) == ("CardRefused", False)
    assert floor.cards() == []


async def test_a_void_whose_answer_is_lost_is_asked_again(floor: Floor) -> None:
    await floor.ask(IssueCard(floor.sub_case, AMOUNT))
    await floor.answer("wallet", "CardIssued")
    floor.partners.order("pomelo", FaultKind.LOST_ANSWER, "reverse", count=1)
    await floor.ask(VoidCard(floor.sub_case, floor.workflow))
    assert (await floor.answer("wallet", "CardVoided", "VoidRefused"))["name"] == "CardVoided"
    assert [card["balance"] for card in floor.cards("DISABLED")] == ["0.00"]


async def test_no_name_and_no_number_rests_in_wallet(floor: Floor, databases: Databases) -> None:
    await floor.ask(IssueCard(floor.sub_case, AMOUNT))
    await floor.answer("wallet", "CardIssued")
    assert b"Moreau" in b"".join(exchange.sent for exchange in floor.partners.said("pomelo", "POST"))
    for table in ("operation", "card", "outbox"):
        async with databases["wallet"].read(floor.tenant) as connection:
            rows = (await connection.exec_driver_sql(f'select * from "{table}"')).all()
        assert "Moreau" not in repr(rows), table
        assert "+1212555" not in repr(rows), table
