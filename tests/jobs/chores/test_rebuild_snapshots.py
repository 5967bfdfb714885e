from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from domains.cases import queries, store
from jobs.chores.publish_snapshots import publish_snapshots
from jobs.chores.rebuild_snapshots import rebuild_snapshots, restore_snapshots
from jobs.registry import Ports
from kernel.clock import now
from kernel.database import Databases
from kernel.snapshot import Snapshots
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from tests.builders import a_case, a_draft


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


@pytest.fixture
async def sub_cases(databases: Databases, tenant: Tenant, snapshots: Snapshots) -> list[Urn]:
    """Three, whose passengers can look."""
    async with databases["cases"].work(tenant) as work:
        drafts = [a_draft(next_flight=None) for _ in range(3)]
        _, urns = await a_case(work, *drafts, departs=now())  # documents of stays that are long over are not kept
    await publish_snapshots(Ports(databases, snapshots=snapshots), tenant)
    return urns


async def test_a_wiped_store_is_filled_with_what_stood_there(
    databases: Databases, tenant: Tenant, snapshots: Snapshots, sub_cases: list[Urn]
) -> None:
    before = [await snapshots.read(tenant, urn) for urn in sub_cases]
    assert None not in before
    for urn in sub_cases:
        await snapshots.forget(tenant, urn)
    assert await rebuild_snapshots(databases["cases"], snapshots, tenant) >= 3
    assert [await snapshots.read(tenant, urn) for urn in sub_cases] == before
    assert not await snapshots.rebuilding(tenant)


async def test_what_is_newer_stays(databases: Databases, tenant: Tenant, snapshots: Snapshots, sub_cases: list[Urn]) -> None:
    await snapshots.publish(tenant, sub_cases[0], 99, {"newer": True})
    await rebuild_snapshots(databases["cases"], snapshots, tenant)
    read = await snapshots.read(tenant, sub_cases[0])
    assert read is not None
    assert read.document == {"newer": True}


async def test_after_a_wipe_the_documents_come_back_by_themselves(
    databases: Databases, tenant: Tenant, snapshots: Snapshots, sub_cases: list[Urn], redis: Redis
) -> None:
    ports = Ports(databases, snapshots=snapshots)
    await restore_snapshots(ports, tenant)
    before = [await snapshots.read(tenant, urn) for urn in sub_cases]
    assert None not in before
    await redis.flushall()
    await restore_snapshots(ports, tenant)
    assert [await snapshots.read(tenant, urn) for urn in sub_cases] == before
    assert not await snapshots.lost(tenant)


async def test_a_store_that_came_back_from_its_disk_is_rebuilt(
    databases: Databases, tenant: Tenant, snapshots: Snapshots, sub_cases: list[Urn], redis: Redis
) -> None:
    ports = Ports(databases, snapshots=snapshots)
    await restore_snapshots(ports, tenant)
    await snapshots.forget(tenant, sub_cases[0])  # not saved yet
    await restore_snapshots(ports, tenant)
    assert await snapshots.read(tenant, sub_cases[0]) is None  # the same run: nothing is looked at
    await redis.set(f"snapshots:{{{tenant}}}:complete", "another run")
    await restore_snapshots(ports, tenant)
    assert await snapshots.read(tenant, sub_cases[0]) is not None


async def test_a_row_that_is_being_changed_stops_nobody(
    databases: Databases, tenant: Tenant, snapshots: Snapshots, sub_cases: list[Urn]
) -> None:
    ports, cases = Ports(databases, snapshots=snapshots), databases["cases"]
    async with cases.work(tenant) as work:
        await work.execute(text("update sub_case set snapshot_version = 2 where tenant = :tenant"), {"tenant": tenant})
    async with cases.work(tenant) as work:
        await store.sub_cases_for_update(work, sub_cases[:1])
        await publish_snapshots(ports, tenant)
    async with cases.read(tenant) as connection:
        assert await queries.stale_snapshots(connection, tenant) == sub_cases[:1]
    await publish_snapshots(ports, tenant)
    async with cases.read(tenant) as connection:
        assert await queries.stale_snapshots(connection, tenant) == []


async def test_sub_cases_without_a_party_do_not_hide_the_others(
    databases: Databases, tenant: Tenant, snapshots: Snapshots, sub_cases: list[Urn]
) -> None:
    first, *others = sorted(sub_cases)
    async with databases["cases"].work(tenant) as work:
        await work.execute(text("update sub_case set snapshot_version = 2 where tenant = :tenant"), {"tenant": tenant})
        await work.execute(text("delete from party where tenant = :tenant and sub_case = :urn"), {"tenant": tenant, "urn": first})
    async with databases["cases"].read(tenant) as connection:
        assert await queries.stale_snapshots(connection, tenant, first=1) == others[:1]
    await publish_snapshots(Ports(databases, snapshots=snapshots), tenant)
    seen = [await snapshots.read(tenant, urn) for urn in others]
    assert [read.version for read in seen if read] == [2, 2]
