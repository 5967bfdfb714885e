"""The table of everything that runs without being asked.

    @on(cases.VoucherRequested)                       # one message at a time, in the order of its aggregate
    async def start_accommodation(work: Work, event: cases.VoucherRequested, envelope: Envelope, ports: Ports) -> None: ...

    @on_many(audit.AuditRecorded)                     # all of a batch at once, in order; for effects that batch well
    async def enter(work: Work, taken: Sequence[tuple[audit.AuditRecorded, Envelope]], ports: Ports) -> None: ...

    @on_reply                                         # every event of a batch that answers a saga's step
    async def signal(work: Work, answers: Sequence[Envelope], ports: Ports) -> None: ...

    @chore(every=timedelta(seconds=30), each="tenant")
    async def expire_holds(ports: Ports, tenant: Tenant) -> None: ...

A reaction's file names the database its `Work` belongs to: `jobs/reactions/cases.py` reacts in cases. It runs inside the transaction that
marks the message as taken, so it happens once; it never calls a partner. It may raise: its message is tried again, five times in all, and
then its aggregate is parked. Nothing is registered twice under one name, because the name is what the inbox remembers.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeVar, cast

from domains.airline.ports import Manifests
from domains.booking.ports import Rides
from domains.booking.search import Sources
from domains.notifications.ports import Chat, Links, Mail, Sms
from domains.wallet.ports import Cards
from kernel.database import Databases
from kernel.event import name_of
from kernel.feed import Feed
from kernel.hold import Holds
from kernel.lane import Reaction, Taken
from kernel.lock import Sessions
from kernel.outbox import Relay
from kernel.snapshot import Snapshots
from kernel.tenancy import Tenant
from kernel.work import Work

Each = Literal["database", "tenant"]
F = TypeVar("F", bound=Callable[..., Awaitable[None]])
REPLIES = "*"  # the message name under which reactions to any reply are kept


class RegistryError(ValueError):
    """Two things are registered under one name, or a reaction lies where its domain cannot be told."""


class Absent:
    """Stands where nothing was plugged in, and says so when it is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        raise RuntimeError(f"no {self._name} was plugged in; runtime/wiring.py does it")


def _absent(name: str) -> Any:
    return Absent(name)


@dataclass(frozen=True)
class Ports:
    """What jobs reach the world through; `runtime.wiring` plugs it in, a test plugs in only what it needs."""

    databases: Databases
    relays: Mapping[str, Relay] = _absent("relays")
    feed: Feed = _absent("feed")
    holds: Holds = _absent("holds")
    snapshots: Snapshots = _absent("snapshots")
    sessions: Sessions = _absent("sessions")
    manifests: Manifests = _absent("manifests")
    hotels: Sources = _absent("hotels")
    rides: Mapping[str, Rides] = _absent("rides")
    cards: Cards = _absent("cards")
    messages: Sms = _absent("messages")
    mail: Mail = _absent("mail")
    chat: Chat = _absent("chat")
    links: Links = _absent("links")
    webhooks: str | None = None  # where partners find our partner door from outside; None: they are not asked to report
    settle_scale: float = 1.0

    def callback(self, tenant: Tenant, vendor: str) -> str | None:
        """Where a partner reports to."""
        return f"{self.webhooks}/webhooks/{tenant}/{vendor}" if self.webhooks else None


@dataclass(frozen=True, slots=True)
class Chore:
    """`each` runs one per database or tenant, side by side, given as second argument. `woken_by="sent"`: after a commit."""

    name: str
    run: Callable[..., Awaitable[None]]
    every: timedelta
    each: Each | None
    woken_by: str | None


class Registry:
    """What was registered; one per process is enough, tests make their own."""

    def __init__(self) -> None:
        self.chores: dict[str, Chore] = {}
        self._reactions: dict[str, list[Reaction]] = {}

    def add(self, message: str, reaction: Reaction) -> None:
        """Raises: RegistryError when the name is taken for this message."""
        known = self._reactions.setdefault(message, [])
        if any(other.consumer == reaction.consumer for other in known):
            raise RegistryError(f"{reaction.consumer} reacts to {message} twice")
        known.append(reaction)

    def add_chore(self, made: Chore) -> None:
        """Raises: RegistryError when the name is taken."""
        if made.name in self.chores:
            raise RegistryError(f"two chores are called {made.name}")
        self.chores[made.name] = made

    def reactions(self, message: str, reply: bool) -> Sequence[Reaction]:
        """Everything that reacts to a message of this name; `reply` when it answers a saga's step."""
        found = self._reactions.get(message, [])
        return [*found, *self._reactions.get(REPLIES, [])] if reply else found

    @property
    def messages(self) -> frozenset[str]:
        """The names somebody reacts to."""
        return frozenset(self._reactions)


REGISTRY = Registry()


def on(*messages: type, registry: Registry = REGISTRY, domain: str | None = None) -> Callable[[F], F]:
    """Registers a reaction to each of these messages, one message at a time."""

    def register(function: F) -> F:
        async def run(work: Work, taken: Sequence[Taken], ports: object) -> None:
            for each in taken:
                await function(work, each.message, each.envelope, ports)

        return _register(function, run, [name_of(each) for each in messages], registry, domain, many=False)

    return register


def on_many(*messages: type, registry: Registry = REGISTRY, domain: str | None = None) -> Callable[[F], F]:
    """Registers a reaction that takes all of a batch's messages of these kinds at once."""

    def register(function: F) -> F:
        async def run(work: Work, taken: Sequence[Taken], ports: object) -> None:
            await function(work, [(each.message, each.envelope) for each in taken], ports)

        return _register(function, run, [name_of(each) for each in messages], registry, domain, many=True)

    return register


def on_reply(function: F) -> F:
    """Registers a reaction in cases, where workflows are, that takes all of a batch's events that carry a `reply_to`."""

    async def run(work: Work, taken: Sequence[Taken], ports: object) -> None:
        await function(work, [each.envelope for each in taken], ports)

    return _register(function, run, [REPLIES], REGISTRY, "cases", many=True)


def chore(*, every: timedelta, each: Each | None = None, woken_by: str | None = None, registry: Registry = REGISTRY) -> Callable[[F], F]:
    """Registers something to do again and again, `every` after the last time ended."""

    def register(function: F) -> F:
        registry.add_chore(Chore(_name(function), function, every, each, woken_by))
        return function

    return register


def load() -> Registry:
    """Imports everything in `jobs/` so that it registers itself; the full registry."""
    for package in ("reactions", "sagas", "operations", "chores"):
        home = importlib.import_module(f"jobs.{package}")
        for module in pkgutil.iter_modules(home.__path__):
            importlib.import_module(f"{home.__name__}.{module.name}")
    return REGISTRY


def _register(
    function: F, run: Callable[[Work, Sequence[Taken], object], Awaitable[None]], names: Sequence[str], registry: Registry,
    domain: str | None, *, many: bool,
) -> F:  # fmt: skip
    where = domain or _domain_of(function)
    for name in names:
        registry.add(name, Reaction(f"{where}:{_name(function)}", where, run, many))
    return function


def _domain_of(function: Callable[..., Awaitable[None]]) -> str:
    package, _, module = function.__module__.rpartition(".")
    if package != "jobs.reactions":
        raise RegistryError(f"{_name(function)} must lie in jobs/reactions/<domain>.py, or name its domain")
    return module


def _name(function: Callable[..., Awaitable[None]]) -> str:
    return cast(str, getattr(function, "__name__"))
