from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kernel.feed import BATCH, WAITING, Batch, Feed, Seq
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls

T1, T2 = Tenant("t1"), Tenant("t2")
A, B = Urn("urn:sub-case:a"), Urn("urn:sub-case:b")
_numbers = itertools.count()


@pytest.fixture
def topic() -> str:
    return f"sub-cases:urn:case:{next(_numbers)}"


@pytest.fixture
async def feed(valkey_urls: ValkeyUrls) -> AsyncIterator[Feed]:
    made = Feed.connect(valkey_urls.coordination)
    yield made
    await made.close()


@pytest.fixture
async def other(valkey_urls: ValkeyUrls) -> AsyncIterator[Feed]:
    made = Feed.connect(valkey_urls.coordination)
    yield made
    await made.close()


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


async def following(stream: AsyncIterator[Batch]) -> Batch:
    async with asyncio.timeout(10):
        return await anext(stream)


async def test_a_new_reader_starts_from_a_snapshot_and_then_hears_every_change(feed: Feed, other: Feed, topic: str) -> None:
    stream = feed.subscribe(T1, topic)
    first = await following(stream)
    assert first.snapshot
    assert first.changes == ()
    other.publish(T1, topic, A, 7)
    second = await following(stream)
    assert [(change.urn, change.version) for change in second.changes] == [(A, 7)]
    assert not second.snapshot
    assert second.seq == Seq(first.seq.epoch, first.seq.n + 1)
    await stream.aclose()


async def test_changes_of_one_turn_become_one_batch_with_the_newest_version_of_each(feed: Feed, topic: str) -> None:
    stream = feed.subscribe(T1, topic)
    await following(stream)
    for version in (1, 3, 2):
        feed.publish(T1, topic, A, version)
    feed.publish(T1, topic, B, 1)
    batch = await following(stream)
    assert {change.urn: change.version for change in batch.changes} == {A: 3, B: 1}
    await stream.aclose()


async def test_a_second_change_soon_after_waits_for_its_batch_and_an_urgent_one_does_not(feed: Feed, topic: str, redis: Redis) -> None:
    stream = feed.subscribe(T1, topic)
    await following(stream)
    feed.publish(T1, topic, A, 1)
    await following(stream)
    feed.publish(T1, topic, A, 2)
    feed.publish(T1, topic, B, 1)
    await asyncio.sleep(0)
    assert feed._lines[T1, topic].timer is not None
    feed.publish(T1, topic, A, 3, urgent=True)
    assert feed._lines[T1, topic].timer is None
    batch = await following(stream)
    assert {change.urn: change.version for change in batch.changes} == {A: 3, B: 1}
    await stream.aclose()


async def test_a_change_of_a_lock_never_waits(feed: Feed) -> None:
    for version in range(3):
        feed.publish(T1, "locks", A, version)
        assert feed._lines[T1, "locks"].timer is None
        await feed.settle()


async def test_a_reader_that_comes_back_gets_exactly_what_it_missed(feed: Feed, topic: str) -> None:
    stream = feed.subscribe(T1, topic)
    start = (await following(stream)).seq
    await stream.aclose()
    for version in (1, 2, 3):
        feed.publish(T1, topic, A, version)
        await feed.settle()
    again = feed.subscribe(T1, topic, str(start))
    missed = [await following(again) for _ in range(3)]
    assert [batch.changes[0].version for batch in missed] == [1, 2, 3]
    assert [batch.seq.n for batch in missed] == [start.n + 1, start.n + 2, start.n + 3]
    feed.publish(T1, topic, A, 4)
    assert (await following(again)).changes[0].version == 4
    await again.aclose()


@pytest.mark.parametrize("after", ["", "nonsense", "abc:99999999999999999999", "0123456789ab:5", "é:1"])
async def test_a_place_nobody_knows_means_a_snapshot(feed: Feed, topic: str, after: str) -> None:
    stream = feed.subscribe(T1, topic, after)
    assert (await following(stream)).snapshot
    await stream.aclose()


async def test_a_place_that_left_the_ring_means_a_snapshot(feed: Feed, topic: str) -> None:
    stream = feed.subscribe(T1, topic)
    start = (await following(stream)).seq
    await stream.aclose()
    for number in range(1005):
        feed.publish(T1, topic, A, number)
        await feed._send({(T1, topic)})
    late = feed.subscribe(T1, topic, str(start))
    assert (await following(late)).snapshot
    await late.aclose()


