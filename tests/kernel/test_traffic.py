"""kernel.traffic on a real Valkey: calls go out in their slots, in time, or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from kernel import clock
from kernel.account import Accounts, Key, Seen
from kernel.answer import NotSent, Ok
from kernel.lateness import LATE
from kernel.operation import Class
from kernel.partner import Outcome, Passage, Verdict
from kernel.tenancy import Tenant
from kernel.traffic import AT_FIRST, SHAPED, InFlight, Lane, Traffic
from runtime.embedded.valkey import ValkeyUrls

T1 = Tenant("t1")


class Partner:
    """Says yes, or what it is told to say, and remembers when it was asked."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.takes = 0.0
        self.says: list[Outcome[str]] = []

    async def __call__(self) -> Outcome[str]:
        self.asked.append(clock.monotonic())
        await asyncio.sleep(self.takes)
        return self.says.pop(0) if self.says else Outcome(Ok("yes"), Verdict.HEALTHY, self.takes)

    @property
    def gaps(self) -> list[float]:
        return [after - before for before, after in pairwise(self.asked)]

    def most_in(self, seconds: float) -> int:
        return max(sum(1 for other in self.asked if at <= other < at + seconds) for at in self.asked)


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


@pytest.fixture
async def gates(redis: Redis) -> AsyncIterator[list[Traffic]]:
    """Four processes' worth of gates, each with its own view of the one store."""
    made = [Traffic(Accounts(redis), f"w{number}") for number in range(4)]
    yield made
    for gate in made:
        await gate.close()


@pytest.fixture
async def gate(gates: list[Traffic]) -> Traffic:
    return gates[0]


@pytest.fixture
def vendor() -> str:
    return uuid4().hex[:12]


@pytest.fixture
def partner() -> Partner:
    return Partner()


def passage(vendor: str, *, kind: Class = Class.READ, limit: float = 50, patience: float = 5.0, first: bool = False) -> Passage:
    return Passage(vendor, T1, "do", kind, first=first, limit=limit, patience=patience)


def lane(gate: Traffic, vendor: str, limit: float = 50) -> Lane:
    return gate.lane(passage(vendor, limit=limit))


async def test_a_free_slot_costs_nothing(gate: Traffic, vendor: str, partner: Partner) -> None:
    assert await gate.through(passage(vendor), partner) == Ok("yes")
    began = clock.monotonic()
    await asyncio.sleep(0.05)
    await gate.through(passage(vendor), partner)
    assert clock.monotonic() - began < 0.1


async def test_four_processes_together_keep_to_one_ceiling(gates: list[Traffic], vendor: str, partner: Partner) -> None:
    calls = [gate.through(passage(vendor, patience=10), partner) for _ in range(25) for gate in gates]
    assert await asyncio.gather(*calls) == [Ok("yes")] * 100
    assert partner.most_in(1.0) <= 50
    assert partner.asked[-1] - partner.asked[0] < 3.5


async def test_who_cannot_wait_is_not_sent_and_told_when_to_come_back(gate: Traffic, vendor: str, partner: Partner) -> None:
    answers = await asyncio.gather(*(gate.through(passage(vendor, kind=Class.C, limit=10, patience=0.5), partner) for _ in range(20)))
    refused = [answer for answer in answers if isinstance(answer, NotSent)]
    assert 4 <= len(partner.asked) <= 6
    assert len(refused) + len(partner.asked) == 20
    assert all(answer.why == SHAPED and answer.retry_after is not None and answer.retry_after > timedelta(0) for answer in refused)


async def test_whoever_was_told_to_come_back_finds_a_slot(gate: Traffic, vendor: str, partner: Partner) -> None:
    tries = 0

    async def insist() -> None:
        nonlocal tries
        while True:
            tries += 1
            answer = await gate.through(passage(vendor, kind=Class.C, limit=50, patience=0.3), partner)
            if not isinstance(answer, NotSent):
                return
            await asyncio.sleep(answer.retry_after.total_seconds() if answer.retry_after else 0.3)

    await asyncio.gather(*(insist() for _ in range(100)))
    assert partner.most_in(1.0) <= 50
    assert tries < 300


