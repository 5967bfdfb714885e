"""The consumer: hands a tenant's messages to the reactions, in the order of their aggregates.

Idea: one worker at a time consumes a tenant, by a lease in Redis; losing it early costs only duplicates, which inboxes drop. One
blocking read covers all of a tenant's streams; a batch goes through the lanes of all domains that react, side by side, and is
acknowledged when every one has committed or parked it. Nothing lives in this process alone: it is pending in Redis too.

Guarantees: each reaction's effect happens exactly once, within an aggregate of one sender in `seq` order; nothing is lost when this
process or Redis dies. A message that comes before its predecessor is held and the sender is asked to publish again. So order does not
rest on the lease either: a consumer that was paused and wakes up, or two that both believe to lead, cannot overtake each other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from redis.exceptions import RedisError, ResponseError
from sqlalchemy import text

from kernel.bus import Bus, Entry, stream
from kernel.clock import monotonic
from kernel.database import Databases
from kernel.lane import Delivery, Lane, Reaction, Reactions, Taken
from kernel.outbox import Published, published_at
from kernel.tenancy import Tenant

log = logging.getLogger(__name__)

BATCH = 200  # messages per transaction
BLOCK = timedelta(seconds=1)
LEASE = timedelta(seconds=4)  # a dead consumer is followed after this
TRIM = timedelta(seconds=5)
GAP_PATIENCE = timedelta(seconds=10)  # then the outbox is asked whether the missing message is still to come
_REMEMBERED = 200_000  # aggregates whose last seq is known; about 40 MB

_PARKED = text("select aggregate from parked where tenant = :tenant")
_TAKEN = text("""
    select consumer, urn from inbox
    where tenant = :tenant and consumer = any(cast(:consumers as text[])) and urn = any(cast(:urns as text[]))