async def test_a_wiped_store_starts_a_new_epoch_and_readers_start_over(feed: Feed, redis: Redis, topic: str) -> None:
    stream = feed.subscribe(T1, topic)
    start = (await following(stream)).seq
    await redis.delete(*[key async for key in redis.scan_iter(f"feed:*{topic}*")])
    feed.publish(T1, topic, A, 1)
    batch = await following(stream)
    assert batch.snapshot
    assert batch.seq.epoch != start.epoch
    await stream.aclose()


async def test_a_cut_connection_loses_nothing(feed: Feed, other: Feed, redis: Redis, topic: str) -> None:
    stream = feed.subscribe(T1, topic)
    await following(stream)
    await redis.client_kill_filter(_type="pubsub")
    for version in (1, 2):
        other.publish(T1, topic, A, version)
        await other.settle()
    assert (await following(stream)).changes[0].version == 1
    assert (await following(stream)).changes[0].version == 2
    await stream.aclose()


async def test_a_slow_reader_catches_up_from_the_ring(feed: Feed, topic: str) -> None:
    stream = feed.subscribe(T1, topic)
    start = (await following(stream)).seq
    for version in range(WAITING + 50):
        feed.publish(T1, topic, A, version)
        await feed._send({(T1, topic)})
    seen = [await following(stream) for _ in range(WAITING + 50)]
    assert [batch.seq.n - start.n for batch in seen] == list(range(1, WAITING + 51))
    await stream.aclose()


async def test_what_cannot_be_sent_is_kept_and_the_newest_wins(feed: Feed, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    good = feed._redis
    broken = Redis(host="127.0.0.1", port=1)
    feed._redis = broken
    feed.publish(T1, topic, A, 1)
    feed.publish(T1, topic, B, 1)
    with pytest.raises(RedisError):
        await feed._send({(T1, topic)})
    feed.publish(T1, topic, A, 2)
    feed._redis = good
    stream = feed.subscribe(T1, topic)
    await following(stream)
    await feed.settle()
    assert {change.urn: change.version for change in (await following(stream)).changes} == {A: 2, B: 1}
    await stream.aclose()
    await broken.aclose()


async def test_a_change_may_carry_the_thing_itself(feed: Feed) -> None:
    stream = feed.subscribe(T1, "alerts")
    await following(stream)
    feed.publish(T1, "alerts", A, 1, {"kind": "DECLINED", "message": "É"})
    assert (await following(stream)).changes[0].item == {"kind": "DECLINED", "message": "É"}
    await stream.aclose()


async def test_tenants_do_not_hear_each_other(feed: Feed, topic: str) -> None:
    mine, theirs = feed.subscribe(T1, topic), feed.subscribe(T2, topic)
    await following(mine)
    await following(theirs)
    feed.publish(T2, topic, B, 1)
    feed.publish(T1, topic, A, 1)
    assert (await following(mine)).urns == [A]
    assert (await following(theirs)).urns == [B]
    await mine.aclose()
    await theirs.aclose()


async def test_one_subscription_serves_all_readers_of_a_tenant_and_ends_with_the_last(feed: Feed, redis: Redis, topic: str) -> None:
    streams = [feed.subscribe(T2, topic) for _ in range(5)]
    for stream in streams:
        await following(stream)
    assert await redis.pubsub_numsub("feed:t2") == [(b"feed:t2", 1)]
    for stream in streams:
        await stream.aclose()
    assert T2 not in feed._towers


async def test_a_large_change_is_split(feed: Feed, topic: str) -> None:
    stream = feed.subscribe(T1, topic)
    await following(stream)
    for number in range(BATCH + 1):
        feed.publish(T1, topic, Urn(f"urn:sub-case:{number}"), 1)
    assert [len((await following(stream)).changes) for _ in range(2)] == [BATCH, 1]
    await stream.aclose()


async def test_an_end_does_not_wait_for_a_store_that_is_away(topic: str) -> None:
    lonely = Feed(Redis(host="127.0.0.1", port=1))
    lonely.publish(T1, topic, A, 1)
    async with asyncio.timeout(10):
        await lonely.close()