async def test_a_sleeper_that_wakes_too_late_takes_another_slot(gate: Traffic, vendor: str, partner: Partner) -> None:
    await gate.through(passage(vendor, limit=10), partner)
    late = asyncio.create_task(gate.through(passage(vendor, limit=10), partner))
    await asyncio.sleep(0.03)
    time.sleep(0.3)  # noqa: ASYNC251  the process is paused
    on_time = clock.monotonic()
    await late
    assert partner.asked[-1] > on_time
    assert partner.asked[-1] - on_time < 0.3


async def test_a_process_that_is_always_late_sends_nevertheless_and_keeps_to_the_ceiling(
    gate: Traffic, vendor: str, partner: Partner
) -> None:
    """Its core is busy: whatever sleeps wakes late, and so does whatever waits for the store."""

    async def burden() -> None:
        while True:
            time.sleep(0.02)  # noqa: ASYNC251  that is what a busy core is like
            await asyncio.sleep(0)

    async def insist() -> None:
        while isinstance(await gate.through(passage(vendor, kind=Class.C, limit=10, patience=1.0), partner), NotSent):  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    burdened = asyncio.create_task(burden())
    try:
        async with asyncio.timeout(60):
            await asyncio.gather(*(insist() for _ in range(30)))
    finally:
        burdened.cancel()
    assert len(partner.asked) == 30
    assert partner.most_in(1.0) <= 10


async def test_the_reply_of_the_store_may_not_come_late_either(gate: Traffic, vendor: str, partner: Partner) -> None:
    accounts = gate.accounts
    reserve, asked = accounts.reserve, 0

    async def slowly(*facts: object, **more: object) -> object:
        nonlocal asked
        asked += 1
        told = await reserve(*facts, **more)  # type: ignore[arg-type]  # handed on as it came
        if asked == 1:
            time.sleep(LATE * 3)  # noqa: ASYNC251  paused between the store's word and our ear
        return told

    accounts.reserve = slowly  # type: ignore[method-assign,assignment]  # the same, slower
    assert await gate.through(passage(vendor), partner) == Ok("yes")
    assert asked == 2


async def test_look_ups_overtake_what_waits(gate: Traffic, vendor: str, partner: Partner) -> None:
    crowd = [asyncio.create_task(gate.through(passage(vendor, patience=10), partner)) for _ in range(60)]
    await asyncio.sleep(0.2)
    began = clock.monotonic()
    await gate.through(passage(vendor, first=True, patience=10), partner)
    assert clock.monotonic() - began < 0.6
    await asyncio.gather(*crowd)


async def test_a_pause_asked_of_one_is_kept_by_all(gates: list[Traffic], vendor: str, partner: Partner) -> None:
    partner.says = [Outcome(NotSent("throttled", timedelta(seconds=0.7)), Verdict.THROTTLED, 0.0, timedelta(seconds=0.7))]
    await gates[0].through(passage(vendor), partner)
    paused = clock.monotonic()
    await asyncio.gather(*(gate.through(passage(vendor), partner) for gate in gates))
    assert partner.asked[1] - paused > 0.6
    refused = await gates[1].through(passage(vendor, kind=Class.C, patience=0.0), partner)
    assert isinstance(refused, NotSent)


async def test_sleepers_go_back_into_the_line_when_it_was_laid_out_anew(gates: list[Traffic], vendor: str, partner: Partner) -> None:
    sleepers = [asyncio.create_task(gates[1].through(passage(vendor, limit=20), partner)) for _ in range(10)]
    await asyncio.sleep(0.1)
    before = len(partner.asked)
    await gates[0].accounts.note(Key(vendor, T1), 20, Seen(throttled=1), good=False, pause=1.0)
    paused = clock.monotonic()
    await asyncio.gather(*sleepers)
    after = [at for at in partner.asked[before:] if at > paused + 0.3]
    assert len(after) >= 5  # what was to leave within the next quarter of a second may not have heard
    assert min(after) - paused > 0.9


async def test_a_new_ceiling_is_kept_by_all_at_once(gates: list[Traffic], vendor: str, partner: Partner) -> None:
    await gates[0].through(passage(vendor), partner)
    await gates[1].accounts.limit(Key(vendor, T1), 50, 5)
    await asyncio.gather(*(gate.through(passage(vendor), partner) for gate in gates))
    assert min(partner.gaps[1:]) > 0.15