""")


Key = tuple[str, str, str]  # a sequence: stream, sender, aggregate


class Order:
    """Watches `seq`: an entry that comes too early is held until what is missing came, or turns out to be no more.

    Where a sequence is met in its middle, it says so and is taught: what came before may be taken, or lie with a consumer that was
    paused and woke up, or be lost with a wiped bus.
    """

    def __init__(self) -> None:
        self._last: dict[Key, int] = {}
        # By seq, then by id: every copy of a message is acknowledged in the end, or it would be pending, and hold up trimming, for ever.
        self._early: dict[Key, tuple[float, dict[int, dict[bytes, Entry]]]] = {}

    def unknown(self, entries: Iterable[Entry]) -> list[Entry]:
        """The first of each sequence among these that is met in its middle."""
        first: dict[Key, Entry] = {}
        for entry in entries:
            key, seq = _key(entry), entry.envelope.seq
            if key not in self._last and seq > 1 and (key not in first or seq < first[key].envelope.seq):
                first[key] = entry
        return list(first.values())

    def learn(self, entry: Entry) -> list[Entry]:
        """What came before this one needs not be waited for. What was held and may go on now, in order."""
        key = _key(entry)
        self._know(key, max(entry.envelope.seq - 1, self._last.get(key, 0)))
        return list(self._follow(key))

    def admit(self, entry: Entry) -> list[Entry]:
        """The entries that may go on now, in order; empty when this one came too early."""
        seq, key = entry.envelope.seq, _key(entry)
        last = self._last.get(key, 0)
        if seq <= last + 1:
            self._know(key, max(seq, last))
            return [entry, *self._follow(key)]
        self._early.setdefault(key, (monotonic(), {}))[1].setdefault(seq, {})[entry.id] = entry
        return []

    def senders(self) -> set[str]:
        """Whose messages are missing."""
        return {sender for _, sender, _ in self._early}

    def overdue(self) -> list[Entry]:
        """The first of each sequence that was held for long; asked once, it is held as long again."""
        now, found = monotonic(), []
        for key, (since, held) in self._early.items():
            if now - since > GAP_PATIENCE.total_seconds():
                found.append(next(iter(held[min(held)].values())))
                self._early[key] = (now, held)
        return found

    def _follow(self, key: Key) -> Iterable[Entry]:
        if key not in self._early:
            return
        _, held = self._early[key]
        while held and (seq := min(held)) <= self._last[key] + 1:
            self._last[key] = max(self._last[key], seq)
            yield from held.pop(seq).values()
        if not held:
            del self._early[key]

    def _know(self, key: Key, seq: int) -> None:
        if len(self._last) >= _REMEMBERED:
            self._last.clear()  # forgetting is safe: the next message of each is met in the middle again
        self._last[key] = seq


def _key(entry: Entry) -> Key:
    return entry.stream, entry.envelope.sender, entry.envelope.aggregate


@dataclass(slots=True)
class _Open:
    """An entry and how many domains still have to finish it."""

    entry: Entry
    left: int


class Consumer:
    """Consumes all streams of one tenant while this worker holds the lease."""

    def __init__(self, tenant: Tenant, bus: Bus, databases: Databases, reactions: Reactions, ports: Any, name: str) -> None:
        self.tenant, self.bus, self.databases, self.reactions, self.ports, self.name = tenant, bus, databases, reactions, ports, name
        self.streams = {stream(tenant, domain): domain for domain in databases if domain != "intake"}
        self._ledger = Ledger(databases, reactions)
        self._leads = self._prepared = False
        self._lanes: dict[str, Lane] = {}
        self._order = Order()
        self._open: dict[tuple[str, bytes], _Open] = {}
        self._doubted: dict[str, float] = {}
        self._trimmed = monotonic()

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until `stop` is set; survives both servers."""
        keeper = asyncio.create_task(self._keep())
        try:
            while not stop.is_set():
                try:
                    await self._turn()
                except Exception as error:  # whatever it was: what is not acknowledged comes again
                    wiped = isinstance(error, ResponseError) and ("NOGROUP" in str(error) or "UNBLOCKED" in str(error))
                    if not wiped:
                        log.warning("consuming %s: %s", self.tenant, type(error).__name__, exc_info=error, extra={"tenant": self.tenant})
                    self._prepared = False
                    await asyncio.sleep(0.0 if wiped else 0.5)
        finally:
            keeper.cancel()
            await self._resign()

    async def _turn(self) -> None:
        if not self._leads:
            if not await self.bus.hold(self.tenant, self.name, _ms(LEASE)):
                await asyncio.sleep(1.0)
                return
            self._order, self._leads, self._prepared = Order(), True, False
        if not self._prepared:
            await self.bus.prepare(self.streams)
            self._reset()
            await self.handle(await self.bus.claim(self.tenant, self.streams, self.name))
            self._prepared = True
        await self._retry()
        wait = min(BLOCK.total_seconds(), max(0.001, min((lane.next_due for lane in self._lanes.values()), default=9.0) - monotonic()))
        entries = await self.bus.read(self.tenant, list(self.streams), self.name, BATCH, int(wait * 1000) or 1)
        for start in range(0, len(entries), BATCH):
            await self.handle(entries[start : start + BATCH])
        await self._mind_gaps()
        await self._trim()

    async def handle(self, entries: Sequence[Entry]) -> None:
        """Applies entries in order and acknowledges those that are done everywhere."""
        known = await self._without_a_gap(self._order.unknown(entries))
        ready = [each for entry in known for each in self._order.learn(entry)]
        ready += [each for entry in entries for each in self._order.admit(entry)]
        await self._apply(ready)

    async def _apply(self, entries: Sequence[Entry]) -> None:
        lots: dict[str, list[Delivery]] = {}
        done: list[Entry] = []
        for entry in entries:
            envelope = entry.envelope
            by_domain: dict[str, list[Reaction]] = {}
            for reaction in self.reactions(envelope.name, envelope.is_reply):
                by_domain.setdefault(reaction.domain, []).append(reaction)
            if not by_domain:
                done.append(entry)
                continue
            self._open[entry.stream, entry.id] = _Open(entry, len(by_domain))
            taken = Taken(envelope)
            for domain, reactions in by_domain.items():
                lots.setdefault(domain, []).append(Delivery(entry, reactions, taken, entry.again))
        results = await asyncio.gather(*(self._lane(domain).apply(lot) for domain, lot in lots.items()))
        await self.bus.acknowledge([*done, *self._close(delivery for result in results for delivery in result)])

    async def _retry(self) -> None:
        for lane in self._lanes.values():
            if lane.stuck:
                await self.bus.acknowledge(self._close(await lane.retry()))

    def _close(self, deliveries: Iterable[Delivery]) -> list[Entry]:
        closed = []
        for delivery in deliveries:
            key = (delivery.entry.stream, delivery.entry.id)
            self._open[key].left -= 1
            if not self._open[key].left:
                closed.append(self._open.pop(key).entry)
        return closed

    async def _mind_gaps(self) -> None:
        for sender in self._order.senders() - self._doubted.keys():
            log.warning("messages of %s are missing", sender, extra={"tenant": self.tenant})
            await self.bus.doubt(self.tenant, sender)
            self._doubted[sender] = monotonic()
        ended = await self._without_a_gap(self._order.overdue())
        await self._apply([each for entry in ended for each in self._order.learn(entry)])
        self._doubted = {sender: at for sender, at in self._doubted.items() if monotonic() - at < GAP_PATIENCE.total_seconds()}

    async def _without_a_gap(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those whose predecessor was taken by everybody, is parked, or is forgotten: asked of the outbox and the inboxes."""
        before: dict[int, Published] = {}
        for sender in {entry.envelope.sender for entry in entries}:
            asked = [(number, entry) for number, entry in enumerate(entries) if entry.envelope.sender == sender]
            places = [(self.streams[entry.stream], entry.envelope.aggregate, entry.envelope.seq - 1) for _, entry in asked]
            async with self.databases.relay(sender).connect() as connection:
                found = await published_at(connection, self.tenant, places)
            before |= {number: found[place] for (number, _), place in zip(asked, places, strict=True) if place in found}
        lacking = await self._ledger.lacking(self.tenant, list(before.values())) if before else set[str]()
        return [entry for number, entry in enumerate(entries) if number not in before or before[number].urn not in lacking]

    async def _trim(self) -> None:
        if monotonic() - self._trimmed >= TRIM.total_seconds():
            if await self.bus.trim(list(self.streams), self.name):
                self._prepared = False  # somebody who led before us had read these, and was paused or has died since
            self._trimmed = monotonic()

    def _lane(self, domain: str) -> Lane:
        if domain not in self._lanes:
            self._lanes[domain] = Lane(self.databases[domain], self.tenant, self.ports)
        return self._lanes[domain]

    def _reset(self) -> None:
        """Forgets everything under way: it is all pending in Redis or unpublished in Postgres, and will come again."""
        self._lanes, self._open = {}, {}

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 4)
            if self._leads:
                try:
                    self._leads = await self.bus.hold(self.tenant, self.name, _ms(LEASE))
                except (RedisError, OSError):
                    continue  # while Redis is away nobody else can take it either
                except Exception:  # whatever it was: without a keeper the lease would end, and nobody here would know
                    log.exception("the lease of %s could not be kept", self.tenant, extra={"tenant": self.tenant})

    async def _resign(self) -> None:
        if self._leads:
            try:
                await self.bus.release(self.tenant, self.name)
            except (RedisError, OSError):
                return


@dataclass(slots=True)
class Ledger:
    """Knows which published messages some consumer has not taken; the relay asks it when streams were lost."""

    databases: Databases
    reactions: Reactions

    async def lacking(self, tenant: Tenant, messages: Sequence[Published]) -> set[str]:
        """The URNs of those not yet taken by every reaction, parked aggregates aside."""
        wanted: dict[str, list[tuple[str, Published]]] = {}
        for message in messages:
            for reaction in self.reactions(message.name, message.reply):
                wanted.setdefault(reaction.domain, []).append((reaction.consumer, message))
        missing: set[str] = set()
        for domain, pairs in wanted.items():
            async with self.databases[domain].read(tenant) as connection:
                parked = set((await connection.execute(_PARKED, {"tenant": tenant})).scalars())
                consumers, urns = list({consumer for consumer, _ in pairs}), list({message.urn for _, message in pairs})
                rows = await connection.execute(_TAKEN, {"tenant": tenant, "consumers": consumers, "urns": urns})
                taken = {(row[0], row[1]) for row in rows}
            missing |= {
                message.urn for consumer, message in pairs if (consumer, message.urn) not in taken and message.aggregate not in parked
            }
        return missing


def _ms(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
