"""Holds on a real Valkey: nobody oversells, nothing abandoned stays, nothing wiped is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from kernel.hold import Full, Holds, HoldsUnreachable, Kept, Report, Stay, Taken, Unrestored
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls

T1 = Tenant("t1")
NOW = datetime(2026, 2, 8, 20, tzinfo=UTC)
NIGHTS = (date(2026, 2, 8), date(2026, 2, 9))


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


@pytest.fixture
def holds(redis: Redis) -> Holds:
    return Holds(redis)


@pytest.fixture
async def stay(holds: Holds) -> Stay:
    """Two nights in a hotel that nobody else uses and that is known."""
    stay = a_stay()
    await holds.restore(T1, stay.hotel, ())
    return stay


def a_stay() -> Stay:
    return Stay(T1, Urn.of("hotel", uuid4().hex[:12], "hotelbeds"), "DBL.ST", NIGHTS)


def a_hold(name: object = "h") -> Urn:
    return Urn.of("hold", str(name))


def reported(rooms: int, at: datetime = NOW) -> Report:
    return Report(rooms, at)


async def test_two_hundred_attempts_on_fifty_rooms_hold_fifty(holds: Holds, stay: Stay) -> None:
    answers = await asyncio.gather(*(holds.take(stay, a_hold(n), 1, reported(50), now=NOW) for n in range(200)))
    assert sum(isinstance(answer, Taken) for answer in answers) == 50
    assert all(answer == Full(0) for answer in answers if not isinstance(answer, Taken))
    assert [count.held for count in await holds.counts(stay, now=NOW)] == [50, 50]


async def test_a_party_gets_all_its_rooms_in_all_nights_or_none(holds: Holds, stay: Stay) -> None:
    second_night = Stay(T1, stay.hotel, stay.room_type, NIGHTS[1:])
    await holds.take(second_night, a_hold("other"), 2, reported(4), now=NOW)
    assert await holds.take(stay, a_hold("family"), 3, reported(4), now=NOW) == Full(2)
    assert [count.held for count in await holds.counts(stay, now=NOW)] == [0, 2]


async def test_taking_again_under_the_same_name_holds_once(holds: Holds, stay: Stay) -> None:
    for _ in range(3):
        assert isinstance(await holds.take(stay, a_hold(), 2, reported(2), now=NOW), Taken)
    assert [count.held for count in await holds.counts(stay, now=NOW)] == [2, 2]


async def test_an_abandoned_hold_gives_its_rooms_back(holds: Holds, stay: Stay) -> None:
    taken = await holds.take(stay, a_hold("first"), 1, reported(1), now=NOW)
    assert isinstance(taken, Taken)
    assert taken.until == NOW + timedelta(minutes=10)
    before, after = NOW + timedelta(minutes=9, seconds=59), NOW + timedelta(minutes=10)
    assert await holds.take(stay, a_hold("second"), 1, reported(1), now=before) == Full(0)
    assert isinstance(await holds.take(stay, a_hold("second"), 1, reported(1), now=after), Taken)


async def test_the_stores_own_clock_ends_a_hold(holds: Holds, stay: Stay) -> None:
    await holds.take(stay, a_hold("living"), 1, reported(1))
    assert (await holds.counts(stay))[0].held == 1
    await holds.take(stay, a_hold("living"), 1, reported(1), lifetime=timedelta(0))
    assert isinstance(await holds.take(stay, a_hold("next"), 1, reported(1)), Taken)


async def test_a_hold_can_be_extended_while_it_lives(holds: Holds, stay: Stay) -> None:
    await holds.take(stay, a_hold(), 1, reported(1), now=NOW)
    later = NOW + timedelta(minutes=9)
    assert await holds.extend(stay, a_hold(), 1, now=later) == later + timedelta(minutes=10)
    assert await holds.extend(stay, a_hold(), 1, now=NOW + timedelta(minutes=30)) is None


async def test_released_rooms_are_free_at_once_held_or_confirmed(holds: Holds, stay: Stay) -> None:
    await holds.take(stay, a_hold("held"), 1, reported(2), now=NOW)
    await holds.take(stay, a_hold("confirmed"), 1, reported(2), now=NOW)
    await holds.confirm(stay, a_hold("confirmed"), 1, now=NOW + timedelta(seconds=1))
    for name in ("held", "confirmed"):
        await holds.release(stay, a_hold(name), 1)
        await holds.release(stay, a_hold(name), 1)
    assert [(count.held, count.confirmed) for count in await holds.counts(stay, now=NOW)] == [(0, 0), (0, 0)]


async def test_a_room_confirmed_after_the_report_is_not_sold_again(holds: Holds, stay: Stay) -> None:
    await holds.take(stay, a_hold("ours"), 1, reported(1), now=NOW)
    await holds.confirm(stay, a_hold("ours"), 1, now=NOW + timedelta(seconds=20))
    assert await holds.take(stay, a_hold("theirs"), 1, reported(1), now=NOW + timedelta(seconds=21)) == Full(0)


async def test_a_room_confirmed_before_the_report_is_not_counted_twice(holds: Holds, stay: Stay) -> None:
    await holds.take(stay, a_hold("ours"), 1, reported(2), now=NOW)
    await holds.confirm(stay, a_hold("ours"), 1, now=NOW + timedelta(seconds=20))
    newer = reported(1, NOW + timedelta(seconds=40))
    assert isinstance(await holds.take(stay, a_hold("theirs"), 1, newer, now=NOW + timedelta(seconds=41)), Taken)


async def test_the_newer_report_decides_whoever_brings_it(holds: Holds, stay: Stay) -> None:
    await holds.take(stay, a_hold("informed"), 1, reported(1, NOW), now=NOW)
    stale = reported(9, NOW - timedelta(minutes=5))
    assert await holds.take(stay, a_hold("stale"), 1, stale, now=NOW) == Full(0)
    assert (await holds.counts(stay, now=NOW))[0].report == reported(1)


async def test_confirming_after_the_hold_ended_still_counts_the_room(holds: Holds, stay: Stay) -> None:
    await holds.take(stay, a_hold(), 1, reported(1), now=NOW)
    late = NOW + timedelta(minutes=14)
    await holds.confirm(stay, a_hold(), 1, now=late)
    assert [(count.held, count.confirmed, count.recent) for count in await holds.counts(stay, now=late)] == [(0, 1, 1)] * 2


async def test_counts_name_the_first_hold_to_end(holds: Holds, stay: Stay) -> None:
    await holds.take(stay, a_hold("early"), 1, reported(5), now=NOW)
    await holds.take(stay, a_hold("late"), 1, reported(5), now=NOW + timedelta(minutes=1))
    count = (await holds.counts(stay, now=NOW + timedelta(minutes=2)))[0]
    assert (count.held, count.nearest_expiry) == (2, NOW + timedelta(minutes=10))


async def test_a_wiped_store_is_noticed_and_restored(holds: Holds, stay: Stay, redis: Redis) -> None:
    await holds.take(stay, a_hold("held"), 1, reported(3))
    await holds.take(stay, a_hold("confirmed"), 1, reported(3))
    await holds.confirm(stay, a_hold("confirmed"), 1)
    await redis.flushall()
    assert await holds.known(T1, [stay.hotel]) == set()
    assert await holds.take(stay, a_hold("new"), 2, Report(3, NOW)) == Unrestored()
    kept = [
        Kept(a_hold(name), stay.room_type, night, 1, confirmed=name == "confirmed", span=timedelta(minutes=5))
        for name in ("held", "confirmed")
        for night in NIGHTS
    ]
    for _ in range(2):
        await holds.restore(T1, stay.hotel, kept)
    assert await holds.known(T1, [stay.hotel]) == {stay.hotel}
    assert [(count.held, count.confirmed) for count in await holds.counts(stay)] == [(1, 1), (1, 1)]
    assert await holds.take(stay, a_hold("new"), 2, Report(3, NOW)) == Full(1)


async def test_restoring_does_not_shorten_a_living_hold(holds: Holds, stay: Stay) -> None:
    await holds.take(stay, a_hold(), 1, reported(1), now=NOW)
    stale = [Kept(a_hold(), stay.room_type, night, 1, confirmed=False, span=timedelta(seconds=1)) for night in NIGHTS]
    await holds.restore(T1, stay.hotel, stale)
    assert (await holds.counts(stay, now=NOW))[0].nearest_expiry == NOW + timedelta(minutes=10)


async def test_tenants_and_room_types_do_not_meet(holds: Holds, stay: Stay) -> None:
    other_type, other_tenant = Stay(T1, stay.hotel, "SGL.ST", NIGHTS), Stay(Tenant("t2"), stay.hotel, stay.room_type, NIGHTS)
    await holds.restore(Tenant("t2"), stay.hotel, ())
    await holds.take(stay, a_hold(), 1, reported(1), now=NOW)
    for other in (other_type, other_tenant):
        assert isinstance(await holds.take(other, a_hold(), 1, reported(1), now=NOW), Taken)


async def test_an_unreachable_store_says_so() -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1/0")
    with pytest.raises(HoldsUnreachable):
        await Holds(nowhere).take(a_stay(), a_hold(), 1, reported(1))
    await nowhere.aclose()


def test_a_stay_is_its_nights_without_the_day_of_departure() -> None:
    stay = Stay.between(T1, Urn("urn:hotel:1:vendor:hotelbeds"), "DBL", date(2026, 2, 8), date(2026, 2, 10))
    assert stay.nights == NIGHTS
