from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from kernel.clock import now
from kernel.refusal import StoreAway
from kernel.snapshot import CONNECTIONS, Compiled, LinkUse, Snapshots
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls

T1, T2 = Tenant("t1"), Tenant("t2")
_numbers = itertools.count()


@pytest.fixture
def sub_case() -> Urn:
    return Urn(f"urn:sub-case:snapshot-{next(_numbers)}")


@pytest.fixture
async def snapshots(valkey_urls: ValkeyUrls) -> AsyncIterator[Snapshots]:
    made = Snapshots.connect(valkey_urls.snapshots)
    yield made
    await made.close()


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.snapshots)
    yield client
    await client.aclose()


async def test_what_was_published_is_read_back(snapshots: Snapshots, sub_case: Urn) -> None:
    assert await snapshots.read(T1, sub_case) is None
    assert await snapshots.publish(T1, sub_case, 1, {"version": 1, "leadName": "José 🛏"})
    read = await snapshots.read(T1, sub_case)
    assert read is not None
    assert read.version == 1
    assert read.document == {"version": 1, "leadName": "José 🛏"}


async def test_a_late_writer_loses(snapshots: Snapshots, sub_case: Urn) -> None:
    assert await snapshots.publish(T1, sub_case, 10, {"version": 10})
    assert not await snapshots.publish(T1, sub_case, 9, {"version": 9})
    read = await snapshots.read(T1, sub_case)
    assert read is not None
    assert read.document == {"version": 10}


async def test_the_tag_changes_exactly_when_the_document_does(snapshots: Snapshots, sub_case: Urn) -> None:
    tags = []
    for version, text in ((1, "a"), (1, "a"), (1, "b"), (2, "b")):
        await snapshots.publish(T1, sub_case, version, {"text": text})
        read = await snapshots.read(T1, sub_case)
        assert read is not None
        tags.append(read.etag)
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3


async def test_many_are_published_at_once_and_the_late_ones_are_not_counted(snapshots: Snapshots, sub_case: Urn) -> None:
    other = Urn(f"{sub_case}-other")
    await snapshots.publish(T1, sub_case, 5, {})
    assert await snapshots.publish_many(T1, [Compiled(sub_case, 4, {}), Compiled(other, 1, {"here": True})]) == 1
    read = await snapshots.read(T1, other)
    assert read is not None
    assert read.document == {"here": True}


async def test_a_document_expires_with_its_stay(snapshots: Snapshots, sub_case: Urn, redis: Redis) -> None:
    await snapshots.publish(T1, sub_case, 1, {}, expires=datetime(2099, 1, 1, tzinfo=UTC))
    (key,) = [key async for key in redis.scan_iter(f"*{sub_case.id}*")]
    assert await redis.execute_command("EXPIRETIME", key) == datetime(2099, 1, 1, tzinfo=UTC).timestamp()  # type: ignore[no-untyped-call]


async def test_another_tenant_does_not_see_it(snapshots: Snapshots, sub_case: Urn) -> None:
    await snapshots.publish(T1, sub_case, 1, {})
    assert await snapshots.read(T2, sub_case) is None


async def test_while_it_is_rebuilt_the_store_says_so_and_keeps_what_it_has(snapshots: Snapshots, sub_case: Urn) -> None:
    await snapshots.publish(T1, sub_case, 1, {"old": True})
    async with snapshots.rebuild(T1):
        sight = await snapshots.look(T1, sub_case)
        assert sight.rebuilding
        assert sight.snapshot is not None
        assert not (await snapshots.look(T2, sub_case)).rebuilding
    assert not (await snapshots.look(T1, sub_case)).rebuilding


async def test_a_rebuild_that_fails_ends(snapshots: Snapshots) -> None:
    with pytest.raises(RuntimeError):
        async with snapshots.rebuild(T1):
            raise RuntimeError
    assert not await snapshots.rebuilding(T1)


