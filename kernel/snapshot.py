"""What a passenger sees, compiled when it changes and not when it is read: one document per sub-case.

Guarantees: of two writers the one with the older version loses, whenever it comes; a reader touches this store and nothing else; a
document is whole, with its version and an entity tag that changes exactly when the document does. The store can be rebuilt from Postgres:
while `rebuilding` stands, what it lacks is missing only for now, and nobody's answer may be judged by it.

Idea: per tenant a *marker* says "everything was published to this very server", as on the bus. It holds the server's run id: one that was
wiped has no marker, one that came back from its disk has another run's, and both lack what Postgres believes to be published.

Sign-in state lives here too, beside the document and in its slot: a link is used once, by one phone.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, Self, cast

import orjson
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from kernel.clock import now
from kernel.refusal import StoreAway
from kernel.tenancy import Tenant
from kernel.urn import Urn

KEPT_AFTER_STAY: Final = timedelta(days=7)  # after check-out the document is of no use to the passenger, and it names people
PATIENCE: Final = timedelta(seconds=2)  # for one exchange; then the passenger is asked to come again
CONNECTIONS: Final = 32  # of one process; a storm waits in our queue instead of opening thousands
LINK_REPEAT: Final = timedelta(minutes=2)  # in which a phone whose answer was lost may use its link again
REBUILD_LEASE: Final = timedelta(seconds=15)  # a rebuild that died stops holding answers back after this
_KEEP_FLAG: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('EXPIRE', KEYS[1], ARGV[2]) end return 0"
_DROP_FLAG: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_MARK: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[2], ARGV[2]) return 1 end return 0"
_PUBLISH: Final = Path(__file__).with_name("snapshot_publish.lua").read_text()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`body` is the document as JSON; `etag` is a strong entity tag without quotes."""

    version: int
    body: bytes
    etag: str

    @property
    def document(self) -> dict[str, Any]:
        return cast("dict[str, Any]", orjson.loads(self.body))


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at the store: the snapshot if it is there, and whether the store is being rebuilt."""

    snapshot: Snapshot | None
    rebuilding: bool


@dataclass(frozen=True, slots=True)
class Compiled:
    """A document on its way into the store. It has exactly the fields of the passengers' contract, in its spelling."""

    sub_case: Urn
    version: int
    document: Mapping[str, Any]
    expires: datetime | None = None


class LinkUse(Enum):
    """`REPEATED` is the first use told once more, to the same phone, whose answer may have been lost; `UNDER_WAY` until that is granted."""

    FIRST = auto()
    UNDER_WAY = auto()
    REPEATED = auto()
    USED = auto()


