"""The doorbell: tells a worker in another process to look now. It carries no truth; a lost ring costs one sweep or poll, never a booking.

Idea: every worker has an arq queue of its own (several workers on one queue slow each other down), and a ringer picks one that lives by
the heartbeat table. Rings of a few milliseconds travel as one job. A ring never fails and never waits: what cannot be delivered is dropped.

arq by itself loses jobs when a worker pauses, retries neither time-outs nor plain exceptions, and exits when Redis goes; none of this
matters to a bell, and `answer` starts it again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import orjson
from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from kernel.clock import monotonic
from kernel.tenancy import Tenant
from kernel.urn import Urn

log = logging.getLogger(__name__)

GATHER: Final = timedelta(milliseconds=2)  # rings of this time are one job
STALE: Final = timedelta(seconds=30)  # a ring nobody answered by then has been overtaken by a hundred polls
ALIVE: Final = timedelta(seconds=3)  # since its last heartbeat (one a second) a worker counts as living
KNOWN: Final = timedelta(seconds=1)  # how long the list of living queues is believed
MOST: Final = 500  # rings in one job
JOB: Final = "look"

# A ring is heard after 5 ms at the median; with arq's default it would be 280. The wait covers a partner's longest answer, though jobs
# here only wake.
SETTINGS: Final[Mapping[str, Any]] = {
    "poll_delay": 0.01,
    "keep_result": 0,
    "max_tries": 1,
    "retry_jobs": False,
    "health_check_interval": 5,
    "job_completion_wait": 25,
    "job_timeout": 90,
    "handle_signals": False,
    "log_results": False,
}

_QUEUES = text("select queue from worker where queue is not null and beat_at > nexa_now() - cast(:alive as interval) order by queue")

Look = Callable[[Tenant, Urn | None, str | None], None]


class Doorbell:
    """Rings for one process. `queues` lists where living workers listen."""

    def __init__(self, url: str, queues: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._redis, self._queues = _redis(url), queues
        self._waiting: dict[tuple[Tenant, Urn | None, str | None], None] = {}
        self._ringing: asyncio.Task[None] | None = None
        self._known: tuple[float, Sequence[str]] = (float("-inf"), ())

    def ring(self, tenant: Tenant, urn: Urn | None = None, domain: str | None = None) -> None:
        """Somebody look at this tenant now: at `urn`, or at what `domain` has sent. Returns at once; many rings are one."""
        if len(self._waiting) < MOST:
            self._waiting[tenant, urn, domain] = None
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.get_running_loop().create_task(self._ring())

    async def close(self) -> None:
        """Delivers what waits, then forgets the server."""
        if self._ringing:
            await self._ringing
        await self._redis.aclose(close_connection_pool=True)

    async def _ring(self) -> None:
        await asyncio.sleep(GATHER.total_seconds())
        while self._waiting:
            rings, self._waiting = list(self._waiting), {}
            try:
                queue = await self._choose()
                if queue is not None:
                    await self._redis.enqueue_job(JOB, rings, _queue_name=queue, _expires=STALE)
                    await self._redis.expire(queue, timedelta(hours=1))  # a queue whose worker is gone does not stay for ever
            except (RedisError, SQLAlchemyError, OSError) as error:
                log.info("rings were lost: %s", type(error).__name__)
            except Exception:  # a ring never fails: whoever closes the bell would meet it
                log.exception("rings were lost")

    async def _choose(self) -> str | None:
        at, queues = self._known
        if monotonic() - at > KNOWN.total_seconds():
            queues = await self._queues()
            self._known = (monotonic(), queues)
        return random.choice(queues) if queues else None


def living_queues(engine: AsyncEngine) -> Callable[[], Awaitable[Sequence[str]]]:
    """The queues of workers whose heart beats, from the table they beat in; `engine` reaches the database of the workflows."""

    async def read() -> Sequence[str]:
        async with engine.connect() as connection:
            return (await connection.execute(_QUEUES, {"alive": ALIVE})).scalars().all()

    return read


def queue_of(worker: str) -> str:
    """The queue of one worker process."""
    return f"nexa:queue:{worker}"


async def answer(url: str, queue: str, look: Look, stop: asyncio.Event) -> None:
    """Answers the bell of one worker until `stop` is set, through every restart of the server."""

    async def on_ring(context: Mapping[str, Any], rings: Sequence[Sequence[str | None]]) -> None:
        for tenant, urn, domain in rings:
            look(Tenant(tenant or ""), Urn(urn) if urn else None, domain)

    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        redis = _redis(url)
        hands = Worker(
            functions=[func(on_ring, name=JOB)],  # type: ignore[arg-type]  # arq wants a dict it then only reads
            queue_name=queue,
            redis_pool=redis,
            job_serializer=orjson.dumps,
            job_deserializer=orjson.loads,
            **SETTINGS,
        )
        working = asyncio.create_task(hands.async_run())
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        if working.done() and not working.cancelled() and (error := working.exception()):
            log.warning("the doorbell stopped: %s", type(error).__name__)
        await _close(hands, redis, working)
        if not stop.is_set():
            await asyncio.wait([stopping], timeout=1.0)


async def _close(hands: Worker, redis: ArqRedis, working: asyncio.Task[None]) -> None:
    """What `Worker.close` does, without its deprecated call and whether or not the server is there."""
    tasks = {working, *hands.tasks.values()} | ({hands.main_task} if hands.main_task else set())
    while tasks:  # asked again: a cancellation that meets the driver at the wrong moment gets lost there
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=0.2)
    with suppress(RedisError, OSError):
        await redis.delete(hands.health_check_key)
    await redis.aclose(close_connection_pool=True)


def _redis(url: str) -> ArqRedis:
    pool = ConnectionPool.from_url(url, socket_timeout=5.0, socket_connect_timeout=2.0, socket_keepalive=True)
    return ArqRedis(pool, job_serializer=orjson.dumps, job_deserializer=orjson.loads)
