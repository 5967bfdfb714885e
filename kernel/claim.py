"""Taking due rows of `workflow` and `operation`, over all tenants in one statement and one commit.

A claim is `owner` and a raised `fence`; whoever writes afterwards says `where fence = mine`, and zero rows mean that the claim was lost.
Rows that are locked at the moment are left for the next round, so claims never wait for anybody. Whose turn it is, and how much of a
round is kept for undoing and for people who wait, is decided in `kernel.turns`.

What died with a worker shares the blame with all that worker had in hand, and the third death in a row is the end. So whatever has died
twice is taken in small company: of hundreds, all would be quarantined for the one that kills, or for a machine that was switched off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Executable, text
from sqlalchemy.ext.asyncio import AsyncEngine

from kernel.tenancy import Tenant
from kernel.turns import Portion, Share
from kernel.urn import Urn

SUSPECT: Final = 2  # deaths in a row


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that is ours while `fence` stands. `kind` is the plan of a workflow, the name of an operation."""

    tenant: Tenant
    urn: Urn
    kind: str
    fence: int
    share: Share = Share.FORWARD


@dataclass(frozen=True, slots=True)
class Claimed:
    """A table with claim columns: which column tells the kind, what else changes when a due row is taken, and which rows are due at all."""

    table: str
    kind: str
    sets: str = ""
    only: str = "true"


WORKFLOWS = Claimed("workflow", "plan")
# Taking an intent is what makes it "in flight": from this commit on the partner may have been reached.
OPERATIONS = Claimed(
    "operation",
    "name",
    """, sends = w.sends + case w.state when 'INTENT' then 1 else 0 end,
         sent_at = case w.state when 'INTENT' then nexa_now() end,
         state = case w.state when 'INTENT' then 'SENT' else w.state end""",
    "state <> 'SENT'",  # one in flight is taken over from its owner, or nobody touches it
)


def unless_stopped(claimed: Claimed, stopped: str, resent: Iterable[str]) -> Claimed:
    """Those of a stopped line are left: an intent, and what of `resent` would be asked again. `stopped` is the condition in SQL."""
    names = ", ".join(f"'{name}'" for name in sorted(resent))
    again = f" or (state = 'UNKNOWN' and {claimed.kind} in ({names}))" if names else ""
    leaves = f"(state = 'INTENT'{again})"
    return replace(claimed, only=f"{claimed.only} and not ({leaves} and {stopped})")


class Claims:
    """Takes rows of one table as one worker. `engine` connects as `nexa_dispatch`."""

    def __init__(self, engine: AsyncEngine, claimed: Claimed, me: str) -> None:
        self.engine, self.me = engine, me
        table, kind = claimed.table, claimed.kind
        # What is picked is locked, so it is found again by its place. By key, a plan made while the tables were empty took any index that
        # begins with the tenant: two thousand rows were read for each one that was claimed.
        self._due = text(f"""
            with picked as (
                select w.tenant, w.place
                from unnest(cast(:tenants as text[]), cast(:kinds as text[]), cast(:shares as int[]), cast(:mosts as int[]))
                    as t(tenant, kind, share, most)
                cross join lateral (
                    select tenant, ctid as place from {table}
                    where tenant = t.tenant and {kind} = t.kind and share = t.share and due <= nexa_now() and owner is null
                      and deaths < {SUSPECT} and {claimed.only}
                    order by due limit t.most for update skip locked
                ) w limit :most
            )
            update {table} w set fence = w.fence + 1, owner = :me{claimed.sets}
            from picked p where w.tenant = p.tenant and w.ctid = p.place
            returning w.tenant, w.urn, w.{kind} as kind, w.fence, w.share
        """)
        self._suspects = text(f"""
            with picked as (
                select tenant, ctid as place from {table}
                where tenant = any(cast(:tenants as text[])) and {kind} = any(cast(:kinds as text[]))
                  and deaths >= {SUSPECT} and due <= nexa_now() and owner is null and {claimed.only}
                order by due limit :most for update skip locked
            )
            update {table} w set fence = w.fence + 1, owner = :me{claimed.sets}
            from picked p where w.tenant = p.tenant and w.ctid = p.place
            returning w.tenant, w.urn, w.{kind} as kind, w.fence, w.share
        """)
        self._orphans = text(f"""
            with picked as (
                select w.tenant, w.place from unnest(cast(:tenants as text[])) as t(tenant)
                cross join lateral (
                    select tenant, ctid as place from {table}
                    where tenant = t.tenant and owner = any(cast(:owners as text[])) and {kind} = any(cast(:kinds as text[]))
                      and not urn = any(cast(:held as text[]))
                    limit :most for update skip locked
                ) w
            )
            update {table} w set fence = w.fence + 1, owner = :me, deaths = w.deaths + 1
            from picked p where w.tenant = p.tenant and w.ctid = p.place
            returning w.tenant, w.urn, w.{kind} as kind, w.fence, w.share
        """)
        self._left = text(f"select distinct owner from {table} where owner = any(cast(:owners as text[]))")

    async def due(self, portions: Sequence[Portion], most: int) -> list[Claim]:
        """Takes what is due, up to `most`: of each portion the longest waiting, portions in the order given."""
        if not portions or most <= 0:
            return []
        tenants, kinds, shares, mosts = zip(*portions, strict=True)
        facts = {"tenants": list(tenants), "kinds": list(kinds), "shares": [int(share) for share in shares], "mosts": list(mosts)}
        return await self._take(self._due, {**facts, "most": most})

    async def suspects(self, tenants: Sequence[Tenant], kinds: Iterable[str], most: int) -> list[Claim]:
        """Takes what is due and has died twice in a row, up to `most`."""
        return await self._take(self._suspects, {"tenants": list(tenants), "kinds": list(kinds), "most": most})

    async def orphans(
        self, tenants: Sequence[Tenant], owners: Sequence[str], kinds: Iterable[str], most: int, held: Iterable[Urn] = ()
    ) -> list[Claim]:
        """Takes over what `owners` had claimed, `held` aside, up to `most` per tenant; each taking counts as a death."""
        if not owners:
            return []
        facts = {"tenants": list(tenants), "owners": list(owners), "kinds": list(kinds), "most": most, "held": [str(urn) for urn in held]}
        return await self._take(self._orphans, facts)

    async def left_of(self, owners: Sequence[str]) -> set[str]:
        """Those of `owners` that still have something claimed, of any tenant and kind."""
        async with self.engine.connect() as connection:
            return set((await connection.execute(self._left, {"owners": list(owners)})).scalars())

    async def _take(self, statement: Executable, facts: Mapping[str, object]) -> list[Claim]:
        async with self.engine.begin() as connection:
            rows = (await connection.execute(statement, {**facts, "me": self.me})).all()
        return [Claim(Tenant(row.tenant), Urn(row.urn), row.kind, row.fence, Share(row.share)) for row in rows]
