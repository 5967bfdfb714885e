"""The relay: one leads, a stale one harms nobody, and what is kept is kept as long as promised."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from kernel.bus import Bus, connect, marker, stream
from kernel.database import Databases, make_engine
from kernel.outbox import Relay, prune
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from tests.harness.messages import DoSomething, SomethingHappened, Traffic


@pytest.fixture
async def bus(valkey_urls: ValkeyUrls) -> AsyncIterator[Bus]:
    redis = connect(valkey_urls.coordination)
    yield Bus(redis)
    await redis.aclose()


@pytest.fixture
def traffic(tenant: Tenant, databases: Databases, bus: Bus) -> Traffic:
    return Traffic(tenant, databases, bus)


@pytest.fixture
async def relays(traffic: Traffic) -> AsyncIterator[tuple[Relay, Relay]]:
    first, second = traffic.relay("booking"), traffic.relay("booking")
    yield first, second
    async with traffic.databases.relay("booking").begin() as connection:
        await connection.execute(text("update relay_lease set until = '-infinity'"))


async def tell(traffic: Traffic, *whats: str) -> None:
    async with traffic.databases["booking"].work(traffic.tenant) as work:
        for what in whats:
            await work.record(SomethingHappened(what), aggregate=Urn("urn:reservation:r-1"))


async def waiting(traffic: Traffic) -> int:
    async with traffic.databases["booking"].read(traffic.tenant) as connection:
        statement = text("select count(*) from outbox where tenant = :tenant and published_at is null")
        return int((await connection.execute(statement, {"tenant": traffic.tenant})).scalar_one())


async def drain(relay: Relay) -> int:
    total = 0
    while published := await relay.turn():
        total += published
    return total


async def steal(traffic: Traffic, owner: str) -> None:
    """Takes the lease away, as time does from a relay that was paused."""
    async with traffic.databases.relay("booking").begin() as connection:
        await connection.execute(
            text("update relay_lease set owner = :owner, fence = fence + 1, until = nexa_now() + interval '1 minute'"), {"owner": owner}
        )


async def test_one_relay_leads_and_the_other_follows_when_it_resigns(traffic: Traffic, relays: tuple[Relay, Relay]) -> None:
    leader, other = relays
    await drain(leader)
    await tell(traffic, "1")
    assert await other.turn() == 0
    assert await waiting(traffic) == 1
    assert await drain(leader) >= 1
    await leader.resign()
    await tell(traffic, "2")
    other._renewed = float("-inf")  # a second later
    assert await drain(other) >= 1
    assert await waiting(traffic) == 0


async def test_a_relay_that_lost_its_lease_cannot_mark(traffic: Traffic, relays: tuple[Relay, Relay]) -> None:
    paused, _ = relays
    await drain(paused)
    await tell(traffic, "1", "2")
    await steal(traffic, "another")
    await paused.turn()  # it wakes, believes that it leads, and publishes
    assert await waiting(traffic) == 2  # the rows are still the other's to publish; inboxes drop the second copy
    assert await paused.turn() == 0


async def test_nothing_is_published_without_a_marker(traffic: Traffic, relays: tuple[Relay, Relay], bus: Bus) -> None:
    relay, _ = relays
    await drain(relay)
    await bus.redis.delete(marker(traffic.tenant, "booking"))
    reached = await bus.publish("booking", {traffic.tenant: [("booking", "{}")]})
    assert reached == set()
    assert await bus.redis.exists(stream(traffic.tenant, "booking")) == 0


async def test_a_server_that_runs_anew_is_not_trusted(traffic: Traffic, relays: tuple[Relay, Relay], bus: Bus) -> None:
    relay, _ = relays
    await drain(relay)
    assert await bus.unmarked([traffic.tenant], "booking", await bus.run_id()) == []
    assert await bus.unmarked([traffic.tenant], "booking", "another run") == [traffic.tenant]


async def test_scripts_are_loaded_again_by_a_server_that_forgot_them(traffic: Traffic, relays: tuple[Relay, Relay], bus: Bus) -> None:
    relay, _ = relays
    await drain(relay)
    await bus.redis.script_flush()
    await tell(traffic, "1")
    await drain(relay)
    assert await waiting(traffic) == 0


async def test_messages_are_forgotten_after_seven_days_and_unpublished_ones_never(
    traffic: Traffic, relays: tuple[Relay, Relay], postgres_url: str
) -> None:
    relay, _ = relays
    await tell(traffic, "old", "kept", "old too", "old as well")
    await drain(relay)
    await tell(traffic, "old and waiting")
    engine = make_engine(postgres_url.rsplit("/", 1)[0] + "/nexa_booking", pool=1)
    async with engine.begin() as connection:
        await connection.execute(
            text("update outbox set at = at - interval '8 days' where tenant = :tenant and body ->> 'what' like 'old%'"),
            {"tenant": traffic.tenant},
        )
    await engine.dispose()
    await prune({"booking": traffic.databases["booking"]}, traffic.tenant, batch=2)
    async with traffic.databases["booking"].read(traffic.tenant) as connection:
        left = await connection.execute(
            text("select body ->> 'what' from outbox where tenant = :tenant order by seq"), {"tenant": traffic.tenant}
        )
        assert left.scalars().all() == ["kept", "old and waiting"]


async def test_a_command_and_an_event_go_to_their_streams(traffic: Traffic, relays: tuple[Relay, Relay], bus: Bus) -> None:
    relay, _ = relays
    async with traffic.databases["booking"].work(traffic.tenant) as work:
        await work.record(SomethingHappened("x"), aggregate=Urn("urn:reservation:r-1"))
        await work.ask(DoSomething("y"), aggregate=Urn("urn:reservation:r-1"))
    await drain(relay)
    assert [await bus.redis.xlen(stream(traffic.tenant, domain)) for domain in ("booking", "wallet", "cases")] == [1, 1, 0]
