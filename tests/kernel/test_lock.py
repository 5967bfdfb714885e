from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from kernel.lock import GATEWAY_DEAD, GRACE, LEASE, Session, Sessions
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls

T1, T2 = Tenant("t1"), Tenant("t2")
ANA, BEN = Urn("urn:operator:ana"), Urn("urn:operator:ben")


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    """A store that has remembered sessions for longer than a lease."""
    client = Redis.from_url(valkey_urls.coordination)
    await client.set("sessions:since", "1000000000")
    yield client
    await client.delete("sessions:since")
    await client.aclose()


@pytest.fixture
async def gateway(valkey_urls: ValkeyUrls, redis: Redis) -> AsyncIterator[Sessions]:
    made = Sessions.connect(valkey_urls.coordination)
    yield made
    await made.close()


@pytest.fixture
async def second(valkey_urls: ValkeyUrls, redis: Redis) -> AsyncIterator[Sessions]:
    made = Sessions.connect(valkey_urls.coordination)
    yield made
    await made.close()


async def fall_silent(gateway: Sessions) -> None:
    """What is left of a gateway just after kill -9: nobody said good-bye."""
    assert gateway._beating is not None
    gateway._beating.cancel()
    gateway._mine.clear()


async def die(gateway: Sessions, redis: Redis) -> None:
    """And some time later: its last beat has expired."""
    await fall_silent(gateway)
    await redis.delete(f"gateway:{gateway._gateway}")


async def expire(session: Session, redis: Redis) -> None:
    await redis.delete(f"session:{{{session.id}}}")


async def test_an_open_session_is_alive_for_every_gateway(gateway: Sessions, second: Sessions) -> None:
    session = await gateway.open(T1, ANA)
    assert await gateway.alive(session.id)
    assert await second.alive(session.id)
    assert await second.owner(session.id) == ANA


@pytest.mark.parametrize("name", ["", "t1.unknown", "nonsense"])
async def test_a_session_nobody_opened_is_dead(gateway: Sessions, name: str) -> None:
    assert not await gateway.alive(name)
    assert await gateway.owner(name) is None


async def test_a_session_outlives_its_socket_by_the_grace(gateway: Sessions, redis: Redis) -> None:
    session = await gateway.open(T1, ANA)
    await gateway.leave(session)
    assert await gateway.alive(session.id)
    assert 0 < await redis.pttl(f"session:{{{session.id}}}") <= GRACE.total_seconds() * 1000
    await expire(session, redis)
    assert not await gateway.alive(session.id)


async def test_it_comes_back_through_another_gateway(gateway: Sessions, second: Sessions, redis: Redis) -> None:
    session = await gateway.open(T1, ANA)
    await gateway.leave(session)
    again = await second.open(T1, ANA, resume=session.resume)
    assert again.resumed
    assert again.id == session.id
    await gateway.leave(session)  # the old socket's end is noticed late, and must not start a grace
    assert await redis.pttl(f"session:{{{session.id}}}") > GRACE.total_seconds() * 1000


async def test_the_old_socket_is_told_when_its_session_went_elsewhere(gateway: Sessions, second: Sessions) -> None:
    told: list[str] = []
    session = await gateway.open(T1, ANA, on_lost=lambda: told.append("lost"))
    await second.open(T1, ANA, resume=session.resume)
    await gateway.renew()
    assert told == ["lost"]
    assert await gateway.alive(session.id)


@pytest.mark.parametrize(("tenant", "operator"), [(T1, BEN), (T2, ANA)])
async def test_nobody_else_can_take_it_up(gateway: Sessions, tenant: Tenant, operator: Urn) -> None:
    session = await gateway.open(T1, ANA)
    other = await gateway.open(tenant, operator, resume=session.resume)
    assert not other.resumed
    assert other.id != session.id


@pytest.mark.parametrize("spoil", [lambda text: text + "x", lambda text: text.rpartition(".")[0], lambda text: "", lambda text: "..."])
async def test_a_wrong_token_opens_a_new_session(gateway: Sessions, spoil: object) -> None:
    assert callable(spoil)
    session = await gateway.open(T1, ANA)
    other = await gateway.open(T1, ANA, resume=spoil(session.resume))
    assert not other.resumed
    assert other.id != session.id


async def test_sessions_die_with_their_gateway(gateway: Sessions, second: Sessions, redis: Redis) -> None:
    session = await gateway.open(T1, ANA)
    beat = await redis.pttl(f"gateway:{gateway._gateway}")
    assert 0 < beat <= (GATEWAY_DEAD + GRACE).total_seconds() * 1000
    await die(gateway, redis)
    assert not await second.alive(session.id)


async def test_a_session_of_a_killed_gateway_can_be_taken_up_in_time(gateway: Sessions, second: Sessions, redis: Redis) -> None:
    session = await gateway.open(T1, ANA)
    await fall_silent(gateway)
    assert (await second.open(T1, ANA, resume=session.resume)).resumed
    await redis.delete(f"gateway:{gateway._gateway}")
    assert await second.alive(session.id)


async def test_a_dead_session_does_not_come_back(gateway: Sessions, second: Sessions, redis: Redis) -> None:
    session = await gateway.open(T1, ANA)
    await die(gateway, redis)
    assert not (await second.open(T1, ANA, resume=session.resume)).resumed


async def test_after_signing_out_it_is_dead_at_once(gateway: Sessions) -> None:
    session = await gateway.open(T1, ANA)
    await gateway.end(session.id)
    assert not await gateway.alive(session.id)


async def test_a_store_that_forgot_everything_declares_nobody_dead(gateway: Sessions, second: Sessions, redis: Redis) -> None:
    here, elsewhere = await gateway.open(T1, ANA), await second.open(T1, BEN)
    await die(second, redis)
    for session in (here, elsewhere):
        await expire(session, redis)
    await redis.delete("sessions:since")
    assert await gateway.alive(elsewhere.id)
    await redis.delete("sessions:since")
    await gateway.beat()
    await redis.set("sessions:since", "1000000000")
    assert await gateway.alive_of([here.id, elsewhere.id]) == {here.id}
    assert (await second.open(T1, ANA, resume=here.resume)).resumed


async def test_a_store_that_is_away_declares_nobody_dead() -> None:
    lonely = Sessions(Redis(host="127.0.0.1", port=1))
    session = await lonely.open(T1, ANA)
    assert await lonely.alive(session.id)
    assert await lonely.owner(session.id) == ANA
    await lonely.close()


async def test_many_are_asked_about_at_once(gateway: Sessions) -> None:
    alive = [(await gateway.open(T1, ANA)).id for _ in range(3)]
    assert await gateway.alive_of([*alive, "t1.gone", "", alive[0]]) == set(alive)


async def test_a_lease_is_longer_than_what_it_backs_up() -> None:
    assert GATEWAY_DEAD + GRACE < LEASE
