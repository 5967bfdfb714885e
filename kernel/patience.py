"""Which failures of a database say nothing about what was tried, and a transaction that is tried until it has an answer of its own.

Two kinds pass. A server that is away, restarting or full is waited for, however long that takes. Two transactions that wanted each other's
rows have met by chance: the one that Postgres ended is tried again a few times, after a moment of random length, so that they do not meet
again. Neither is ever counted as a failure of the message, workflow or operation that was under way.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from redis.exceptions import RedisError, ResponseError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from kernel.tenancy import Tenant

log = logging.getLogger(__name__)

T = TypeVar("T")

COLLISIONS: Final = 10  # in a row; more are no chance any more
BORNE: Final = 3  # tries, while somebody waits
_PAUSE, _LONGEST = 0.1, 2.0  # seconds between two tries at a server that is away
_ASIDE = 0.2  # seconds at most between two tries that collide


async def patiently(attempt: Callable[[], Awaitable[T]], name: str, tenant: Tenant) -> T:
    """What `attempt`, a transaction on the database `name`, comes to. Raises: what it fails with, when that will not pass."""
    pause, collisions = _PAUSE, 0
    while True:
        try:
            return await attempt()
        except Exception as error:
            if passing(error):
                log.warning("%s cannot be reached: %s", name, type(error).__name__, extra={"tenant": tenant})
                await asyncio.sleep(pause)
                pause = min(_LONGEST, pause * 2)
            elif collided(error) and (collisions := collisions + 1) < COLLISIONS:
                await asyncio.sleep(random.uniform(0, _ASIDE))
            else:
                raise


async def at_once(attempt: Callable[[], Awaitable[T]]) -> T:
    """`patiently` for somebody who waits for the answer: a few collisions are borne, a server that is away is not waited for."""
    for _ in range(BORNE - 1):
        try:
            return await attempt()
        except Exception as error:
            if not collided(error):
                raise
            await asyncio.sleep(random.uniform(0, _ASIDE))
    return await attempt()


def passing(error: BaseException) -> bool:
    """Whether the error says nothing about what was tried: a server is away, restarting or full."""
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or _state(error)[:2] in ("08", "53", "57")
    return isinstance(error, (OSError, TimeoutError, PoolTimeoutError, RedisError)) and not isinstance(error, ResponseError)


def collided(error: BaseException) -> bool:
    """Whether two transactions wanted each other's rows, and Postgres ended this one."""
    return isinstance(error, DBAPIError) and _state(error)[:2] == "40"


def _state(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", "") or "")
