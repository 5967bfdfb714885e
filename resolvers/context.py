"""What a resolver is given: who asks, where the truth lies, and the loaders of this one request.

A front door makes one `Context` per request, or per operation on a socket. Nothing in it is global, and nothing is remembered
from one request to the next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, cast

from strawberry.dataloader import DataLoader

from kernel.identity import Identity
from kernel.tenancy import Tenant
from kernel.urn import Urn

Row = TypeVar("Row")
Load = Callable[["Context", Sequence[Urn]], Awaitable[Sequence[Row | None]]]


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
    """One request. `doors` is whatever the process plugged in; passengers' processes plug in no databases."""

    identity: Identity
    _loaders: dict[object, object] = field(default_factory=dict)

    @property
    def tenant(self) -> Tenant:
        return self.identity.tenant

    def loader(self, load: Load[Row]) -> Loader[Row]:
        if load not in self._loaders:
            self._loaders[load] = Loader(load, self)
        return cast("Loader[Row]", self._loaders[load])

    def forget(self) -> None:
        """Lets go of every row read so far: what is asked next is read anew."""
        self._loaders.clear()


class Info(Protocol):
    """The one thing a resolver may ask of the engine that runs it."""

    @property
    def context(self) -> Context: ...
