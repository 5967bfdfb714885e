"""Pictures for open screens, as they change: every batch names what changed, and the rows are read anew.

A batch with `snapshot` replaces everything the screen has. What one session may do is no part of it, so that equal questions of
equal rights share one execution. Publishing here is only the fast path: the bus tells the screens of every committed change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from domains.booking import queries as booking
from domains.booking.model import HoldCount
from domains.cases import queries
from domains.cases.model import Case, Lock, SubCase, TimelineEntry
from domains.cases.refusals import OutsideAirports
from kernel.event import read
from kernel.feed import Batch
from kernel.refusal import NotFound
from kernel.urn import Urn
from resolvers import loaders
from resolvers.context import Context, Info
from resolvers.spelling import snake

Item = TypeVar("Item")
Told = TypeVar("Told")
BOARD = 2_000  # cases on one board; the worst day of a Tier-1 carrier cancels fewer flights


@dataclass(frozen=True, slots=True)
class CaseBatch:
    seq: str
    snapshot: bool
    items: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class SubCaseBatch:
    seq: str
    snapshot: bool
    items: tuple[SubCase, ...]


@dataclass(frozen=True, slots=True)
class TimelineBatch:
    """The whole timeline each time: it is short, and its lines change as they end."""

    seq: str
    snapshot: bool
    sub_case: SubCase
    entries: tuple[TimelineEntry, ...]


@dataclass(frozen=True, slots=True)
class LockBatch:
    seq: str
    snapshot: bool
    items: tuple[Lock, ...]


@dataclass(frozen=True, slots=True)
class HoldBatch:
    seq: str
    snapshot: bool
    items: tuple[HoldCount, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """Something a person should see now: a refused offer, a new review item."""

    urn: Urn
    at: datetime
    kind: str
    case: Urn
    sub_case: Urn | None
    message: str


@dataclass(frozen=True, slots=True)
class AlertBatch:
    seq: str
    snapshot: bool
    items: tuple[Alert, ...]


# listening -------------------------------------------------------------------------------------------------------------------


async def case_board(info: Info, airport: str | None = None, after: str | None = None) -> AsyncIterator[CaseBatch]:
    """The cases of an airport, or of all, as they change."""
    context = info.context

    async def items(batch: Batch) -> tuple[Case, ...]:
        rows = await _whole_board(context) if batch.snapshot else await loaders.load_cases(context, batch.urns)
        return tuple(row for row in rows if row is not None and airport in (None, row.airport))

    return told(context, "cases", after, items, CaseBatch)


async def sub_cases(info: Info, case: Urn, after: str | None = None) -> AsyncIterator[SubCaseBatch]:
    """The rows of one case, changes of their locks included."""
    context = info.context
    await _case(context, case)

    async def items(batch: Batch) -> tuple[SubCase, ...]:
        rows = await whole_case(context, case) if batch.snapshot else await loaders.load_sub_cases(context, batch.urns)
        return tuple(row for row in rows if row is not None and row.case == case)

    return told(context, f"sub-cases:{case}", after, items, SubCaseBatch)


async def sub_case_timeline(info: Info, sub_case: Urn, after: str | None = None) -> AsyncIterator[TimelineBatch]:
    """What is being done for one sub-case, step by step."""
    context = info.context
    if (await loaders.load_sub_cases(context, [sub_case]))[0] is None:
        raise NotFound("There is no such sub-case.")

    async def timeline() -> AsyncIterator[TimelineBatch]:
        async for batch in context.feed.subscribe(context.tenant, f"sub-case:{sub_case}", after):
            row = (await loaders.load_sub_cases(context, [sub_case]))[0]
            if row is not None:
                entries = (await loaders.load_timelines(context, [sub_case]))[0]
                yield TimelineBatch(str(batch.seq), True, row, tuple(entries))

    return timeline()


async def lock_holders(info: Info, case: Urn | None = None, after: str | None = None) -> AsyncIterator[LockBatch]:
    """Who works on what; a lock without a holder has just been freed."""
    context = info.context
    if case is not None:
        await _case(context, case)

    async def items(batch: Batch) -> tuple[Lock, ...]:
        async with context.read("cases") as connection:
            if batch.snapshot:
                found = await queries.held_locks(connection, context.tenant, case)
            else:
                found = list((await queries.locks_by_sub_case(connection, context.tenant, batch.urns)).values())
        seen = await loaders.visible_cases(context, [lock.case for lock in found])
        return tuple(lock for lock in found if lock.case in seen and case in (None, lock.case))

    return told(context, "locks", after, items, LockBatch)


async def hold_counts(info: Info, airport: str, after: str | None = None) -> AsyncIterator[HoldBatch]:
    """Rooms of an airport's hotels by night: held, confirmed, free."""
    context = info.context
    if not context.admits(airport):
        raise OutsideAirports()

    async def items(batch: Batch) -> tuple[HoldCount, ...]:
        async with context.read("booking") as connection:
            if batch.snapshot:
                return tuple(await booking.hold_counts(connection, context.tenant, airport))
            return tuple((await booking.hold_counts_by_urn(connection, context.tenant, batch.urns)).values())

    return told(context, f"holds:{airport}", after, items, HoldBatch)


