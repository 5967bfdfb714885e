"""Whether anything is still to come: work that moves, messages on their way, partners that have not made up their minds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import text

from kernel.bus import GROUP, stream
from kernel.clock import monotonic
from kernel.patience import passing
from kernel.tenancy import Tenant
from runtime.faults.stage import Stage
from runtime.faults.twins import Twins
from runtime.settings import DATABASES, DOMAINS

PATIENCE: Final = 120.0  # seconds without less to do than ever before; the longest pauses between two tries of ours are half of it
LONGEST: Final = 480.0  # seconds in all
LOOK: Final = 1.0  # seconds between two looks
IN_A_ROW: Final = 2  # looks at which nothing must be found
AWAY: Final = 1_000_000  # what a database that cannot be asked may have left to do

_MOVING: Final = "select count(*) from workflow where state in ('RUNNING', 'COMPENSATING')"
# Also those whose workflow has yet to start.
_UNDER_WAY: Final = """
    select count(*) from sub_case s where status = 'PROCESSING' or exists (
        select from workflow w where w.tenant = s.tenant and w.subject = s.urn and w.state in ('RUNNING', 'COMPENSATING'))
"""
# What is verified a day later (scaled) is not waited for: nothing is expected of it.
_PENDING: Final = """
    select count(*) from operation
    where state in ('INTENT', 'SENT', 'UNKNOWN') or (due is not null and due < nexa_now() + interval '60 seconds')
"""
_WAITING: Final = 'select count(*) from "{table}" where published_at is null'
_OPERATIONS: Final = ("cases", "booking", "wallet", "notifications")


class Rest:
    """`come` returns when nothing is left to do, or says what is."""

    def __init__(self, stage: Stage, twins: Twins, tenants: Sequence[str]) -> None:
        self.stage, self.twins, self.tenants = stage, twins, tenants

    async def come(self, told: Callable[[str], None]) -> list[str]:
        """What is left when nothing gets done any more, or after the longest wait; nothing, when all is done."""
        began = progressed = monotonic()
        least, quiet = float("inf"), 0
        while True:
            left = await self._left()
            quiet = 0 if left else quiet + 1
            if quiet == IN_A_ROW:
                return []
            if (total := sum(left.values())) < least:
                least, progressed = total, monotonic()
            said = [f"{count} {what}" for what, count in left.items()]
            if monotonic() - progressed > PATIENCE or monotonic() - began > LONGEST:
                return said
            told(", ".join(said))
            await asyncio.sleep(LOOK)

    async def near(self, few: int, within: float) -> None:
        """Returns when at most so few sub-cases are under way, or after so many seconds."""
        until = monotonic() + within
        while monotonic() < until:
            if await self._count("cases", _UNDER_WAY) <= few:
                return
            await asyncio.sleep(LOOK)

    async def _left(self) -> dict[str, int]:
        await self.twins.settle()
        found = {"workflows": await self._count("cases", _MOVING)}
        found |= {f"operations of {name}": await self._count(name, _PENDING) for name in _OPERATIONS}
        for name in DATABASES:
            found[f"messages of {name}"] = await self._count(name, _WAITING.format(table="intake" if name == "intake" else "outbox"))
        found["deliveries"] = await self._deliveries()
        return {what: count for what, count in found.items() if count}

    async def _deliveries(self) -> int:
        """Messages in streams that were not handed out, or not acknowledged."""
        count = 0
        async with self.stage.valkey("coordination") as redis:
            for tenant in map(Tenant, self.tenants):
                for domain in DOMAINS:
                    key = stream(tenant, domain)
                    groups = await redis.xinfo_groups(key) if await redis.exists(key) else ()
                    count += sum((group["lag"] or 0) + group["pending"] for group in groups if group["name"] in (GROUP, GROUP.encode()))
        return count

    async def _count(self, database: str, statement: str) -> int:
        """`AWAY` where the server is."""
        try:
            async with self.stage.engine(database).connect() as connection:
                return int((await connection.execute(text(statement))).scalar_one())
        except Exception as error:
            if not passing(error):
                raise
            return AWAY
