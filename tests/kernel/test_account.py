"""kernel.account on a real Valkey: one line of slots, one pace, one breaker, whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from itertools import pairwise
from typing import cast
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from kernel.account import Accounts, AccountUnreachable, BreakerState, Key, Seen, Slot, View
from kernel.lateness import LATE
from kernel.tenancy import Tenant
from runtime.embedded.valkey import ValkeyUrls

WIDE = 1.06  # a second of slots, with its slack


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


@pytest.fixture
async def accounts(valkey_urls: ValkeyUrls) -> AsyncIterator[Accounts]:
    """As the user who may do this and nothing else."""
    made = Accounts.connect(valkey_urls.platform)
    yield made
    await made.close()


@pytest.fixture
def key() -> Key:
    """An account that nobody else uses."""
    return Key(uuid4().hex[:12], Tenant("t1"))


async def take(
    accounts: Accounts, key: Key, ceiling: float = 50, patience: float = 30, first: bool = False, who: str = "me"
) -> tuple[View, Slot]:  # fmt: skip
    return await accounts.reserve(key, ceiling, patience, first=first, who=who, seen=Seen(), good=False)


async def slots(accounts: Accounts, key: Key, number: int, ceiling: float = 50, first: bool = False) -> list[float]:
    """The instants of so many slots, in seconds from the first; taken as fast as the store answers."""
    loop = asyncio.get_running_loop()
    found = []
    for _ in range(number):
        _, slot = await take(accounts, key, ceiling, first=first)
        assert slot.granted
        found.append(loop.time() + slot.wait)
    return [at - found[0] for at in found]


async def test_slots_come_one_by_one_and_never_in_a_burst(accounts: Accounts, key: Key) -> None:
    # Every fifth is left out once there is a queue: forty of fifty.
    at = sorted(await slots(accounts, key, 40))
    gaps = [after - before for before, after in pairwise(at)]
    assert min(gaps) > WIDE / 50 - 0.005
    assert at[-1] == pytest.approx(49 * WIDE / 50, abs=0.15)


async def test_slots_are_as_wide_as_the_latest_says(accounts: Accounts, key: Key) -> None:
    at = asyncio.get_running_loop().time
    told: list[float] = []
    for late in (0.4, LATE, LATE, LATE):
        _, slot = await accounts.reserve(key, 10, 30, first=False, who="me", seen=Seen(), good=False, late=late)
        told.append(at() + slot.wait)
    assert [after - before for before, after in pairwise(told)] == [pytest.approx(1.425 / 10, abs=0.03)] * 3


async def test_what_goes_first_gets_the_slots_that_were_set_aside(accounts: Accounts, key: Key) -> None:
    await slots(accounts, key, 80)
    _, first = await take(accounts, key, first=True)
    _, other = await take(accounts, key)
    assert first.wait < 0.25 < 1.8 < other.wait
    firsts = await slots(accounts, key, 30, first=True)
    assert firsts[10] - firsts[5] == pytest.approx(5 * 5 * WIDE / 50, abs=0.05)  # a fifth of the pace, and no more


async def test_a_slot_set_aside_for_which_nobody_came_is_not_lost(accounts: Accounts, key: Key) -> None:
    await slots(accounts, key, 80)
    waits = []
    for _ in range(15):
        _, slot = await take(accounts, key)
        waits.append(slot.wait)
        await asyncio.sleep(0.02)
    assert min(waits) < 0.1  # newcomers take them when they are near


async def test_who_cannot_wait_takes_nothing_and_is_told_another_instant_each(accounts: Accounts, key: Key) -> None:
    await slots(accounts, key, 10)
    told = [await take(accounts, key, patience=0.0) for _ in range(5)]
    assert not any(slot.granted for _, slot in told)
    waits = [slot.wait for _, slot in told]
    assert all(after - before > 0.01 for before, after in pairwise(waits))
    _, slot = await take(accounts, key)
    assert slot.wait < 0.4  # the line itself is no longer than before


async def test_a_pause_is_everybodys_and_voids_what_was_given_out(accounts: Accounts, key: Key) -> None:
    before, _ = await take(accounts, key)
    view, _ = await accounts.note(key, 50, Seen(throttled=1), good=False, pause=2.0)
    assert view.layout != before.layout
    assert view.paused == pytest.approx(2.0, abs=0.1)
    _, slot = await take(accounts, key, who="another")
    assert slot.wait == pytest.approx(2.0, abs=0.2)


async def test_a_throttle_slows_everybody_down_once_for_all_that_was_under_way(accounts: Accounts, key: Key) -> None:
    for _ in range(5):
        view, _ = await accounts.note(key, 50, Seen(throttled=1), good=False)
    assert view.pace == pytest.approx(35)
    at = sorted(await slots(accounts, key, 10))
    assert at[5] == pytest.approx(5 * WIDE / 35, abs=0.05)


async def test_the_pace_never_falls_below_a_tenth_of_the_contract(accounts: Accounts, key: Key, redis: Redis) -> None:
    for _ in range(20):
        await accounts.note(key, 50, Seen(throttled=1), good=False)
        await hset(redis, key, "cut_at", 0)
    assert (await accounts.look(key, 50)).pace == 5


async def hset(redis: Redis, key: Key, field: str, value: object) -> None:
    await cast("Awaitable[int]", redis.hset(f"traffic:{{{key}}}:state", field, str(value)))


async def test_the_pace_comes_back_by_itself(accounts: Accounts, key: Key, redis: Redis) -> None:
    await accounts.note(key, 50, Seen(throttled=1), good=False)
    now = float(await cast("Awaitable[bytes]", redis.hget(f"traffic:{{{key}}}:state", "cut_at")))
    paces = []
    for _ in range(25):  # as if a second of full use lay between
        await hset(redis, key, "grown_at", now - 1_000_000)
        await hset(redis, key, "grants", 50)
        view, _ = await take(accounts, key)
        paces.append((await accounts.look(key, 50)).pace)
    assert paces == sorted(paces)
    assert paces[0] == pytest.approx(36)
    assert paces[-1] == view.ceiling == 50


async def test_a_ceiling_set_by_hand_is_everybodys_until_it_is_taken_back(accounts: Accounts, key: Key) -> None:
    before, _ = await take(accounts, key)
    view = await accounts.limit(key, 50, 10)
    assert (view.ceiling, view.pace) == (10, 10)
    assert view.layout != before.layout
    assert sorted(await slots(accounts, key, 3))[2] == pytest.approx(2 * WIDE / 10, abs=0.05)
    assert (await accounts.told([(key, 50)]))[0].by_hand
    assert (await accounts.limit(key, 50, None)).ceiling == 50


async def test_half_a_call_a_second_is_a_ceiling_too(accounts: Accounts, key: Key) -> None:
    assert sorted(await slots(accounts, key, 3, ceiling=0.5))[2] == pytest.approx(4 * WIDE, abs=0.1)


async def test_a_breaker_opens_for_all_and_once(accounts: Accounts, key: Key) -> None:
    before = await accounts.look(key, 50)
    view = await accounts.trip(key, 50, before.turn)
    again = await accounts.trip(key, 50, before.turn)
    assert view.breaker is again.breaker is BreakerState.OPEN
    assert view.turn == again.turn == before.turn + 1
    assert view.open_for == pytest.approx(15, abs=0.2)
    _, slot = await take(accounts, key)
    assert not slot.granted


async def test_one_probe_is_leased_when_it_is_time(accounts: Accounts, key: Key, redis: Redis) -> None:
    await accounts.trip(key, 50, 0)
    assert (await accounts.lease(key, 50, "a", 10))[1] is False
    await hset(redis, key, "until", 0)
    assert [(await accounts.lease(key, 50, who, 10))[1] for who in ("a", "b", "c")] == [True, False, False]
    assert (await accounts.settle(key, 50, "b", "healthy")).breaker is BreakerState.PROBING
    assert (await accounts.settle(key, 50, "a", "healthy")).breaker is BreakerState.CLOSED


async def test_a_lease_whose_holder_died_is_leased_again(accounts: Accounts, key: Key, redis: Redis) -> None:
    await accounts.trip(key, 50, 0)
    await hset(redis, key, "until", 0)
    assert (await accounts.lease(key, 50, "a", 0.0))[1]
    assert (await accounts.lease(key, 50, "b", 10))[1]
    assert (await accounts.settle(key, 50, "a", "healthy")).breaker is BreakerState.PROBING


async def test_it_stays_open_twice_as_long_after_each_probe_that_failed(accounts: Accounts, key: Key, redis: Redis) -> None:
    view = await accounts.trip(key, 50, 0)
    spans = [view.open_for]
    for _ in range(6):
        await hset(redis, key, "until", 0)
        await accounts.lease(key, 50, "a", 10)
        spans.append((await accounts.settle(key, 50, "a", "unwell")).open_for)
    assert spans == pytest.approx([15, 30, 60, 120, 240, 300, 300], abs=0.2)


async def test_a_probe_that_never_went_out_leaves_it_to_the_next(accounts: Accounts, key: Key, redis: Redis) -> None:
    await accounts.trip(key, 50, 0)
    await hset(redis, key, "until", 0)
    await accounts.lease(key, 50, "a", 10)
    view = await accounts.settle(key, 50, "a", "nothing")
    assert (view.breaker, view.open_for) == (BreakerState.OPEN, 0)
    assert (await accounts.lease(key, 50, "b", 10))[1]


async def test_the_window_is_everybodys(accounts: Accounts, key: Key) -> None:
    await accounts.reserve(key, 50, 1, first=False, who="a", seen=Seen(calls=3), good=True)
    _, window = await accounts.note(key, 50, Seen(calls=4, failed=2, slow=1, throttled=1), good=False)
    assert window == Seen(grants=1, calls=7, failed=2, slow=1, throttled=1)
    told = (await accounts.told([(key, 50)]))[0]
    assert told.seen == window
    assert told.good_at is not None


async def test_a_wiped_store_voids_what_was_given_out(accounts: Accounts, key: Key, redis: Redis) -> None:
    before, _ = await take(accounts, key)
    await redis.delete(f"traffic:{{{key}}}:state")
    after, slot = await take(accounts, key)
    assert slot.granted
    assert after.layout != before.layout


async def test_a_store_that_is_away_says_so() -> None:
    gone = Accounts.connect("redis://127.0.0.1:1/0")
    with pytest.raises(AccountUnreachable):
        await gone.look(Key("acme", Tenant("t1")), 50)
    await gone.close()
