"""Waves: what is planned for many groups, looked at, and committed or let go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from domains.booking import actions, queries
from domains.booking.commands import CommitWave, DiscardWave
from domains.booking.model import Ranking
from domains.booking.wave import Allotted, Wave, WaveSearch
from kernel.feed import Batch
from kernel.patience import at_once
from kernel.urn import Urn
from kernel.work import Work
from resolvers import live, loaders
from resolvers.context import Context, Info


@dataclass(frozen=True, slots=True)
class WaveMoved:
    wave: Wave


@dataclass(frozen=True, slots=True)
class WaveBatch:
    seq: str
    snapshot: bool
    items: tuple[Wave, ...]


async def waves(info: Info) -> list[Wave]:
    """Newest first."""
    async with info.context.read("booking") as connection:
        return await queries.waves(connection, info.context.tenant)


async def wave(info: Info, urn: Urn) -> Wave | None:
    """Null when there is no such wave here."""
    return await info.context.loader(loaders.load_waves).load(urn)


async def wave_of(demand: Urn, info: Info) -> Wave | None:
    """Null before the demand is approved."""
    return await info.context.loader(loaders.load_waves).load(Urn.of("wave", demand.id))


async def wave_changes(info: Info, after: str | None = None) -> AsyncIterator[WaveBatch]:
    """Waves as they search, are planned and are decided."""
    context = info.context

    async def items(batch: Batch) -> tuple[Wave, ...]:
        if batch.snapshot:
            return tuple(await waves(info))
        return tuple(row for row in await loaders.load_waves(context, batch.urns) if row is not None)

    return live.told(context, "waves", after, items, WaveBatch)


async def questions_of(root: Wave, info: Info) -> list[WaveSearch]:
    """What the sources were asked, and who answered."""
    return await info.context.loader(loaders.load_wave_searches).load(root.urn)


async def groups_of(root: Wave, info: Info) -> list[Allotted]:
    """All groups in the order of placing: where each goes, or why it goes nowhere."""
    return await info.context.loader(loaders.load_wave_groups).load(root.urn)


async def rankings_of(root: Allotted, info: Info) -> list[Ranking]:
    """The candidates of each of its parties with their scores, the assigned one first."""
    loader = info.context.loader(loaders.load_rankings_by_urn)
    found = await asyncio.gather(*map(loader.load, root.rankings))
    return [each for each in found if each is not None]


async def commit_wave(info: Info, wave: Urn, version: int) -> WaveMoved:
    """Books everything the wave has placed, and hands the rest to a person. Committing again answers the same."""
    return await _moved(info, lambda work: actions.commit_wave(work, CommitWave(wave, version)))


async def discard_wave(info: Info, wave: Urn, version: int, reason: str) -> WaveMoved:
    """Lets the plan go; nothing was booked."""
    return await _moved(info, lambda work: actions.discard_wave(work, DiscardWave(wave, version, reason)))


async def _moved(info: Info, act: Callable[[Work], Awaitable[Wave]]) -> WaveMoved:
    context: Context = info.context

    async def attempt() -> Wave:
        async with context.work("booking") as work:
            return await act(work)

    return WaveMoved(await at_once(attempt))
