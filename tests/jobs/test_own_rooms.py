"""A party placed in a hotel under contract: through the saga's questions, the engine and the source, and back again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from domains.booking.commands import CancelRooms
from domains.booking.ports import Terms
from kernel.database import Databases
from kernel.tenancy import Tenant
from runtime.embedded.valkey import ValkeyUrls
from tests.domains.booking.rooms import usd
from tests.domains.booking.test_contracts import a_contract, night_of
from tests.jobs.floor import CHECK_IN, a_floor


@pytest.fixture
async def redis(valkey_urls: ValkeyUrls) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_urls.coordination)
    yield client
    await client.aclose()


async def test_a_room_under_contract_is_booked_and_given_back(databases: Databases, tenant: Tenant, redis: Redis) -> None:
    contract = await a_contract(databases, tenant, first=CHECK_IN, last=CHECK_IN, rooms=(Terms("DBL", "Double", 2, "BB", usd(20), 1),))
    async with a_floor(databases, tenant, redis, sources=("direct", "hotelbeds")) as floor:
        booked = await floor.booked()
        assert (booked["name"], booked["vendor"], booked["hotel_name"]) == ("RoomsBooked", "direct", "Bay Inn")
        assert floor.bookings() == []
        night = await night_of(databases, tenant, contract)
        assert (night.held, night.confirmed, night.free) == (0, 1, 0)
        await floor.ask(CancelRooms(floor.sub_case, floor.workflow))
        await floor.answer("booking", "RoomsCancelled", "CancelRefused")
        night = await night_of(databases, tenant, contract)
        assert (night.held, night.confirmed, night.free) == (0, 0, 1)
