"""The bus in memory: what `kernel.bus.Bus` does with a Redis, without one, so that its waiting follows the virtual clock.

`Roads` is the server: streams with one group each, what is delivered and not acknowledged, markers and leases, a run id. It can be wiped
and restarted. `SimulatedBus` is one worker's client, with a failpoint before and after each call. `tests/runtime/faults/simulation` holds
both buses against the same expectations.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from kernel.bus import Bus, Entry, leader, marker, parse, stream
from kernel.tenancy import Tenant
from runtime.faults.simulation.loop import TICK
from runtime.faults.simulation.points import BrokenError, Points

T = TypeVar("T")
Id = tuple[int, int]
_NO_TIME: Final = TICK / 1000  # seconds; the clock moves by ticks, and what rounding leaves of one would be waited for without an end


@dataclass(slots=True)
class _Stream:
    """Ids in their order: all `entries`, those nobody was given (`fresh`), and what was given to whom and not acknowledged (`pending`)."""

    entries: dict[Id, str] = field(default_factory=dict)
    fresh: deque[Id] = field(default_factory=deque)
    pending: dict[Id, str] = field(default_factory=dict)

    def append(self, id: Id, payload: str) -> None:
        self.entries[id] = payload
        self.fresh.append(id)

    def give(self, consumer: str, count: int) -> list[Id]:
        given = [self.fresh.popleft() for _ in range(min(count, len(self.fresh)))]
        self.pending |= dict.fromkeys(given, consumer)
        return given

    def forget_since(self, id: Id) -> None:
        self.entries = {each: payload for each, payload in self.entries.items() if each < id}
        self.fresh = deque(each for each in self.fresh if each < id)
        self.pending = {each: consumer for each, consumer in self.pending.items() if each < id}

    def trim(self) -> None:
        """Behind the oldest that is not done."""
        oldest = min(self.pending, default=self.fresh[0] if self.fresh else max(self.entries, default=(0, 0)))
        self.entries = {each: payload for each, payload in self.entries.items() if each >= oldest}


class Roads:
    """One server. `lasting` is for how long a write may be lost when it restarts, in seconds."""

    lasting = 1.0

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._count = itertools.count(1)
        self._runs = itertools.count(1)
        self.streams: dict[str, _Stream] = {}
        self.markers: dict[str, str] = {}
        self.leases: dict[str, tuple[str, float]] = {}
        self.run = f"run-{next(self._runs)}"
        self._waiting: set[asyncio.Future[None]] = set()

    def append(self, key: str, payload: str) -> None:
        self.streams.setdefault(key, _Stream()).append((int(self._time() * 1000), next(self._count)), payload)
        self._wake()

    @property
    def busy(self) -> bool:
        """Whether anything is still to be delivered or acknowledged."""
        return any(found.fresh or found.pending for found in self.streams.values())

    def group(self, key: str) -> _Stream:
        """Raises: ResponseError, as Redis does when stream or group are gone."""
        if key not in self.streams:
            raise ResponseError(f"NOGROUP No such key '{key}' or consumer group")
        return self.streams[key]

    def wipe(self) -> None:
        """FLUSHALL."""
        self.streams.clear()
        self.markers.clear()
        self.leases.clear()
        self._wake()

    def restart(self) -> None:
        """Comes back from its disk without its last second; markers written to the run before say so."""
        for found in self.streams.values():
            found.forget_since((int((self._time() - self.lasting) * 1000), 0))
        self.run = f"run-{next(self._runs)}"
        self._wake()

    async def changed(self, seconds: float) -> None:
        """Until something was appended or lost, or the time is over."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(future)

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)


