"""Who is alive: one heartbeat per worker and second, in the database of the workflows.

A worker that was not heard for `dead_after` is dead to the others, and they take over what it had claimed. It may only be paused: nothing
rests on its being gone, because every claim has a fence; but it must not claim or send anything before its own heart has beaten again.
Who runs beside it sees sooner that its process is gone, and says the goodbye that it could not say.

Whose own heart could not beat for long takes nobody's silence for death until the others have had as long again to be heard: it is the
database that was away, for all of them.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from kernel.clock import monotonic
from kernel.process import Process

log = logging.getLogger(__name__)

_BEAT = text("""
    insert into worker (id, queue, process, beat_at) values (:me, :queue, :process, nexa_now())
    on conflict (id) do update set beat_at = nexa_now(), cleared_at = null
""")
_DEAD = text("""
    select id from worker
    where (beat_at = '-infinity' or (:judges and beat_at < nexa_now() - make_interval(secs => :dead_after)))
      and cleared_at is null and id <> :me
    order by id
""")
_HEARD = text("""
    select id, process from worker
    where process is not null and beat_at >= nexa_now() - make_interval(secs => :dead_after) and cleared_at is null and id <> :me
""")
_LEAVE = text("update worker set beat_at = '-infinity' where id = any(cast(:ids as text[]))")
_CLEARED = text("""
    update worker set cleared_at = nexa_now()
    where id = any(cast(:ids as text[])) and beat_at < nexa_now() - make_interval(secs => :dead_after)
""")
_FORGET = text("delete from worker where cleared_at < nexa_now() - interval '7 days'")


@dataclass(frozen=True, slots=True)
class Pulse:
    """How often the heart beats, and how long it may be silent."""

    beat: timedelta = timedelta(seconds=1)
    dead_after: timedelta = timedelta(seconds=6)


class Presence:
    """One worker's own heart, and its view of the others'. `me` is new with every start, so that nobody inherits claims."""

    def __init__(self, engine: AsyncEngine, worker_id: str, pulse: Pulse, queue: str | None = None, process: Process | None = None) -> None:
        self.engine, self.pulse, self.queue, self.process = engine, pulse, queue, process
        self.me = f"{worker_id}:{secrets.token_hex(6)}"
        self.dead: tuple[str, ...] = ()
        self._heard: float | None = None
        self._judges_from = float("-inf")

    @property
    def alive(self) -> bool:
        """Whether the others still take this worker for alive, with half of the time to spare."""
        return self._heard is not None and monotonic() - self._heard < self.pulse.dead_after.total_seconds() / 2

    async def beat(self) -> None:
        """One heartbeat; afterwards `dead` names the workers that are silent and still have something claimed."""
        heard = monotonic()  # before the statement: what others see is not older than this
        if self._heard is not None and not self.alive:
            self._judges_from = heard + self.pulse.dead_after.total_seconds()
        async with self.engine.begin() as connection:
            process = None if self.process is None else str(self.process)
            await connection.execute(_BEAT, {"me": self.me, "queue": self.queue, "process": process})
            silence = self.pulse.dead_after.total_seconds()
            await self._bury(connection, silence)
            facts = {"me": self.me, "dead_after": silence, "judges": heard >= self._judges_from}
            self.dead = tuple((await connection.execute(_DEAD, facts)).scalars())
        self._heard = heard

    async def cleared(self, ids: tuple[str, ...]) -> None:
        """Nothing of these dead workers is left to take over. May be repeated."""
        async with self.engine.begin() as connection:
            await connection.execute(_CLEARED, {"ids": list(ids), "dead_after": self.pulse.dead_after.total_seconds()})
            await connection.execute(_FORGET)

    async def leave(self) -> None:
        """Says goodbye: what is still claimed is taken over at once."""
        self._heard = None
        async with self.engine.begin() as connection:
            await connection.execute(_LEAVE, {"ids": [self.me]})

    async def _bury(self, connection: AsyncConnection, silence: float) -> None:
        """Says goodbye for neighbours whose hearts were still heard and whose processes are gone."""
        if self.process is None:
            return
        heard = (await connection.execute(_HEARD, {"me": self.me, "dead_after": silence})).all()
        gone = [row.id for row in heard if self.process.sees_gone(Process.parse(row.process))]
        if gone:
            log.warning("the processes of %s are gone", ", ".join(gone))
            await connection.execute(_LEAVE, {"ids": gone})
