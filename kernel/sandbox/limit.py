"""A partner's limit: so many calls in any window. Counts what was asked, so that nobody has to believe a shaper."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from kernel import clock


@dataclass(slots=True)
class Limit:
    """`calls` within any `seconds`. `peak` is the largest number of admitted and refused calls seen in one second."""

    calls: float = 50
    seconds: float = 1.0
    asked: int = 0
    refused: int = 0
    peak: int = 0
    _admitted: deque[float] = field(default_factory=deque)
    _recent: deque[float] = field(default_factory=deque)

    def ask(self) -> float | None:
        """None when the call may pass; else the seconds until one may."""
        at = clock.monotonic()
        self.asked += 1
        self._watch(at)
        while self._admitted and self._admitted[0] <= at - self.seconds:
            self._admitted.popleft()
        if len(self._admitted) < self.calls:
            self._admitted.append(at)
            return None
        self.refused += 1
        return self._admitted[0] + self.seconds - at

    def told(self) -> dict[str, Any]:
        return {"calls": self.calls, "seconds": self.seconds, "asked": self.asked, "refused": self.refused, "peakPerSecond": self.peak}

    def _watch(self, at: float) -> None:
        self._recent.append(at)
        while self._recent[0] <= at - 1:
            self._recent.popleft()
        self.peak = max(self.peak, len(self._recent))
