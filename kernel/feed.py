"""Pictures for open screens: what changed, soon and in order; not durable messages, which travel on the bus.

Publishing: the first change of a topic after 100 quiet ms goes at once, later ones in batches every 100 ms, urgent ones (locks) never
wait. Of several changes to one thing only the newest version is kept. What becomes ready in one turn of the loop shares a pipeline. When
Redis is away, changes are kept, newest only, and sent when it is back.

Numbers: `seq` = (epoch, n) counts the batches of a topic. One Lua call counts, keeps the last 1,000 and publishes. A wiped store starts a
new epoch.

Reading: one Redis subscription per (process, tenant with open screens). A reader says where it was (`after`) and gets what followed, or a
batch with `snapshot` set, which means: read everything again, this batch's `seq` is where the picture stands. The same happens at every
gap, whatever made it: a lost connection, a slow reader, a new epoch. So nobody has to assume that nothing was missed.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, Self, cast

import orjson
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from kernel.tenancy import Tenant
from kernel.urn import Urn

log = logging.getLogger(__name__)

QUIET: Final = timedelta(milliseconds=100)  # a screen drawn ten times a second looks live; more often only costs
LIFETIME: Final = timedelta(minutes=15)  # how long a topic without news keeps its ring; a reader back later starts from a snapshot
_LIFETIME_MS: Final = str(LIFETIME // timedelta(milliseconds=1))
RETRY: Final = timedelta(seconds=1)
PATIENCE: Final = timedelta(seconds=5)  # for one exchange with the store; a paused one counts as away
FAREWELL: Final = timedelta(seconds=2)  # an end does not wait for a store that is away
BATCH: Final = 500  # items; a larger batch is split, so that one message stays small
WAITING: Final = 200  # batches a slow reader may fall behind before it must start from the ring again
_PUBLISH: Final = Path(__file__).with_name("feed_publish.lua").read_text()
_SINCE: Final = Path(__file__).with_name("feed_since.lua").read_text()
_SEQ: Final = re.compile(r"([0-9a-z]{1,32}):([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class Seq:
    """A place in a topic's stream; its text is `epoch:n`."""

    epoch: str
    n: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.n}"

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """The place a reader names; None for anything else, which then starts from a snapshot."""
        match = _SEQ.fullmatch(text or "")
        return cls(match[1], int(match[2])) if match else None


@dataclass(frozen=True, slots=True)
class Change:
    """`item` is the thing itself where it cannot be read again (an alert); else the reader fetches by `urn`."""

    urn: Urn
    version: int
    item: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    seq: Seq
    changes: tuple[Change, ...] = ()
    snapshot: bool = False

    @property
    def urns(self) -> list[Urn]:
        return [change.urn for change in self.changes]


@dataclass(slots=True)
class _Line:
    """What waits on one topic."""

    changes: dict[Urn, Change] = field(default_factory=dict)
    sent_at: float = -1.0
    timer: asyncio.TimerHandle | None = None

    def add(self, change: Change) -> None:
        known = self.changes.get(change.urn)
        if known is None or known.version <= change.version:
            self.changes[change.urn] = change


