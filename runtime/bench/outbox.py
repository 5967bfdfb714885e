"""How many events a second go from outbox to effect, and what becomes of them while their relay is killed again and again.

Servers of its own; the workers are the product's (`runtime.bench.witness`), and so is the way: a work that commits, the outbox, the relay,
a stream, the inbox, a reaction's row. First a backlog is drained by one worker, beside the same payloads through a bare stream, as the
floor; `relayed_per_s` says how far its relay ran ahead of its consumers. Then two workers stand ready, and whichever leads the relay is
killed with SIGKILL while events are committed. In the end every event that was committed is looked for among the effects.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import Progress, TaskID
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.bus import FIELD, connect
from kernel.clock import monotonic
from kernel.database import Databases, make_engine
from kernel.migration import owner_role
from kernel.outbox import BATCH
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.bench import Result, witness
from runtime.bench.fleet import Fleet
from runtime.bench.site import ROOT, BenchError
from runtime.bench.witness import SENDER, WITNESS, Account, Witnessed
from runtime.settings import Process, for_process
from runtime.site import Ports
from runtime.supervisor import Supervisor

T = TypeVar("T")

TENANTS: Final = (Tenant("t1"), Tenant("t2"), Tenant("t3"))
EACH: Final = 20  # events of one aggregate in the backlog
CROWD: Final = 30  # aggregates of each airline under kills: every one of them lives through all of these
TOGETHER: Final = 10  # events of one work, each of another aggregate
SENDERS: Final = 4  # works under way at once; they meet at the aggregates they share
SILENCE: Final = 90.0  # seconds without an effect after which nothing more is expected
MOMENT: Final = 0.5  # seconds; somewhere within them the leading relay is killed
PAUSE: Final = 0.25  # seconds between two looks at the effects
READ: Final = 200  # entries of one read of the floor, as many as the consumer's
_WHAT: Final = "x" * 160  # with its envelope about 600 bytes, as the product's own events are

_LEADER = text("select owner from relay_lease where name = 'relay' and until > nexa_now()")
_PAYLOADS = text("select to_jsonb(o)::text from outbox o order by position")
_PUBLISHED = text("select count(*), extract(epoch from max(published_at) - min(published_at)) from outbox where published_at is not null")
_SENT = text("select urn from outbox where tenant = :tenant and name = 'Witnessed'")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `bench outbox`."""
    parser.add_argument("--events", type=int, default=100_000, metavar="N", help="half drained, half under kills (default: 100000)")
    parser.add_argument("--kills", type=int, default=100, metavar="N", help="how often the leading relay is killed (default: 100)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the instants at which it is (default: 1)")
    parser.add_argument(
        "--port", type=int, default=8800, metavar="BASE", help="first of the ports of the bench's own servers (default: 8800)"
    )


async def measure(arguments: argparse.Namespace, console: Console) -> Result:
    """Drains, then kills. Raises: BenchError when the workers do not do what is measured."""
    home = ROOT / ".nexa" / "bench" / "outbox"
    shutil.rmtree(home, ignore_errors=True)
    others = {name: value for name, value in os.environ.items() if not name.startswith("NEXA_")}
    servers = Supervisor(home, Ports(arguments.port), others, TENANTS, lambda line: console.print(f"[dim]{line}[/]"))
    try:
        servers.start_stores()
        with Progress(console=console, transient=True) as bars:
            return await race(servers.told, TENANTS, arguments.events, arguments.kills, arguments.seed, home / "logs", _bars(bars))
    finally:
        servers.stop()


Told = Callable[[str, int, int], None]  # what is under way, how much of it is done, of how much


