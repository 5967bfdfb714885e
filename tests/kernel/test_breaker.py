"""kernel.breaker on a real Valkey: a partner that is down is left alone by all, and comes back without a person."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import cast
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from kernel import clock
from kernel.account import Accounts, BreakerState, Key, Seen
from kernel.answer import Declined, NotSent, Ok, Unknown
from kernel.breaker import FEWEST, OPEN, unwell
from kernel.operation import Class
from kernel.partner import Outcome, Passage, Verdict
from kernel.tenancy import Tenant
from kernel.traffic import Traffic
from runtime.embedded.valkey import ValkeyUrls

T1 = Tenant("t1")
GOOD: Outcome[str] = Outcome(Ok("yes"), Verdict.HEALTHY, 0.01)
NO: Outcome[str] = Outcome(Declined("FULL", "no room"), Verdict.HEALTHY, 0.01)
SLOW: Outcome[str] = Outcome(Ok("yes"), Verdict.HEALTHY, 40.0)
BAD: Outcome[str] = Outcome(Unknown("status 500"), Verdict.FAILED, 0.01)
GONE: Outcome[str] = Outcome(NotSent("unreachable"), Verdict.UNREACHABLE, 0.01)
BUSY: Outcome[str] = Outcome(NotSent("throttled"), Verdict.THROTTLED, 0.01)
STRANGER: Outcome[str] = Outcome(NotSent("sign-in refused"), Verdict.UNAUTHORIZED, 0.01)
STALE: Outcome[str] = Outcome(NotSent("sign-in refused"), Verdict.EXPIRED, 0.01)


class Partner:
    """Says the same until told otherwise, and counts."""

    def __init__(self, says: Outcome[str] = GOOD) -> None:
        self.says, self.asked, self.probed, self.takes = says, 0, 0, 0.0

    async def __call__(self) -> Outcome[str]:
        self.asked += 1
        await asyncio.sleep(self.takes)
        return self.says

    def probing(self, gate: Traffic, vendor: str) -> Partner:
        """Its own probe goes through the gate as an adapter's does."""
        self._gate, self._vendor = gate, vendor
        return self

    async def probe(self, tenant: Tenant) -> None:
        self.probed += 1
        await self._gate.through(look_up(self._vendor), self)


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


@pytest.fixture
async def gates(redis: Redis) -> AsyncIterator[list[Traffic]]:
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


def look_up(vendor: str) -> Passage:
    return Passage(vendor, T1, "find", Class.READ, first=True, limit=1000, patience=2.0)


def booking(vendor: str) -> Passage:
    return Passage(vendor, T1, "book", Class.C, limit=1000, patience=1.0)


async def calls(gate: Traffic, vendor: str, partner: Partner, number: int) -> list[object]:
    return [await gate.through(booking(vendor), partner) for _ in range(number)]


async def open_it(gate: Traffic, vendor: str) -> None:
    await calls(gate, vendor, Partner(BAD), FEWEST)
    assert state(gate, vendor) is BreakerState.OPEN


async def due(gates: list[Traffic], vendor: str, redis: Redis) -> None:
    """As if the time it stays open were over."""
    await cast("Awaitable[int]", redis.hset(f"traffic:{{{Key(vendor, T1)}}}:state", "until", "0"))
    for gate in gates:
        breaker = gate.lane(booking(vendor)).breaker
        breaker.hear(await gate.accounts.look(Key(vendor, T1), 1000))


def state(gate: Traffic, vendor: str) -> BreakerState:
    return gate.lane(booking(vendor)).breaker.state


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Seen(calls=9, failed=9), False),
        (Seen(calls=10, failed=4), False),
        (Seen(calls=10, failed=5), True),
        (Seen(calls=100, slow=59), False),
        (Seen(calls=100, slow=60), True),
        (Seen(calls=10, throttled=10), False),
    ],
)
def test_a_share_of_enough_calls_decides(window: Seen, expected: bool) -> None:
    assert unwell(window) is expected


async def test_the_call_that_trips_it_keeps_its_own_answer(gate: Traffic, vendor: str) -> None:
    partner = Partner(BAD)
    assert await calls(gate, vendor, partner, FEWEST) == [BAD.answer] * FEWEST
    refused = await gate.through(booking(vendor), partner)
    assert isinstance(refused, NotSent)
    assert refused.why == OPEN
    assert refused.retry_after is not None
    assert timedelta(seconds=14) < refused.retry_after <= timedelta(seconds=15)
    assert partner.asked == FEWEST


