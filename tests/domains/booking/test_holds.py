"""Holds in the store and in Postgres together, also when the store is wiped at the worst moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from domains.booking import queries
from domains.booking.actions.hold import restore_wiped, take_hold, take_holds
from domains.booking.model import Hold
from kernel.database import Databases
from kernel.hold import Full, Holds, Taken, Unrestored, Wanted
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.embedded.valkey import ValkeyUrls
from tests.domains.booking.rooms import CHECK_IN


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


class Interrupted(Holds):
    """Something happens between the store's first answer and whoever asked."""

    def __init__(self, redis: Redis, happens: Callable[[], Awaitable[None]]) -> None:
        super().__init__(redis)
        self._happens: Callable[[], Awaitable[None]] | None = happens

    async def take_many(self, wanted: Sequence[Wanted], **more: Any) -> list[Taken | Full | Unrestored]:
        answers = await super().take_many(wanted, **more)
        if not isinstance(answers[0], Unrestored) and self._happens is not None:
            happens, self._happens = self._happens, None
            await happens()
        return answers


def a_hold(hotel: Urn, rooms: int = 1, left: int = 1) -> Hold:
    return Hold(
        urn=Urn.mint("hold"), reservation=Urn.mint("reservation"), hotel=hotel, hotel_name="Hotel", room_type="DBL.ST", airport="JFK",
        check_in=CHECK_IN, check_out=CHECK_IN + timedelta(days=1), rooms=rooms, until=datetime.now(UTC), reported=left,
        reported_at=datetime.now(UTC),
    )  # fmt: skip


def a_hotel() -> Urn:
    return Urn.of("hotel", Urn.mint("hotel").id, "hotelbeds")


async def a_known_hotel(tenant: Tenant, redis: Redis) -> Urn:
    """One that need not be restored before its first hold."""
    hotel = a_hotel()
    await Holds(redis).restore(tenant, hotel, ())
    return hotel


async def the_held(databases: Databases, tenant: Tenant, hotel: Urn) -> int:
    async with databases["booking"].read(tenant) as connection:
        return sum(count.held for count in await queries.hold_counts(connection, tenant, "JFK") if count.hotel == hotel)


async def test_many_are_held_each_for_itself(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    hotel, other = a_hotel(), a_hotel()
    async with databases["booking"].work(tenant) as work:
        wanted = [a_hold(hotel, left=2) for _ in range(3)] + [a_hold(other)]
        answers = await take_holds(work, Holds(redis), wanted)
    assert [isinstance(answer, Full) for answer in answers] == [False, False, True, False]
    assert (await the_held(databases, tenant, hotel), await the_held(databases, tenant, other)) == (2, 1)


async def test_a_store_restored_before_a_hold_was_written_does_not_sell_it_twice(
    databases: Databases, tenant: Tenant, redis: Redis
) -> None:
    hotel, booking = await a_known_hotel(tenant, redis), databases["booking"]

    async def overtaken() -> None:
        await redis.flushall()
        async with booking.work(tenant) as work:
            assert isinstance(await take_hold(work, Holds(redis), a_hold(hotel)), Hold)

    async with booking.work(tenant) as work:
        slow = await take_hold(work, Interrupted(redis, overtaken), a_hold(hotel))
    assert slow == Full(0)
    assert await the_held(databases, tenant, hotel) == 1


async def test_a_store_wiped_before_a_hold_was_written_is_told_of_it(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    hotel, booking = await a_known_hotel(tenant, redis), databases["booking"]

    async def wiped() -> None:
        await redis.flushall()

    async with booking.work(tenant) as work:
        assert isinstance(await take_hold(work, Interrupted(redis, wiped), a_hold(hotel)), Hold)
    async with booking.work(tenant) as work:
        assert await take_hold(work, Holds(redis), a_hold(hotel)) == Full(0)


async def test_a_store_wiped_after_a_hold_was_written_is_restored_only_when_that_is_committed(
    databases: Databases, tenant: Tenant, redis: Redis
) -> None:
    hotel, booking, holds = await a_known_hotel(tenant, redis), databases["booking"], Holds(redis)

    async def another() -> Hold | Full:
        async with booking.work(tenant) as work:
            return await take_hold(work, holds, a_hold(hotel))

    async with booking.work(tenant) as work:
        await take_hold(work, holds, a_hold(hotel))
        await redis.flushall()
        waiting = asyncio.create_task(another())
        await asyncio.sleep(0.1)
        assert not waiting.done()
    assert await waiting == Full(0)
    async with booking.work(tenant) as work:
        assert await restore_wiped(work, holds) == 0
