"""What goes wrong, drawn by who it concerns and not by when it is asked: the same seed, saga, step and try meet the same fault.

A key names the point, such as `("s0017", "reserve", "send", 2)`: the second sending of that step. What concerns no saga alone (a
heartbeat, a batch) is drawn by worker, place and count; those repeat as far as the order of events does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

Key = tuple[str | int, ...]

# Ways in which a sending stays unclear, as shares of all unclear ones; see kernel/sandbox/faults.py for what each does.
UNCLEAR: Final[Mapping[str, float]] = {
    "lost_request": 0.20, "lost_answer": 0.25, "late": 0.17, "error": 0.13, "error_executed": 0.13, "garbage": 0.12,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Odds:
    """Probabilities: of an unclear answer per sending, of other faults per call, and of what a failpoint does each time it is passed."""

    unclear: float = 0.30
    throttle: float = 0.04
    refuse: float = 0.02  # a business no; also of a cancellation
    slow: float = 0.04
    look_up_lag: float = 0.10
    look_up_lost: float = 0.10
    cancel: float = 0.04  # of a saga, in the middle
    impatient: float = 0.05  # of a saga: its domain says "unknown" before the partner has settled
    delay: float = 0.003
    error: float = 0.0004  # the connection breaks, before or after
    kill: float = 0.00003
    pause: float = 0.00003
    at_partner: float = 4.0  # how much likelier a worker is killed or paused around a partner's call than anywhere else
    duplicate: float = 0.01  # a published batch comes twice
    reorder: float = 0.05  # aggregates of a published batch change places

    @property
    def sending(self) -> dict[str, float]:
        """The faults of one sending."""
        unclear = {name: share * self.unclear for name, share in UNCLEAR.items()}
        return {**unclear, "throttle": self.throttle, "refuse": self.refuse, "slow": self.slow}

    @property
    def looking(self) -> dict[str, float]:
        """The faults of one look-up."""
        return {"look_up_lag": self.look_up_lag, "look_up_lost": self.look_up_lost}

    def point(self, *, partner: bool) -> dict[str, float]:
        """What a failpoint may do."""
        factor = self.at_partner if partner else 1.0
        return {"delay": self.delay, "error": self.error, "kill": self.kill * factor, "pause": self.pause * factor}


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that came to pass. `saga` is empty where it concerned no single one."""

    at: float
    key: Key
    what: str

    def __str__(self) -> str:
        return f"{self.at:.3f} s {self.what} at {' '.join(str(part) for part in self.key)}"


class Dice:
    """Numbers by key. `only` limits faults to these keys, for telling which of them a violation needs."""

    def __init__(self, seed: str, odds: Odds, only: frozenset[Key] | None = None) -> None:
        self._seed = blake2b(seed.encode(), digest_size=32).digest()
        self.odds = odds
        self._only = only
        self._passed: Counter[Key] = Counter()
        self.struck: list[Struck] = []
        self.calm = False  # from then on nothing goes wrong any more

    def roll(self, *key: str | int) -> float:
        """From 0 up to 1; the same for the same key."""
        digest = blake2b(repr(key).encode(), digest_size=8, key=self._seed).digest()
        return int.from_bytes(digest) / 2**64

    def between(self, low: float, high: float, *key: str | int) -> float:
        return low + (high - low) * self.roll(*key)

    def count(self, *key: str | int) -> Key:
        """The key with how often it was passed, this time included."""
        self._passed[key] += 1
        return (*key, self._passed[key])

    def strike(self, chances: Mapping[str, float], key: Key, at: float) -> str | None:
        """The fault that happens at this point now, if any."""
        if self.calm:
            return None
        rest = self.roll(*key)
        for what, chance in chances.items():
            rest -= chance
            if rest < 0:
                return self.note(what, key, at)
        return None

    def note(self, what: str, key: Key, at: float) -> str | None:
        """Remembers a fault, unless it is one of those that are left out this time."""
        if self._only is not None and key not in self._only:
            return None
        self.struck.append(Struck(at, key, what))
        return what