async def test_without_the_store_each_keeps_to_its_share_and_nobody_stops(vendor: str, partner: Partner) -> None:
    gate = Traffic(Accounts.connect("redis://127.0.0.1:1/0"), "alone")
    answers = await asyncio.gather(*(gate.through(passage(vendor), partner) for _ in range(5)))
    assert answers == [Ok("yes")] * 5
    assert min(partner.gaps) > 1 / 50  # an eighth of the ceiling, with a margin
    refused = await asyncio.gather(*(gate.through(passage(vendor, kind=Class.C, patience=0.3), partner) for _ in range(10)))
    assert sum(isinstance(answer, NotSent) for answer in refused) >= 7
    await gate.close()


async def test_when_the_store_is_back_its_line_counts_again(gate: Traffic, vendor: str, partner: Partner, redis: Redis) -> None:
    one = lane(gate, vendor)
    away = Accounts.connect("redis://127.0.0.1:1/0")
    here, one.accounts = one.accounts, away
    await gate.through(passage(vendor), partner)
    one.accounts = here
    await asyncio.sleep(1.05)
    await gate.through(passage(vendor), partner)
    assert (await here.told([(Key(vendor, T1), 50)]))[0].seen.grants == 1
    await away.close()


async def test_a_call_that_is_given_up_leaves_its_place_to_others(gate: Traffic, vendor: str, partner: Partner) -> None:
    partner.takes = 5
    waiting = asyncio.create_task(gate.through(passage(vendor), partner))
    await asyncio.sleep(0.1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (lane(gate, vendor).in_flight.inside, lane(gate, vendor).in_flight.flying) == (0, 0)


async def test_what_was_told_of_calls_that_went_well_comes_along(gate: Traffic, vendor: str, partner: Partner) -> None:
    for _ in range(3):
        await gate.through(passage(vendor), partner)
    await asyncio.sleep(0.4)
    told = (await gate.accounts.told([(Key(vendor, T1), 50)]))[0]
    assert (told.seen.grants, told.seen.calls, told.seen.failed) == (3, 3, 0)
    assert told.good_at is not None


async def enter(flight: InFlight, first: bool = False, patience: float = 1.0) -> bool:
    return await flight.enter(first, patience)


async def test_one_more_may_be_under_way_when_one_comes_back() -> None:
    flight = InFlight(limit=1)
    assert await enter(flight)
    assert not await enter(flight, patience=0.01)
    waiting = [asyncio.create_task(enter(flight)), asyncio.create_task(enter(flight, first=True))]
    await asyncio.sleep(0.01)
    flight.leave()
    await asyncio.sleep(0.01)
    assert [task.done() for task in waiting] == [False, True]
    flight.leave()
    assert await waiting[0]
    flight.leave()
    assert flight.inside == 0


async def test_fewer_are_let_in_for_a_bad_answer_once_a_round_and_never_none() -> None:
    flight = InFlight()
    began = clock.monotonic()
    for _ in range(10):
        flight.came_back(began, False)
    assert flight.limit == AT_FIRST * 0.7
    for _ in range(100):
        flight.came_back(clock.monotonic() + 1, False)
    assert flight.limit == 1


async def test_more_are_let_in_only_where_half_is_used() -> None:
    flight = InFlight(limit=10, flying=4)
    flight.came_back(clock.monotonic(), True)
    assert flight.limit == 10
    flight.flying = 6
    for _ in range(10):
        flight.came_back(clock.monotonic(), True)
    assert flight.limit == pytest.approx(11, abs=0.1)


async def test_screens_are_told_while_it_is_used_and_not_for_ever(redis: Redis, vendor: str, partner: Partner) -> None:
    told: list[bool] = []
    gate = Traffic(Accounts(redis), "w", changed=lambda key, urgent: told.append(urgent))
    await gate.through(passage(vendor), partner)
    one = lane(gate, vendor)
    one._shown()
    waits = [one._timer is not None]
    one._used_at -= 60
    one._shown()
    waits.append(one._timer is not None)
    assert (told, waits) == ([False, False], [True, False])
    await gate.close()
