"""What can be seen only while it happens: who holds which claim, how long the dead are followed by the living, when all is well again."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import text

from kernel.clock import monotonic
from kernel.patience import passing
from kernel.refusal import StoreAway
from kernel.snapshot import Snapshots
from kernel.tenancy import Tenant
from runtime.faults.stage import Stage
from runtime.faults.verdict import Invariant, Violation
from runtime.settings import DATABASES

LOOK: Final = 0.25  # seconds between two looks at the owners
NEAR: Final = 0.1  # the same while somebody is dead
WAITING: Final = 3.0  # seconds; a site in which a message waits longer to be published is not well
RESTARTING: Final = 15.0  # seconds that a process takes to be ready again, on a busy machine
GIVEN_UP: Final = 60.0  # seconds after which a take-over or a recovery is told as it stands
CLAIMED: Final[Mapping[str, Sequence[str]]] = {
    "cases": ("workflow", "operation"),
    "booking": ("operation",),
    "wallet": ("operation",),
    "notifications": ("operation",),
}

_OWNED: Final = "select '{table}' as what, urn, fence, owner from {table} where owner is not null"
_LEASES: Final = "select 'relay' as what, name as urn, fence, owner from relay_lease where until > nexa_now()"
_LEFT: Final = "select count(*) from {table} where owner like :owner"
_OLDEST: Final = 'select extract(epoch from nexa_now() - min(at)) from "{table}" where published_at is null'


class Recovery(NamedTuple):
    """How long it took until all was well; `lacked` is what was not, with the tenths of a second for which it was found so."""

    seconds: float
    lacked: Mapping[str, int] = {}

    def __str__(self) -> str:
        longest = sorted(self.lacked.items(), key=lambda each: -each[1])
        return f"{self.seconds:.0f} s ({', '.join(f'{tenths / 10:g} s {what}' for what, tenths in longest)})"


class Watch:
    """One per part; `run` looks all the time, the others are asked when something was struck."""

    def __init__(self, stage: Stage, tenants: Sequence[str]) -> None:
        self.stage, self.tenants = stage, tenants
        self.take_over: list[float] = []
        self.after_flush: list[Recovery] = []
        self.violations: list[Violation] = []
        self._owners: dict[tuple[str, str, str, int], str] = {}

    @property
    def fences(self) -> int:
        """How many claims were seen."""
        return len(self._owners)

    async def run(self) -> None:
        """Holds every claim that can be seen against those seen before, for ever."""
        while True:
            for database in DATABASES:
                for what, urn, fence, owner in await self._ask(database, self._statement(database)):
                    self._see((database, what, urn, fence), owner)
            await asyncio.sleep(LOOK)

    async def follow(self, pid: int) -> None:
        """From this death until nothing is claimed by the dead any more."""
        began, had = monotonic(), False
        owner = {"owner": f"{socket.gethostname()}-{pid}:%"}
        while monotonic() - began < GIVEN_UP:
            counts = [
                await self._ask(database, _LEFT.format(table=table), owner) for database, tables in CLAIMED.items() for table in tables
            ]
            left = sum(rows[0][0] for rows in counts if rows)
            had = had or left > 0
            if left == 0 and all(counts):
                break
            await asyncio.sleep(NEAR)
        if had:
            self.take_over.append(monotonic() - began)

    async def recover(self) -> None:
        """From this wipe until all is well that was not struck by something else, shortly before it or after."""
        self.after_flush.append(await self.healthy(GIVEN_UP, monotonic() - RESTARTING))

    async def healthy(self, within: float, since: float = float("inf")) -> Recovery:
        """From now until every process is ready, no message waits, and no store is incomplete; `within` when that is not enough.

        Processes that were struck themselves after `since` are not asked.
        """
        began, waits = monotonic(), Counter[str]()
        await asyncio.sleep(NEAR)
        while monotonic() - began < within:
            looked = monotonic()
            lacking = await self._waiting() or await self._incomplete() or await self.stage.unwell(since)
            if not lacking:
                return Recovery(monotonic() - began, waits)
            await asyncio.sleep(LOOK)
            waits[lacking] += round(10 * (monotonic() - looked))
        return Recovery(within, waits)

    async def _waiting(self) -> str | None:
        for database in DATABASES:
            table = "intake" if database == "intake" else "outbox"
            rows = await self._ask(database, _OLDEST.format(table=table))
            if not rows:
                return f"{database} cannot be asked"
            if float(rows[0][0] or 0) > WAITING:
                return f"messages of {database} wait"
        return None

    async def _incomplete(self) -> str | None:
        snapshots = Snapshots.connect(self.stage.told["NEXA_SNAPSHOT_URL"])
        try:
            for tenant in map(Tenant, self.tenants):
                if await snapshots.lost(tenant) or await snapshots.rebuilding(tenant):
                    return "snapshots are not all there"
            return None
        except StoreAway:
            return "snapshots cannot be asked"
        finally:
            await snapshots.close()

    def _statement(self, database: str) -> str:
        return " union all ".join([*(_OWNED.format(table=table) for table in CLAIMED.get(database, ())), _LEASES])

    def _see(self, claim: tuple[str, str, str, int], owner: str) -> None:
        known = self._owners.setdefault(claim, owner)
        if known != owner:
            database, what, urn, fence = claim
            said = f"{database}.{what} {urn} has two owners under fence {fence}: {known} and {owner}"
            self.violations.append(Violation(Invariant.FENCE, said))

    async def _ask(self, database: str, statement: str, facts: Mapping[str, object] | None = None) -> Sequence[Any]:
        """The rows; none while the server is away."""
        try:
            async with self.stage.engine(database).connect() as connection:
                return (await connection.execute(text(statement), facts or {})).all()
        except Exception as error:
            if not passing(error):
                raise
            return ()
