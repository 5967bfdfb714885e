"""Stopped lines: what nobody is sent at the moment, why, and how much waits for it. Each lies in the domain where its calls do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domains.booking import actions as booking
from domains.notifications import actions as notifications
from domains.wallet import actions as wallet
from kernel.feed import Batch
from kernel.operation import Line, Stop
from kernel.operation.stop import LINES, stops, stops_by_urn
from kernel.refusal import BadInput, NotFound
from kernel.urn import Urn
from kernel.work import Work
from resolvers import live
from resolvers.context import Context, Info

StopIt = Callable[[Work, str | None, str | None, str], Awaitable[Stop]]
ResumeIt = Callable[[Work, Urn, str], Awaitable[Stop]]

_ACTIONS: Final[Mapping[Line, tuple[StopIt, ResumeIt]]] = {
    Line.BOOKINGS: (booking.stop_bookings, booking.resume_bookings),
    Line.MESSAGES: (notifications.stop_messages, notifications.resume_messages),
    Line.CARD_LOADS: (wallet.stop_card_loads, wallet.resume_card_loads),
}
_PARTNER: Final = re.compile(r"[a-z][a-z0-9_]{1,39}")
_AIRPORT: Final = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class StopOrder:
    """`partner` by its vendor's name, `airport` by its code; left out, all of them."""

    line: Line
    reason: str
    partner: str | None = None
    airport: str | None = None


@dataclass(frozen=True, slots=True)
class ResumeOrder:
    line: Line
    stop: Urn
    reason: str


@dataclass(frozen=True, slots=True)
class LineStopped:
    stop: Stop


@dataclass(frozen=True, slots=True)
class LineResumed:
    stop: Stop


@dataclass(frozen=True, slots=True)
class StopBatch:
    seq: str
    snapshot: bool
    items: tuple[Stop, ...]


async def stopped_lines(info: Info) -> list[Stop]:
    """What is stopped at the moment, longest first."""
    return await _stopped(info.context)


async def stopped_line_changes(info: Info, after: str | None = None) -> AsyncIterator[StopBatch]:
    """Stops as they are made and end; one with `resumedAt` is over."""
    context = info.context

    async def items(batch: Batch) -> tuple[Stop, ...]:
        return tuple(await (_stopped(context) if batch.snapshot else _named(context, batch.urns)))

    return live.told(context, "stops", after, items, StopBatch)


async def stop_line(info: Info, input: StopOrder) -> LineStopped:
    """Nothing of it leaves from this answer on, but what was under way within the second before."""
    context = info.context
    if input.partner is not None and not _PARTNER.fullmatch(input.partner):
        raise BadInput("A partner is named by its vendor.")
    if input.airport is not None and not _AIRPORT.fullmatch(input.airport):
        raise BadInput("An airport is named by three capital letters.")
    stop_it, _ = _ACTIONS[input.line]
    async with context.work(LINES[input.line]) as work:
        made = await stop_it(work, input.partner, input.airport, input.reason)
    live.stop_changed(context, made.urn, made.version)
    return LineStopped(await _one(context, made))


async def resume_line(info: Info, input: ResumeOrder) -> LineResumed:
    """What waited goes on, unless another stop holds it."""
    context = info.context
    _, resume_it = _ACTIONS[input.line]
    async with context.work(LINES[input.line]) as work:
        over = await resume_it(work, input.stop, input.reason)
    live.stop_changed(context, over.urn, over.version)
    return LineResumed(await _one(context, over))


async def _one(context: Context, made: Stop) -> Stop:
    """With what waits for it, which is known after the commit."""
    async with context.read(LINES[made.line]) as connection:
        found = await stops_by_urn(connection, context.tenant, [made.urn])
    if not found:
        raise NotFound("There is no such stop.")
    return found[0]


async def _stopped(context: Context) -> list[Stop]:
    async def of(domain: str) -> list[Stop]:
        async with context.read(domain) as connection:
            return await stops(connection, context.tenant)

    return await _all(context, of)


async def _named(context: Context, urns: Sequence[Urn]) -> list[Stop]:
    async def of(domain: str) -> list[Stop]:
        async with context.read(domain) as connection:
            return await stops_by_urn(connection, context.tenant, list(urns))

    return await _all(context, of)


async def _all(context: Context, of: Callable[[str], Awaitable[list[Stop]]]) -> list[Stop]:
    """Who works at one airport sees what is stopped there, and what is stopped everywhere."""
    found = [each for some in await asyncio.gather(*map(of, LINES.values())) for each in some]
    seen = [each for each in found if each.airport is None or context.admits(each.airport)]
    return sorted(seen, key=lambda each: (each.at, each.urn))
