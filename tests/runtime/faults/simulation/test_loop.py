"""The virtual clock, and workers that stop between two steps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from time import monotonic
from typing import TypeVar

from runtime.faults.simulation.loop import OWNER, Process, VirtualLoop

T = TypeVar("T")


def virtually(main: Callable[[VirtualLoop], Awaitable[T]]) -> T:
    async def run() -> T:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        return await main(loop)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run())


def owned(loop: VirtualLoop, process: Process, work: Awaitable[None]) -> asyncio.Task[None]:
    async def do() -> None:
        await work

    context = copy_context()
    context.run(OWNER.set, process)
    return loop.create_task(do(), context=context)


def test_an_hour_takes_no_time() -> None:
    async def main(loop: VirtualLoop) -> float:
        await asyncio.sleep(3600)
        return loop.time()

    began = monotonic()
    assert virtually(main) == 3600
    assert monotonic() - began < 5


def test_what_is_frozen_does_nothing_until_it_thaws() -> None:
    async def main(loop: VirtualLoop) -> list[float]:
        beats: list[float] = []

        async def beat() -> None:
            while len(beats) < 4:
                await asyncio.sleep(1)
                beats.append(loop.time())

        heart = Process()
        beating = owned(loop, heart, beat())
        await asyncio.sleep(2.5)
        heart.frozen = True
        await asyncio.sleep(10)
        assert len(beats) == 2
        heart.thaw(loop)
        await beating
        return beats

    assert virtually(main) == [1, 2, 12.5, 13.5]


def test_the_tasks_a_process_makes_are_its_own() -> None:
    async def main(loop: VirtualLoop) -> None:
        worker, seen = Process(), asyncio.Event()

        async def work() -> None:
            inner = asyncio.create_task(asyncio.sleep(5))
            seen.set()
            await inner

        task = owned(loop, worker, work())
        await seen.wait()
        assert len(worker.tasks) == 2
        await task
        await asyncio.sleep(0)
        assert not worker.tasks

    virtually(main)