async def test_a_store_is_lost_until_a_rebuild_ended_well(snapshots: Snapshots) -> None:
    tenant = Tenant("lost")
    assert await snapshots.lost(tenant)
    with pytest.raises(RuntimeError):
        async with snapshots.rebuild(tenant):
            raise RuntimeError
    assert await snapshots.lost(tenant)
    async with snapshots.rebuild(tenant):
        assert not await snapshots.lost(tenant)  # somebody is at it
    assert not await snapshots.lost(tenant)


async def test_a_wipe_in_the_middle_of_a_rebuild_is_not_forgotten(snapshots: Snapshots, redis: Redis) -> None:
    tenant = Tenant("wiped")
    async with snapshots.rebuild(tenant):
        await redis.flushall()
    assert await snapshots.lost(tenant)


async def test_who_takes_a_rebuild_over_ends_it(snapshots: Snapshots) -> None:
    tenant = Tenant("taken")
    async with snapshots.rebuild(tenant):
        second = snapshots.rebuild(tenant)
        await second.__aenter__()
    assert await snapshots.rebuilding(tenant)
    await second.__aexit__(None, None, None)
    assert not await snapshots.rebuilding(tenant)
    assert not await snapshots.lost(tenant)


async def test_a_link_is_used_once_whoever_comes_at_the_same_time(snapshots: Snapshots, sub_case: Urn) -> None:
    until = now() + timedelta(hours=1)
    uses = await asyncio.gather(*(snapshots.use_link(T1, sub_case, "link-1", until) for _ in range(10)))
    assert (uses.count(LinkUse.FIRST), uses.count(LinkUse.USED)) == (1, 9)
    assert await snapshots.use_link(T1, sub_case, "link-2", until) is LinkUse.FIRST


async def test_the_phone_that_used_a_link_may_repeat_it_for_two_minutes_once_it_was_granted(
    snapshots: Snapshots, sub_case: Urn, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = now() + timedelta(hours=1)

    async def use(by: str) -> LinkUse:
        return await snapshots.use_link(T1, sub_case, "link-3", until, by)

    assert [await use(by) for by in ("mine", "mine", "theirs", "")] == [LinkUse.FIRST, LinkUse.UNDER_WAY, LinkUse.USED, LinkUse.USED]
    await snapshots.grant_link(T1, sub_case, "link-3", "mine")
    assert [await use(by) for by in ("mine", "theirs", "")] == [LinkUse.REPEATED, LinkUse.USED, LinkUse.USED]
    monkeypatch.setattr("kernel.snapshot.now", lambda: now() + timedelta(minutes=2, seconds=1))
    assert await use("mine") is LinkUse.USED


async def test_a_link_that_is_not_kept_is_not_granted(snapshots: Snapshots, sub_case: Urn) -> None:
    await snapshots.grant_link(T1, sub_case, "link-4", "mine")
    assert await snapshots.use_link(T1, sub_case, "link-4", now() + timedelta(hours=1), "mine") is LinkUse.FIRST


async def test_a_store_that_is_away_refuses() -> None:
    lonely = Snapshots(Redis(host="127.0.0.1", port=1))
    with pytest.raises(StoreAway):
        await lonely.read(T1, Urn("urn:sub-case:x"))
    with pytest.raises(StoreAway):
        await lonely.use_link(T1, Urn("urn:sub-case:x"), "link", now() + timedelta(hours=1))
    await lonely.close()


async def test_a_storm_of_readers_shares_a_few_connections(snapshots: Snapshots, sub_case: Urn, redis: Redis) -> None:
    await snapshots.publish(T1, sub_case, 1, {"here": True})
    before = len(await redis.client_list())
    reads = await asyncio.gather(*(snapshots.read(T1, sub_case) for _ in range(200)))
    assert all(read is not None for read in reads)
    assert len(await redis.client_list()) - before <= CONNECTIONS
