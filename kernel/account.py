"""What all processes know together about one account at a partner: its slots, its pace, its pauses, its breaker, and how calls went.

It lies in the coordination store, one hash and its neighbours per (partner, airline), and changes in undivided steps by the
store's own clock (`account.lua`). Each process keeps the `View` that came with its last step; whoever needs it fresh looks.

Slots: one every interval, so there is no burst; a caller *reserves* the next one and learns how long until it comes. Every fifth slot of
a queue is left to calls that go first, until it is so near that nobody will come for it. Who cannot wait so long reserves nothing and is
told when its turn would be, each another instant. A `layout` numbers the queue: when it changes, slots given out before are void.

Pace: the contract's ceiling, until the partner throttles; then x 0.7, never below a tenth of the ceiling, and slowly up again, as fast as
twice the step each second beyond what was too much. The interval is six hundredths longer than the pace says: calls leave a little late
and partners count arrivals. It is longer still while a process says that it wakes later than that (`kernel/lateness.py`).

A store that was wiped begins at the ceiling with another layout. One that cannot be reached raises `AccountUnreachable`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Self, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from kernel.lateness import LATE
from kernel.tenancy import Tenant

PATIENCE: Final = 0.3  # seconds for one step; a send has one second in all
WINDOW: Final = timedelta(seconds=30)
_SCRIPTS: Final = ("reserve", "note", "trip", "lease", "settle", "look", "limit", "told")
_PARTS: Final = ("state", "aside", "seen", "crowd", "limit")
_VIEW: Final = 8  # numbers


class AccountUnreachable(Exception):
    """The coordination store did not answer."""


class BreakerState(StrEnum):
    """`PROBING`: one look-up is under way that decides."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    PROBING = "PROBING"


_STATES: Final = (BreakerState.CLOSED, BreakerState.OPEN, BreakerState.PROBING)


@dataclass(frozen=True, slots=True)
class Key:
    """One account: every airline has its own with each of its partners."""

    vendor: str
    tenant: Tenant

    def __str__(self) -> str:
        return f"{self.vendor}:{self.tenant}"


@dataclass(frozen=True, slots=True)
class View:
    """Spans in seconds from when it was told; `ceiling` and `pace` in calls a second; `turn` changes with the breaker; `crowd` processes
    use it."""

    layout: int
    paused: float
    ceiling: float
    pace: float
    breaker: BreakerState
    open_for: float
    turn: int
    crowd: int