class SimulatedBus(Bus):
    """One worker's client of these roads."""

    def __init__(self, roads: Roads, points: Points) -> None:  # no Redis behind it: the base's own is not called
        self.roads, self._points = roads, points

    async def run_id(self) -> str:
        return await self._ask("run-id", lambda: self.roads.run)

    async def unmarked(self, tenants: Sequence[Tenant], database: str, run_id: str) -> list[Tenant]:
        markers = self.roads.markers
        return await self._ask("unmarked", lambda: [each for each in tenants if markers.get(marker(each, database)) != run_id])

    async def mark(self, tenant: Tenant, database: str, run_id: str) -> None:
        await self._ask("mark", lambda: self.roads.markers.update({marker(tenant, database): run_id}))

    async def doubt(self, tenant: Tenant, database: str) -> None:
        await self._ask("doubt", lambda: self.roads.markers.pop(marker(tenant, database), None))

    async def publish(self, database: str, messages: Mapping[Tenant, Sequence[tuple[str, str]]]) -> set[Tenant]:
        def append() -> set[Tenant]:
            reached = {tenant for tenant in messages if marker(tenant, database) in self.roads.markers}
            for tenant in reached:
                for domain, payload in self._points.stirred(database, messages[tenant]):
                    self.roads.append(stream(tenant, domain), payload)
            return reached

        return await self._ask("publish", append)

    async def hold(self, tenant: Tenant, owner: str, milliseconds: int) -> bool:
        def take() -> bool:
            held = self.roads.leases.get(leader(tenant))
            now = asyncio.get_running_loop().time()
            if held is not None and held[0] != owner and held[1] > now:
                return False
            self.roads.leases[leader(tenant)] = (owner, now + milliseconds / 1000)
            return True

        return await self._ask("hold", take)

    async def release(self, tenant: Tenant, owner: str) -> None:
        def give() -> None:
            if self.roads.leases.get(leader(tenant), ("", 0.0))[0] == owner:
                del self.roads.leases[leader(tenant)]

        await self._ask("release", give)

    async def prepare(self, streams: Iterable[str]) -> None:
        await self._ask("prepare", lambda: [self.roads.streams.setdefault(key, _Stream()) for key in streams])

    async def claim(self, tenant: Tenant, streams: Iterable[str], consumer: str) -> list[Entry]:
        def take() -> list[Entry]:
            entries: list[Entry] = []
            for key in streams:
                found = self.roads.group(key)
                found.pending = {id: consumer for id in found.pending if id in found.entries}
                entries += [replace(self._entry(tenant, key, id, found.entries[id]), again=True) for id in found.pending]
            return sorted(entries, key=lambda entry: entry.order)

        return await self._ask("claim", take)

    async def read(self, tenant: Tenant, streams: Sequence[str], consumer: str, count: int, block: int) -> list[Entry]:
        def take() -> list[Entry]:
            entries: list[Entry] = []
            for key in streams:
                found = self.roads.group(key)
                entries += [self._entry(tenant, key, id, found.entries[id]) for id in found.give(consumer, count)]
            return entries

        async def wait() -> list[Entry]:
            until = asyncio.get_running_loop().time() + block / 1000
            while not (entries := take()) and (left := until - asyncio.get_running_loop().time()) > _NO_TIME:
                await self.roads.changed(left)
            return entries

        return await self._ask_waiting("read", wait)

    async def acknowledge(self, entries: Iterable[Entry]) -> None:
        done = list(entries)
        if not done:
            return

        def strike_out() -> None:
            for entry in done:
                if entry.stream in self.roads.streams:
                    self.roads.streams[entry.stream].pending.pop(entry.order, None)

        await self._ask("acknowledge", strike_out)

    async def trim(self, streams: Sequence[str], consumer: str) -> bool:
        def cut() -> bool:
            found = [self.roads.group(key) for key in streams]
            for each in found:
                each.trim()
            return any(holder != consumer for each in found for holder in each.pending.values())

        return await self._ask("trim", cut)

    def _entry(self, tenant: Tenant, key: str, id: Id, payload: str) -> Entry:
        return Entry(key, f"{id[0]}-{id[1]}".encode(), parse(tenant, payload.encode()))

    async def _ask(self, what: str, do: Callable[[], T]) -> T:
        async def at_once() -> T:
            return do()

        return await self._ask_waiting(what, at_once)

    async def _ask_waiting(self, what: str, do: Callable[[], Awaitable[T]]) -> T:
        """Raises: redis' ConnectionError where the wire breaks, before the server heard of it or after it has acted."""
        try:
            await self._points.passed("bus", f"{what}:before")
            answer = await do()
            await self._points.passed("bus", f"{what}:after")
        except BrokenError as error:
            raise RedisConnectionError(str(error)) from error
        return answer
