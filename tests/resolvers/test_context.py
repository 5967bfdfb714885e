"""Loaders: one call a turn, each key once, and one asker's trouble is his own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kernel.identity import Operator, Role
from kernel.tenancy import Tenant
from kernel.urn import Urn
from resolvers.context import ClosedDoorError, Context

ANA = Operator(Tenant("t1"), Urn("urn:operator:ana"), "Ana", Role.AIRPORT_OPERATOR, frozenset({"JFK"}))


class Doubling:
    def __init__(self) -> None:
        self.calls: list[list[int]] = []

    async def __call__(self, context: Context, keys: Sequence[int]) -> Sequence[int]:
        self.calls.append(list(keys))
        await asyncio.sleep(0)
        if 13 in keys:
            raise ValueError("thirteen")
        return [key * 2 for key in keys]


async def test_what_one_turn_asks_for_is_one_call() -> None:
    context, load = Context(ANA), Doubling()
    assert await asyncio.gather(*(context.loader(load).load(key) for key in (1, 2, 1, 3))) == [2, 4, 2, 6]
    assert await context.loader(load).load(2) == 4
    assert load.calls == [[1, 2, 3]]


async def test_what_was_forgotten_is_read_anew() -> None:
    context, load = Context(ANA), Doubling()
    await context.loader(load).load(1)
    context.forget()
    await context.loader(load).load(1)
    assert load.calls == [[1], [1]]


async def test_an_error_reaches_everyone_who_asked() -> None:
    context, load = Context(ANA), Doubling()
    found = await asyncio.gather(*(context.loader(load).load(key) for key in (1, 13)), return_exceptions=True)
    assert [str(one) for one in found] == ["thirteen", "thirteen"]


async def test_who_gives_up_leaves_the_others_their_answer() -> None:
    context, load = Context(ANA), Doubling()
    impatient, patient = (asyncio.ensure_future(context.loader(load).load(5)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 10


def test_airports_bound_only_those_whose_role_they_bound() -> None:
    assert Context(ANA).airports == {"JFK"}
    assert not Context(ANA).admits("LGA")
    supervisor = Operator(ANA.tenant, ANA.urn, "Ana", Role.OPS_SUPERVISOR, frozenset({"JFK"}))
    assert Context(supervisor).admits("LGA")


def test_a_door_that_was_not_plugged_in_says_so() -> None:
    with pytest.raises(ClosedDoorError, match="no snapshots"):
        _ = Context(ANA).snapshots
