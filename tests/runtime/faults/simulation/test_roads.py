"""The bus in memory keeps the promises of the bus over a Valkey: both are held against the same expectations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import ResponseError

from kernel.bus import Bus, Entry, connect, stream
from kernel.tenancy import Tenant
from runtime.embedded.valkey import ValkeyUrls
from runtime.faults.simulation.dice import Dice, Odds
from runtime.faults.simulation.points import Points
from runtime.faults.simulation.roads import Roads, SimulatedBus

HERE = "booking"
TENANT = Tenant("roads")
STREAM = stream(TENANT, HERE)


class Immortal:
    """A worker to whom nothing happens."""

    def freeze(self, seconds: float) -> None:
        raise AssertionError

    def kill(self) -> None:
        raise AssertionError


@pytest.fixture(params=["real", "simulated"])
async def bus(request: pytest.FixtureRequest, valkey_urls: ValkeyUrls) -> AsyncIterator[Bus]:
    if request.param == "simulated":
        dice = Dice("calm", Odds())
        dice.calm = True
        yield SimulatedBus(Roads(asyncio.get_running_loop().time), Points(dice, Immortal(), "w1"))
        return
    redis = connect(valkey_urls.coordination)
    yield Bus(redis)
    await wipe(Bus(redis))
    await redis.aclose()


async def wipe(bus: Bus) -> None:
    if isinstance(bus, SimulatedBus):
        bus.roads.wipe()
    else:
        await bus.redis.flushall()


def a_message(number: int) -> tuple[str, str]:
    urn = f'"urn:event:{number:04d}"'
    rest = '"sender":"cases","name":"X","version":1,"aggregate":"urn:sub-case:s-1","correlation":"c","body":{},"reply_to":null,"actor":null'
    return HERE, f'{{"tenant":"{TENANT}","urn":{urn},{rest},"seq":{number},"at":"2026-01-01T00:00:00+00:00","asked":false}}'


async def published(bus: Bus, *numbers: int) -> None:
    await bus.mark(TENANT, "cases", await bus.run_id())
    assert await bus.publish("cases", {TENANT: [a_message(number) for number in numbers]}) == {TENANT}


async def read(bus: Bus, count: int = 10) -> list[Entry]:
    return await bus.read(TENANT, [STREAM], "w1", count, 20)


def numbers(entries: list[Entry]) -> list[int]:
    return [entry.envelope.seq for entry in entries]


async def test_without_a_marker_nothing_is_appended(bus: Bus) -> None:
    assert await bus.publish("cases", {TENANT: [a_message(1)]}) == set()
    await bus.prepare([STREAM])
    assert await read(bus) == []


async def test_a_marker_is_good_for_one_run_until_it_is_doubted(bus: Bus) -> None:
    run = await bus.run_id()
    assert await bus.unmarked([TENANT], "cases", run) == [TENANT]
    await bus.mark(TENANT, "cases", run)
    assert await bus.unmarked([TENANT], "cases", run) == []
    assert await bus.unmarked([TENANT], "cases", "another run") == [TENANT]
    await bus.doubt(TENANT, "cases")
    assert await bus.unmarked([TENANT], "cases", run) == [TENANT]


async def test_a_group_begins_with_the_first_message_and_gives_each_once_in_order(bus: Bus) -> None:
    await published(bus, 1, 2, 3)
    await bus.prepare([STREAM])
    assert numbers(await read(bus, 2)) == [1, 2]
    await bus.prepare([STREAM])
    assert numbers(await read(bus, 2)) == [3]
    assert await read(bus) == []


async def test_what_is_not_acknowledged_is_claimed_again(bus: Bus) -> None:
    await published(bus, 1, 2, 3)
    await bus.prepare([STREAM])
    entries = await read(bus)
    await bus.acknowledge(entries[1:2])
    assert numbers(await bus.claim(TENANT, [STREAM], "w2")) == [1, 3]
    await bus.acknowledge(entries)
    assert await bus.claim(TENANT, [STREAM], "w2") == []


async def test_trimming_keeps_what_is_not_done(bus: Bus) -> None:
    await published(bus, 1, 2, 3)
    await bus.prepare([STREAM])
    entries = await read(bus, 2)
    await bus.acknowledge(entries[:1])
    assert not await bus.trim([STREAM], "w1")
    assert await bus.trim([STREAM], "w2")
    assert numbers(await bus.claim(TENANT, [STREAM], "w1")) == [2]
    assert numbers(await read(bus)) == [3]


async def test_a_wipe_takes_groups_markers_and_leases(bus: Bus) -> None:
    await published(bus, 1)
    await bus.prepare([STREAM])
    assert await bus.hold(TENANT, "w1", 60_000)
    await wipe(bus)
    with pytest.raises(ResponseError, match="NOGROUP"):
        await read(bus)
    with pytest.raises(ResponseError, match=r"NOGROUP|no such key"):
        await bus.trim([STREAM], "w1")
    assert await bus.unmarked([TENANT], "cases", await bus.run_id()) == [TENANT]
    assert await bus.hold(TENANT, "w2", 60_000)


async def test_one_consumer_holds_a_tenant_until_it_lets_go_or_its_time_is_over(bus: Bus) -> None:
    assert await bus.hold(TENANT, "w1", 60_000)
    assert await bus.hold(TENANT, "w1", 60_000)
    assert not await bus.hold(TENANT, "w2", 60_000)
    await bus.release(TENANT, "w2")
    assert not await bus.hold(TENANT, "w2", 60_000)
    await bus.release(TENANT, "w1")
    assert await bus.hold(TENANT, "w2", 30)
    await asyncio.sleep(0.1)
    assert await bus.hold(TENANT, "w1", 60_000)


async def test_a_reader_that_waits_gets_what_comes(bus: Bus) -> None:
    await bus.prepare([STREAM])
    reading = asyncio.create_task(bus.read(TENANT, [STREAM], "w1", 10, 5000))
    await asyncio.sleep(0.05)
    await published(bus, 1)
    assert numbers(await reading) == [1]


async def test_a_restart_that_forgets_its_last_second_is_another_run() -> None:
    times = [10.0]
    roads = Roads(lambda: times[0])
    roads.append(STREAM, "old")
    times[0] = 12.0
    roads.append(STREAM, "new")
    before = roads.run
    roads.restart()
    assert list(roads.streams[STREAM].entries.values()) == ["old"]
    assert roads.run != before
