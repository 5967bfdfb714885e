"""Parked aggregates: played again in order and once, whatever comes in meanwhile, and kept until then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from sqlalchemy import text

from jobs.registry import Ports, on
from kernel.bus import Bus, connect
from kernel.database import Databases, make_engine
from kernel.event import Envelope
from kernel.outbox import prune
from kernel.parked import Redrive, ask, parked
from kernel.refusal import NotFound
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work
from runtime.embedded.valkey import ValkeyUrls
from tests.harness.messages import DoSomething, SomethingHappened, Traffic, until

WHY = "the hotel's name is known now"


@pytest.fixture
async def bus(valkey_urls: ValkeyUrls) -> AsyncIterator[Bus]:
    redis = connect(valkey_urls.coordination)
    yield Bus(redis)
    await redis.aclose()


class Ward:
    """Two senders, one domain that stumbles over some messages, and what took effect there; only what was committed counts."""

    def __init__(self, tenant: Tenant, databases: Databases, bus: Bus) -> None:
        self.traffic = Traffic(tenant, databases, bus)
        self.tenant, self.databases = tenant, databases
        self.bad: set[str] = set()
        self.tried: list[str] = []
        self.slow = 0.0

        @on(SomethingHappened, DoSomething, registry=self.traffic.registry, domain="wallet")
        async def stumble(work: Work, message: SomethingHappened | DoSomething, envelope: Envelope, ports: Ports) -> None:
            self.tried.append(message.what)
            if message.what in self.bad:
                raise ArithmeticError("cannot")
            await asyncio.sleep(self.slow)
            await work.audit(action=message.what, entity=envelope.aggregate)  # its number is the order of the commits

    async def tell(self, aggregate: Urn, whats: Iterable[str], sender: str = "booking") -> None:
        async with self.databases[sender].work(self.tenant) as work:
            for what in whats:
                message = SomethingHappened(what) if sender == "booking" else DoSomething(what)
                await (work.record if sender == "booking" else work.ask)(message, aggregate=aggregate)

    async def effects(self, aggregate: Urn) -> list[str]:
        async with self.databases["wallet"].read(self.tenant) as connection:
            statement = "select body ->> 'action' from outbox where tenant = :tenant and aggregate = :aggregate order by seq"
            found = (await connection.execute(text(statement), {"tenant": self.tenant, "aggregate": aggregate})).scalars()
            return [what for what in found if what != "parked.redrive"]

    async def parked(self) -> list[tuple[str, str, str]]:
        async with self.databases["wallet"].read(self.tenant) as connection:
            return [(each.aggregate, each.name, each.error) for each in await parked(connection, self.tenant)]

    async def are_parked(self, count: int = 1) -> None:
        async with asyncio.timeout(60):
            while len(await self.parked()) < count:  # noqa: ASYNC110  what is waited for is in the database
                await asyncio.sleep(0.1)

    async def ask(self, aggregate: Urn) -> None:
        async with self.databases["wallet"].work(self.tenant, actor=Urn("urn:operator:ann")) as work:
            await ask(work, aggregate, WHY)

    def redrive(self, batch: int = 200) -> Redrive:
        return Redrive(self.databases, self.traffic.registry.reactions, Ports(self.databases), batch)


@pytest.fixture
def ward(tenant: Tenant, databases: Databases, bus: Bus) -> Ward:
    return Ward(tenant, databases, bus)


@pytest.fixture
def aggregate() -> Urn:
    return Urn.mint("reservation")


async def test_nothing_is_played_before_somebody_asks_and_then_all_of_it_in_order(ward: Ward, aggregate: Urn) -> None:
    ward.bad = {"2"}
    async with ward.traffic.running("booking"):
        await ward.tell(aggregate, ["1", "2", "3"])
        await ward.are_parked()
        await ward.tell(aggregate, ["4"])
    assert await ward.parked() == [(aggregate, "SomethingHappened", "ArithmeticError")]
    ward.bad = set()
    assert await ward.redrive().turn("wallet") == 0
    assert await ward.effects(aggregate) == ["1"]
    await ward.ask(aggregate)
    assert await ward.redrive().turn("wallet") == 1
    assert await ward.effects(aggregate) == ["1", "2", "3", "4"]
    assert await ward.parked() == []
    async with ward.traffic.running("booking"):
        await ward.tell(aggregate, ["5"])
        await until(lambda: "5" in ward.tried)
    assert await ward.effects(aggregate) == ["1", "2", "3", "4", "5"]


async def test_it_is_in_order_and_once_though_messages_keep_coming(ward: Ward, aggregate: Urn) -> None:
    ward.bad = {"0"}
    numbers = [str(number) for number in range(60)]
    async with ward.traffic.running("booking"):
        await ward.tell(aggregate, numbers[:5])
        await ward.are_parked()
        ward.bad, ward.slow = set(), 0.01

        async def telling() -> None:
            for number in numbers[5:]:
                await ward.tell(aggregate, [number])

        task = asyncio.create_task(telling())
        await ward.ask(aggregate)
        freed = 0
        while not freed:  # a lane may be looking at the row this very moment
            freed = sum(await asyncio.gather(*(ward.redrive(batch=3).turn("wallet") for _ in range(2))))
        await task
        await until(lambda: numbers[-1] in ward.tried)
    assert freed == 1
    assert await ward.effects(aggregate) == numbers


async def test_a_second_failure_parks_it_again_behind_what_took_effect(ward: Ward, aggregate: Urn) -> None:
    ward.bad = {"1", "3"}
    async with ward.traffic.running("booking"):
        await ward.tell(aggregate, ["1", "2", "3", "4"])
        await ward.are_parked()
    ward.bad = {"3"}
    await ward.ask(aggregate)
    assert await ward.redrive().turn("wallet") == 0
    assert await ward.effects(aggregate) == ["1", "2"]
    assert await ward.parked() == [(aggregate, "SomethingHappened", "ArithmeticError")]
    tried = len(ward.tried)
    assert await ward.redrive().turn("wallet") == 0
    assert len(ward.tried) == tried  # nobody has asked again
    ward.bad = set()
    await ward.ask(aggregate)
    assert await ward.redrive().turn("wallet") == 1
    assert await ward.effects(aggregate) == ["1", "2", "3", "4"]


async def test_every_sender_of_the_aggregate_is_asked_and_the_bus_is_not(ward: Ward, aggregate: Urn) -> None:
    ward.bad = {"b1"}
    async with ward.traffic.running("booking", "cases"):
        await ward.tell(aggregate, ["b1", "b2"])
        await ward.are_parked()
        await ward.tell(aggregate, ["c1", "c2"], sender="cases")
        await ward.tell(aggregate, ["b3"])
    await ward.traffic.bus.redis.flushall()
    ward.bad = set()
    await ward.ask(aggregate)
    assert await ward.redrive().turn("wallet") == 1
    assert await ward.effects(aggregate) == ["b1", "b2", "c1", "c2", "b3"]
    async with ward.traffic.running("booking", "cases"):  # what the wiped bus gets again was taken
        await ward.tell(aggregate, ["b4"])
        await until(lambda: "b4" in ward.tried)
    assert await ward.effects(aggregate) == ["b1", "b2", "c1", "c2", "b3", "b4"]


async def test_asking_is_audited_and_refused_where_nothing_is_parked(ward: Ward, aggregate: Urn) -> None:
    with pytest.raises(NotFound):
        await ward.ask(aggregate)
    ward.bad = {"1"}
    async with ward.traffic.running("booking"):
        await ward.tell(aggregate, ["1"])
        await ward.are_parked()
    await ward.ask(aggregate)
    async with ward.databases["wallet"].read(ward.tenant) as connection:
        statement = text("select body from outbox where tenant = :tenant and body ->> 'action' = 'parked.redrive'")
        (body,) = (await connection.execute(statement, {"tenant": ward.tenant})).scalars()
    assert (body["actor"], body["entity"], body["reason"]) == ("urn:operator:ann", aggregate, WHY)
    assert (body["before"]["name"], body["before"]["error"]) == ("SomethingHappened", "ArithmeticError")
    assert not await ward.redrive().play("wallet", ward.tenant, Urn.mint("reservation"))
    assert await ward.redrive().turn("wallet") == 0  # it failed again, and is not asked for any more


async def test_what_is_parked_is_kept_however_old_and_played_once(ward: Ward, aggregate: Urn, postgres_url: str) -> None:
    ward.bad, other = {"2"}, Urn.mint("reservation")
    async with ward.traffic.running("booking"):
        await ward.tell(aggregate, ["1", "2", "3"])
        await ward.tell(other, ["x"])
        await ward.are_parked()
        await until(lambda: "x" in ward.tried)
    for domain in ("booking", "wallet"):
        await _age(postgres_url, domain, ward.tenant)
    await prune({name: ward.databases[name] for name in ("booking", "wallet")}, ward.tenant)
    async with ward.databases["booking"].read(ward.tenant) as connection:
        left = await connection.execute(
            text("select body ->> 'what' from outbox where tenant = :tenant order by position"), {"tenant": ward.tenant}
        )
        assert left.scalars().all() == ["1", "2", "3"]
    ward.bad, ward.tried = set(), []
    await ward.ask(aggregate)
    assert await ward.redrive().turn("wallet") == 1
    assert ward.tried == ["2", "3"]


async def _age(postgres_url: str, domain: str, tenant: Tenant) -> None:
    engine = make_engine(postgres_url.rsplit("/", 1)[0] + f"/nexa_{domain}", pool=1)
    async with engine.begin() as connection:
        for table in ("outbox", "inbox", "parked"):
            await connection.execute(text(f"update {table} set at = at - interval '10 days' where tenant = :tenant"), {"tenant": tenant})
    await engine.dispose()
