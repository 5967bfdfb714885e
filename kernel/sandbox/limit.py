"""A partner's limit: so many calls of one account in any window. Counts what was asked, so that nobody has to believe a shaper."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from kernel import clock


@dataclass(slots=True)
class _Account:
    admitted: deque[float] = field(default_factory=deque)
    recent: deque[float] = field(default_factory=deque)


@dataclass(slots=True)
class Limit:
    """`calls` within any `seconds`, for each account. `peak` is the largest number of admitted and refused calls one had in a second."""

    calls: float = 50
    seconds: float = 1.0
    asked: int = 0
    refused: int = 0
    peak: int = 0
    _accounts: dict[str, _Account] = field(default_factory=lambda: defaultdict(_Account))

    def ask(self, account: str = "") -> float | None:
        """None when the call may pass; else the seconds until one may."""
        at, of = clock.monotonic(), self._accounts[account]
        self.asked += 1
        self._watch(at, of)
        while of.admitted and of.admitted[0] <= at - self.seconds:
            of.admitted.popleft()
        if len(of.admitted) < self.calls:
            of.admitted.append(at)
            return None
        self.refused += 1
        return of.admitted[0] + self.seconds - at

    def told(self) -> dict[str, Any]:
        return {"calls": self.calls, "seconds": self.seconds, "asked": self.asked, "refused": self.refused, "peakPerSecond": self.peak}

    def _watch(self, at: float, of: _Account) -> None:
        of.recent.append(at)
        while of.recent[0] <= at - 1:
            of.recent.popleft()
        self.peak = max(self.peak, len(of.recent))
