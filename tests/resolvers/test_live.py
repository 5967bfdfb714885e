"""Subscriptions over the real feed: a picture first, then what changes, and nothing of what may not be seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kernel.feed import Feed
from tests.builders import a_draft
from tests.resolvers.conftest import Answer, Asker, open_case
from tests.resolvers.test_cases import ISSUE, LOCK, RELEASE, targets

BOARD = """subscription ($airport: String, $after: String) {
    caseBoard(airport: $airport, after: $after) { seq snapshot items { urn subCasesTotal } } }"""
ROWS = "subscription ($of: Urn!) { subCases(case: $of) { seq snapshot items { urn status lock { holderName } } } }"
LOCKS = "subscription ($of: Urn) { lockHolders(case: $of) { snapshot items { subCase holderName fence } } }"
TIMELINE = "subscription ($of: Urn!) { subCaseTimeline(subCase: $of) { snapshot subCase { status } entries { step } } }"
HOLDS = 'subscription { holdCounts(airport: "JFK") { snapshot items { urn } } }'
ALERTS = "subscription { alerts { snapshot items { kind case subCase message } } }"


class Screen:
    """An open subscription: `next` is the next batch."""

    def __init__(self, stream: AsyncIterator[Answer]) -> None:
        self._stream = stream

    async def next(self) -> Any:
        answer = await asyncio.wait_for(anext(self._stream), timeout=20)
        assert answer.codes == []
        (batch,) = answer.values()
        return batch


@asynccontextmanager
async def watching(asker: Asker, document: str, **variables: Any) -> AsyncIterator[Screen]:
    stream = asker.listen(document, **variables)
    try:
        yield Screen(stream)
    finally:
        await stream.aclose()  # type: ignore[attr-defined]  # it is a generator


async def test_the_board_begins_with_everything_and_then_shows_what_changes(ana: Asker, desk: Asker, feed: Feed) -> None:
    case, _ = await open_case(ana, a_draft(), a_draft())
    async with watching(ana, BOARD) as screen:
        first = await screen.next()
        assert (first["snapshot"], first["items"]) == (True, [{"urn": case, "subCasesTotal": 2}])
        other, _ = await open_case(ana, airport="LGA")
        feed.publish(ana.identity.tenant, "cases", other, 1)
        second = await screen.next()
        assert (second["snapshot"], second["items"]) == (False, [{"urn": other, "subCasesTotal": 1}])
    async with watching(ana, BOARD, after=first["seq"]) as screen:
        assert await screen.next() == second
    async with watching(ana, BOARD, airport="LGA") as screen:
        assert [item["urn"] for item in (await screen.next())["items"]] == [other]


async def test_a_bounded_operators_board_has_their_airports_only(ana: Asker, bob: Asker, feed: Feed) -> None:
    away, _ = await open_case(ana)
    here, _ = await open_case(ana, airport="LGA")
    async with watching(bob, BOARD) as screen:
        assert [item["urn"] for item in (await screen.next())["items"]] == [here]
        feed.publish(ana.identity.tenant, "cases", away, 2)
        feed.publish(ana.identity.tenant, "cases", here, 2)
        assert [item["urn"] for item in (await screen.next())["items"]] == [here]


async def test_the_rows_of_a_case_show_locks_and_vouchers_at_once(ana: Asker) -> None:
    case, (urn,) = await open_case(ana)
    async with watching(ana, ROWS, of=case) as screen:
        assert (await screen.next())["items"] == [{"urn": urn, "status": "PENDING", "lock": None}]
        await ana.ask(LOCK, urn=urn)
        assert (await screen.next())["items"] == [{"urn": urn, "status": "PENDING", "lock": {"holderName": "Ana"}}]
        await ana.ask(ISSUE, input={"subCases": targets((urn, 1)), "idempotencyKey": "k"})
        assert (await screen.next())["items"][0]["status"] == "PROCESSING"


async def test_who_works_on_what_is_seen_by_all_who_may(ana: Asker, bob: Asker) -> None:
    _, (urn,) = await open_case(ana)
    lga, (mine,) = await open_case(ana, airport="LGA")
    await ana.ask(LOCK, urn=mine)
    async with watching(bob, LOCKS) as bobs, watching(ana, LOCKS, of=lga) as anas:
        held = [{"subCase": mine, "holderName": "Ana", "fence": 1}]
        assert await bobs.next() == {"snapshot": True, "items": held}
        assert await anas.next() == {"snapshot": True, "items": held}
        await ana.ask(LOCK, urn=urn)
        assert (await bobs.next())["items"] == []  # elsewhere: the batch is counted, what is in it is not shown
        await ana.ask(RELEASE, urn=mine)
        assert (await bobs.next())["items"] == [{"subCase": mine, "holderName": None, "fence": 2}]


async def test_a_timeline_comes_whole(ana: Asker) -> None:
    _, (urn,) = await open_case(ana)
    async with watching(ana, TIMELINE, of=urn) as screen:
        assert await screen.next() == {"snapshot": True, "subCase": {"status": "PENDING"}, "entries": []}
        await ana.ask(ISSUE, input={"subCases": targets((urn, 1)), "idempotencyKey": "k"})
        assert (await screen.next())["subCase"] == {"status": "PROCESSING"}


async def test_holds_begin_with_what_there_is_and_only_at_home(ana: Asker, bob: Asker) -> None:
    async with watching(ana, HOLDS) as screen:
        assert await screen.next() == {"snapshot": True, "items": []}
    assert [answer.codes async for answer in bob.listen(HOLDS)] == [["OUTSIDE_AIRPORTS"]]


async def test_alerts_are_told_once_and_where_they_belong(ana: Asker, bob: Asker, feed: Feed) -> None:
    case, (urn,) = await open_case(ana)
    alert = {"urn": urn, "at": "2026-02-08T20:00:00+00:00", "kind": "OFFER_DECLINED", "case": case, "subCase": urn, "message": "declined"}
    async with watching(ana, ALERTS) as anas, watching(bob, ALERTS) as bobs:
        assert await anas.next() == {"snapshot": True, "items": []}
        assert await bobs.next() == {"snapshot": True, "items": []}
        feed.publish(ana.identity.tenant, "alerts", urn, 1, alert)
        assert (await anas.next())["items"] == [{"kind": "OFFER_DECLINED", "case": case, "subCase": urn, "message": "declined"}]
        assert (await bobs.next())["items"] == []


async def test_another_airline_sees_nothing_of_it(ana: Asker, stranger: Asker, feed: Feed) -> None:
    case, _ = await open_case(ana)
    async with watching(stranger, BOARD) as screen:
        assert case not in [item["urn"] for item in (await screen.next())["items"]]
        feed.publish(stranger.identity.tenant, "cases", case, 9)  # even when its own feed named it
        assert (await screen.next())["items"] == []
