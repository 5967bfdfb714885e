"""How late this process wakes up, and how late its calls may leave: slots are as wide as everybody says that they will be late.

A process with little to do wakes within some milliseconds. One whose core is busy may wake a tenth of a second late, every time: were it
held to milliseconds, it would give up one slot after the other and send nothing at all, just when there is most to send.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kernel import clock

LATE: Final = 0.035  # seconds that a sleeper may wake too late where nobody said otherwise (SLACK in account.lua)
LATEST: Final = 0.4  # the most that may be asked for: it costs a third of the pace
WINDOW: Final = 3.0  # seconds of waking up that are judged together
FEWEST: Final = 4  # times, below which nothing is said
MARGIN: Final = 1.2
SPREAD: Final = 1.0  # seconds until all slots that were given out before are used


@dataclass(slots=True)
class Lateness:
    """`told` goes to the store with every reservation. `allowed` follows it when the slots in use are as wide; back it goes at once."""

    told: float = LATE
    _told_at: float = float("-inf")
    _before: float = LATE
    _since: float = float("-inf")
    _woken: int = 0
    _late: int = 0
    _longest: float = 0.0

    @property
    def allowed(self) -> float:
        """Seconds after its slot in which a call may still leave."""
        return self.told if clock.monotonic() - self._told_at > SPREAD else self._before

    def woke(self, late: float) -> None:
        """Somebody woke so many seconds after the slot had come. More is asked for when most do, and no longer when most do not: who was
        paused for a moment is late once.
        """
        now = clock.monotonic()
        if now - self._since > WINDOW:
            self._judge()
            self._since, self._woken, self._late, self._longest = now, 0, 0, 0.0
        self._woken += 1
        self._late += late > LATE
        self._longest = max(self._longest, late)

    def _judge(self) -> None:
        if self._woken < FEWEST:
            return
        wanted = min(LATEST, MARGIN * self._longest) if self._late * 2 > self._woken else LATE
        if wanted != self.told:
            self._before = min(self.allowed, wanted)
            self.told, self._told_at = wanted, clock.monotonic()
