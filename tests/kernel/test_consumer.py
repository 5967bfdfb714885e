"""From outbox to effect, over a real Postgres and a real Valkey, with everything that may go wrong on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from jobs.registry import Ports, on, on_many
from kernel.at_once import LATER
from kernel.bus import FIELD, GROUP, Bus, Entry, connect, parse, stream
from kernel.consumer import Order
from kernel.database import Databases
from kernel.event import Envelope
from kernel.lane import ATTEMPTS
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work
from runtime.embedded.valkey import ValkeyUrls
from tests.harness.messages import DoSomething, SomethingHappened, Traffic, until


@pytest.fixture
async def bus(valkey_urls: ValkeyUrls) -> AsyncIterator[Bus]:
    redis = connect(valkey_urls.coordination)
    yield Bus(redis)
    await redis.aclose()


@pytest.fixture
def traffic(tenant: Tenant, databases: Databases, bus: Bus) -> Traffic:
    return Traffic(tenant, databases, bus)


class Seen:
    """What reactions saw, as they saw it; only what was committed is asked of the database."""

    def __init__(self, traffic: Traffic) -> None:
        self.whats: list[tuple[str, str]] = []
        self.traffic = traffic

        @on(SomethingHappened, registry=traffic.registry, domain="cases")
        async def see(work: Work, event: SomethingHappened, envelope: Envelope, ports: Ports) -> None:
            self.whats.append((envelope.aggregate, event.what))

    async def effects(self, domain: str = "cases") -> int:
        async with self.traffic.databases[domain].read(self.traffic.tenant) as connection:
            count = await connection.execute(text("select count(*) from inbox where tenant = :tenant"), {"tenant": self.traffic.tenant})
            return int(count.scalar_one())


async def tell(traffic: Traffic, whats: Sequence[tuple[Urn, str]]) -> None:
    async with traffic.databases["booking"].work(traffic.tenant) as work:
        await work.record_many([(SomethingHappened(what), aggregate) for aggregate, what in whats])


async def parked(traffic: Traffic, domain: str) -> list[tuple[str, str, str]]:
    """The parked aggregates, as soon as there are any."""
    async with asyncio.timeout(60):
        while True:
            async with traffic.databases[domain].read(traffic.tenant) as connection:
                rows = await connection.execute(
                    text("select aggregate, name, error from parked where tenant = :tenant"), {"tenant": traffic.tenant}
                )
                if found := [(row[0], row[1], row[2]) for row in rows]:
                    return found
            await asyncio.sleep(0.1)


def reservations(count: int) -> list[Urn]:
    return [Urn.mint("reservation") for _ in range(count)]


async def test_each_aggregate_arrives_in_order_though_works_commit_beside_each_other(traffic: Traffic) -> None:
    seen, aggregates = Seen(traffic), reservations(4)
    async with traffic.running("booking"):

        async def one(turn: int) -> None:
            await tell(traffic, [(aggregate, f"{turn}") for aggregate in aggregates])

        await asyncio.gather(*(one(turn) for turn in range(25)))
        await until(lambda: len(seen.whats) >= 100)
    assert await seen.effects() == 100
    async with traffic.databases["booking"].read(traffic.tenant) as connection:
        for aggregate in aggregates:
            rows = await connection.execute(
                text("select body ->> 'what' from outbox where tenant = :tenant and aggregate = :aggregate order by seq"),
                {"tenant": traffic.tenant, "aggregate": aggregate},
            )
            assert [what for name, what in seen.whats if name == aggregate] == list(rows.scalars())


async def test_a_command_travels_on_its_receivers_stream_with_actor_and_correlation(traffic: Traffic) -> None:
    came: list[Envelope] = []

    @on(DoSomething, registry=traffic.registry, domain="wallet")
    async def obey(work: Work, command: DoSomething, envelope: Envelope, ports: Ports) -> None:
        came.append(envelope)

    actor = Urn("urn:operator:ann")
    async with traffic.running("booking"):
        async with traffic.databases["booking"].work(traffic.tenant, actor=actor, correlation="c" * 32) as work:
            asked = await work.ask(DoSomething("x"), aggregate=reservations(1)[0], reply_to="w|s|1")
        await until(lambda: len(came) == 1)
    envelope = came[0]
    assert (envelope.urn, envelope.sender, envelope.asked, envelope.reply_to) == (asked, "booking", True, "w|s|1")
    assert (envelope.actor, envelope.correlation, envelope.tenant) == (actor, "c" * 32, traffic.tenant)
    assert await traffic.bus.redis.xlen(stream(traffic.tenant, "wallet")) == 1


async def test_a_message_delivered_again_has_its_effect_once(traffic: Traffic) -> None:
    seen = Seen(traffic)
    async with traffic.running("booking"):
        await tell(traffic, [(reservations(1)[0], "once")])
        await until(lambda: len(seen.whats) == 1)
        ((_, fields),) = await traffic.bus.redis.xrange(stream(traffic.tenant, "booking"))
        await traffic.bus.redis.xadd(stream(traffic.tenant, "booking"), fields)
        await tell(traffic, [(reservations(1)[0], "after")])
        await until(lambda: len(seen.whats) >= 2)
    assert [what for _, what in seen.whats] == ["once", "after"]
    assert await seen.effects() == 2


async def test_a_message_that_fails_five_times_parks_its_aggregate_alone(traffic: Traffic) -> None:
    seen, (bad, good) = Seen(traffic), reservations(2)
    tries: list[str] = []

    @on(SomethingHappened, registry=traffic.registry, domain="wallet")
    async def stumble(work: Work, event: SomethingHappened, envelope: Envelope, ports: Ports) -> None:
        tries.append(event.what)
        if event.what == "poison":
            raise ArithmeticError("cannot")

    async with traffic.running("booking"):
        await tell(traffic, [(good, "1"), (bad, "fine"), (bad, "poison"), (good, "2"), (bad, "behind"), (good, "3")])
        await until(lambda: "3" in tries)
        assert await parked(traffic, "wallet") == [(bad, "SomethingHappened", "ArithmeticError")]
        await tell(traffic, [(good, "4"), (bad, "later")])
        await until(lambda: "4" in tries)
        await until(lambda: len(seen.whats) == 8)
    assert tries.count("poison") >= 5
    assert "behind" not in tries[tries.index("poison") + 1 :]
    assert "later" not in tries
    assert (await traffic.bus.redis.xpending(stream(traffic.tenant, "booking"), "workers"))["pending"] == 0


async def test_a_deadlock_is_no_failure_of_the_message(traffic: Traffic) -> None:
    (aggregate,) = reservations(1)
    tries: list[str] = []

    @on(SomethingHappened, registry=traffic.registry, domain="wallet")
    async def collide(work: Work, event: SomethingHappened, envelope: Envelope, ports: Ports) -> None:
        tries.append(event.what)
        if len(tries) <= ATTEMPTS:
            await work.execute(text("do $$ begin raise exception 'deadlock detected' using errcode = '40P01'; end $$"))

    async with traffic.running("booking"):
        await tell(traffic, [(aggregate, "1")])
        await until(lambda: len(tries) > ATTEMPTS)
        await tell(traffic, [(aggregate, "2")])
        await until(lambda: "2" in tries)
    assert tries == ["1"] * (ATTEMPTS + 1) + ["2"]


async def test_flushall_loses_nothing_and_keeps_the_order(traffic: Traffic) -> None:
    seen, aggregates = Seen(traffic), reservations(3)
    relay = traffic.relay("booking")
    await tell(traffic, [(aggregate, f"{n}") for n in range(20) for aggregate in aggregates])
    while await relay.turn():  # all is on the bus and nobody has read it
        pass
    await relay.resign()
    await traffic.bus.redis.flushall()
    await tell(traffic, [(aggregate, "20") for aggregate in aggregates])
    async with traffic.running("booking"):
        await until(lambda: len(seen.whats) >= 63)
        await traffic.bus.redis.flushall()  # and again while all are awake
        await tell(traffic, [(aggregate, "21") for aggregate in aggregates])
        await until(lambda: len(seen.whats) >= 66)
    for aggregate in aggregates:
        assert [what for name, what in seen.whats if name == aggregate] == [f"{n}" for n in range(22)]
    assert await seen.effects() == 66


async def test_the_lease_is_kept_whatever_happens_once(traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.consumer.LEASE", timedelta(seconds=0.4))
    hold, asked = traffic.bus.hold, list[str]()

    async def holding(tenant: Tenant, name: str, lease: int) -> bool:
        asked.append(name)
        if len(asked) == 2:
            raise LookupError("something nobody thought of")
        return await hold(tenant, name, lease)

    monkeypatch.setattr(traffic.bus, "hold", holding)
    async with traffic.running("booking"):
        await until(lambda: len(asked) >= 4)


async def test_what_a_dead_worker_had_read_is_taken_over(traffic: Traffic) -> None:
    seen, (aggregate,) = Seen(traffic), reservations(1)
    streams = [stream(traffic.tenant, domain) for domain in traffic.databases if domain != "intake"]
    relay = traffic.relay("booking")
    await tell(traffic, [(aggregate, f"{n}") for n in range(5)])
    await relay.turn()
    await relay.resign()
    await traffic.bus.prepare(streams)
    read = await traffic.bus.read(traffic.tenant, streams, "worker-0", 3, 10)
    assert len(read) == 3
    async with traffic.running("booking"):
        await until(lambda: len(seen.whats) >= 5)
    assert [what for _, what in seen.whats] == [f"{n}" for n in range(5)]


async def test_a_sequence_met_in_its_middle_waits_for_what_a_paused_worker_has_read(traffic: Traffic) -> None:
    seen, (aggregate,) = Seen(traffic), reservations(1)
    async with traffic.running("booking"):
        await tell(traffic, [(aggregate, "1")])
        await until(lambda: len(seen.whats) == 1)
    relay, consumer = traffic.relay("booking"), traffic.consumer()
    await tell(traffic, [(aggregate, "2"), (aggregate, "3"), (aggregate, "4")])
    await relay.turn()
    await relay.resign()
    paused = await traffic.bus.read(traffic.tenant, list(consumer.streams), "worker-0", 1, 10)
    assert len(paused) == 1
    await consumer.handle(await traffic.bus.read(traffic.tenant, list(consumer.streams), "worker-1", 9, 10))  # it never saw "1" go by
    assert len(seen.whats) == 1
    await consumer.handle(paused)
    assert [what for _, what in seen.whats] == ["1", "2", "3", "4"]


async def test_a_sequence_met_in_its_middle_goes_on_when_all_before_was_taken(traffic: Traffic) -> None:
    seen, (aggregate,) = Seen(traffic), reservations(1)
    async with traffic.running("booking"):
        await tell(traffic, [(aggregate, "1"), (aggregate, "2")])
        await until(lambda: len(seen.whats) == 2)
    async with traffic.running("booking"):  # another consumer, which knows nothing of them
        await tell(traffic, [(aggregate, "3")])
        await until(lambda: len(seen.whats) == 3)
    assert [what for _, what in seen.whats] == ["1", "2", "3"]


async def test_what_another_worker_reads_and_keeps_is_taken_over_by_the_one_who_leads(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.consumer.TRIM", timedelta(seconds=0.2))
    seen, key = Seen(traffic), stream(traffic.tenant, "booking")
    async with traffic.running("booking"):
        await tell(traffic, [(reservations(1)[0], "1")])
        await until(lambda: len(seen.whats) == 1)
    async with traffic.running():
        await tell(traffic, [(reservations(1)[0], "2")])
        async with traffic.databases.relay("booking").connect() as connection:
            (row,) = await connection.execute(traffic.relay("booking").waiting)
        pipe = traffic.bus.redis.pipeline(transaction=True)  # read by a worker that has just woken up, before the leader could
        pipe.xadd(key, {FIELD: row.payload})
        pipe.xreadgroup(GROUP, "worker-0", {key: ">"})
        await pipe.execute()
        await until(lambda: len(seen.whats) == 2)
    assert [what for _, what in seen.whats] == ["1", "2"]


async def test_two_workers_on_one_tenant_do_everything_once_and_in_order(traffic: Traffic) -> None:
    seen, aggregates = Seen(traffic), reservations(3)
    other = Traffic(traffic.tenant, traffic.databases, traffic.bus, traffic.registry, "worker-2")
    async with traffic.running("booking"), other.running("booking"):
        for turn in range(10):
            await tell(traffic, [(aggregate, f"{turn}") for aggregate in aggregates])
            if turn == 5:
                await traffic.bus.redis.delete(f"bus:{{{traffic.tenant}}}:leader")
        await until(lambda: len(seen.whats) >= 30)
    for aggregate in aggregates:
        assert [what for name, what in seen.whats if name == aggregate] == [f"{n}" for n in range(10)]
    assert await seen.effects() == 30


async def test_a_lost_message_is_noticed_by_the_gap_and_published_again(traffic: Traffic) -> None:
    seen, (aggregate,) = Seen(traffic), reservations(1)
    async with traffic.running("booking"):
        await tell(traffic, [(aggregate, "1"), (aggregate, "2")])
        await until(lambda: len(seen.whats) == 2)
        # As after a server lost its last second: the row is marked, the marker stands, and the stream knows nothing of it.
        async with traffic.databases["booking"].work(traffic.tenant) as work:
            await work.record(SomethingHappened("3"), aggregate=aggregate)
            await work.flush()
            lost = text("update outbox set published_at = nexa_now() where tenant = :tenant and published_at is null")
            await work.execute(lost, {"tenant": work.tenant})
        await tell(traffic, [(aggregate, "4"), (aggregate, "5")])
        await until(lambda: len(seen.whats) >= 5)
    assert [what for _, what in seen.whats] == ["1", "2", "3", "4", "5"]
    assert await seen.effects() == 5


async def test_a_message_that_comes_again_goes_the_way_that_counts_deaths(traffic: Traffic) -> None:
    """What failed here, or was given to somebody who may have died of it, is left to claims."""
    seen: list[bool] = []

    @on(SomethingHappened, registry=traffic.registry, domain="cases")
    async def hear(work: Work, event: SomethingHappened, envelope: Envelope, ports: Ports) -> None:
        seen.append(work.at_once is not LATER)
        if event.what == "fails once" and len(seen) == 1:
            raise LookupError(event.what)

    await tell(traffic, [(Urn("urn:reservation:1"), "fails once")])
    async with traffic.running("booking"):
        await until(lambda: len(seen) == 2)
    streams = [stream(traffic.tenant, "booking")]
    await tell(traffic, [(Urn("urn:reservation:2"), "read by another")])
    await traffic.relay("booking").turn()
    assert await traffic.bus.read(traffic.tenant, streams, "dead", 10, 1000)
    async with traffic.running("booking"):
        await until(lambda: len(seen) == 3)
    assert seen == [True, False, False]


def test_every_copy_of_a_message_that_came_too_early_goes_on_in_its_turn() -> None:
    def copy(id: bytes, seq: int) -> Entry:
        said = {"urn": f"urn:event:{seq}", "tenant": "t1", "sender": "booking", "name": "SomethingHappened", "version": 1, "seq": seq}
        more = {"aggregate": "urn:reservation:1", "correlation": "c", "at": "2026-02-08T12:00:00+00:00", "body": {}, "asked": False}
        payload = json.dumps({**said, **more, "reply_to": None, "actor": None}).encode()
        return Entry("bus:{t1}:booking", id, parse(Tenant("t1"), payload))

    order = Order()
    assert order.admit(copy(b"1-0", 1))
    for early in (copy(b"3-0", 3), copy(b"3-1", 3), copy(b"3-1", 3), copy(b"4-0", 4)):
        assert order.admit(early) == []
    assert [entry.id for entry in order.admit(copy(b"5-0", 2))] == [b"5-0", b"3-0", b"3-1", b"4-0"]
    assert order.senders() == set()


async def test_a_batch_reaction_gets_its_messages_together_and_in_order(traffic: Traffic) -> None:
    batches: list[list[str]] = []

    @on_many(SomethingHappened, registry=traffic.registry, domain="cases")
    async def gather(work: Work, taken: Sequence[tuple[SomethingHappened, Envelope]], ports: Ports) -> None:
        batches.append([event.what for event, _ in taken])

    await tell(traffic, [(aggregate, str(n)) for n, aggregate in enumerate(reservations(50))])
    async with traffic.running("booking"):
        await until(lambda: sum(map(len, batches)) >= 50)
    assert [what for batch in batches for what in batch] == [str(n) for n in range(50)]
    assert len(batches) < 50


async def test_streams_are_cut_behind_the_oldest_pending_message_only(traffic: Traffic) -> None:
    key = stream(traffic.tenant, "booking")
    relay = traffic.relay("booking")
    await tell(traffic, [(aggregate, "x") for aggregate in reservations(1000)])
    while await relay.turn():
        pass
    await relay.resign()
    await traffic.bus.prepare([key])
    entries = await traffic.bus.read(traffic.tenant, [key], "worker-1", 900, 10)
    await traffic.bus.acknowledge(entries[:700])
    assert not await traffic.bus.trim([key], "worker-1")
    assert await traffic.bus.trim([key], "worker-2")
    kept = {id for id, _ in await traffic.bus.redis.xrange(key)}
    assert kept >= {entry.id for entry in entries[700:]}
    assert len(kept) < 1000
