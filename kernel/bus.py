"""The bus: one Redis stream per (tenant, domain), carrying durable messages from outboxes to reactions.

Idea: Postgres is the truth and Redis only the road, so every stream may vanish at any moment. For each (tenant, sending database) a
*marker* says "everything that database has marked as published really went out, to this very server". Publishing is one Lua call that
refuses without the marker; the relay then un-marks what no consumer has taken, writes a new marker and goes on in the right order.
The marker holds the server's run id: a server that came back from its disk may have lost its last second, and is treated as wiped.

Keys: `bus:{tenant}:<domain>` streams · `bus:{tenant}:published:<database>` markers · `bus:{tenant}:leader` who consumes.
The braces are literal: one read covers all streams of a tenant, so they must lie on one node of a cluster.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ResponseError

from kernel.event import Envelope
from kernel.tenancy import Tenant
from kernel.urn import Urn

log = logging.getLogger(__name__)

GROUP = "workers"
FIELD = b"m"

_PUBLISH = """
if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
for i = 1, #ARGV, 2 do redis.call('XADD', KEYS[tonumber(ARGV[i])], '*', 'm', ARGV[i + 1]) end
return #ARGV / 2
"""
_HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


def stream(tenant: Tenant, domain: str) -> str:
    return f"bus:{{{tenant}}}:{domain}"


def marker(tenant: Tenant, database: str) -> str:
    return f"bus:{{{tenant}}}:published:{database}"


def leader(tenant: Tenant) -> str:
    return f"bus:{{{tenant}}}:leader"


def connect(url: str) -> Redis:
    """A client for this bus; connects lazily. The time-out is longer than any blocking read and shorter than anyone's patience."""
    return cast(
        Redis, Redis.from_url(url, socket_timeout=10.0, socket_connect_timeout=2.0, socket_keepalive=True, health_check_interval=15)
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """A message as it lies in a stream."""

    stream: str
    id: bytes
    envelope: Envelope
    again: bool = False  # it was given to somebody before, who did not finish it

    @property
    def order(self) -> tuple[int, int]:
        """Entry ids compare as pairs of numbers, not as text."""
        milliseconds, _, count = self.id.partition(b"-")
        return int(milliseconds), int(count)


def parse(tenant: Tenant, payload: bytes) -> Envelope:
    """The envelope that the relay wrote. The tenant is the stream's: an envelope that says otherwise is refused by ValueError."""
    raw: dict[str, Any] = orjson.loads(payload)
    if raw["tenant"] != tenant:
        raise ValueError("a message of another tenant lies in this stream")
    return Envelope(
        urn=Urn(raw["urn"]),
        tenant=tenant,
        sender=raw["sender"],
        name=raw["name"],
        version=raw["version"],
        aggregate=Urn(raw["aggregate"]),
        seq=raw["seq"],
        correlation=raw["correlation"],
        at=datetime.fromisoformat(raw["at"]),
        body=raw["body"],
        reply_to=raw["reply_to"],
        actor=Urn(raw["actor"]) if raw["actor"] else None,
        asked=raw["asked"],
    )


class Bus:
    """What relay and consumer do with Redis. Raises whatever redis raises: callers try again."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self._publish = redis.register_script(_PUBLISH)
        self._hold = redis.register_script(_HOLD)
        self._release = redis.register_script(_RELEASE)

    async def run_id(self) -> str:
        """Names this run of this server."""
        return cast(str, (await self.redis.info("server"))["run_id"])

    async def unmarked(self, tenants: Sequence[Tenant], database: str, run_id: str) -> list[Tenant]:
        """Those whose marker is missing or was written to another run of the server."""
        pipe = self.redis.pipeline(transaction=False)
        for tenant in tenants:
            pipe.get(marker(tenant, database))
        found = await pipe.execute() if tenants else []
        return [tenant for tenant, value in zip(tenants, found, strict=True) if value != run_id.encode()]

    async def mark(self, tenant: Tenant, database: str, run_id: str) -> None:
        await self.redis.set(marker(tenant, database), run_id)

    async def doubt(self, tenant: Tenant, database: str) -> None:
        """Asks for everything of this sender that nobody has taken to be published again."""
        await self.redis.delete(marker(tenant, database))

    async def publish(self, database: str, messages: Mapping[Tenant, Sequence[tuple[str, str]]]) -> set[Tenant]:
        """Appends each tenant's `(domain, payload)` in order; the tenants for whom that happened. The others lack a marker."""
        try:
            return await self._publish_once(database, messages)
        except NoScriptError:  # the server restarted since the scripts were loaded; nothing of the pipeline went out
            await self.redis.script_load(_PUBLISH)
            return await self._publish_once(database, messages)

    async def _publish_once(self, database: str, messages: Mapping[Tenant, Sequence[tuple[str, str]]]) -> set[Tenant]:
        pipe = self.redis.pipeline(transaction=False)
        for tenant, items in messages.items():
            domains = sorted({domain for domain, _ in items})
            index = {domain: str(number) for number, domain in enumerate(domains, start=2)}
            keys = [marker(tenant, database), *(stream(tenant, domain) for domain in domains)]
            arguments = [part for domain, payload in items for part in (index[domain], payload)]
            pipe.evalsha(self._publish.sha, len(keys), *keys, *arguments)
        results = await pipe.execute()
        return {tenant for tenant, result in zip(messages, results, strict=True) if result >= 0}

    async def hold(self, tenant: Tenant, owner: str, milliseconds: int) -> bool:
        """Takes or keeps the right to consume a tenant's streams; False when another worker has it."""
        return bool(await self._hold(keys=[leader(tenant)], args=[owner, milliseconds]))

    async def release(self, tenant: Tenant, owner: str) -> None:
        await self._release(keys=[leader(tenant)], args=[owner])

    async def prepare(self, streams: Iterable[str]) -> None:
        """Makes streams and their groups, from the beginning; what exists stays."""
        for key in streams:
            try:
                await self.redis.xgroup_create(key, GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise

    async def claim(self, tenant: Tenant, streams: Iterable[str], consumer: str) -> list[Entry]:
        """Takes over everything delivered and not acknowledged, in order."""
        entries: list[Entry] = []
        for key in streams:
            cursor: bytes | str = "0-0"
            while True:
                cursor, found, *_ = await self.redis.xautoclaim(key, GROUP, consumer, min_idle_time=0, start_id=cursor, count=500)
                entries += await self._entries(tenant, key, found, again=True)
                if cursor == b"0-0":
                    break
        return sorted(entries, key=lambda entry: entry.order)

    async def read(self, tenant: Tenant, streams: Sequence[str], consumer: str, count: int, block: int) -> list[Entry]:
        """New messages, at most `count` per stream, waiting up to `block` milliseconds for the first."""
        answer = await self.redis.xreadgroup(GROUP, consumer, dict.fromkeys(streams, ">"), count=count, block=block)
        return [entry for key, found in answer or [] for entry in await self._entries(tenant, key.decode(), found)]

    async def _entries(
        self, tenant: Tenant, key: str, found: Iterable[tuple[bytes, Mapping[bytes, bytes]]], *, again: bool = False
    ) -> list[Entry]:
        entries: list[Entry] = []
        for id, fields in found:
            if not fields:  # trimmed since it was delivered
                continue
            try:
                entries.append(Entry(key, id, parse(tenant, fields[FIELD]), again))
            except (ValueError, KeyError, TypeError):  # only a relay writes here; its outbox still holds the row
                log.exception("message %s in %s cannot be read and is skipped", id.decode(), key, extra={"tenant": tenant})
                await self.redis.xack(key, GROUP, id)
        return entries

    async def acknowledge(self, entries: Iterable[Entry]) -> None:
        ids: dict[str, list[bytes]] = {}
        for entry in entries:
            ids.setdefault(entry.stream, []).append(entry.id)
        if ids:
            pipe = self.redis.pipeline(transaction=False)
            for key, done in ids.items():
                pipe.xack(key, GROUP, *done)
            await pipe.execute()

    async def trim(self, streams: Sequence[str], consumer: str) -> bool:
        """Cuts each stream behind its oldest message that is not done, never by length; whether another consumer has any such message."""
        asking = self.redis.pipeline(transaction=False)
        for key in streams:
            asking.xpending(key, GROUP)
            asking.xinfo_groups(key)
        answers = await asking.execute()
        cutting, others = self.redis.pipeline(transaction=False), False
        for key, pending, groups in zip(streams, answers[::2], answers[1::2], strict=True):
            delivered = [group["last-delivered-id"] for group in groups if group["name"] in (GROUP, GROUP.encode())]
            if oldest := pending["min"] if pending["pending"] else next(iter(delivered), None):
                cutting.xtrim(key, minid=oldest, approximate=True)
            others |= any(one["name"] != consumer.encode() for one in pending["consumers"] or ())
        await cutting.execute()
        return others
