"""The hand that strikes: carries out a schedule, each strike at its instant, whatever became of the one before."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from kernel.clock import monotonic
from runtime.faults.people import TENANTS
from runtime.faults.stage import Stage
from runtime.faults.strikes import Kind, Schedule, Strike, offset
from runtime.faults.watch import Watch

HUNG_UP = 0.5  # of all connections to Postgres are cut at once


@dataclass
class Striker:
    """`counts` are the strikes made so far, by kind."""

    stage: Stage
    watch: Watch
    schedule: Schedule
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._dice = self.schedule.dice
        self._following: list[asyncio.Task[None]] = []
        self._enough = asyncio.Event()

    async def run(self) -> None:
        """Returns when it was told that it is enough, and the last strike is over; who was killed is followed until `end`."""
        began = monotonic()
        striking: list[asyncio.Task[None]] = []
        for strike in self.schedule.strikes:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, began + strike.at - monotonic())):
                    await self._enough.wait()
                    break
            striking.append(asyncio.create_task(self._strike(strike)))
            self.counts[strike.kind.value] += 1
        await asyncio.gather(*striking)

    def enough(self) -> None:
        """No further strike."""
        self._enough.set()

    async def end(self) -> None:
        """Until everybody who died was followed, and every wipe recovered from."""
        await asyncio.gather(*self._following)

    async def _strike(self, strike: Strike) -> None:
        stage, target = self.stage, strike.target
        if strike.kind is Kind.KILL:
            self._kill(target)
        elif strike.kind is Kind.KILL_RELAY:
            self._kill(await stage.leader(target))
        elif strike.kind is Kind.PAUSE:
            await stage.pause(target, strike.seconds)
        elif strike.kind is Kind.HANG_UP:
            await stage.hang_up(HUNG_UP)
        elif strike.kind is Kind.HANG_UP_VALKEY:
            await stage.hang_up_valkey(target)
        elif strike.kind in (Kind.RESTART, Kind.CRASH):
            await stage.restart_postgres(crash=strike.kind is Kind.CRASH)
        elif strike.kind is Kind.FLUSH:
            await stage.flush(target)
            self._following.append(asyncio.create_task(self.watch.recover()))
        elif strike.kind is Kind.SILENCE:
            await stage.silence(strike.seconds)
        elif strike.kind is Kind.AGAIN:
            await stage.publish_again(target)
        else:
            await stage.shuffle(TENANTS, self._dice)

    def _kill(self, name: str | None) -> None:
        """The next life of it has another clock."""
        if name is None:
            return
        self.stage.besides[name]["NEXA_CLOCK_OFFSET"] = str(offset(self._dice))
        pid = self.stage.kill(name)
        if pid is not None and name.startswith("worker"):
            self._following.append(asyncio.create_task(self.watch.follow(pid)))
