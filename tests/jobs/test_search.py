"""Searching over the real adapters and the partners' twins: who hangs is named, and no coin of faults ever reaches the one who asks."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from domains.booking.commands import RankHotels
from domains.booking.ranking import rank
from domains.booking.search import TIME_BOX, Found, Sources
from jobs.operations.search_hotels import search_for
from kernel.sandbox.faults import FaultKind
from tests.domains.booking.rooms import a_wish
from tests.harness.partners import T1, Partners, partners

HANGS = {"hotelbeds": "search", "amadeus": "offers"}
SEARCHES = 120
# Each call of either source is struck with probability 1/2, by each kind alike.
COIN = 0.5
KINDS = (
    FaultKind.LOST_REQUEST, FaultKind.LOST_ANSWER, FaultKind.ERROR, FaultKind.ERROR_EXECUTED, FaultKind.THROTTLE, FaultKind.THROTTLE_BARE,
    FaultKind.GARBAGE, FaultKind.DRIFT, FaultKind.REFUSE,
)  # fmt: skip


def wishes() -> Iterator[RankHotels]:
    """Another question each time: answers are shared for a while."""
    for days in itertools.count(1):
        wish = a_wish(adults=1)
        yield replace(wish, check_in=wish.check_in + timedelta(days=days), check_out=wish.check_out + timedelta(days=days))


def sources(world: Partners) -> Sources:
    return Sources(tuple(world.registry.hotels.values()))


def test_a_search_leaves_time_to_rank_what_it_finds() -> None:
    assert search_for(a_wish()).within < TIME_BOX == timedelta(seconds=2)


@pytest.mark.parametrize("vendor", HANGS)
async def test_who_hangs_is_named_and_the_others_are_ranked(vendor: str) -> None:
    world = partners()
    world.order(vendor, FaultKind.DELAY, HANGS[vendor], seconds=600)
    wish = a_wish(adults=1)
    found = await sources(world).ask(T1, replace(search_for(wish), within=timedelta(seconds=0.5)))
    (other,) = HANGS.keys() - {vendor}
    assert (found.answered, list(found.silent), found.refused) == ((other,), [vendor], None)
    candidates, *_ = rank(found.offers, wish, sources=found.answered)
    assert {candidate.offer.hotel.vendor for candidate in candidates} == {other}


async def test_a_coin_of_faults_never_reaches_the_one_who_asks() -> None:
    world, asked = partners(), wishes()
    searched = sources(world)
    await searched.ask(T1, search_for(next(asked)))
    for vendor in HANGS:
        for number, kind in enumerate(KINDS):
            world.order(vendor, kind, probability=1 - (1 - COIN) ** (1 / len(KINDS)), seed=number, seconds=0.01)
    seen: Counter[str] = Counter()
    for wish in itertools.islice(asked, SEARCHES):
        found = await searched.ask(T1, search_for(wish))
        seen.update(found.answered)
        hold_together(found)
        rank(found.offers, wish, sources=found.answered)
    assert all(0 < seen[vendor] < SEARCHES for vendor in HANGS)


def hold_together(found: Found) -> None:
    """A source has answered, or it is named with the reason; what is offered is of those who answered."""
    assert sorted((*found.answered, *found.silent)) == sorted(HANGS)
    assert all(found.silent.values())
    assert {offer.hotel.vendor for offer in found.offers} <= set(found.answered)
    assert (found.refused is None) == bool(found.answered)
