"""Until when a request may leave this process, once its intent is committed as in flight.

A send must go out within a second of the commit that says so: later, another worker may have taken this one for dead and be finding out
what became of it. The rule is set by whoever committed and kept by whoever writes the first byte, with adapters, sign-in and the wait
for a slot between them; so it travels with the task and not through every signature.

It is the first exchange that is held to the commit. What follows it in the same operation has a second of its own each time it is asked
for, as long as its worker is still taken for alive: half an operation is worse than a late one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import timedelta

from kernel import clock


@dataclass(slots=True)
class _Departure:
    by: float
    within: float
    alive: Callable[[], bool]
    begun: bool = False


_current: ContextVar[_Departure | None] = ContextVar("departure", default=None)


@contextmanager
def departing(within: timedelta, since: float, alive: Callable[[], bool]) -> Iterator[None]:
    """Inside the block the first request leaves `within` so long `since` a monotonic instant, while `alive`, or not at all."""
    seconds = within.total_seconds()
    token = _current.set(_Departure(since + seconds, seconds, alive))
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def apart() -> Iterator[None]:
    """Inside the block exchanges are no part of the operation: they leave in its time, and it gets no more by them."""
    departure = _current.get()
    token = _current.set(None if departure is None else replace(departure))
    try:
        yield
    finally:
        _current.reset(token)


def left() -> float | None:
    """Seconds until it is too late, never negative; None where nobody set a limit."""
    departure = _current.get()
    if departure is None:
        return None
    if not departure.alive():
        return 0.0
    return departure.within if departure.begun else max(0.0, departure.by - clock.monotonic())


def too_late() -> bool:
    """Whether nothing may leave any more."""
    return left() == 0.0


def begun() -> None:
    """The first exchange has come to its end."""
    departure = _current.get()
    if departure is not None:
        departure.begun = True
