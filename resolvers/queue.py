"""Queue truth: of every party that waits for rooms its place and the time it may expect, or why nobody can tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from domains.booking import queries as booking
from domains.booking.queue import Pace, Waiting, expected
from domains.cases.model import SubCase, SubCaseStatus
from kernel import clock
from kernel.account import AccountUnreachable
from kernel.feed import Batch
from kernel.operation import Line, Stop
from kernel.operation.stop import LINES, stops
from kernel.refusal import NotFound
from kernel.urn import Urn
from resolvers import live, loaders
from resolvers.context import Context, Info

_WAITS = (SubCaseStatus.PENDING, SubCaseStatus.PROCESSING)
_UNDER_WAY = {"SENT": "The source is being asked at this moment.", "UNKNOWN": "It is being found out what the source has done."}


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where a party stands: `why` says what it is that nobody knows."""

    sub_case: Urn
    source: str | None
    place: int | None
    expected_at: datetime | None
    why: str | None


@dataclass(frozen=True, slots=True)
class QueueBatch:
    """All places of the case each time: one that is served moves all the others."""

    seq: str
    snapshot: bool
    items: tuple[QueuePlace, ...]


async def queue(info: Info, case: Urn) -> list[QueuePlace]:
    """Every party of the case that waits for rooms."""
    return await _places(info.context, case)


async def queue_changes(info: Info, case: Urn, after: str | None = None) -> AsyncIterator[QueueBatch]:
    """The same as it moves: when a party of the case does, and every two seconds while anybody waits."""
    context = info.context
    await _visible(context, case)

    async def items(batch: Batch) -> tuple[QueuePlace, ...]:
        return tuple(await _places(context, case))

    return live.told(context, "queue", after, items, lambda seq, snapshot, items: QueueBatch(seq, True, items))


async def _places(context: Context, case: Urn) -> list[QueuePlace]:
    await _visible(context, case)
    parties = [row for row in await live.whole_case(context, case) if row.status in _WAITS and row.needs_night]
    urns = [row.urn for row in parties]
    async with context.read(LINES[Line.BOOKINGS]) as connection:
        waiting = await booking.waiting_for_rooms(connection, context.tenant, urns)
        under_way = await booking.rooms_under_way(connection, context.tenant, urns)
        stopped = await stops(connection, context.tenant)
    paces = await _paces(context, {each.source for each in waiting.values()})
    now = clock.now()

    def place(row: SubCase) -> QueuePlace:
        its = waiting.get(row.urn)
        if its is None:
            return QueuePlace(row.urn, None, None, None, _why_not(row, under_way))
        held = next((each for each in stopped if _holds(each, its)), None)
        if held is not None:
            return QueuePlace(row.urn, its.source, None, None, f"Bookings are stopped: {held.reason}")
        at, why = expected(its, paces.get(its.source), now)
        return QueuePlace(row.urn, its.source, its.place, at, why)

    return [place(row) for row in parties]


def _why_not(row: SubCase, under_way: Mapping[Urn, str]) -> str:
    if row.status is SubCaseStatus.PENDING:
        return "No voucher was issued yet."
    return _UNDER_WAY.get(under_way.get(row.urn, ""), "No source is asked for rooms at the moment.")


def _holds(stop: Stop, its: Waiting) -> bool:
    return stop.line is Line.BOOKINGS and stop.partner in (None, its.source) and stop.airport in (None, its.airport)


async def _paces(context: Context, sources: Iterable[str]) -> dict[str, Pace]:
    """Of those that a partner's account paces; none where the store cannot be asked."""
    try:
        told = await context.health.of(context.tenant, sorted(sources))
    except AccountUnreachable:
        return {}
    return {each.vendor: Pace(min(each.pace, each.limit), each.breaker, each.paused_until) for each in told}


async def _visible(context: Context, case: Urn) -> None:
    found: Sequence[object | None] = await loaders.load_cases(context, [case])
    if found[0] is None:
        raise NotFound("There is no such case.")