@asynccontextmanager
async def _reaching() -> AsyncIterator[None]:
    """Not by the client's own socket timeout: on Python 3.11 that can swallow a cancellation."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            yield
    except (RedisError, OSError) as error:
        raise StoreAway() from error


class Snapshots:
    """The snapshots of all tenants in one store. Every method refuses with StoreAway when it cannot be reached."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @classmethod
    def connect(cls, url: str) -> Self:
        return cls(
            Redis.from_pool(BlockingConnectionPool.from_url(url, max_connections=CONNECTIONS, timeout=None, socket_connect_timeout=2))
        )

    async def close(self) -> None:
        await self._redis.aclose()

    async def publish(
        self, tenant: Tenant, sub_case: Urn, version: int, document: Mapping[str, Any], *, expires: datetime | None = None
    ) -> bool:
        """Puts the document in place; False when a newer one stands there already. May be repeated."""
        return await self.publish_many(tenant, [Compiled(sub_case, version, document, expires)]) == 1

    async def publish_many(self, tenant: Tenant, compiled: Iterable[Compiled]) -> int:
        """`publish` for many in one round trip; how many took their place."""
        async with _reaching():
            async with self._redis.pipeline(transaction=False) as pipeline:
                for one in compiled:
                    body = orjson.dumps(one.document)
                    until = str(int(one.expires.timestamp())) if one.expires else ""
                    pipeline.eval(_PUBLISH, 1, _key(tenant, one.sub_case), str(one.version), body.decode(), _etag(one.version, body), until)
                return sum(await pipeline.execute())

    async def read(self, tenant: Tenant, sub_case: Urn) -> Snapshot | None:
        return (await self.look(tenant, sub_case)).snapshot

    async def look(self, tenant: Tenant, sub_case: Urn) -> Sight:
        """The snapshot and the state of the store, in one round trip."""
        async with _reaching():
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.hmget(_key(tenant, sub_case), ["version", "document", "etag"])
                pipeline.exists(_rebuild_key(tenant))
                (version, body, etag), rebuilding = await pipeline.execute()
        snapshot = Snapshot(int(version), body, etag.decode()) if version is not None and body is not None else None
        return Sight(snapshot, bool(rebuilding))

    async def forget(self, tenant: Tenant, sub_case: Urn) -> None:
        """Removes the document; a passenger then sees that it is not there."""
        async with _reaching():
            await self._redis.delete(_key(tenant, sub_case))

    async def rebuilding(self, tenant: Tenant) -> bool:
        async with _reaching():
            return bool(await self._redis.exists(_rebuild_key(tenant)))

    async def lost(self, tenant: Tenant) -> bool:
        """Whether the store was wiped or restarted since it was last complete, and nobody rebuilds it yet. One round trip."""
        async with _reaching():
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.get(_marker_key(tenant))
                pipeline.exists(_rebuild_key(tenant))
                pipeline.info("server")
                marked, rebuilding, server = await pipeline.execute()
        return not rebuilding and marked != server["run_id"].encode()

    @asynccontextmanager
    async def rebuild(self, tenant: Tenant) -> AsyncIterator[None]:
        """While the block runs, the tenant's store counts as incomplete; when it ends well, as complete.

        Nothing is dropped: old documents are read meanwhile. A store that is wiped meanwhile, and a rebuild that another one has taken
        over, stay unmarked.
        """
        key, mine = _rebuild_key(tenant), secrets.token_hex(8)
        async with _reaching():
            run_id = (await self._redis.info("server"))["run_id"]
            await self._redis.set(key, mine, ex=int(REBUILD_LEASE.total_seconds()))
        renewing = asyncio.get_running_loop().create_task(self._renew(key, mine))
        try:
            yield
            async with _reaching():
                await self._eval(_MARK, (key, _marker_key(tenant)), mine, run_id)
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing
            with suppress(RedisError, OSError):  # it ends by itself
                await self._eval(_DROP_FLAG, (key,), mine)

    async def use_link(self, tenant: Tenant, sub_case: Urn, link: str, expires: datetime, by: str = "") -> LinkUse:
        """Uses the sign-in link with this id. `by` is what the phone made up for this sign-in; nobody else knows it."""
        key, held = f"{_key(tenant, sub_case)}:link:{link}", f"{now().timestamp()} {by}"
        async with _reaching():
            before = await self._redis.set(key, held, nx=True, get=True, exat=int(expires.timestamp()) + 1)
        if before is None:
            return LinkUse.FIRST
        at, nonce, *granted = cast("bytes", before).decode().split(" ")
        if not by or nonce != by or now().timestamp() - float(at) > LINK_REPEAT.total_seconds():
            return LinkUse.USED
        return LinkUse.REPEATED if granted else LinkUse.UNDER_WAY

    async def grant_link(self, tenant: Tenant, sub_case: Urn, link: str, by: str) -> None:
        """The first use was in order, so `by` may repeat it. Without this a wiped store would let a used link in at the second try."""
        async with _reaching():
            await self._redis.set(f"{_key(tenant, sub_case)}:link:{link}", f"{now().timestamp()} {by} granted", xx=True, keepttl=True)

    async def ping(self) -> None:
        async with _reaching():
            await cast("Awaitable[bool]", self._redis.ping())

    async def _renew(self, key: str, mine: str) -> None:
        lease = REBUILD_LEASE.total_seconds()
        while True:
            await asyncio.sleep(lease / 3)
            with suppress(RedisError, OSError):
                await self._eval(_KEEP_FLAG, (key,), mine, str(int(lease)))

    async def _eval(self, script: str, keys: tuple[str, ...], *arguments: str) -> None:
        await cast("Awaitable[Any]", self._redis.eval(script, len(keys), *keys, *arguments))


def _key(tenant: Tenant, sub_case: Urn) -> str:
    return f"snapshot:{{{tenant}:{sub_case.id}}}"


def _rebuild_key(tenant: Tenant) -> str:
    return f"snapshots:{{{tenant}}}:rebuild"


def _marker_key(tenant: Tenant) -> str:
    return f"snapshots:{{{tenant}}}:complete"


def _etag(version: int, body: bytes) -> str:
    """The version for people who look at it, and the document's digest: a recompiled document may differ under the same version."""
    return f"{version}-{hashlib.blake2b(body, digest_size=6).hexdigest()}"
