"""A worker's lines to Postgres: the driver's own connection, with failpoints at begin and commit and the virtual time set by each begin.

`nexa_now()` follows the setting `nexa.now` for members of `nexa_simulation` only (`kernel.migration`); the simulation's own cluster makes
its roles members, no other does. The setting travels with BEGIN itself and dies with the transaction, so it costs no round trip.

    error before a commit   the server rolls back          error after it   it is committed, and nobody here heard so
    a killed worker's transactions are rolled back, unless the commit was already on its way
    a frozen worker's are rolled back too, as `idle_in_transaction_session_timeout` does: it would hold its locks for good
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from runtime.faults.simulation.loop import NOBODY, TICK
from runtime.faults.simulation.points import BrokenError, Points


class Lines:
    """All lines of one worker. `now` is the instant that its transactions see."""

    def __init__(self, points: Points | None, now: Callable[[], datetime]) -> None:
        self.points, self.now = points, now
        self.cut_off = False
        self.open: set[Line] = set()

    def watch(self, engine: AsyncEngine) -> None:
        """From now on the engine connects through here."""
        event.listen(engine.sync_engine, "do_connect", self._connect)

    def cut(self, *, idle: bool = True) -> None:
        """Breaks them; those that are `idle` may be spared."""
        for line in list(self.open):
            if idle or line.busy:
                line.abort()

    def _connect(self, dialect: Any, record: Any, arguments: Any, options: dict[str, Any]) -> None:
        if self.cut_off:
            raise ConnectionRefusedError("this worker is dead")
        options |= {"connection_class": type("Line", (Line,), {"lines": self}), "ssl": False}


class Line(asyncpg.Connection):  # type: ignore[misc]  # asyncpg says nothing of its types
    """One connection. `busy` from its begin to the end of its commit, and while it waits for an answer."""

    lines: Lines

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._begun = False
        self.lines.open.add(self)

    @property
    def busy(self) -> bool:
        return self._begun or bool(getattr(self._transport, "owed", False))

    def abort(self) -> None:
        """The wire is cut, as by a dead peer."""
        self.lines.open.discard(self)
        NOBODY.copy().run(self._transport.abort)

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """As the base."""
        word = query.partition(" ")[0].rstrip(";")
        if word == "BEGIN":
            await asyncio.sleep(TICK)
            await self._pass("begin")
            self._begun = True
            query = f"{query} set local nexa.now = '{self.lines.now().isoformat()}'"
        elif word == "COMMIT":
            await self._pass("commit:before")
        try:
            done: str = await super().execute(query, *args, timeout=timeout)
        finally:
            self._begun = self._begun and word not in ("COMMIT", "ROLLBACK")
        if word == "COMMIT":
            await self._pass("commit:after")
        return done

    async def _pass(self, what: str) -> None:
        if self.lines.points is None:
            return
        try:
            await self.lines.points.passed(self._params.database, what)
        except BrokenError:
            self.abort()
            await asyncio.sleep(0)  # the driver hears of it in the loop's next turn
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation") from None

    def _cancel_current_command(self, *waiters: Any) -> None:
        """A dead worker sends no cancellation to the server."""
        if not self.lines.cut_off:
            return super()._cancel_current_command(*waiters)  # type: ignore[no-any-return]
        for waiter in waiters:
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def _cleanup(self) -> None:
        self.lines.open.discard(self)
        super()._cleanup()
