"""Wallet on real Postgres: one card however often it is asked for, and no card left when it is undone, in any order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from domains.wallet import actions, queries
from domains.wallet.commands import IssueCard, VoidCard
from domains.wallet.model import Card, CardState
from domains.wallet.ports import IssuedCard, Voided
from kernel.database import Databases
from kernel.money import Money
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work

AMOUNT = Money(Decimal("45.00"), "USD")
ISSUED = IssuedCard("crd-1", "acc-1", "usr-1", "atx-1", "0001", "MASTERCARD", AMOUNT)


class Asked:
    """Takes note of what wallet wants of the issuer; `under_way` is what `withdraw` says has to settle first."""

    def __init__(self) -> None:
        self.issues: list[Card] = []
        self.voids: list[Card] = []
        self.under_way = 0

    async def issue(self, work: Work, card: Card) -> None:
        self.issues.append(card)

    async def void(self, work: Work, card: Card) -> None:
        self.voids.append(card)

    async def withdraw(self, work: Work, sub_case: Urn, workflow: Urn, reply_to: str) -> int:
        return self.under_way


class Desk:
    """One workflow's card, done by hand."""

    def __init__(self, databases: Databases, tenant: Tenant) -> None:
        self.wallet, self.tenant, self.asked = databases["wallet"], tenant, Asked()
        self.sub_case, self.workflow = Urn.mint("sub-case"), Urn.mint("workflow")

    async def issue(self, attempt: int = 1) -> None:
        async with self.wallet.work(self.tenant) as work:
            command = IssueCard(self.sub_case, AMOUNT)
            await actions.issue_card(work, command, self.workflow, f"{self.workflow}|card|{attempt}", self.asked)

    async def issued(self) -> None:
        async with self.wallet.work(self.tenant) as work:
            await actions.card_issued(work, self.asked.issues[0].urn, ISSUED, "pomelo", self.asked)

    async def refused(self, *, unknown: bool = False) -> None:
        async with self.wallet.work(self.tenant) as work:
            await actions.card_refused(work, self.asked.issues[0].urn, "the pool is dry", {"code": "E1"}, unknown=unknown)

    async def void(self, attempt: int = 1) -> None:
        async with self.wallet.work(self.tenant) as work:
            command = VoidCard(self.sub_case, self.workflow, "declined")
            await actions.void_card(work, command, f"{self.workflow}|~card|{attempt}", self.asked)

    async def voided(self) -> None:
        async with self.wallet.work(self.tenant) as work:
            await actions.card_voided(work, self.asked.voids[0].urn, Voided("crd-1", AMOUNT))

    async def undo(self) -> None:
        async with self.wallet.work(self.tenant) as work:
            await actions.undo(work, self.workflow, self.asked)

    async def told(self) -> list[dict[str, Any]]:
        async with self.wallet.read(self.tenant) as connection:
            rows = await connection.execute(
                text("select name, body, reply_to from outbox where tenant = :tenant and receiver = 'wallet' order by position"),
                {"tenant": self.tenant},
            )
            return [{**row.body, "name": row.name, "reply_to": row.reply_to} for row in rows]

    async def cards(self) -> list[Card]:
        async with self.wallet.read(self.tenant) as connection:
            return (await queries.cards_by_sub_case(connection, self.tenant, [self.sub_case]))[self.sub_case]


@pytest.fixture
def desk(databases: Databases, tenant: Tenant) -> Desk:
    return Desk(databases, tenant)


async def test_a_card_is_issued_once_and_told_to_whoever_asks(desk: Desk) -> None:
    await desk.issue()
    await desk.issue()
    for _ in range(2):
        await desk.issued()
    await desk.issue(attempt=2)
    assert len(desk.asked.issues) == 1
    told = await desk.told()
    assert [(each["name"], each["reply_to"].rsplit("|", 1)[1]) for each in told] == [("CardIssued", "1"), ("CardIssued", "2")]
    assert told[0]["card"] == told[1]["card"] == desk.asked.issues[0].urn
    assert (told[0]["last_four"], told[0]["vendor"]) == ("0001", "pomelo")


async def test_a_later_attempt_asks_anew_where_nothing_stands(desk: Desk) -> None:
    await desk.issue()
    await desk.refused()
    await desk.issue()
    assert len(desk.asked.issues) == 1
    await desk.issue(attempt=2)
    await desk.issue(attempt=2)
    assert [each.reply_to for each in desk.asked.issues] == [f"{desk.workflow}|card|{attempt}" for attempt in (1, 2)]
    await desk.issued()
    await desk.void()
    await desk.voided()
    await desk.issue(attempt=3)
    [card] = await desk.cards()
    assert (card.state, card.issued, len(desk.asked.issues)) == (CardState.REQUESTED, None, 3)


async def test_the_row_keeps_the_issuers_ids_and_no_number(desk: Desk) -> None:
    await desk.issue()
    await desk.issued()
    [card] = await desk.cards()
    assert (card.state, card.issued, card.amount) == (CardState.ISSUED, ISSUED, AMOUNT)
    assert card.tagged == f"{card.urn}:vendor:pomelo:status:issued"


