"""What migrations build on, and making a tenant while everybody works."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Column, Connection, Text, text
from sqlalchemy.exc import DBAPIError

from kernel.database import Databases, make_engine
from kernel.migration import owner_role, protect
from kernel.tables import empty_metadata, tenant_table, urn_column
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.migrate import migrate, provision_tenant
from tests.harness.messages import SomethingHappened

T1 = Tenant("t1")


def within(postgres_url: str, database: str) -> str:
    return f"{postgres_url.rsplit('/', 1)[0]}/nexa_{database}"


async def test_a_new_partitioned_table_has_partitions_for_the_tenants_there_are(postgres_url: str) -> None:
    metadata = empty_metadata("booking")
    note = tenant_table("note_for_test", metadata, urn_column("urn"), Column("text", Text), partitioned=True)

    def upgrade(connection: Connection) -> None:
        metadata.create_all(connection)
        protect(connection, note)

    engine = make_engine(within(postgres_url, "booking"), pool=1)
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(f"set local role {owner_role('booking')}")
            await connection.run_sync(upgrade)
            rows = await connection.exec_driver_sql("select relname from pg_class where relname like 'note_for_test:%' and relkind = 'r'")
            assert {"note_for_test:t1", "note_for_test:t2"} <= set(rows.scalars())
            await connection.rollback()
    finally:
        await engine.dispose()


async def test_migrating_again_changes_nothing(postgres_url: str, role_urls: dict[str, str], databases: Databases) -> None:
    before = await databases["cases"].tenants()
    await migrate(postgres_url, role_urls, [T1])
    assert await databases["cases"].tenants() == before


async def test_migrating_refuses_an_address_of_another_role(postgres_url: str, role_urls: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="nexa_cases_app"):
        await migrate(postgres_url, {**role_urls, "cases": role_urls["booking"]})


async def test_a_tenant_is_made_while_everybody_works(databases: Databases, postgres_url: str) -> None:
    done = asyncio.Event()

    async def busy(number: int) -> int:
        works = 0
        while not done.is_set():
            async with databases["booking"].work(T1) as work:
                await work.record(SomethingHappened("x"), aggregate=Urn(f"urn:reservation:busy-{number}"))
            works += 1
        return works

    working = [asyncio.create_task(busy(number)) for number in range(3)]
    late = Tenant("busy-late")
    try:
        await provision_tenant(late, postgres_url)
        await provision_tenant(late, postgres_url)
    finally:
        done.set()
    assert all(works > 0 for works in await asyncio.gather(*working))
    assert late in await databases["booking"].tenants()


async def test_a_row_of_a_tenant_who_is_not_there_is_refused(databases: Databases) -> None:
    with pytest.raises(DBAPIError, match="no partition"):
        async with databases["booking"].work(Tenant("nobody")) as work:
            await work.record(SomethingHappened("x"), aggregate=Urn("urn:reservation:r-1"))


async def test_time_is_the_clocks_unless_the_simulation_asks(databases: Databases, postgres_url: str) -> None:
    claim = text("select set_config('nexa.now', '2013-02-08 12:00:00+00', true)")
    async with databases["booking"].work(T1) as work:
        await work.execute(claim)
        assert (await work.now()).year > 2013
    engine = make_engine(within(postgres_url, "booking"), pool=1)  # an administrator is a member of every role
    async with engine.connect() as connection:
        await connection.execute(claim)
        assert (await connection.execute(text("select nexa_now()"))).scalar_one().year == 2013
    await engine.dispose()


async def test_passwords_reach_the_server_as_verifiers_only(postgres_url: str) -> None:
    engine = make_engine(postgres_url, pool=1)
    async with engine.connect() as connection:
        kept = await connection.exec_driver_sql("select rolpassword from pg_authid where rolname like 'nexa%' and rolcanlogin")
        assert all(str(password).startswith("SCRAM-SHA-256$") for password in kept.scalars())
    await engine.dispose()
