"""Who waits for a source of rooms: at which place, and for how long about. Pure; what is not known is said to be unknown.

A place is counted as claims count: within a share by how long a party waits, and between shares by their weights, so that who goes first
by right is not shown behind those whom it will overtake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kernel.account import BreakerState
from kernel.turns import WEIGHTS, Share
from kernel.urn import Urn

CALLS: Final = 2  # a rate is checked before it is booked; where it need not be, the party comes sooner than it was told


@dataclass(frozen=True, slots=True)
class Waiting:
    """A party whose rooms are to be asked for at `source`: the `number`th of its share there. `of` counts each share's."""

    sub_case: Urn
    source: str
    airport: str
    share: Share
    number: int
    of: Mapping[Share, int]

    @property
    def place(self) -> int:
        """From 1: how many orders leave until it is its turn."""
        mine = WEIGHTS[self.share]
        before = (min(count, self.number * WEIGHTS[share] // mine) for share, count in self.of.items() if share is not self.share)
        return self.number + sum(before)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a source goes for an airline: `calls` a second it bears; nothing leaves before `not_before`."""

    calls: float
    breaker: BreakerState
    not_before: datetime | None = None


def expected(waiting: Waiting, pace: Pace | None, now: datetime) -> tuple[datetime | None, str | None]:
    """When it is its turn, or why nobody can tell."""
    if pace is None or pace.calls <= 0:
        return None, "Nobody knows at the moment how fast this source goes."
    if pace.breaker is not BreakerState.CLOSED:
        return None, "The source is left alone until it answers again."
    start = max(now, pace.not_before or now)
    return start + timedelta(seconds=waiting.place * CALLS / pace.calls), None
