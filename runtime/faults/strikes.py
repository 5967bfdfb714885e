"""What goes wrong in a part, and when: drawn from the seed, the same for the same seed and part, and nothing else.

Strikes hit our own processes and stores, at instants counted from the first voucher. Orders go to the partners' sandboxes, which draw
from seeds of their own which calls they hit. Either list can be cut down to see which of them it takes to break something.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from runtime.faults.stage import GATEWAYS, VALKEYS, WORKERS

SKEW: Final = 295.0  # seconds, either way; at 300 a partner refuses our signature
PAUSES: Final = (1.0, 8.0)  # seconds; a worker is dead to the others after six
GAP: Final = (0.55, 1.45)  # of the mean gap between two strikes
MEAN_GAP: Final = 3.5  # seconds


class Kind(StrEnum):
    KILL = "kill -9"
    KILL_RELAY = "kill -9 of a relay's holder"
    PAUSE = "SIGSTOP"
    HANG_UP = "connections to Postgres cut"
    HANG_UP_VALKEY = "connections to a Valkey cut"
    RESTART = "Postgres restarted"
    CRASH = "Postgres crashed"
    FLUSH = "FLUSHALL"
    SILENCE = "doorbells lost"
    AGAIN = "messages published again"
    SHUFFLE = "messages delivered again, out of order"


@dataclass(frozen=True, slots=True)
class Strike:
    """`target` is a process, a Valkey or a database; `seconds` how long it lasts, where it lasts."""

    kind: Kind
    target: str = ""
    seconds: float = 0.0
    at: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:5.1f} s {self.kind} {self.target}{lasting}".rstrip()


Order = Mapping[str, Any]
"""A fault as the sandboxes' control door takes it: `partner`, `operation`, `kind`, `probability`, `seconds`, `seed`."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything that goes wrong in one part. `offsets` are what each process' clock is wrong by at first, in seconds."""

    seed: int
    part: int
    strikes: Sequence[Strike]
    orders: Sequence[Order]
    offsets: Mapping[str, float]

    @property
    def dice(self) -> random.Random:
        """For what is only known when it happens; new, and the same, at every call."""
        return random.Random(f"{self.seed}/{self.part}/then")

    def only(self, strikes: Sequence[Strike], orders: Sequence[Order]) -> Schedule:
        """The same part with less going wrong."""
        return replace(self, strikes=tuple(strikes), orders=tuple(orders))


def _deck() -> list[Strike]:
    """Every kind of strike; shuffled and dealt again and again, so that no part goes without one for long."""
    pausable = [Strike(Kind.PAUSE, name) for name in (*WORKERS * 2, *GATEWAYS)]
    killed = [Strike(Kind.KILL, name) for name in (*WORKERS * 4, *GATEWAYS)]
    return [
        *killed,
        *pausable,
        *(Strike(Kind.FLUSH, name) for name in VALKEYS),
        *(Strike(Kind.HANG_UP_VALKEY, name) for name in VALKEYS),
        *(Strike(Kind.KILL_RELAY, database) for database in ("cases", "booking")),
        *(Strike(Kind.AGAIN, database) for database in ("cases", "booking", "wallet", "notifications", "intake")),
        Strike(Kind.HANG_UP),
        Strike(Kind.HANG_UP),
        Strike(Kind.RESTART),
        Strike(Kind.CRASH),
        Strike(Kind.SILENCE, seconds=3.0),
        Strike(Kind.SHUFFLE),
        Strike(Kind.SHUFFLE),
    ]


def draw(seed: int, part: int, seconds: float, ambiguity: float, settle_scale: float) -> Schedule:
    """What goes wrong in a part whose vouchers are issued over so many seconds."""
    dice = random.Random(f"{seed}/{part}")
    strikes: list[Strike] = []
    deck: list[Strike] = []
    at = dice.uniform(1.0, MEAN_GAP)
    while at < seconds:
        if not deck:
            deck = dice.sample(_deck(), len(_deck()))
        strike = deck.pop()
        lasting = dice.uniform(*PAUSES) if strike.kind is Kind.PAUSE else strike.seconds
        strikes.append(replace(strike, at=round(at, 2), seconds=round(lasting, 2)))
        at += MEAN_GAP * dice.uniform(*GAP)
    offsets = {name: offset(dice) for name in (*WORKERS, *GATEWAYS)}
    return Schedule(seed, part, tuple(strikes), tuple(orders(dice, ambiguity, settle_scale)), offsets)


def offset(dice: random.Random) -> float:
    """How wrong a clock is, in seconds: right, at either end, or anything between."""
    return dice.choice((0.0, SKEW, -SKEW, round(dice.uniform(-SKEW, SKEW), 1)))


# How often a partner's answer to one *operation* of ours is ambiguous is given; an operation that makes several calls shares it among them.
_CALLS: Final[Mapping[str, Mapping[str, int]]] = {
    "hotelbeds": {"book": 1, "read": 2, "cancel": 2, "find": 1},
    "pomelo": {"user": 4, "card": 4, "account": 4, "load": 4, "disable": 3, "reverse": 3, "read_account": 3},
    "twilio": {"send": 1, "find": 1},
    "amadeus": {"order": 1},
}
_READS: Final[Mapping[str, Sequence[str]]] = {
    "hotelbeds": ("search", "check"), "pomelo": ("token",), "pss": ("manifest",), "amadeus": ("token", "list", "offers", "price"),
}  # fmt: skip
_AMBIGUOUS: Final = ("lost_request", "lost_answer", "late", "error_executed", "error", "garbage", "drift")
_UNREADABLE: Final = ("lost_request", "error", "garbage")  # of what changes nothing
_ONLY_READ: Final = frozenset({"find", "read", "read_account"})
_SETTLES: Final = {"hotelbeds": 120.0, "pomelo": 60.0, "twilio": 60.0, "amadeus": 60.0}  # seconds, unscaled
_REFUSED: Final = {
    ("hotelbeds", "book"): 0.04, ("hotelbeds", "cancel"): 0.05, ("pomelo", "card"): 0.02, ("twilio", "send"): 0.01,
    ("amadeus", "order"): 0.04,
}  # fmt: skip
_READ_SHARE: Final = 0.10
_THROTTLED: Final = 0.02


def orders(dice: random.Random, ambiguity: float, settle_scale: float) -> list[Order]:
    """What the partners are told to do wrong."""
    made: list[Order] = []

    def order(partner: str, operation: str, kind: str, probability: float, seconds: float = 1.0) -> None:
        told = {
            "partner": partner,
            "operation": operation,
            "kind": kind,
            "probability": round(probability, 5),
            "seconds": round(seconds, 3),
        }
        made.append({**told, "seed": dice.randrange(2**31)})

    for partner, operations in _CALLS.items():
        settle = _SETTLES[partner] * settle_scale
        for operation, calls in operations.items():
            kinds = _UNREADABLE if operation in _ONLY_READ else _AMBIGUOUS
            each = shared(ambiguity, calls * len(kinds))
            for kind in dice.sample(kinds, len(kinds)):
                order(partner, operation, kind, each, settle / 2)
    for partner, names in _READS.items():
        for operation in names:
            for kind in _UNREADABLE:
                order(partner, operation, kind, shared(_READ_SHARE, len(_UNREADABLE)))
    for (partner, operation), share in _REFUSED.items():
        order(partner, operation, "refuse", share)
    for partner in _CALLS:
        order(partner, "*", "throttle", _THROTTLED)
        order(partner, "*", "throttle_bare", _THROTTLED / 2)
        order(partner, "*", "delay", 0.2, dice.uniform(0.05, 0.4))
    for partner in ("hotelbeds", "twilio"):
        order(partner, "find", "look_up_lag", 0.3, _SETTLES[partner] * settle_scale / 2)
    order("twilio", "callback", "duplicate_webhook", 0.3)
    order("twilio", "callback", "lost_webhook", 0.05)
    return made


def shared(share: float, among: int) -> float:
    """The probability that each of so many has, for at least one of them to strike with probability `share`."""
    return float(1 - (1 - share) ** (1 / among))
