"""Group commit: who waits shares the next commit, an error is its own, and nobody is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kernel.operation.together import MOST, Together
from kernel.tenancy import Tenant

A, B = Tenant("aa"), Tenant("bb")


class Commits:
    """A database in which `bad` cannot be written; remembers what was written together."""

    def __init__(self, bad: Sequence[int] = ()) -> None:
        self.bad, self.batches = set(bad), list[tuple[Tenant, list[int]]]()
        self.together = Together(self.many, self.one)

    async def many(self, tenant: Tenant, items: Sequence[int]) -> list[int]:
        await asyncio.sleep(0.01)
        if self.bad & set(items):
            raise ValueError("one of them")
        self.batches.append((tenant, list(items)))
        return [item * 10 for item in items]

    async def one(self, tenant: Tenant, item: int) -> int:
        await asyncio.sleep(0)
        if item in self.bad:
            raise ValueError(f"{item}")
        self.batches.append((tenant, [item]))
        return item * 10


async def test_the_first_goes_alone_and_all_who_came_meanwhile_go_together() -> None:
    commits = Commits()
    first = asyncio.create_task(commits.together.add(A, 0))
    answers = await asyncio.gather(first, *(commits.together.add(A, number) for number in range(1, 50)))
    assert answers == [number * 10 for number in range(50)]
    assert sum(len(items) for _, items in commits.batches) == 50
    assert len(commits.batches) <= 2


async def test_a_batch_has_an_upper_bound() -> None:
    commits = Commits()
    await asyncio.gather(*(commits.together.add(A, number) for number in range(MOST * 3)))
    assert max(len(items) for _, items in commits.batches) == MOST
    assert sorted(item for _, items in commits.batches for item in items) == list(range(MOST * 3))


async def test_tenants_never_share_a_transaction() -> None:
    commits = Commits()
    await asyncio.gather(*(commits.together.add(tenant, number) for number in range(20) for tenant in (A, B)))
    assert {tenant for tenant, _ in commits.batches} == {A, B}
    for tenant in (A, B):
        assert sorted(item for owner, items in commits.batches for item in items if owner == tenant) == list(range(20))


async def test_one_that_cannot_be_written_fails_alone() -> None:
    commits = Commits(bad=[7])
    answers = await asyncio.gather(*(commits.together.add(A, number) for number in range(20)), return_exceptions=True)
    failed = [number for number, answer in enumerate(answers) if isinstance(answer, Exception)]
    assert failed == [7]
    assert sorted(item for _, items in commits.batches for item in items) == [number for number in range(20) if number != 7]


async def test_a_turn_that_is_cancelled_leaves_the_others_to_the_next() -> None:
    commits = Commits()
    tasks = [asyncio.create_task(commits.together.add(A, number)) for number in range(10)]
    await tasks[0]
    leading, others = tasks[1], tasks[2:]
    await asyncio.sleep(0.001)  # it writes for all of them now
    leading.cancel()
    assert await asyncio.gather(*others) == [number * 10 for number in range(2, 10)]
    with pytest.raises(asyncio.CancelledError):
        await leading
