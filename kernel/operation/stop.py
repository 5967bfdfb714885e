"""Stopping a line: by a person's word nothing of one kind leaves any more, to anybody, to one partner or for one airport.

Idea: a stop lies beside the operations that it stops, in the same database, so that it holds from its commit on, whatever becomes of Redis.
Whatever makes an intent leave asks for it in the very statement: the claim, and the intent that is born claimed. What waits is taken out of
the line, so that claims find as little to read as before.

Guarantees: what was taken within the second before the commit may still leave, nothing after it; an intent that waits keeps its place, its
tries and its time, which go on when it is resumed. What is under way is found out as ever: look-ups are not stopped, and neither are undos,
because what is given back costs nobody a bed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.refusal import BadInput, NotFound
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work


class Line(StrEnum):
    """What can be stopped: rooms that are booked, messages to passengers, cards with money on them."""

    BOOKINGS = "BOOKINGS"
    MESSAGES = "MESSAGES"
    CARD_LOADS = "CARD_LOADS"


LINES: Final[Mapping[Line, str]] = {Line.BOOKINGS: "booking", Line.MESSAGES: "notifications", Line.CARD_LOADS: "wallet"}
"""The domain in whose database each lies."""


@dataclass(frozen=True, slots=True)
class Stop:
    """`partner` and `airport` bound what is stopped; None is all of them. `waiting` counts what would leave if it were resumed now."""

    urn: Urn
    line: Line
    partner: str | None
    airport: str | None
    reason: str
    by: Urn | None
    at: datetime
    resumed_at: datetime | None
    version: int
    waiting: int = 0


def stopped(row: str) -> str:
    """SQL: whether the operation `row`, a table or alias with line, partner and airport, is stopped."""
    return f"""({row}.line is not null and exists (
        select from stop s where s.tenant = {row}.tenant and s.line = {row}.line and s.resumed_at is null
          and (s.partner is null or s.partner = {row}.partner) and (s.airport is null or s.airport = {row}.airport)))"""


_COLUMNS: Final = "urn, line, partner, airport, reason, by, at, resumed_at, version"
_INSERT = text(f"""
    insert into stop (tenant, urn, line, partner, airport, reason, by)
    values (:tenant, :urn, :line, :partner, :airport, :reason, :by) returning {_COLUMNS}
""")
_SAME = text(f"""
    select {_COLUMNS} from stop where tenant = :tenant and line = :line and resumed_at is null
      and partner is not distinct from cast(:partner as text) and airport is not distinct from cast(:airport as text)
""")
_LOCK = text(f"select {_COLUMNS} from stop where tenant = :tenant and urn = :urn for update")
_RESUME = text(f"""
    update stop set resumed_at = nexa_now(), version = version + 1 where tenant = :tenant and urn = :urn returning {_COLUMNS}
""")
# Out of the line: what is not due is not even looked at by claims.
_TAKE_OUT = text(f"""
    update operation o set stopped_at = nexa_now(), resumes = due, due = null, version = version + 1
    where tenant = :tenant and line is not null and state = 'INTENT' and owner is null and due is not null and {stopped("o")}
""")
_PUT_BACK = text(f"""
    update operation o set due = greatest(resumes, nexa_now()), deadline = deadline + (nexa_now() - stopped_at),
        stopped_at = null, resumes = null, version = version + 1
    where tenant = :tenant and line = :line and state = 'INTENT' and stopped_at is not null and not {stopped("o")}
""")
# What is asked again under its own key was left alone meanwhile: the time in which somebody has to find out goes on from here.
_GO_ON = text("""
    update operation o set unknown_at = unknown_at + (nexa_now() - greatest(unknown_at, :since)), version = version + 1
    where tenant = :tenant and line = :line and state = 'UNKNOWN' and owner is null
""")
_READ = f"""
    select {_COLUMNS}, (
        select count(*) from operation o where o.tenant = s.tenant and o.line = s.line and o.state = 'INTENT' and o.stopped_at is not null
          and (s.partner is null or s.partner = o.partner) and (s.airport is null or s.airport = o.airport)) as waiting
    from stop s where tenant = :tenant
"""
_ACTIVE = text(f"{_READ} and resumed_at is null order by at, urn")
_BY_URN = text(f"{_READ} and urn = any(cast(:urns as text[])) order by at, urn")


async def stop(work: Work, line: Line, *, partner: str | None, airport: str | None, reason: str) -> Stop:
    """Stops it from the commit on; stopping what is stopped in the same bounds changes nothing. Must run in the operations' own database.

    Refuses: BadInput (no reason).
    """
    if not reason.strip():
        raise BadInput("A reason is needed: others will see that the line is stopped, and why.")
    bounds = {"tenant": work.tenant, "line": line.value, "partner": partner, "airport": airport}
    known = (await work.execute(_SAME, bounds)).first()
    if known is not None:
        return _read(known)
    made = (await work.execute(_INSERT, {**bounds, "urn": str(Urn.mint("stop")), "reason": reason.strip(), "by": work.actor})).one()
    await work.execute(_TAKE_OUT, {"tenant": work.tenant})
    found = _read(made)
    await work.audit(action="line.stop", entity=found.urn, reason=found.reason, after=_facts(found))
    return found


async def resume(work: Work, urn: Urn, *, reason: str) -> Stop:
    """What waits goes on, unless another stop holds it. Resuming what goes on already changes nothing.

    Refuses: BadInput (no reason), NotFound.
    """
    name = {"tenant": work.tenant, "urn": str(urn)}
    known = (await work.execute(_LOCK, name)).first()
    if known is None:
        raise NotFound("There is no such stop.")
    if not reason.strip():
        raise BadInput("A reason is needed: it stands beside the one for which the line was stopped.")
    if known.resumed_at is not None:
        return _read(known)
    found = _read((await work.execute(_RESUME, name)).one())
    await work.execute(_PUT_BACK, {"tenant": work.tenant, "line": found.line.value})
    await work.execute(_GO_ON, {"tenant": work.tenant, "line": found.line.value, "since": found.at})
    work.due = True
    before, after = _facts(found), {**_facts(found), "resumed": True}
    await work.audit(action="line.resume", entity=found.urn, reason=reason.strip(), before=before, after=after)
    return found


async def take_out(work: Work) -> int:
    """Takes out of the line what came back into it: a send that never left, an intent that was written at the moment of the stop."""
    return (await work.execute(_TAKE_OUT, {"tenant": work.tenant})).rowcount


async def stops(connection: AsyncConnection, tenant: Tenant) -> list[Stop]:
    """What is stopped, longest first."""
    return [_read(row) for row in await connection.execute(_ACTIVE, {"tenant": tenant})]


async def stops_by_urn(connection: AsyncConnection, tenant: Tenant, urns: list[Urn]) -> list[Stop]:
    """These, also when they are over."""
    return [_read(row) for row in await connection.execute(_BY_URN, {"tenant": tenant, "urns": [str(urn) for urn in urns]})]


def _read(row: Row[Any]) -> Stop:
    return Stop(
        Urn(row.urn), Line(row.line), row.partner, row.airport, row.reason, Urn(row.by) if row.by else None, row.at, row.resumed_at,
        row.version, getattr(row, "waiting", 0),
    )  # fmt: skip


def _facts(of: Stop) -> dict[str, Any]:
    return {"line": of.line, "partner": of.partner, "airport": of.airport}
