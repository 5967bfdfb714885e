"""How long to wait before something is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    """Full jitter between nothing and `first`, doubled each time, never more than `most`."""

    first: timedelta = timedelta(seconds=2)
    most: timedelta = timedelta(seconds=32)

    def ceiling(self, time: int) -> timedelta:
        """The longest wait before the `time`-th retry, counted from 1."""
        return min(self.first * float(2 ** min(time - 1, 20)), self.most)
