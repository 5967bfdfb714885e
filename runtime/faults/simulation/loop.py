"""An event loop on a virtual clock, in which whole workers can be frozen or ended between any two steps of their tasks.

Idea: the clock stands while anything is ready, or while Postgres owes an answer; when neither is so, it jumps to the next timer. Whether
Postgres owes an answer is seen on the wire: what was written has been answered when the last message received says "ready for query".

Every task belongs to the `Process` in whose context it was made. A frozen process's callbacks are put aside instead of being run, which
is all that SIGSTOP does; sockets go on receiving meanwhile, as the kernel would.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import selectors
import time
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

TICK: Final = 0.05  # virtual seconds; timers fire at its multiples, so that what happens at about the same time shares its transactions
STUCK: Final = 20.0  # real seconds without an answer after which the run is given up: two transactions wait for each other for good
_READY: Final = b"Z\x00\x00\x00\x05"  # ReadyForQuery and its length; one byte of status follows
NOBODY: Final = Context()  # for callbacks that belong to no process


class StuckError(RuntimeError):
    """Nothing will ever happen again, or Postgres does not answer."""


class Process:
    """What can be frozen and ended as one: the tasks made in its context."""

    def __init__(self) -> None:
        self.frozen = False
        self.tasks: set[asyncio.Task[Any]] = set()
        self.aside: list[tuple[asyncio.Handle, Callable[..., Any], tuple[Any, ...], Context]] = []

    def thaw(self, loop: asyncio.AbstractEventLoop) -> None:
        """Runs what was put aside, in its order."""
        self.frozen = False
        aside, self.aside = self.aside, []
        for handle, callback, arguments, context in aside:
            if not handle.cancelled():
                loop.call_soon(callback, *arguments, context=context)


OWNER: ContextVar[Process | None] = ContextVar("owner", default=None)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time begins at 0. `jumps` counts how often it moved."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.owed: dict[Process | None, int] = {None: 0}  # answers that Postgres owes, by who asked
        self.jumps = 0
        super().__init__(_Selector(self))
        self._clock_resolution = TICK / 10

    def time(self) -> float:
        """Virtual seconds."""
        return self.elapsed

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:  # type: ignore[override]
        """As the base, at the next tick."""
        return super().call_at(math.ceil(when / TICK - 1e-6) * TICK, callback, *args, context=context)

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        """As the base; a frozen process's callbacks wait until it thaws."""
        owner = OWNER.get() if context is None else context.get(OWNER)
        if owner is None or not owner.frozen:
            return super().call_soon(callback, *args, context=context)
        context = context or contextvars.copy_context()
        handle = asyncio.Handle(callback, args, self, context)
        owner.aside.append((handle, callback, args, context))
        return handle

    def create_task(self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None) -> asyncio.Task[T]:  # type: ignore[override]
        """As the base; the task belongs to the process in whose context it is made."""
        task = super().create_task(cast(Any, coro), name=name, context=context)
        owner = OWNER.get() if context is None else context.get(OWNER)
        if owner is not None:
            owner.tasks.add(task)
            task.add_done_callback(owner.tasks.discard, context=NOBODY)
        return task

    async def create_connection(self, protocol_factory: Callable[[], Any], *args: Any, **options: Any) -> Any:
        """As the base; the wire is watched."""
        owner = OWNER.get()
        self.owe(owner, 1)
        try:
            _, watch = await super().create_connection(lambda: _Watch(self, owner, protocol_factory()), *args, **options)
        finally:
            self.owe(owner, -1)
        return watch.wire, watch.protocol

    def _sock_connect_cb(self, fut: Any, sock: Any, address: Any) -> None:
        """As the base; but not left to a process that may be frozen, for which the wire would be ready again and again."""
        super()._sock_connect_cb(fut, sock, address)  # type: ignore[misc]
        if fut.done():
            self.remove_writer(sock.fileno())

    def owe(self, owner: Process | None, answers: int) -> None:
        """Counts what is asked, and answered."""
        self.owed[owner] = self.owed.get(owner, 0) + answers

    def waits(self) -> bool:
        """Whether somebody who could go on waits for Postgres."""
        return any(count > 0 and (owner is None or not owner.frozen) for owner, count in self.owed.items())


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """With nothing ready, waits for what is owed, or moves the clock by `timeout`."""
        if timeout is not None and timeout <= 0:
            return self._poll(0)
        if self._loop.waits():
            return self._wait()
        found = self._poll(0)
        if found:
            return found
        if timeout is None:
            raise StuckError("no timer runs and nobody owes an answer")
        self._loop.elapsed += timeout
        self._loop.jumps += 1
        return []

    def _wait(self) -> list[tuple[selectors.SelectorKey, int]]:
        until = time.monotonic() + STUCK
        while time.monotonic() < until:
            if found := self._poll(1.0):
                return found
        raise StuckError(f"Postgres has not answered for {STUCK:g} s")

    def _poll(self, timeout: float) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout)


class _Watch(asyncio.Protocol):
    """Stands between the wire and the driver's protocol, and knows whether an answer is owed."""

    def __init__(self, loop: VirtualLoop, owner: Process | None, protocol: asyncio.Protocol) -> None:
        self.loop, self.owner, self.protocol = loop, owner, protocol
        self.wire: _Wire | None = None
        self.owed = False

    def owe(self, owed: bool) -> None:
        if owed is not self.owed:
            self.owed = owed
            self.loop.owe(self.owner, 1 if owed else -1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire = _Wire(cast(asyncio.Transport, transport), self)
        self.protocol.connection_made(cast(asyncio.Transport, self.wire))

    def data_received(self, data: bytes) -> None:
        if data[-6:-1] == _READY:
            self.owe(False)
        self.protocol.data_received(data)

    def eof_received(self) -> bool | None:
        return self.protocol.eof_received()

    def pause_writing(self) -> None:
        self.protocol.pause_writing()

    def resume_writing(self) -> None:
        self.protocol.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self.owe(False)
        self.protocol.connection_lost(error)


class _Wire:
    """The transport; whatever is written is owed an answer."""

    def __init__(self, transport: asyncio.Transport, watch: _Watch) -> None:
        self._transport, self._watch = transport, watch

    @property
    def owed(self) -> bool:
        return self._watch.owed

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._watch.owe(True)
        self._transport.write(data)

    def writelines(self, parts: list[bytes | bytearray | memoryview]) -> None:
        self._watch.owe(True)
        self._transport.writelines(parts)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