@pytest.mark.parametrize("unknown", [False, True])
async def test_a_refusal_says_whether_anybody_knows(desk: Desk, unknown: bool) -> None:
    await desk.issue()
    await desk.refused(unknown=unknown)
    await desk.issue()
    told = await desk.told()
    assert [(each["name"], each["unknown"], each["evidence"]) for each in told] == [("CardRefused", unknown, {"code": "E1"})] * 2


async def test_undoing_an_issued_card_voids_it(desk: Desk) -> None:
    await desk.issue()
    await desk.issued()
    await desk.void()
    await desk.void(attempt=2)
    assert [card.issued for card in desk.asked.voids] == [ISSUED]
    for _ in range(2):
        await desk.voided()
    told = await desk.told()
    assert [each["name"] for each in told] == ["CardIssued", "CardVoided"]
    assert (told[1]["cards"], told[1]["reply_to"]) == ([desk.asked.issues[0].urn], f"{desk.workflow}|~card|2")


async def test_undoing_waits_for_what_is_under_way_and_then_voids_it(desk: Desk) -> None:
    await desk.issue()
    desk.asked.under_way = 1
    await desk.void()
    await desk.issued()
    assert await desk.told() == []
    await desk.undo()
    await desk.voided()
    assert [each["name"] for each in await desk.told()] == ["CardVoided"]


async def test_undoing_what_was_refused_meanwhile_leaves_nothing(desk: Desk) -> None:
    await desk.issue()
    desk.asked.under_way = 1
    await desk.void()
    await desk.refused()
    await desk.undo()
    assert [(each["name"], each["cards"]) for each in await desk.told()] == [("CardVoided", [])]
    assert desk.asked.voids == []


async def test_undoing_what_was_not_sent_costs_nothing(desk: Desk) -> None:
    await desk.issue()
    await desk.void()
    assert [(each["name"], each["cards"]) for each in await desk.told()] == [("CardVoided", [])]
    assert [card.state for card in await desk.cards()] == [CardState.REFUSED]


async def test_a_card_asked_for_after_its_undoing_is_refused(desk: Desk) -> None:
    await desk.void()
    await desk.issue()
    assert desk.asked.issues == []
    assert [each["name"] for each in await desk.told()] == ["CardVoided", "CardRefused"]


async def test_an_unknown_card_cannot_be_undone_and_says_so(desk: Desk) -> None:
    await desk.issue()
    await desk.refused(unknown=True)
    await desk.void()
    assert [each["name"] for each in await desk.told()] == ["CardRefused", "VoidRefused"]


async def test_a_refused_void_keeps_the_issuers_ids_for_a_person_and_may_be_tried_again(desk: Desk) -> None:
    await desk.issue()
    await desk.issued()
    await desk.void()
    async with desk.wallet.work(desk.tenant) as work:
        await actions.void_refused(work, desk.asked.voids[0].urn, "blocked", {"code": "E2"})
    told = (await desk.told())[-1]
    assert (told["name"], told["evidence"]) == ("VoidRefused", {"code": "E2", "vendor": "pomelo", "card": "crd-1"})
    await desk.void(attempt=2)
    assert len(desk.asked.voids) == 2


async def test_a_card_that_is_found_after_all_is_told_and_shown(desk: Desk) -> None:
    await desk.issue()
    await desk.refused(unknown=True)
    await desk.issued()
    assert [each["name"] for each in await desk.told()] == ["CardRefused", "CardIssued"]
    assert [card.state for card in await desk.cards()] == [CardState.ISSUED]


async def test_a_card_that_is_found_after_its_undo_stood_still_is_voided(desk: Desk) -> None:
    await desk.issue()
    await desk.refused(unknown=True)
    await desk.void()
    await desk.issued()
    assert [card.issued for card in desk.asked.voids] == [ISSUED]
    await desk.voided()
    assert [each["name"] for each in await desk.told()] == ["CardRefused", "VoidRefused", "CardVoided"]


async def test_a_card_that_a_person_did_not_find_ends_its_undo(desk: Desk) -> None:
    await desk.issue()
    await desk.refused(unknown=True)
    await desk.void()
    await desk.refused()
    told = await desk.told()
    assert [each["name"] for each in told] == ["CardRefused", "VoidRefused", "CardVoided"]
    assert (told[2]["cards"], told[2]["reply_to"]) == ([], f"{desk.workflow}|~card|1")
    assert desk.asked.voids == []


async def test_a_card_that_a_person_has_disabled_is_void(desk: Desk) -> None:
    await desk.issue()
    await desk.issued()
    await desk.void()
    async with desk.wallet.work(desk.tenant) as work:
        await actions.void_refused(work, desk.asked.voids[0].urn, "blocked", {"code": "E2"})
    await desk.voided()
    assert [each["name"] for each in await desk.told()] == ["CardIssued", "VoidRefused", "CardVoided"]


async def test_another_airline_sees_no_card(desk: Desk, databases: Databases) -> None:
    await desk.issue()
    async with databases["wallet"].read(Tenant("t2")) as connection:
        assert await queries.cards_by_urn(connection, Tenant("t2"), [desk.asked.issues[0].urn]) == {}