@pytest.mark.parametrize("says", [GOOD, NO, BUSY, STALE])
async def test_what_says_nothing_against_the_partner_keeps_it_closed(gate: Traffic, vendor: str, says: Outcome[str]) -> None:
    for _ in range(FEWEST + 2):
        await gate.lane(booking(vendor)).breaker.call(booking(vendor), Partner(says))
    assert state(gate, vendor) is BreakerState.CLOSED


@pytest.mark.parametrize("says", [BAD, GONE, SLOW])
async def test_failing_unreachable_and_slow_partners_are_left_alone(gate: Traffic, vendor: str, says: Outcome[str]) -> None:
    answers = await calls(gate, vendor, Partner(says), FEWEST)
    assert answers == [says.answer] * FEWEST
    assert state(gate, vendor) is BreakerState.OPEN


async def test_a_refused_credential_opens_at_once_and_only_its_own_account(gate: Traffic, vendor: str) -> None:
    assert await calls(gate, vendor, Partner(STRANGER), 1) == [STRANGER.answer]
    assert state(gate, vendor) is BreakerState.OPEN
    other = Passage(vendor, Tenant("t2"), "book", Class.C, limit=1000)
    assert await gate.through(other, Partner()) == Ok("yes")


async def test_the_window_is_shared_by_all_processes(gates: list[Traffic], vendor: str) -> None:
    partner = Partner(BAD)
    for gate in gates:
        await calls(gate, vendor, partner, 3)  # fewer than ten each, twelve together
    assert state(gates[3], vendor) is BreakerState.OPEN
    assert partner.asked == FEWEST


async def test_it_is_open_everywhere_with_the_next_call_of_each(gates: list[Traffic], vendor: str) -> None:
    partner = Partner()
    for gate in gates:
        await calls(gate, vendor, partner, 1)
    await open_it(gates[0], vendor)
    began = clock.monotonic()
    answers = await asyncio.gather(*(gate.through(booking(vendor), partner) for gate in gates))
    assert all(isinstance(answer, NotSent) for answer in answers)
    assert [state(gate, vendor) for gate in gates] == [BreakerState.OPEN] * 4
    assert clock.monotonic() - began < 0.3
    assert partner.asked == 4


async def test_a_sleeper_hears_of_it_before_it_leaves(gates: list[Traffic], vendor: str) -> None:
    crawl = Passage(vendor, T1, "book", Class.C, limit=2, patience=5.0)
    partner = Partner()
    sleepers = [asyncio.create_task(gates[1].through(crawl, partner)) for _ in range(3)]
    await asyncio.sleep(0.1)
    await gates[0].accounts.trip(Key(vendor, T1), 2, 0)
    answers = await asyncio.gather(*sleepers)
    assert [isinstance(answer, NotSent) for answer in answers] == [False, True, True]
    assert partner.asked == 1


async def test_the_probe_is_a_look_up_and_never_a_booking(gates: list[Traffic], vendor: str, redis: Redis) -> None:
    await open_it(gates[0], vendor)
    await due(gates, vendor, redis)
    partner = Partner()
    answers = [await gate.through(booking(vendor), partner) for gate in gates]
    assert all(isinstance(answer, NotSent) and answer.why == OPEN for answer in answers)
    assert partner.asked == 0
    assert await gates[1].through(look_up(vendor), partner) == Ok("yes")
    assert state(gates[1], vendor) is BreakerState.CLOSED
    assert await gates[1].through(booking(vendor), partner) == Ok("yes")


async def test_one_probe_is_under_way_over_all_processes(gates: list[Traffic], vendor: str, redis: Redis) -> None:
    await open_it(gates[0], vendor)
    await due(gates, vendor, redis)
    partner = Partner()
    partner.takes = 0.3
    answers = await asyncio.gather(*(gate.through(look_up(vendor), partner) for gate in gates for _ in range(3)))
    assert partner.asked == 1
    assert sum(answer == Ok("yes") for answer in answers) == 1
    assert sum(isinstance(answer, NotSent) for answer in answers) == 11