class Feed:
    """One per process, over the coordination store. Writers call `publish`; readers iterate `subscribe`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lines: dict[tuple[Tenant, str], _Line] = defaultdict(_Line)
        self._ready: set[tuple[Tenant, str]] = set()
        self._flushing: asyncio.Task[None] | None = None
        self._towers: dict[Tenant, _Tower] = {}

    @classmethod
    def connect(cls, url: str) -> Self:
        return cls(Redis.from_url(url, health_check_interval=5, socket_connect_timeout=2))

    def publish(
        self, tenant: Tenant, topic: str, urn: Urn, version: int, item: dict[str, Any] | None = None, *, urgent: bool = False
    ) -> None:
        """Tells the screens that `urn` now has `version`. Returns at once, never fails; call it after the commit.

        Topics: `cases`, `sub-cases:<case>`, `sub-case:<urn>`, `locks`, `holds:<airport>`, `alerts`, `partners`. `locks` is always urgent.
        """
        key = (tenant, topic)
        line = self._lines[key]
        line.add(Change(urn, version, item))
        loop = asyncio.get_running_loop()
        wait = line.sent_at + QUIET.total_seconds() - loop.time()
        if urgent or topic == "locks" or line.sent_at < 0 or wait <= 0:
            self._make_ready(key)
        elif line.timer is None:
            line.timer = loop.call_later(wait, self._make_ready, key)

    async def subscribe(self, tenant: Tenant, topic: str, after: str | None = None) -> AsyncGenerator[Batch, None]:
        """Everything after `after`, or a snapshot batch, and then every batch as it comes; ends only when it is closed."""
        tower = self._towers.get(tenant) or self._towers.setdefault(tenant, _Tower(self._redis, tenant))
        reader = await tower.enter(topic)
        try:
            position = Seq.read(after)
            for batch in await self._since(tenant, topic, position):
                position = batch.seq
                yield batch
            while True:
                news = await reader.get()
                if news is not None and position is not None and news.seq.epoch == position.epoch:
                    if news.seq.n <= position.n:
                        continue
                    if news.seq.n == position.n + 1:
                        position = news.seq
                        yield news
                        continue
                for batch in await self._since(tenant, topic, position):
                    position = batch.seq
                    yield batch
        finally:
            if tower.leave(topic, reader):
                self._towers.pop(tenant, None)

    async def close(self) -> None:
        """Sends what waits and ends every subscription."""
        with suppress(RedisError, OSError, TimeoutError):
            async with asyncio.timeout(FAREWELL.total_seconds()):
                await self.settle()
        for line in self._lines.values():
            if line.timer is not None:
                line.timer.cancel()
        if self._flushing is not None:
            self._flushing.cancel()
        for tower in list(self._towers.values()):
            await tower.close()
        self._towers.clear()
        await self._redis.aclose()

    async def ping(self) -> None:
        """Raises: RedisError, OSError when the store is away."""
        await cast("Awaitable[bool]", self._redis.ping())

    async def settle(self) -> None:
        """Sends everything that waits, now. Raises: RedisError, OSError when the store is away."""
        while waiting := {key for key, line in self._lines.items() if line.changes}:
            if self._flushing is not None and not self._flushing.done():
                await asyncio.wait({self._flushing})
                continue
            await self._send(waiting)

    def _make_ready(self, key: tuple[Tenant, str]) -> None:
        line = self._lines[key]
        if line.timer is not None:
            line.timer.cancel()
            line.timer = None
        self._ready.add(key)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.get_running_loop().create_task(self._flush())

    async def _flush(self) -> None:
        await asyncio.sleep(0)  # the rest of this turn of the loop joins the same pipeline
        while self._ready:
            keys, self._ready = self._ready, set()
            try:
                await self._send(keys)
            except (RedisError, OSError) as error:
                log.warning("the feed cannot publish; what changed is kept", extra={"error": type(error).__name__})
                await asyncio.sleep(RETRY.total_seconds())
                self._ready |= keys

    async def _send(self, keys: set[tuple[Tenant, str]]) -> None:
        """One pipeline for all lines. What could not be sent is put back, unless something newer waits there already."""
        taken = {key: list(self._lines[key].changes.values()) for key in keys}
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()), self._redis.pipeline(transaction=False) as pipeline:
                for key, changes in taken.items():
                    self._lines[key].changes.clear()
                    self._lines[key].sent_at = now
                    for start in range(0, len(changes), BATCH):
                        pipeline.eval(_PUBLISH, 2, *_keys(*key), *_message(key, changes[start : start + BATCH]))
                await pipeline.execute()
        except (RedisError, OSError):
            for key, changes in taken.items():
                for change in changes:
                    self._lines[key].changes.setdefault(change.urn, change)
            raise
        asyncio.get_running_loop().call_later(QUIET.total_seconds(), self._forget, keys)

    def _forget(self, keys: set[tuple[Tenant, str]]) -> None:
        """A topic that has been quiet needs no memory of when it last spoke."""
        limit = asyncio.get_running_loop().time() - QUIET.total_seconds()
        for key in keys:
            line = self._lines.get(key)
            if line is not None and not line.changes and line.timer is None and line.sent_at <= limit:
                del self._lines[key]

    async def _since(self, tenant: Tenant, topic: str, position: Seq | None) -> list[Batch]:
        """The batches after `position`, or one snapshot batch. Waits while the store is away: an open screen then shows its age."""
        at = position or Seq("", 0)
        arguments = [_epoch(), at.epoch, str(at.n), _LIFETIME_MS]
        while True:
            try:
                asked = self._redis.eval(_SINCE, 2, *_keys(tenant, topic), *arguments)
                async with asyncio.timeout(PATIENCE.total_seconds()):
                    epoch, n, whole, *rings = await cast("Awaitable[list[Any]]", asked)
                break
            except (RedisError, OSError) as error:
                log.warning("the feed cannot be read; trying again", extra={"error": type(error).__name__})
                await asyncio.sleep(RETRY.total_seconds())
        epoch = epoch.decode()
        if not whole:
            return [Batch(Seq(epoch, n), snapshot=True)]
        return [Batch(Seq(epoch, n - len(rings) + index), _read(ring)) for index, ring in enumerate(rings, 1)]


class _Tower:
    """The one Redis subscription of a tenant in this process, and who listens. A reader gets batches, or None: look again yourself."""

    def __init__(self, redis: Redis, tenant: Tenant) -> None:
        self._redis = redis
        self._channel = _channel(tenant)
        self._readers: dict[str, set[asyncio.Queue[Batch | None]]] = defaultdict(set)
        self._heard = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def enter(self, topic: str) -> asyncio.Queue[Batch | None]:
        """A queue that gets every batch published from now on. Waits until the subscription stands."""
        reader: asyncio.Queue[Batch | None] = asyncio.Queue()
        self._readers[topic].add(reader)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._listen())
        try:
            await self._heard.wait()
        except asyncio.CancelledError:
            self.leave(topic, reader)
            raise
        return reader

    def leave(self, topic: str, reader: asyncio.Queue[Batch | None]) -> bool:
        """True when nobody listens any more; the subscription then ends."""
        self._readers[topic].discard(reader)
        if not self._readers[topic]:
            del self._readers[topic]
        if self._readers or self._task is None:
            return False
        self._task.cancel()
        self._task = None
        return True

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _listen(self) -> None:
        while True:
            pubsub = self._redis.pubsub()
            try:
                await pubsub.subscribe(self._channel)
                await self._relay(pubsub)
            except (RedisError, OSError) as error:
                log.warning("the feed lost its subscription; trying again", extra={"error": type(error).__name__})
                await asyncio.sleep(RETRY.total_seconds())
            finally:
                with suppress(RedisError, OSError):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]  # redis-py left it untyped

    async def _relay(self, pubsub: PubSub) -> None:
        while True:
            message = await pubsub.get_message(timeout=5)
            if message is None:
                continue
            if message["type"] == "subscribe":  # also after redis-py reconnected by itself: what came between is lost
                self._heard.set()
                for readers in self._readers.values():
                    for reader in readers:
                        reader.put_nowait(None)
            elif message["type"] == "message":
                self._deliver(message["data"])

    def _deliver(self, data: bytes) -> None:
        epoch, n, topic, items = data.split(b" ", 3)
        readers = self._readers.get(topic.decode())
        if not readers:
            return
        batch = Batch(Seq(epoch.decode(), int(n)), _read(items))
        for reader in readers:
            if reader.qsize() < WAITING:
                reader.put_nowait(batch)
            elif reader.qsize() == WAITING:
                reader.put_nowait(None)  # too slow: it will take the rest from the ring


def _message(key: tuple[Tenant, str], changes: list[Change]) -> list[str]:
    """The arguments of the script, as it names them."""
    items = orjson.dumps([[change.urn, change.version, change.item] for change in changes]).decode()
    return [_epoch(), _channel(key[0]), key[1], items, _LIFETIME_MS]


def _read(items: bytes) -> tuple[Change, ...]:
    return tuple(Change(Urn(urn), version, item) for urn, version, item in orjson.loads(items))


def _keys(tenant: Tenant, topic: str) -> list[str]:
    tag = f"feed:{{{tenant}:{topic}}}"
    return [f"{tag}:head", f"{tag}:ring"]


def _channel(tenant: Tenant) -> str:
    return f"feed:{tenant}"


def _epoch() -> str:
    return secrets.token_hex(6)
