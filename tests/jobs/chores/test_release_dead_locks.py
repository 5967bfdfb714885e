from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from domains.cases import actions, queries
from domains.cases.commands import AcquireLock
from jobs.chores.release_dead_locks import release_dead_locks
from jobs.registry import Ports
from kernel.database import Databases
from kernel.lock import Session, Sessions
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from tests.builders import a_case

ANA = Urn("urn:operator:ana")


@pytest.fixture
async def sessions(valkey_urls: ValkeyUrls) -> AsyncIterator[Sessions]:
    """Over a store that has remembered sessions for longer than a lease."""
    async with Redis.from_url(valkey_urls.coordination) as redis:
        await redis.set("sessions:since", "1000000000")
    made = Sessions.connect(valkey_urls.coordination)
    yield made
    await made.close()


async def locked(databases: Databases, tenant: Tenant, session: Session) -> Urn:
    async with databases["cases"].work(tenant, actor=ANA) as work:
        _, (sub_case,) = await a_case(work)
        await actions.acquire_lock(work, AcquireLock(sub_case, session.id, "Ana"), _alive)
    return sub_case


async def _alive(session: str) -> bool:
    return True


async def holder(databases: Databases, tenant: Tenant, sub_case: Urn) -> tuple[Urn | None, int]:
    async with databases["cases"].read(tenant) as connection:
        lock = (await queries.locks_by_sub_case(connection, tenant, [sub_case]))[sub_case]
    return lock.holder, lock.fence


async def test_a_dead_session_loses_its_locks_and_a_living_one_keeps_them(databases: Databases, tenant: Tenant, sessions: Sessions) -> None:
    dead, alive = await sessions.open(tenant, ANA), await sessions.open(tenant, ANA)
    lost, kept = await locked(databases, tenant, dead), await locked(databases, tenant, alive)
    await sessions.end(dead.id)
    ports = Ports(databases, sessions=sessions)
    await release_dead_locks(ports, tenant)
    assert await holder(databases, tenant, lost) == (None, 2)
    assert await holder(databases, tenant, kept) == (ANA, 1)
    await release_dead_locks(ports, tenant)
    assert await holder(databases, tenant, lost) == (None, 2)


async def test_in_its_grace_a_session_keeps_its_locks(databases: Databases, tenant: Tenant, sessions: Sessions) -> None:
    session = await sessions.open(tenant, ANA)
    sub_case = await locked(databases, tenant, session)
    await sessions.leave(session)
    await release_dead_locks(Ports(databases, sessions=sessions), tenant)
    assert (await holder(databases, tenant, sub_case))[0] == ANA


async def test_nobody_loses_a_lock_while_the_store_is_away(databases: Databases, tenant: Tenant, sessions: Sessions) -> None:
    sub_case = await locked(databases, tenant, await sessions.open(tenant, ANA))
    away = Sessions(Redis(host="127.0.0.1", port=1))
    await release_dead_locks(Ports(databases, sessions=away), tenant)
    assert (await holder(databases, tenant, sub_case))[0] == ANA
    await away.close()