@dataclass(frozen=True, slots=True)
class Slot:
    """`wait` is until it comes; not granted, until it is worth asking again."""

    granted: bool
    wait: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What the last thirty seconds came to, over all processes."""

    grants: int = 0
    calls: int = 0
    failed: int = 0
    slow: int = 0
    throttled: int = 0

    def __add__(self, other: Seen) -> Seen:
        return Seen(
            self.grants + other.grants, self.calls + other.calls, self.failed + other.failed, self.slow + other.slow,
            self.throttled + other.throttled,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """An account as people see it; `wait` is the mean time for a slot, `by_hand` whether somebody set the ceiling."""

    view: View
    seen: Seen
    good_at: datetime | None
    opened_at: datetime | None
    wait: timedelta
    by_hand: bool


class Accounts:
    """All accounts in one store."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = {name: redis.register_script(text) for name, text in _texts().items()}

    @classmethod
    def connect(cls, url: str) -> Self:
        """Connects lazily, and gives up on a store that is away long before a send would be too late."""
        return cls(Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, health_check_interval=15))

    async def close(self) -> None:
        await self._redis.aclose()

    async def reserve(
        self, key: Key, ceiling: float, patience: float, *, first: bool, who: str, seen: Seen, good: bool, late: float = LATE
    ) -> tuple[View, Slot]:  # fmt: skip
        """The next slot that comes within `patience` seconds; `seen` is what became of earlier calls, `late` how many seconds after it
        the caller may leave. Raises: AccountUnreachable.
        """
        told = await self._run(
            "reserve", key, ceiling, _us(patience), int(first), who, seen.calls, seen.failed, seen.slow, int(good), _us(late)
        )  # fmt: skip
        return _view(told), Slot(told[_VIEW] == 1, told[_VIEW + 1] / 1e6)

    async def note(self, key: Key, ceiling: float, seen: Seen, *, good: bool, pause: float | None = None) -> tuple[View, Seen]:
        """Tells what became of calls at once, and learns what all came to. Raises: AccountUnreachable."""
        asked = -1 if pause is None else _us(pause)
        told = await self._run("note", key, ceiling, seen.calls, seen.failed, seen.slow, int(good), seen.throttled, asked)
        return _view(told), Seen(*told[_VIEW:])

    async def trip(self, key: Key, ceiling: float, turn: int) -> View:
        """Opens the breaker, unless it has changed since `turn`. Raises: AccountUnreachable."""
        return _view(await self._run("trip", key, ceiling, turn))

    async def lease(self, key: Key, ceiling: float, who: str, length: float) -> tuple[View, bool]:
        """Whether the one probe of an open breaker is now the caller's, for so many seconds. Raises: AccountUnreachable."""
        told = await self._run("lease", key, ceiling, who, _us(length))
        return _view(told), told[_VIEW] == 1

    async def settle(self, key: Key, ceiling: float, who: str, came_to: str) -> View:
        """Ends a probe that was leased: `healthy`, `unwell`, or `nothing` when it never went out. Raises: AccountUnreachable."""
        return _view(await self._run("settle", key, ceiling, who, came_to))

    async def look(self, key: Key, ceiling: float) -> View:
        """How things stand. Raises: AccountUnreachable."""
        return _view(await self._run("look", key, ceiling))

    async def limit(self, key: Key, ceiling: float, new: float | None) -> View:
        """Sets the ceiling for all processes, from their next step on; None goes back to `ceiling`. Raises: AccountUnreachable."""
        return _view(await self._run("limit", key, ceiling, "" if new is None else new))

    async def told(self, keys: Sequence[tuple[Key, float]]) -> list[Told]:
        """Accounts with their ceilings, as people see them; one exchange with the store. Raises: AccountUnreachable."""
        if not keys:
            return []
        try:
            async with asyncio.timeout(PATIENCE * 10), self._redis.pipeline(transaction=False) as pipeline:
                for key, ceiling in keys:
                    await cast("Awaitable[object]", self._scripts["told"](keys=_keys(key), args=["", ceiling], client=pipeline))
                return [_told(each) for each in await pipeline.execute()]
        except (RedisError, OSError) as error:
            raise AccountUnreachable(type(error).__name__) from error

    async def _run(self, script: str, key: Key, ceiling: float, *arguments: str | float) -> list[int]:
        try:
            asked = self._scripts[script](keys=_keys(key), args=["", ceiling, *arguments])
            return await cast("Awaitable[list[int]]", asked)
        except (RedisError, OSError) as error:
            raise AccountUnreachable(type(error).__name__) from error


def _keys(key: Key) -> list[str]:
    return [f"traffic:{{{key}}}:{part}" for part in _PARTS]


def _us(seconds: float) -> int:
    return max(0, int(seconds * 1e6))


def _view(told: Sequence[int]) -> View:
    layout, paused, ceiling, pace, state, open_for, turn, crowd = told[:_VIEW]
    return View(layout, paused / 1e6, ceiling / 1e6, pace / 1e6, _STATES[state], open_for / 1e6, turn, crowd)


def _told(told: Sequence[int]) -> Told:
    good, opened, wait, by_hand = told[_VIEW + 5 :]
    seen = Seen(*told[_VIEW : _VIEW + 5])
    return Told(_view(told), seen, _instant(good), _instant(opened), timedelta(microseconds=wait), by_hand == 1)


def _instant(us: int) -> datetime | None:
    return datetime.fromtimestamp(us / 1e6, UTC) if us else None


def _texts() -> dict[str, str]:
    """The scripts by name, each with the common part before it."""
    common, *parts = re.split(r"^-- name: (\w+)$", Path(__file__).with_suffix(".lua").read_text(), flags=re.MULTILINE)
    texts = {name: common + body for name, body in zip(parts[::2], parts[1::2], strict=True)}
    if tuple(texts) != _SCRIPTS:
        raise RuntimeError(f"account.lua has {', '.join(texts)}; expected {', '.join(_SCRIPTS)}")
    return texts
