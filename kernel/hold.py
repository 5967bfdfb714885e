"""Soft holds: rooms that are spoken for while a booking is under way, so that attempts do not stampede the last ones.

A hold is per attempt, not per counter: one member for each room and night in a sorted set scored by the end of the hold, by the store's
own clock. Taking is one undivided step over all nights: it purges what has ended, counts what lives, compares with what the source last
reported, and adds all rooms or none. An abandoned hold gives its rooms back by itself.

Free rooms = reported − held by others − confirmed *since* the report: what we confirmed earlier is missing from the source's number
already. A source that is asked seldom and an own contract (reported at the beginning of time) follow from the same rule.

Truth is in Postgres: every hold is written through by its owner. A store that was wiped has lost the mark of each hotel; `take` then
answers `Unrestored`, and the owner puts the hotel's holds back with `restore` and takes again. Every restoring gives another mark, so that
an owner whose hold is not committed yet sees whether the store was wiped and restored without it (`marks`). A store that cannot be reached
raises `HoldsUnreachable`; for partner stock the owner goes on without, since the partner's own answer is the truth.

All keys of one hotel share a hash tag, because its nights meet in one script; hotels spread over the nodes of a cluster.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from kernel.tenancy import Tenant
from kernel.urn import Urn

HOLD_LIFETIME: Final = timedelta(minutes=10)  # a partner's check and confirmation take 75 s at most; their retries fit too
CONFIRM_MARGIN: Final = timedelta(seconds=60)  # the longest a confirmation is under way; with less left the hold is extended once
_MARK_LIFETIME: Final = timedelta(days=1)  # shorter than any hold's keys are kept, so that a mark never outlives what it vouches for
_SCRIPTS: Final = ("take", "extend", "confirm", "release", "count", "restore")


class HoldsUnreachable(Exception):
    """The store of holds did not answer."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Rooms of one type in one hotel over some nights; `hotel` carries its vendor, which is the source."""

    tenant: Tenant
    hotel: Urn
    room_type: str
    nights: tuple[date, ...]

    @classmethod
    def between(cls, tenant: Tenant, hotel: Urn, room_type: str, check_in: date, check_out: date) -> Stay:
        """The nights from `check_in` up to, not including, `check_out`."""
        return cls(tenant, hotel, room_type, tuple(check_in + timedelta(days=n) for n in range((check_out - check_in).days)))


@dataclass(frozen=True, slots=True)
class Report:
    """What the source said is left for the stay, in rooms, and when it was asked."""

    rooms: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rooms that shall be held under a name, and what the source said of them."""

    stay: Stay
    hold: Urn
    rooms: int
    report: Report


@dataclass(frozen=True, slots=True)
class Taken:
    """`mark` is the hotel's: while it has the same one, the store has not lost the hold."""

    until: datetime
    mark: bytes


@dataclass(frozen=True, slots=True)
class Full:
    """Some night has only `free` rooms."""

    free: int


@dataclass(frozen=True, slots=True)
class Unrestored:
    """The store has forgotten this hotel: `restore` it, then take again."""


