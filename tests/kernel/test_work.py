"""The unit of work against real databases."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kernel.database import Database, Databases, UnsafeRoleError, make_engine
from kernel.event import Envelope, MessageError
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import event_urn
from tests.harness.messages import DoSomething, SomethingHappened

T1, T2 = Tenant("t1"), Tenant("t2")


def an_aggregate() -> Urn:
    return Urn.mint("reservation")


@dataclass(frozen=True)
class Sent:
    receiver: str
    name: str
    seq: int
    asked: bool


async def sent(databases: Databases, tenant: Tenant, aggregate: Urn) -> list[Sent]:
    async with databases["booking"].read(tenant) as connection:
        rows = await connection.execute(
            text("select receiver, name, seq, asked from outbox where tenant = :tenant and aggregate = :aggregate order by position"),
            {"tenant": tenant, "aggregate": aggregate},
        )
        return [Sent(*row) for row in rows]


async def test_messages_are_numbered_per_receiver_and_aggregate(databases: Databases) -> None:
    aggregate, other = an_aggregate(), an_aggregate()
    async with databases["booking"].work(T1) as work:
        await work.record(SomethingHappened("a"), aggregate=aggregate)
        await work.record_many([(SomethingHappened("b"), other), (SomethingHappened("c"), aggregate)])
        await work.ask(DoSomething("d"), aggregate=aggregate)
    async with databases["booking"].work(T1) as work:
        await work.record(SomethingHappened("e"), aggregate=aggregate)
    assert await sent(databases, T1, aggregate) == [
        Sent("booking", "SomethingHappened", 1, False),
        Sent("booking", "SomethingHappened", 2, False),
        Sent("wallet", "DoSomething", 1, True),
        Sent("booking", "SomethingHappened", 3, False),
    ]


async def test_an_event_of_another_domain_cannot_be_recorded(databases: Databases) -> None:
    async with databases["booking"].work(T1) as work:
        with pytest.raises(MessageError, match="belongs to wallet"):
            await work.record(DoSomething("x"), aggregate=an_aggregate())


async def test_nothing_is_sent_when_the_work_fails(databases: Databases) -> None:
    aggregate, rang = an_aggregate(), []

    async def ring() -> None:
        rang.append(True)

    async def failing() -> None:
        async with databases["booking"].work(T1) as work:
            await work.record(SomethingHappened("a"), aggregate=aggregate)
            work.after_commit(ring)
            await work.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await failing()
    assert await sent(databases, T1, aggregate) == []
    assert rang == []


async def test_sequences_have_no_gaps_under_concurrent_works_in_any_order(databases: Databases) -> None:
    aggregates = [an_aggregate() for _ in range(5)]

    async def one(turn: int) -> None:
        order = aggregates[turn % 5 :] + aggregates[: turn % 5]
        async with databases["booking"].work(T1) as work:
            await work.record_many([(SomethingHappened(str(turn)), aggregate) for aggregate in order])

    await asyncio.gather(*(one(turn) for turn in range(30)))
    for aggregate in aggregates:
        assert [each.seq for each in await sent(databases, T1, aggregate)] == list(range(1, 31))


async def test_after_commit_runs_after_the_commit_and_its_failure_is_not_the_works(databases: Databases) -> None:
    aggregate, seen = an_aggregate(), []

    async def look() -> None:
        seen.extend(await sent(databases, T1, aggregate))
        raise RuntimeError("the bell is broken")

    async with databases["booking"].work(T1) as work:
        await work.record(SomethingHappened("a"), aggregate=aggregate)
        work.after_commit(look)
    assert len(seen) == 1


async def test_a_message_is_taken_once_per_consumer(databases: Databases) -> None:
    async with databases["booking"].work(T1) as work:
        envelope = Envelope(event_urn(), T1, "wallet", "X", 1, an_aggregate(), 1, "c", await work.now(), {})
        assert await work.take(envelope, "booking:one")
        assert not await work.take(envelope, "booking:one")
        assert await work.take(envelope, "booking:two")
    async with databases["booking"].work(T1) as work:
        assert not await work.take(envelope, "booking:one")


async def test_a_foreign_tenant_sees_and_changes_nothing_even_without_a_where(databases: Databases) -> None:
    aggregate = an_aggregate()
    async with databases["booking"].work(T1) as work:
        await work.record(SomethingHappened("a"), aggregate=aggregate)
    async with databases["booking"].work(T2) as work:
        seen = await work.execute(text("select count(*) from outbox where aggregate = :aggregate"), {"aggregate": aggregate})
        assert seen.scalar_one() == 0
        changed = await work.execute(text("update outbox set name = 'stolen' where aggregate = :aggregate"), {"aggregate": aggregate})
        assert changed.rowcount == 0
    with pytest.raises(DBAPIError, match="row-level security"):
        async with databases["booking"].work(T2) as work:
            await work.execute(text("insert into inbox (tenant, consumer, urn) values ('t1', 'c', 'u')"))


async def test_the_tenant_does_not_survive_its_transaction_in_the_pool(databases: Databases) -> None:
    async with databases["booking"].work(T1) as work:
        await work.record(SomethingHappened("a"), aggregate=an_aggregate())
    engine = databases["booking"].engine
    for _ in range(engine.pool.checkedin() + 1):  # type: ignore[attr-defined]
        async with engine.connect() as connection:
            try:
                rows = (await connection.execute(text("select count(*) from outbox"))).scalar_one()
            except DBAPIError as error:
                assert "nexa.tenant" in str(error.orig)  # noqa: PT017
            else:
                assert rows == 0


async def test_a_read_cannot_write(databases: Databases) -> None:
    with pytest.raises(DBAPIError, match="read-only"):
        async with databases["booking"].read(T1) as connection:
            await connection.execute(text("delete from outbox where tenant = 't1'"))
    async with databases["booking"].work(T1) as work:  # and the connection it used writes again
        await work.record(SomethingHappened("a"), aggregate=an_aggregate())


async def test_a_partition_is_closed_to_the_app_role(databases: Databases) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with databases["booking"].read(T1) as connection:
            await connection.execute(text('select * from "outbox:t1"'))


async def test_a_role_above_row_level_security_is_refused(databases: Databases, postgres_url: str) -> None:
    for name in ("postgres", "nexa_booking"):
        database = Database("booking", postgres_url.rsplit("/", 1)[0] + f"/{name}")
        with pytest.raises(UnsafeRoleError):
            async with database.work(T1):
                pass
        await database.close()
    await databases.examine()


async def test_a_connection_that_died_in_the_pool_is_nobodys_failure(databases: Databases, postgres_url: str) -> None:
    async with databases["booking"].work(T1):
        pass
    engine = make_engine(postgres_url, pool=1)
    async with engine.connect() as connection:
        await connection.exec_driver_sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'nexa_booking_app'")
    await engine.dispose()
    aggregate = an_aggregate()
    async with databases["booking"].work(T1) as work:
        await work.record(SomethingHappened("a"), aggregate=aggregate)
    assert len(await sent(databases, T1, aggregate)) == 1


async def test_an_error_shows_no_values(databases: Databases) -> None:
    half = text("insert into parked (tenant, aggregate, urn, name, error) values (:tenant, :aggregate, null, :name, 'x')")
    with pytest.raises(DBAPIError, match="null value") as caught:
        async with databases["booking"].work(T1) as work:
            await work.execute(half, {"tenant": T1, "aggregate": an_aggregate(), "name": "Smith"})
    assert "Smith" not in str(caught.value)
