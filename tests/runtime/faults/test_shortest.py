"""What it takes to break something is found by leaving out the rest."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from runtime.faults.shortest import shortest


@pytest.mark.parametrize("needed", [{3}, {0, 19}, {4, 5, 11}])
async def test_it_finds_exactly_what_is_needed(needed: set[int]) -> None:
    tried: list[int] = []

    async def breaks(some: Sequence[int]) -> bool:
        tried.append(len(some))
        return needed <= set(some)

    assert set(await shortest(range(20), breaks, 60)) == needed
    assert len(tried) < 100


async def test_without_time_it_leaves_all_as_it_was() -> None:
    async def breaks(some: Sequence[int]) -> bool:
        raise AssertionError("there was no time")

    assert await shortest([1, 2, 3], breaks, 0) == [1, 2, 3]


async def test_what_never_happens_again_stays_whole() -> None:
    async def breaks(some: Sequence[int]) -> bool:
        return False

    assert await shortest([1, 2, 3, 4], breaks, 60) == [1, 2, 3, 4]
