"""Searching over several sources: the time-box is hard, whoever answered counts, equal questions are asked once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from domains.booking.airports import airports
from domains.booking.ports import Occupancy, Offer, Search
from domains.booking.search import Sources
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.tenancy import Tenant
from tests.domains.booking.rooms import CHECK_IN, an_offer

T1 = Tenant("t1")
SEARCH = Search(airports()["JFK"].position, 25.0, CHECK_IN, 1, (Occupancy(1, 2),), within=timedelta(milliseconds=200))


class Source:
    """Answers with one offer; when held, only after `go`."""

    def __init__(self, vendor: str, *, held: bool = False, answer: Answer[tuple[Offer, ...]] | Exception | None = None) -> None:
        self.vendor, self.offer, self.asked = vendor, an_offer(), 0
        self.go = asyncio.Event()
        self._answer = answer or Ok((self.offer,))
        if not held:
            self.go.set()

    async def search(self, tenant: Tenant, search: Search) -> Answer[tuple[Offer, ...]]:
        self.asked += 1
        await self.go.wait()
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def sources(*sources: Source) -> Sources:
    return Sources(sources)  # type: ignore[arg-type]  # a search needs no more of a source


async def test_a_silent_source_does_not_hold_up_the_others() -> None:
    quick, slow = Source("quick"), Source("slow", held=True)
    found = await sources(quick, slow).ask(T1, SEARCH)
    assert (found.offers, found.answered, found.silent) == ((quick.offer,), ("quick",), {"slow": "too late"})
    slow.go.set()


async def test_a_source_that_fails_is_named_with_the_reason() -> None:
    bad, unclear = Source("bad", answer=RuntimeError("secret detail")), Source("unclear", answer=Unknown("time-out"))
    found = await sources(bad, unclear).ask(T1, SEARCH)
    assert (found.answered, found.silent) == ((), {"bad": "failed: RuntimeError", "unclear": "time-out"})


async def test_equal_questions_of_a_storm_are_asked_once() -> None:
    source = Source("one", held=True)
    shared = sources(source)
    asking = [asyncio.ensure_future(shared.ask(T1, SEARCH)) for _ in range(50)]
    await asyncio.sleep(0)
    source.go.set()
    answers = [await each for each in asking]
    later = await shared.ask(T1, SEARCH)
    assert source.asked == 1
    assert all(found.offers == (source.offer,) for found in [*answers, later])


async def test_another_question_or_tenant_is_asked_by_itself() -> None:
    source = Source("one")
    shared = sources(source)
    for tenant, search in [(T1, SEARCH), (Tenant("t2"), SEARCH), (T1, replace(SEARCH, nights=2)), (T1, SEARCH)]:
        await shared.ask(tenant, search)
    assert source.asked == 3


async def test_an_unclear_answer_is_not_shared_later() -> None:
    source = Source("one", answer=Unknown("reset"))
    shared = sources(source)
    await shared.ask(T1, SEARCH)
    await shared.ask(T1, SEARCH)
    assert source.asked == 2


async def test_sources_that_could_not_be_asked_make_a_free_retry_unless_one_was() -> None:
    busy, busier = (
        Source("busy", answer=NotSent("429", timedelta(seconds=1))),
        Source("busier", answer=NotSent("429", timedelta(seconds=3))),
    )
    declines = Source("no", answer=Declined("X", "no"))
    assert (await sources(busy, busier).ask(T1, SEARCH)).refused == NotSent("429", timedelta(seconds=3))
    assert (await sources(busy, declines).ask(T1, SEARCH)).refused == NotSent("429", timedelta(seconds=1))
    assert (await sources(busy, Source("clear")).ask(T1, SEARCH)).refused is None
    assert isinstance((await sources(busy, Source("unclear", answer=Unknown("reset"))).ask(T1, SEARCH)).refused, Unknown)


async def test_sources_that_all_decline_make_a_refusal_with_every_reason() -> None:
    no = [Source(f"no-{n}", answer=Declined(f"X{n}", f"reason {n}")) for n in range(2)]
    assert (await sources(*no).ask(T1, SEARCH)).refused == Declined("X0", "reason 0; reason 1")


async def test_what_answered_is_named_in_the_order_of_the_sources() -> None:
    slow, quick = Source("first", held=True), Source("second")
    asking = asyncio.ensure_future(sources(slow, quick).ask(T1, SEARCH))
    await asyncio.sleep(0)
    slow.go.set()
    assert (await asking).answered == ("first", "second")


async def test_no_source_at_all_finds_nothing() -> None:
    found = await sources().ask(T1, SEARCH)
    assert (found.offers, found.answered, found.silent) == ((), (), {})


def test_the_storms_airports_are_known() -> None:
    assert {"JFK", "LGA", "EWR"} <= set(airports())
    assert all(airport.zone == "America/New_York" for code, airport in airports().items() if code in {"JFK", "LGA", "EWR"})