@dataclass(frozen=True, slots=True)
class Count:
    """One night. `recent` is the part of `confirmed` that the report cannot know of; `report` is None when nothing was ever taken."""

    night: date
    held: int
    confirmed: int
    recent: int
    nearest_expiry: datetime | None
    report: Report | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What Postgres remembers of a hold in one night: `held` for another `span`, or confirmed a `span` ago."""

    hold: Urn
    room_type: str
    night: date
    rooms: int
    confirmed: bool
    span: timedelta


class Holds:
    """The holds of all tenants in one store."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = {name: redis.register_script(text) for name, text in scripts().items()}

    async def take(
        self, stay: Stay, hold: Urn, rooms: int, report: Report, *, lifetime: timedelta = HOLD_LIFETIME, now: datetime | None = None
    ) -> Taken | Full | Unrestored:
        """Holds `rooms` rooms for every night, or none. May be repeated: the same name holds once.

        Raises: HoldsUnreachable.
        """
        wanted = [Wanted(stay, hold, rooms, report)]
        return (await self.take_many(wanted, lifetime=lifetime, now=now))[0]

    async def take_many(
        self, wanted: Sequence[Wanted], *, lifetime: timedelta = HOLD_LIFETIME, now: datetime | None = None
    ) -> list[Taken | Full | Unrestored]:
        """`take` for many, each for itself, in one round trip. Raises: HoldsUnreachable."""
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for each in wanted:
                    keys, arguments = call_of(each, lifetime, now)
                    await cast("Awaitable[object]", self._scripts["take"](keys=keys, args=arguments, client=pipeline))
                return [_taken(said) for said in await pipeline.execute()]
        except RedisError as error:
            raise HoldsUnreachable(type(error).__name__) from error

    async def extend(
        self, stay: Stay, hold: Urn, rooms: int, *, lifetime: timedelta = HOLD_LIFETIME, now: datetime | None = None
    ) -> datetime | None:
        """Lets a living hold end `lifetime` from now; None when it has ended. May be repeated. Raises: HoldsUnreachable."""
        until = cast(int, await self._run("extend", stay, _ms(now), hold, rooms, _span(lifetime)))
        return _instant(until) if until else None

    async def confirm(self, stay: Stay, hold: Urn, rooms: int, *, now: datetime | None = None) -> None:
        """Makes held rooms confirmed ones, even when the hold has ended: the source said yes. May be repeated. Raises: HoldsUnreachable."""
        await self._run("confirm", stay, _ms(now), hold, rooms)

    async def release(self, stay: Stay, hold: Urn, rooms: int) -> None:
        """Gives rooms back, held or confirmed. May be repeated. Raises: HoldsUnreachable."""
        await self._run("release", stay, "", hold, rooms)

    async def counts(self, stay: Stay, *, reported_at: datetime | None = None, now: datetime | None = None) -> tuple[Count, ...]:
        """What is spoken for, night by night; `recent` counts from `reported_at` on, if that is later than the last report.

        Raises: HoldsUnreachable.
        """
        rows = cast("list[list[int]]", await self._run("count", stay, _ms(now), _ms(reported_at) or 0))
        return tuple(_count(night, row) for night, row in zip(stay.nights, rows, strict=True))

    async def known(self, tenant: Tenant, hotels: Sequence[Urn]) -> set[Urn]:
        """Those of `hotels` that were not wiped. Raises: HoldsUnreachable."""
        return set(await self.marks(tenant, hotels))

    async def marks(self, tenant: Tenant, hotels: Sequence[Urn]) -> dict[Urn, bytes]:
        """The marks of those of `hotels` that were not wiped, or were restored since. Raises: HoldsUnreachable."""
        try:
            async with self._redis.pipeline(transaction=False) as pipeline:
                for hotel in hotels:
                    pipeline.get(f"{_tag(tenant, hotel)}:known")
                found = await pipeline.execute()
        except RedisError as error:
            raise HoldsUnreachable(type(error).__name__) from error
        return {hotel: mark for hotel, mark in zip(hotels, found, strict=True) if mark}

    async def restore(self, tenant: Tenant, hotel: Urn, kept: Iterable[Kept]) -> None:
        """Puts back what Postgres remembers of a hotel and marks it known. May be repeated. Raises: HoldsUnreachable."""
        items = tuple(kept)
        slots = sorted({(item.room_type, item.night) for item in items})
        number = {slot: place for place, slot in enumerate(slots, 1)}
        arguments: list[str | int] = ["", _span(_MARK_LIFETIME), secrets.token_hex(8)]
        for item in items:
            state = "confirmed" if item.confirmed else "held"
            arguments += [number[item.room_type, item.night], state, item.hold, item.rooms, _span(item.span)]
        await self._call("restore", _keys(tenant, hotel, slots), arguments)

    async def _run(self, script: str, stay: Stay, *arguments: str | int) -> object:
        return await self._call(script, _keys_of(stay), list(arguments))

    async def _call(self, script: str, keys: list[str], arguments: list[str | int]) -> object:
        try:
            return await cast("Awaitable[object]", self._scripts[script](keys=keys, args=arguments))
        except RedisError as error:
            raise HoldsUnreachable(type(error).__name__) from error


def _tag(tenant: Tenant, hotel: Urn) -> str:
    return f"hold:{{{tenant}:{hotel.vendor}:{hotel.id}}}"


def _keys(tenant: Tenant, hotel: Urn, slots: Iterable[tuple[str, date]]) -> list[str]:
    tag = _tag(tenant, hotel)
    nights = (f"{tag}:{room_type}:{night.isoformat()}" for room_type, night in slots)
    return [f"{tag}:known", *(f"{night}:{part}" for night in nights for part in ("held", "confirmed", "report"))]


def call_of(wanted: Wanted, lifetime: timedelta = HOLD_LIFETIME, now: datetime | None = None) -> tuple[list[str], list[str | int]]:
    """Keys and arguments with which the script `take` is called."""
    report = wanted.report
    return _keys_of(wanted.stay), [_ms(now), wanted.hold, wanted.rooms, _span(lifetime), report.rooms, _ms(report.at)]


def _keys_of(stay: Stay) -> list[str]:
    return _keys(stay.tenant, stay.hotel, [(stay.room_type, night) for night in stay.nights])


def _taken(said: list[Any]) -> Taken | Full | Unrestored:
    if said[0] < 0:
        return Unrestored()
    return Taken(_instant(said[1]), said[2]) if said[0] else Full(said[1])


def _count(night: date, row: Sequence[int]) -> Count:
    held, confirmed, recent, first, rooms, at = row
    return Count(night, held, confirmed, recent, _instant(first) if first else None, Report(rooms, _instant(at)) if rooms >= 0 else None)


def _ms(instant: datetime | None) -> str | int:
    return "" if instant is None else int(instant.timestamp() * 1000)


def _span(span: timedelta) -> int:
    return max(int(span.total_seconds() * 1000), 0)


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def scripts() -> dict[str, str]:
    """The scripts by name, each with the common part before it."""
    common, *parts = re.split(r"^-- name: (\w+)$", Path(__file__).with_suffix(".lua").read_text(), flags=re.MULTILINE)
    texts = {name: common + body for name, body in zip(parts[::2], parts[1::2], strict=True)}
    if tuple(texts) != _SCRIPTS:
        raise RuntimeError(f"hold.lua has {', '.join(texts)}; expected {', '.join(_SCRIPTS)}")
    return texts