async def race(
    told: Mapping[str, str], tenants: Sequence[Tenant], events: int, kills: int, seed: int, logs: Path, say: Told
) -> Result:  # fmt: skip
    """The bench, on servers that run; `told` is all that a site knows."""
    await _make_table(told)
    fleet = Fleet(witness.__name__, for_process(Process.WORKER, told) | {"NEXA_TENANTS": ",".join(tenants)}, logs)
    urls = {name: told[f"NEXA_{name.upper()}_URL"] for name in (SENDER, WITNESS)}
    databases = Databases(urls, relay=told["NEXA_RELAY_URL"])
    track = Track(databases, tenants, fleet, say, random.Random(seed))
    try:
        await track.tell(track.crowd(events // 2 // EACH // len(tenants)), events // 2)
        floor = await _floor(told["NEXA_COORDINATION_URL"], await track.payloads(), say)
        fleet.start()
        drained = len(track.told) / await track.took_effect("outbox to effect")
        relayed = await track.published()
        fleet.start()
        began, before = monotonic(), len(track.told)
        takeovers = await track.survive(kills, events - events // 2)
        await track.took_effect("outbox to effect")
        under_kills = (len(track.told) - before) / (monotonic() - began)
        return _result(drained, relayed, floor, under_kills, sorted(takeovers), await track.verdict())
    finally:
        fleet.stop()
        await databases.close()


def _result(
    drained: float, relayed: float, floor: float, under_kills: float, takeovers: Sequence[float], verdict: Mapping[str, int]
) -> Result:  # fmt: skip
    figures: dict[str, object] = {
        **verdict,
        "kills": len(takeovers),
        "events_per_s": round(drained),
        "relayed_per_s": round(relayed),
        "stream_per_s": round(floor),
        "under_kills_per_s": round(under_kills),
    }
    if takeovers:
        figures |= {"takeover_p50_ms": _ms(median(takeovers)), "takeover_p99_ms": _ms(takeovers[int(len(takeovers) * 0.99)])}
    return Result(ratios={"vs_stream": round(drained / floor, 3)}, figures=figures)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


async def _make_table(told: Mapping[str, str]) -> None:
    engine = make_engine(make_url(told["NEXA_DATABASE_URL"]).set(database=f"nexa_{WITNESS}"), pool=1)
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"set local role {owner_role(WITNESS)}")
        await connection.run_sync(witness.make_table)
    await engine.dispose()


async def _floor(url: str, payloads: Sequence[str], say: Told) -> float:
    """Messages a second through one bare stream: appended, read by a group and acknowledged, in the product's own batches."""
    redis, key, began, read = connect(url), "bench:floor", monotonic(), 0
    await redis.xgroup_create(key, "floor", id="0", mkstream=True)
    for start in range(0, len(payloads), BATCH):
        pipe = redis.pipeline(transaction=False)
        for payload in payloads[start : start + BATCH]:
            pipe.xadd(key, {FIELD: payload})
        await pipe.execute()
        while found := await redis.xreadgroup("floor", "reader", {key: ">"}, count=READ):
            await redis.xack(key, "floor", *(id for id, _ in found[0][1]))
            read += len(found[0][1])
        say("a bare stream", read, len(payloads))
    taken = monotonic() - began
    await redis.delete(key)
    await redis.aclose()
    return read / taken


@dataclass(slots=True)
class Track:
    """What is told on one side and looked for on the other."""

    databases: Databases
    tenants: Sequence[Tenant]
    fleet: Fleet
    say: Told
    chance: random.Random
    told: set[Urn] = field(default_factory=set)  # every event whose commit was acknowledged

    def crowd(self, each: int) -> list[tuple[Tenant, list[Urn]]]:
        """New aggregates, so many of each airline."""
        return [(tenant, [Urn.mint("reservation") for _ in range(max(TOGETHER, each))]) for tenant in self.tenants]

    async def tell(self, crowd: Sequence[tuple[Tenant, list[Urn]]], events: int) -> None:
        """Commits events about these aggregates, a few works at once."""
        sizes = iter([min(TOGETHER, events - start) for start in range(0, events, TOGETHER)])

        async def sender() -> None:
            for size in sizes:
                tenant, aggregates = self.chance.choice(crowd)
                about = self.chance.sample(aggregates, size)
                async with self.databases[SENDER].work(tenant) as work:
                    urns = await work.record_many([(Witnessed(_WHAT), aggregate) for aggregate in about])
                self.told.update(urns)

        await asyncio.gather(*(sender() for _ in range(SENDERS)))

    async def payloads(self) -> list[str]:
        """What waits to be published, about as the relay will write it."""
        async with self.databases.relay(SENDER).connect() as connection:
            return list((await connection.execute(_PAYLOADS)).scalars())

    async def published(self) -> float:
        """Events a second that the relay has published, beside everything else its worker did."""
        async with self.databases.relay(SENDER).connect() as connection:
            count, seconds = (await connection.execute(_PUBLISHED)).one()
        return float(count) / float(seconds)

    async def took_effect(self, what: str) -> float:
        """Waits until everything told has taken effect, or nothing has for long; the seconds between the first effect and the last."""
        seen, since = 0, monotonic()
        while seen < len(self.told) and monotonic() - since < SILENCE:
            await asyncio.sleep(PAUSE)
            counted = sum([await self._ask(tenant, witness.count) for tenant in self.tenants])
            since, seen = (monotonic(), counted) if counted > seen else (since, seen)
            self.say(what, seen, len(self.told))
        accounts = await self._accounts()
        first, last = [one.first for one in accounts if one.first], [one.last for one in accounts if one.last]
        if not first:
            raise BenchError(f"no event took effect; logs are in {self.fleet.logs}")
        return (max(last) - min(first)).total_seconds()

    async def survive(self, kills: int, events: int) -> list[float]:
        """Tells while the leading relay is killed again and again; the seconds until another led."""
        crowd, takeovers = self.crowd(CROWD), list[float]()
        for number in range(kills):
            telling = asyncio.create_task(self.tell(crowd, events * (number + 1) // kills - events * number // kills))
            victim = await self._leader()
            await asyncio.sleep(self.chance.uniform(0, MOMENT))
            self.fleet.kill(victim)
            self.fleet.start()
            began = monotonic()
            await self._leader()
            takeovers.append(monotonic() - began)
            await telling
            self.say("kills", number + 1, kills)
        return takeovers

    async def verdict(self) -> dict[str, int]:
        """What became of everything that was told."""
        committed, effects = {str(urn) for urn in self.told}, set[str]()
        for tenant in self.tenants:
            async with self.databases[SENDER].read(tenant) as connection:
                committed |= set((await connection.execute(_SENT, {"tenant": tenant})).scalars())
            effects |= await self._ask(tenant, witness.urns)
        accounts = await self._accounts()
        return {
            "events": len(committed),
            "lost": len(committed - effects),
            "doubled": sum(one.doubled for one in accounts),
            "inversions": sum(one.inversions for one in accounts),
        }

    async def _leader(self) -> int:
        """The process whose relay leads. Raises: BenchError when none does for long."""
        until = monotonic() + SILENCE
        while monotonic() < until:
            async with self.databases.relay(SENDER).connect() as connection:
                owner = (await connection.execute(_LEADER)).scalar()
            if owner and (pid := self.fleet.pid_of(owner)):
                return pid
            await asyncio.sleep(0.02)
        raise BenchError(f"no worker leads the relay of {SENDER}; logs are in {self.fleet.logs}")

    async def _accounts(self) -> list[Account]:
        return [await self._ask(tenant, witness.account) for tenant in self.tenants]

    async def _ask(self, tenant: Tenant, ask: Callable[[AsyncConnection, Tenant], Awaitable[T]]) -> T:
        async with self.databases[WITNESS].read(tenant) as connection:
            return await ask(connection, tenant)


def _bars(bars: Progress) -> Told:
    known: dict[str, TaskID] = {}

    def say(what: str, done: int, of: int) -> None:
        if what not in known:
            known[what] = bars.add_task(what, total=of)
        bars.update(known[what], completed=done, total=of)

    return say