async def test_a_probe_that_fails_keeps_its_answer_and_opens_for_longer(gates: list[Traffic], vendor: str, redis: Redis) -> None:
    await open_it(gates[0], vendor)
    await due(gates, vendor, redis)
    assert await gates[1].through(look_up(vendor), Partner(BAD)) == BAD.answer
    refused = await gates[1].through(look_up(vendor), Partner())
    assert isinstance(refused, NotSent)
    assert refused.retry_after is not None
    assert refused.retry_after > timedelta(seconds=29)


async def test_where_nobody_looks_anything_up_the_partners_own_probe_is_run(gates: list[Traffic], vendor: str, redis: Redis) -> None:
    await open_it(gates[0], vendor)
    partner = Partner().probing(gates[2], vendor)
    for gate in gates:
        gate.probe_with({vendor: partner})
    gates[2]._lanes.clear()  # a process that begins now
    await gates[2].through(booking(vendor), partner)
    await due(gates, vendor, redis)
    assert isinstance(await gates[2].through(booking(vendor), partner), NotSent)
    await asyncio.sleep(0.3)
    assert (partner.probed, partner.asked) == (1, 1)
    assert await gates[2].through(booking(vendor), partner) == Ok("yes")


async def test_a_partner_without_any_look_up_is_probed_by_one_call_of_what_it_has(gates: list[Traffic], vendor: str, redis: Redis) -> None:
    await open_it(gates[0], vendor)
    await due(gates, vendor, redis)
    message = Passage(vendor, T1, "send", Class.D, can_look=False, limit=1000)
    partner = Partner()
    partner.takes = 0.2
    answers = await asyncio.gather(*(gate.through(message, partner) for gate in gates))
    assert partner.asked == 1
    assert sum(answer == Ok("yes") for answer in answers) == 1


async def test_a_throttled_probe_decides_nothing(gates: list[Traffic], vendor: str, redis: Redis) -> None:
    await open_it(gates[0], vendor)
    await due(gates, vendor, redis)
    assert await gates[1].through(look_up(vendor), Partner(BUSY)) == BUSY.answer
    view = await gates[1].accounts.look(Key(vendor, T1), 1000)
    assert (view.breaker, view.open_for) == (BreakerState.OPEN, 0)


async def test_a_call_from_before_does_not_open_what_has_closed_again(gates: list[Traffic], vendor: str, redis: Redis) -> None:
    late = Partner(STRANGER)
    late.takes = 0.5
    waiting = asyncio.create_task(gates[0].through(booking(vendor), late))
    await asyncio.sleep(0.1)
    await open_it(gates[1], vendor)
    await due(gates, vendor, redis)
    await gates[1].through(look_up(vendor), Partner())
    assert await waiting == STRANGER.answer
    assert (await gates[1].accounts.look(Key(vendor, T1), 1000)).breaker is BreakerState.CLOSED
    assert state(gates[0], vendor) is BreakerState.CLOSED


async def test_without_the_store_each_judges_by_what_it_saw(vendor: str) -> None:
    gate = Traffic(Accounts.connect("redis://127.0.0.1:1/0"), "alone")
    breaker = gate.lane(booking(vendor)).breaker
    answers = [await breaker.call(booking(vendor), Partner(BAD)) for _ in range(FEWEST)]
    assert answers == [BAD.answer] * FEWEST
    assert isinstance(await gate.through(booking(vendor), Partner()), NotSent)
    await gate.close()


async def test_screens_are_told_once_per_change(redis: Redis, vendor: str) -> None:
    told: list[tuple[Key, bool]] = []
    gate = Traffic(Accounts(redis), "w", changed=lambda key, urgent: told.append((key, urgent)))
    await open_it(gate, vendor)
    await calls(gate, vendor, Partner(), 3)
    assert told == [(Key(vendor, T1), True)]
    await gate.close()


async def test_an_exchange_that_breaks_off_is_its_callers_business(gate: Traffic, vendor: str) -> None:
    async def broken() -> Outcome[str]:
        raise RuntimeError("a bug")

    for _ in range(FEWEST + 1):
        with pytest.raises(RuntimeError, match="a bug"):
            await gate.through(booking(vendor), broken)
    assert state(gate, vendor) is BreakerState.CLOSED
