"""What a resolver is given: who asks, which doors stand open, and the loaders of this one request.

A front door makes one `Context` per request, or per operation on a socket. Nothing in it is global, and nothing is remembered
from one request to the next.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, cast

from sqlalchemy.ext.asyncio import AsyncConnection
from strawberry.dataloader import DataLoader

from kernel.database import Databases
from kernel.feed import Feed
from kernel.identity import Identity, Operator, Role
from kernel.intake import Intake
from kernel.snapshot import Snapshots
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work

Row = TypeVar("Row")
Load = Callable[["Context", Sequence[Urn]], Awaitable[Sequence[Row | None]]]


async def _nobody(session: str) -> bool:
    return False


@dataclass(frozen=True)
class Doors:
    """What a process plugged in. A passenger's process has no databases, the others have neither snapshots nor intake.

    `alive` says whether an operator's live session still stands; `pss` is the vendor that holds the airlines' manifests.
    """

    databases: Databases | None = None
    feed: Feed | None = None
    snapshots: Snapshots | None = None
    intake: Intake | None = None
    alive: Callable[[str], Awaitable[bool]] = _nobody
    pss: str = ""


class ClosedDoorError(RuntimeError):
    """This process was not given what the field needs; a mistake of the wiring."""


class Loader(Generic[Row]):
    """Gathers the URNs that one turn of the event loop asks for into one call of `load`."""

    def __init__(self, load: Load[Row], context: Context) -> None:
        async def batch(urns: list[Urn]) -> Sequence[Row | None]:
            return await load(context, urns)

        self._loader: DataLoader[Urn, Row | None] = DataLoader(load_fn=batch)

    async def load(self, urn: Urn) -> Row | None:
        return await self._loader.load(urn)


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
    def intake(self) -> Intake:
        return _open(self.doors.intake, "intake")

    def read(self, domain: str) -> AbstractAsyncContextManager[AsyncConnection]:
        """A short read-only transaction of the asking tenant."""
        return _open(self.doors.databases, "databases")[domain].read(self.tenant)

    @asynccontextmanager
    async def work(self, domain: str) -> AsyncIterator[Work]:
        """A transaction in which who asks is the actor; committed when the block ends."""
        role = self.identity.role.value if isinstance(self.identity, Operator) else type(self.identity).__name__.upper()
        database = _open(self.doors.databases, "databases")[domain]
        async with database.work(self.tenant, actor=self.identity.urn, role=role, correlation=self.correlation) as work:
            yield work

    def loader(self, load: Load[Row]) -> Loader[Row]:
        if load not in self._loaders:
            self._loaders[load] = Loader(load, self)
        return cast("Loader[Row]", self._loaders[load])

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
