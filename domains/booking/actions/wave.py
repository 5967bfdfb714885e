"""Waves: the sources are asked for all groups at once, a plan is made when the last has answered, and a supervisor commits it.

Nothing is booked and nobody is told before that. Committing says which parties go where; whoever books a party then asks for its
candidates, and is given those of the wave in place of a search of its own.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from domains.booking import store
from domains.booking.commands import CommitWave, DiscardWave, RankHotels
from domains.booking.events import HotelsRanked, PlacedGroup, UnplacedGroup, WaveChanged, WaveCommitted
from domains.booking.model import Ranking
from domains.booking.planner import plan
from domains.booking.ranking import Standing
from domains.booking.refusals import WaveNotReady
from domains.booking.search import Found
from domains.booking.wave import (
    MOST_QUESTIONS,
    WAVE_MOVES,
    Fate,
    GroupPlan,
    PartyPlan,
    Plan,
    Question,
    Wave,
    WaveGroup,
    WaveState,
    facts_of,
    question,
)
from kernel.money import Money
from kernel.refusal import BadInput, NotFound, VersionConflict
from kernel.urn import Urn
from kernel.work import Work

READ_WITHIN: Final = timedelta(minutes=30)  # of the commit; a party that is booked later is searched for anew

_ACTIONS: Final = {
    WaveState.DRAFT: "wave.plan", WaveState.COMMITTED: "wave.commit", WaveState.DISCARDED: "wave.discard", WaveState.FAILED: "wave.fail"
}  # fmt: skip


async def begin_wave(work: Work, demand: Urn, groups: Sequence[WaveGroup]) -> list[tuple[Urn, int, RankHotels]]:
    """Opens the wave of an approved demand; the searches that have to be made for it, as (wave, place, wish). May be repeated.

    Parties of one shape and stay ask one question. A wave that would ask too many, or none, has failed at once.
    """
    urn = Urn.of("wave", demand.id)
    asked = Counter(question(party.wish) for group in groups for party in group.parties)
    wishes = {question(party.wish): party.wish for group in groups for party in group.parties}
    wave = Wave(urn, demand, WaveState.SEARCHING, sum(group.rooms for group in groups), len(asked), 0, await work.now())
    if not asked or len(asked) > MOST_QUESTIONS:
        why = f"its parties would ask {len(asked)} questions, {MOST_QUESTIONS} at most can be asked" if asked else "nobody is left"
        wave = replace(wave, state=WaveState.FAILED, searches=0, why=why)
    if not await store.add_wave(work, wave, groups):
        return []
    places = [(place, each) for place, each in enumerate(sorted(asked), 1)] if wave.state is WaveState.SEARCHING else []
    await store.add_wave_searches(work, urn, [(place, wishes[each], asked[each]) for place, each in places])
    await work.audit(action="wave.begin", entity=urn, after={**facts_of(wave), "groups": len(groups), "searches": len(places)})
    await _tell(work, wave)
    return [(urn, place, wishes[each]) for place, each in places]


async def fail_wave(work: Work, demand: Urn, why: str) -> None:
    """Nothing can be searched for. May be repeated."""
    wave = Wave(Urn.of("wave", demand.id), demand, WaveState.FAILED, 0, 0, 0, await work.now(), why=why)
    if await store.add_wave(work, wave, ()):
        await work.audit(action="wave.fail", entity=wave.urn, reason=why, after=facts_of(wave))
        await _tell(work, wave)


async def wave_searched(work: Work, urn: Urn, place: int, found: Found, sources: Sequence[str]) -> None:
    """One search has ended; after the last one the wave is planned. May be repeated."""
    wave = await store.lock_wave(work, urn)
    if wave is None or wave.state is not WaveState.SEARCHING or not await store.save_wave_search(work, urn, place, found):
        return
    wave = replace(wave, answered=wave.answered + 1)
    if wave.answered < wave.searches:
        await _tell(work, await store.save_wave(work, wave))
        return
    await _plan(work, wave, sources)


async def commit_wave(work: Work, command: CommitWave) -> Wave:
    """Everything placed is to be booked, everything else is a person's. Committing again changes nothing.

    Refuses: NotFound, WaveNotReady, VersionConflict.
    """
    wave = await store.lock_wave(work, command.wave)
    if wave is not None and wave.state is WaveState.COMMITTED:
        return wave
    wave = await _ready(work, wave, command.version, WaveState.COMMITTED)
    placed: list[PlacedGroup] = []
    unplaced: list[UnplacedGroup] = []
    for group, fate, why in await store.wave_groups(work, wave.urn):
        sub_cases = tuple(party.sub_case for party in group.parties)
        if fate is Fate.PLACED:
            placed.append(PlacedGroup(group.urn, sub_cases, tuple(party.version for party in group.parties)))
        else:
            unplaced.append(UnplacedGroup(group.urn, sub_cases, fate.value if fate else "", why))
    await work.record(WaveCommitted(wave.urn, wave.demand, tuple(placed), tuple(unplaced)), aggregate=wave.urn)
    return await _move(work, wave, WaveState.COMMITTED, None, {"placed": len(placed), "unplaced": len(unplaced)})


async def discard_wave(work: Work, command: DiscardWave) -> Wave:
    """Lets a wave go; nothing was booked. Refuses: BadInput (no reason), NotFound, WaveNotReady, VersionConflict."""
    if not command.reason.strip():
        raise BadInput("A reason is needed: a person decides this.")
    wave = await _ready(work, await store.lock_wave(work, command.wave), command.version, WaveState.DISCARDED)
    return await _move(work, wave, WaveState.DISCARDED, command.reason, {})


async def read_wave(work: Work, command: RankHotels, reply_to: str) -> bool:
    """Answers with the candidates that a wave, lately committed, has planned for this party; False when there are none.

    They are read once, and only where exactly the same is asked: for another stay, or another attempt, the sources are asked.
    """
    made = await store.wave_ranking(work, command, READ_WITHIN, reply_to)
    if made is None:
        return False
    best = made.candidates[0].offer.name
    ranked = HotelsRanked(command.sub_case, made.urn, len(made.candidates), best, made.answered, made.silent)
    await work.record(ranked, aggregate=command.sub_case, reply_to=reply_to)
    return True


async def _plan(work: Work, wave: Wave, sources: Sequence[str]) -> None:
    """Plans from what was found, and keeps what came of it."""
    groups = [group for group, *_ in await store.wave_groups(work, wave.urn)]
    found = await store.wave_found(work, wave.urn)
    if not any(each.answered for each in found.values()):
        why = "; ".join(sorted({f"{vendor}: {said}" for each in found.values() for vendor, said in each.silent.items()}))
        await _move(work, replace(wave, why=why or "no source of hotels answered"), WaveState.FAILED, why, {})
        return
    standings: dict[tuple[date, date], Standing] = {}
    for stay in sorted({(each.check_in, each.check_out) for each in found}):
        of_stay = [each for asked, each in found.items() if (asked.check_in, asked.check_out) == stay]
        hotels = {offer.hotel for each in of_stay for offer in each.offers}
        standings[stay] = await store.standing(work, hotels, *stay, min(each.asked_at for each in of_stay))
    pools = {asked: each.offers for asked, each in found.items()}
    planned = await asyncio.to_thread(plan, groups, pools, standings, sources)  # seconds, for a hub: others go on meanwhile
    rankings = [_ranking(each, party, found) for each in planned.groups for party in each.parties if party.candidates]
    await store.add_rankings(work, rankings)
    await store.save_plan(work, wave.urn, planned, {ranking.sub_case: ranking.urn for ranking in rankings})
    await _move(work, _summed(wave, planned), WaveState.DRAFT, None, {"placed": len(planned.placed), "groups": len(planned.groups)})


def _ranking(group: GroupPlan, party: PartyPlan, found: dict[Question, Found]) -> Ranking:
    wish = party.party.wish
    pool = found[question(wish)]
    return Ranking(
        Urn.mint("ranking"), wish.sub_case, wish.airport, wish.rooms, pool.asked_at, party.candidates, party.excluded, pool.answered,
        pool.silent, party.left_out,
    )  # fmt: skip


def _summed(wave: Wave, planned: Plan) -> Wave:
    costs = [each.cost for each in planned.placed if each.cost is not None]
    markets = [each.market for each in planned.placed if each.market is not None]
    if not costs:
        return wave
    currency = costs[0].currency
    cost, market = (Money(sum((each.amount for each in amounts), Decimal(0)), currency) for amounts in (costs, markets))
    return replace(wave, cost=cost, market=market, bound=Money(planned.bound, currency))


async def _ready(work: Work, wave: Wave | None, version: int, state: WaveState) -> Wave:
    if wave is None:
        raise NotFound("There is no such wave.")
    if state not in WAVE_MOVES[wave.state]:
        raise WaveNotReady(f"It is {wave.state}: it cannot become {state}.", state=wave.state)
    if wave.version != version:
        said = f"It has changed since you looked: version {wave.version}, you saw {version}."
        raise VersionConflict(said, expected=version, actual=wave.version)
    return wave


async def _move(work: Work, wave: Wave, state: WaveState, reason: str | None, facts: dict[str, int]) -> Wave:
    moved = await store.save_wave(work, replace(wave, state=state))
    after = {**facts_of(moved), **facts}
    await work.audit(action=_ACTIONS[state], entity=wave.urn, reason=reason, before={"state": wave.state}, after=after)
    await _tell(work, moved)
    return moved


async def _tell(work: Work, wave: Wave) -> None:
    await work.record(WaveChanged(wave.urn, wave.state.value, wave.version), aggregate=wave.urn)
