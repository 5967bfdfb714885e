"""Faults to order. An order names an operation, a kind, how often and how long; what it hits is decided by its own seed.

                    executed?   what the caller sees
lost_request        no          the connection is cut
lost_answer         yes         the connection is cut
late                later       the connection is cut, and the effect comes after `seconds`
error               no          the partner's own 5xx
error_executed      yes         the partner's own 5xx
throttle            no          the partner's own throttle, with Retry-After
throttle_bare       no          the same without Retry-After
garbage             yes         200 with half a body
drift               yes         200 with the contract's fields under other names
refuse              no          the partner's own business refusal (a refused cancel is `refuse` on `cancel`)
delay               as else     the answer comes `seconds` later; goes together with any other kind
look_up_lag         yes         what is younger than `seconds` is not found
duplicate_webhook   yes         a webhook is delivered twice
lost_webhook        no          a webhook is not delivered
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    LOST_REQUEST = "lost_request"
    LOST_ANSWER = "lost_answer"
    LATE = "late"
    ERROR = "error"
    ERROR_EXECUTED = "error_executed"
    THROTTLE = "throttle"
    THROTTLE_BARE = "throttle_bare"
    GARBAGE = "garbage"
    DRIFT = "drift"
    REFUSE = "refuse"
    DELAY = "delay"
    LOOK_UP_LAG = "look_up_lag"
    DUPLICATE_WEBHOOK = "duplicate_webhook"
    LOST_WEBHOOK = "lost_webhook"


_BESIDE = frozenset({FaultKind.DELAY, FaultKind.LOOK_UP_LAG})  # go together with one of the others


@dataclass(frozen=True, slots=True)
class Fault:
    """`operation` "*" is any. `count` None is without end; `skip` lets the first calls pass; `seconds` is the kind's own duration."""

    kind: FaultKind
    operation: str = "*"
    probability: float = 1.0
    count: int | None = None
    skip: int = 0
    seconds: float = 1.0
    seed: int = 0

    @classmethod
    def read(cls, order: Mapping[str, Any]) -> Fault:
        """Raises: ValueError or TypeError for an order that makes no sense."""
        known = {key: order[key] for key in cls.__slots__ if key in order}
        unknown = set(order) - set(cls.__slots__)
        if unknown or "kind" not in known:
            raise ValueError(f"an order has `kind` and of {', '.join(cls.__slots__)}; not {', '.join(sorted(unknown)) or 'without kind'}")
        fault = cls(**{**known, "kind": FaultKind(known["kind"])})
        if not 0 <= fault.probability <= 1 or fault.seconds < 0:
            raise ValueError("probability lies between 0 and 1, seconds are not negative")
        return fault


@dataclass(slots=True)
class _Order:
    fault: Fault
    dice: random.Random
    seen: int = 0
    hits: int = 0

    def hit(self, operation: str) -> bool:
        if self.fault.operation not in ("*", operation):
            return False
        self.seen += 1
        spent = self.fault.count is not None and self.hits >= self.fault.count
        if spent or self.seen <= self.fault.skip or self.dice.random() >= self.fault.probability:
            return False
        self.hits += 1
        return True


@dataclass(frozen=True, slots=True)
class Struck:
    """What happens to one call: at most one main kind, and what goes beside it, in seconds."""

    main: Fault | None = None
    delay: float = 0.0
    lag: float = 0.0


@dataclass(slots=True)
class Faults:
    orders: list[_Order] = field(default_factory=list)

    def order(self, faults: Iterable[Fault]) -> None:
        self.orders += [_Order(fault, random.Random(fault.seed)) for fault in faults]

    def clear(self) -> None:
        self.orders.clear()

    def strike(self, operation: str) -> Struck:
        main, delay, lag = None, 0.0, 0.0
        for order in self.orders:
            if order.fault.kind not in _BESIDE and main is not None:
                continue
            if not order.hit(operation):
                continue
            if order.fault.kind is FaultKind.DELAY:
                delay = max(delay, order.fault.seconds)
            elif order.fault.kind is FaultKind.LOOK_UP_LAG:
                lag = max(lag, order.fault.seconds)
            else:
                main = order.fault
        return Struck(main, delay, lag)

    def told(self) -> list[dict[str, Any]]:
        return [{**asdict(order.fault), "seen": order.seen, "hits": order.hits} for order in self.orders]
