"""Group commit: what comes while a commit is under way shares the next one.

Each who comes waits for the turn of the tenant; whose turn it is takes everything that waits and does it in one transaction, for itself
and the others, who then find theirs done. Alone it costs nothing, under load the commits get larger and not more.
An error replays the batch one by one, so what cannot be written holds up nothing else.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from kernel.tenancy import Tenant

T = TypeVar("T")
R = TypeVar("R")

MOST: Final = 100  # in one transaction: some 30 ms, so that nobody's locks are held for longer


@dataclass(slots=True)
class _Waiting(Generic[T, R]):
    item: T
    done: bool = False
    answer: R | None = None
    error: Exception | None = None


@dataclass
class Together(Generic[T, R]):
    """`many(tenant, items)` does all and answers for each in order, or raises and has done nothing; `one(tenant, item)` does one."""

    many: Callable[[Tenant, Sequence[T]], Awaitable[Sequence[R | None]]]
    one: Callable[[Tenant, T], Awaitable[R | None]]
    _waiting: dict[Tenant, list[_Waiting[T, R]]] = field(default_factory=lambda: defaultdict(list))
    _turns: dict[Tenant, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def add(self, tenant: Tenant, item: T) -> R | None:
        """The answer for this item. Raises: what `one` raises for it."""
        mine = _Waiting[T, R](item)
        self._waiting[tenant].append(mine)
        async with self._turns[tenant]:  # in the order of arrival, as the list is
            if not mine.done:
                await self._turn(tenant)
        if mine.error is not None:
            raise mine.error
        return mine.answer

    async def _turn(self, tenant: Tenant) -> None:
        batch = self._waiting[tenant][:MOST]
        del self._waiting[tenant][:MOST]
        try:
            await self._do(tenant, batch)
        finally:  # a turn that was cancelled leaves the rest to the next
            self._waiting[tenant][:0] = [each for each in batch if not each.done]

    async def _do(self, tenant: Tenant, batch: Sequence[_Waiting[T, R]]) -> None:
        if len(batch) > 1:
            try:
                answers = await self.many(tenant, [each.item for each in batch])
            except Exception:  # whose it is, the replay tells
                answers = None
            if answers is not None:
                for each, answer in zip(batch, answers, strict=True):
                    each.answer, each.done = answer, True
                return
        for each in batch:
            try:
                each.answer = await self.one(tenant, each.item)
            except Exception as error:
                each.error = error
            each.done = True
