"""A bell inside one process: many rings while nobody listens are one."""

from __future__ import annotations

import asyncio
from datetime import timedelta


class Bell:
    """Wakes a loop that looks for work. Losing a ring costs one sweep."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    def ring_in(self, after: timedelta) -> None:
        """Rings later, so that a retry need not wait for the sweep."""
        asyncio.get_running_loop().call_later(after.total_seconds(), self.ring)

    async def wait(self, at_most: timedelta) -> None:
        """Until it rings, or the time is over."""
        try:
            async with asyncio.timeout(at_most.total_seconds()):
                await self._rung.wait()
        except TimeoutError:
            pass
        self._rung.clear()
