"""What a resolver is given: who asks, which doors stand open, and the loaders of this one request.

A front door makes one `Context` per request, or per operation on a socket. Nothing in it is global, and nothing is remembered
from one request to the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, cast

from kernel.database import Connection, Databases
from kernel.feed import Feed
from kernel.health import Health
from kernel.identity import Identity, Operator, Role
from kernel.intake import Intake
from kernel.saga import Plans
from kernel.snapshot import Snapshots
from kernel.tenancy import Tenant
from kernel.work import Work

Row = TypeVar("Row")
Key = TypeVar("Key", bound=Hashable)
Load = Callable[["Context", Sequence[Key]], Awaitable[Sequence[Row]]]


async def _nobody(session: str) -> bool:
    return False


@dataclass(frozen=True)
class Doors:
    """What a process plugged in. A passenger's process has no databases, the others have neither snapshots nor intake.

    `alive` says whether an operator's live session still stands; `pss` is the vendor that holds the airlines' manifests; `plans` are those
    of the workflows that a person may have a hand in.
    """

    databases: Databases | None = None
    feed: Feed | None = None
    snapshots: Snapshots | None = None
    intake: Intake | None = None
    alive: Callable[[str], Awaitable[bool]] = _nobody
    pss: str = ""
    plans: Plans = field(default_factory=Plans)
    health: Health | None = None


class ClosedDoorError(RuntimeError):
    """This process was not given what the field needs; a mistake of the wiring."""


class Loader(Generic[Key, Row]):
    """Gathers the keys, mostly URNs, that one turn of the event loop asks for into one call of `load`; remembers what it found."""

    def __init__(self, load: Load[Key, Row], context: Context) -> None:
        self._load, self._context = load, context
        self._found: dict[Key, asyncio.Future[Row]] = {}
        self._waiting: list[Key] = []
        self._batches: set[asyncio.Task[None]] = set()  # the loop itself holds its tasks weakly

    async def load(self, key: Key) -> Row:
        if key not in self._found:
            loop = asyncio.get_running_loop()
            self._found[key] = loop.create_future()
            if not self._waiting:
                loop.call_soon(self._start)
            self._waiting.append(key)
        return await asyncio.shield(self._found[key])  # one asker that gives up leaves the others their answer

    def _start(self) -> None:
        keys, self._waiting = self._waiting, []
        batch = asyncio.get_running_loop().create_task(self._gather(keys))
        self._batches.add(batch)
        batch.add_done_callback(self._batches.discard)

    async def _gather(self, keys: list[Key]) -> None:
        futures = [self._found[key] for key in keys]
        try:
            rows = await self._load(self._context, keys)
            for future, row in zip(futures, rows, strict=True):
                future.set_result(row)
        except Exception as error:
            for future in futures:
                if not future.done():
                    future.set_exception(error)


@dataclass
class Context:
    """One request. `correlation` is its W3C trace id, when it came with one."""

    identity: Identity
    doors: Doors = field(default_factory=Doors)
    correlation: str | None = None
    _loaders: dict[object, object] = field(default_factory=dict)

    @property
    def tenant(self) -> Tenant:
        return self.identity.tenant

    @property
    def airports(self) -> frozenset[str]:
        """The airports that bound who asks; empty means everywhere."""
        identity = self.identity
        return identity.airports if isinstance(identity, Operator) and identity.role is Role.AIRPORT_OPERATOR else frozenset()

    def admits(self, airport: str) -> bool:
        return not self.airports or airport in self.airports

    @property
    def operator(self) -> Operator:
        if not isinstance(self.identity, Operator):
            raise ClosedDoorError("only an operator's request has an operator")
        return self.identity

    @property
    def feed(self) -> Feed:
        return _open(self.doors.feed, "feed")

    @property
    def snapshots(self) -> Snapshots:
        return _open(self.doors.snapshots, "snapshots")

    @property
    def health(self) -> Health:
        return _open(self.doors.health, "partners")

    @property
    def intake(self) -> Intake:
        return _open(self.doors.intake, "intake")

    def read(self, domain: str) -> AbstractAsyncContextManager[Connection]:
        """A short read-only transaction of the asking tenant."""
        return _open(self.doors.databases, "databases")[domain].read(self.tenant)

    @asynccontextmanager
    async def work(self, domain: str) -> AsyncIterator[Work]:
        """A transaction in which who asks is the actor; committed when the block ends."""
        role = self.identity.role.value if isinstance(self.identity, Operator) else type(self.identity).__name__.upper()
        database = _open(self.doors.databases, "databases")[domain]
        async with database.work(self.tenant, actor=self.identity.urn, role=role, correlation=self.correlation) as work:
            yield work

    def loader(self, load: Load[Key, Row]) -> Loader[Key, Row]:
        if load not in self._loaders:
            self._loaders[load] = Loader(load, self)
        return cast("Loader[Key, Row]", self._loaders[load])

    def forget(self) -> None:
        """Lets go of every row read so far: what is asked next is read anew."""
        self._loaders.clear()


def _open(door: Row | None, name: str) -> Row:
    if door is None:
        raise ClosedDoorError(f"this process has no {name}")
    return door


class Info(Protocol):
    """The one thing a resolver may ask of the engine that runs it."""

    @property
    def context(self) -> Context: ...
