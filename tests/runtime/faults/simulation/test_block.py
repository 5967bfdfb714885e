"""A small block on a real Postgres: the real code holds, and what does not hold is seen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from runtime.faults.simulation import cluster
from runtime.faults.simulation.block import Block, Played, Sagas
from runtime.faults.simulation.check import Findings, check
from runtime.faults.simulation.dice import Key, Odds
from runtime.faults.simulation.loop import VirtualLoop
from runtime.faults.simulation.partner import Deed
from runtime.faults.simulation.worker import Addresses
from runtime.faults.verdict import Invariant

Server = tuple[str, Addresses]
ROUGH = replace(Odds(), kill=0.0003, pause=0.0003, error=0.002, at_partner=4.0, cancel=0.2, impatient=0.2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("simulation")
    cluster.prepare(home / "ready", "secret")
    with cluster.running(home / "postgres", home / "ready", "secret") as running:
        logging.disable(logging.CRITICAL)
        yield running
        logging.disable(logging.NOTSET)


def play(server: Server, sagas: Sagas, odds: Odds = ROUGH, only: frozenset[Key] | None = None, seed: str = "1") -> tuple[Played, Findings]:
    """A block to its end, and what was found."""
    asyncio.run(cluster.empty(server[0]))

    async def main() -> tuple[Played, Findings]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        played = await Block(loop, server[1], seed, sagas, odds, only).play()
        found = await check(played)
        for database in played.databases.values():
            await database.close()
        return played, found

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main())


@pytest.fixture(scope="module")
def rough(server: Server) -> tuple[Played, Findings]:
    """Eighty sagas, and much that goes wrong."""
    return play(server, Sagas(0, 80))


def test_nothing_is_lost_or_done_twice_however_much_goes_wrong(rough: tuple[Played, Findings]) -> None:
    played, found = rough
    assert [each.violation.what for each in found.broken] == []
    assert played.ended
    struck = {each.what for each in played.dice.struck}
    assert {"error", "lost_request", "lost_answer", "late", "throttle", "cancel", "impatient"} <= struck
    assert {"kill", "pause"} & struck
    assert sum(count for name, count in found.counts.items() if name.startswith("saga_")) == 80
    assert found.counts["saga_done"] > 5
    assert found.counts["saga_compensated"] > 2
    assert found.reviews.unknown_d == found.reviews.reviewed_d > 0


def test_every_invariant_is_looked_at(rough: tuple[Played, Findings]) -> None:
    looked_at = rough[1].looked_at
    wanted = {Invariant.OWNED, Invariant.ONCE, Invariant.TOLD_ONCE, Invariant.ANSWERED, Invariant.ORDER, Invariant.FENCE}
    assert {each for each, count in looked_at.items() if count > 80} >= wanted - {Invariant.TOLD_ONCE}
    assert looked_at[Invariant.TOLD_ONCE] > 30


def test_one_saga_alone_meets_the_faults_it_met_among_others(server: Server, rough: tuple[Played, Findings]) -> None:
    first = {each.key: each.what for each in rough[0].dice.struck if each.key[0] == "b0s7"}
    alone, found = play(server, Sagas(0, 80, frozenset([7])))
    again = {each.key: each.what for each in alone.dice.struck if each.key[0] == "b0s7"}
    assert not found.broken
    shared = first.keys() & again.keys()
    assert all(first[key] == again[key] for key in shared)
    calm, _ = play(server, Sagas(0, 80, frozenset([7])), only=frozenset())
    assert calm.dice.struck == []


def test_what_a_partner_holds_too_much_is_seen(server: Server) -> None:
    """The book is changed after the block: something that no saga knows of, a second of what one has, a reference that left twice."""
    asyncio.run(cluster.empty(server[0]))

    async def main() -> Findings:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        played = await Block(loop, server[1], "2", Sagas(0, 5), Odds(), frozenset()).play()
        book = played.book
        book.write(Deed("b0s1", "reserve", "nobody's", loop.time()))
        for step in ("charge", "tell"):
            held = next(deed for deed in book.deeds if deed.step == step)
            book.write(Deed(held.saga, step, held.reference, loop.time()))
        gone = next(deed for deed in book.deeds if deed.step == "issue")
        gone.cancelled = loop.time()
        book.sent["reserve", book.deeds[0].reference] += 1
        found = await check(played)
        for database in played.databases.values():
            await database.close()
        return found

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        found = runner.run(main())
    seen = {each.violation.invariant for each in found.broken}
    assert seen == {Invariant.OWNED, Invariant.ONCE, Invariant.TOLD_ONCE, Invariant.ANSWERED, Invariant.FENCE}


def test_a_worker_that_is_killed_or_frozen_is_followed_by_another(rough: tuple[Played, Findings]) -> None:
    assert rough[1].counts["takeovers"] > 0