async def alerts(info: Info, after: str | None = None) -> AsyncIterator[AlertBatch]:
    """What a person should see now. An alert is not kept: a snapshot has none, and what must be done is among the reviews."""
    context = info.context

    async def items(batch: Batch) -> tuple[Alert, ...]:
        found = [read(Alert, snake(change.item)) for change in batch.changes if change.item is not None]
        seen = await loaders.visible_cases(context, [alert.case for alert in found])
        return tuple(alert for alert in found if alert.case in seen)

    return told(context, "alerts", after, items, AlertBatch)


async def told(
    context: Context,
    topic: str,
    after: str | None,
    items: Callable[[Batch], Awaitable[tuple[Item, ...]]],
    make: Callable[[str, bool, tuple[Item, ...]], Told],
) -> AsyncIterator[Told]:
    async for batch in context.feed.subscribe(context.tenant, topic, after):
        yield make(str(batch.seq), batch.snapshot, await items(batch))


async def _case(context: Context, urn: Urn) -> None:
    if (await loaders.load_cases(context, [urn]))[0] is None:
        raise NotFound("There is no such case.")


async def _whole_board(context: Context) -> Sequence[Case]:
    found: list[Case] = []
    async with context.read("cases") as connection:
        while len(found) < BOARD:
            position = (found[-1].opened_at, found[-1].urn) if found else None
            page = await queries.cases(connection, context.tenant, first=queries.PAGE, after=position, airports=context.airports)
            found += page.items
            if not page.more:
                break
    return found


async def whole_case(context: Context, case: Urn) -> Sequence[SubCase]:
    """Every row of a case."""
    found: list[SubCase] = []
    async with context.read("cases") as connection:
        while True:
            page = await queries.sub_cases_of(connection, context.tenant, case, after=found[-1].urn if found else None)
            found += page.items
            if not page.more:
                return found


# telling ---------------------------------------------------------------------------------------------------------------------


def case_changed(context: Context, case: Case) -> None:
    _publish(context, "cases", case.urn, case.version)


def sub_cases_changed(context: Context, rows: Sequence[SubCase]) -> None:
    for row in rows:
        _publish(context, f"sub-cases:{row.case}", row.urn, row.version)
        _publish(context, f"sub-case:{row.urn}", row.urn, row.version)


def lock_changed(context: Context, lock: Lock) -> None:
    _publish(context, "locks", lock.sub_case, lock.fence)
    _publish(context, f"sub-cases:{lock.case}", lock.sub_case, 0, urgent=True)


def stop_changed(context: Context, stop: Urn, version: int) -> None:
    _publish(context, "stops", stop, version, urgent=True)


def _publish(context: Context, topic: str, urn: Urn, version: int, *, urgent: bool = False) -> None:
    if context.doors.feed is not None:
        context.doors.feed.publish(context.tenant, topic, urn, version, urgent=urgent)
