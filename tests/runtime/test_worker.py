"""The worker process: hosted here, and as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from domains.audit import queries
from kernel.bus import connect
from kernel.database import Databases
from kernel.doorbell import Doorbell, living_queues
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime import site
from runtime.embedded.postgres import Postgres
from runtime.embedded.valkey import ValkeyUrls
from runtime.migrate import provision_tenant
from runtime.settings import Process, Settings, for_process, read
from runtime.worker import Worker, alive_file
from tests.harness.servers import ROOT

CASE = Urn("urn:case:c-1")
LATE = Tenant("late")


@pytest.fixture
def environ(tmp_path: Path, postgres: Postgres, valkey_urls: ValkeyUrls, role_urls: dict[str, str], tenant: Tenant) -> dict[str, str]:
    """All that a site would tell a worker of the test's own airlines; the cluster has those of every test before."""
    told = site.told(tmp_path, site.Ports(), {}, None, valkey_urls) | site.store_names(role_urls) | {"NEXA_TENANTS": f"{tenant},{LATE}"}
    return for_process(Process.WORKER, told)


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    return read(environ, Process.WORKER)


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[Worker]:
    worker = Worker(settings)
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        worker.stop.set()
        await running


async def act(databases: Databases, tenant: Tenant) -> None:
    async with databases["cases"].work(tenant) as work:
        await work.audit(action="look", entity=CASE)


async def entries(databases: Databases, tenant: Tenant, count: int) -> None:
    """Waits until the audit has so many. Raises: TimeoutError."""

    async def enough() -> bool:
        async with databases["audit"].read(tenant) as connection:
            return len(await queries.entries_of(connection, tenant, CASE)) >= count

    await eventually(enough)


async def eventually(true: Callable[[], Awaitable[bool]], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110  what becomes true is in another process
            await asyncio.sleep(0.05)


async def test_it_carries_what_domains_send_also_for_a_tenant_that_comes_later(
    settings: Settings, databases: Databases, tenant: Tenant, postgres: Postgres
) -> None:
    async with working(settings):
        await act(databases, tenant)
        await entries(databases, tenant, 1)
        await provision_tenant(LATE, postgres.url)
        await act(databases, LATE)
        await entries(databases, LATE, 1)


async def test_it_lives_through_the_loss_of_every_store(
    settings: Settings, databases: Databases, tenant: Tenant, valkey_urls: ValkeyUrls
) -> None:
    async with working(settings) as worker:
        await act(databases, tenant)
        await entries(databases, tenant, 1)
        for count, url in enumerate((valkey_urls.queue, valkey_urls.coordination, valkey_urls.snapshots), start=2):
            redis = connect(url)
            await redis.flushall()
            await redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")  # type: ignore[no-untyped-call]
            await redis.aclose()
            await act(databases, tenant)
            await entries(databases, tenant, count)
        assert worker.engine is not None
        assert worker.engine.healthy


async def test_a_ring_from_another_process_reaches_the_living_worker(settings: Settings, databases: Databases, tenant: Tenant) -> None:
    seen: list[tuple[str, object, object]] = []
    async with working(settings) as worker:
        looked = worker.look

        def look(tenant: Tenant, urn: Urn | None = None, domain: str | None = None) -> None:
            seen.append((tenant, urn, domain))
            looked(tenant, urn, domain)

        worker.look = look  # type: ignore[method-assign]  # an ear, not a stand-in
        queues = living_queues(databases["cases"].engine)
        await eventually(lambda: _is_listed(queues, worker.queue))
        bell = Doorbell(settings.need("queue_url").reveal(), queues)

        async def heard() -> bool:
            for _ in range(50):
                bell.ring(tenant, CASE, "cases")
            return (tenant, CASE, "cases") in seen

        await eventually(heard)
        await bell.close()
    assert len([ring for ring in seen if ring[0] == tenant]) < 50


async def _is_listed(queues: Callable[[], Awaitable[object]], queue: str) -> bool:
    return queue in str(await queues())


async def test_a_ring_fails_nobody_when_nobody_is_there(databases: Databases, tenant: Tenant) -> None:
    bell = Doorbell("redis://127.0.0.1:1", living_queues(databases["cases"].engine))
    bell.ring(tenant, CASE)
    await bell.close()


async def test_as_a_process_it_ends_on_sigterm_and_says_that_it_lives(
    environ: dict[str, str], settings: Settings, databases: Databases, tenant: Tenant
) -> None:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runtime.command", "worker", cwd=ROOT, env={**inherited, **environ}, stderr=asyncio.subprocess.PIPE
    )
    try:
        await act(databases, tenant)
        await entries(databases, tenant, 1)
        folder = alive_file(settings.home, "any").parent
        await eventually(lambda: asyncio.to_thread(lambda: any(folder.glob("*.json"))))
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()[-2000:]
    assert b"Traceback" not in errors, errors.decode()[-4000:]
    assert not any(folder.glob("*.json"))
