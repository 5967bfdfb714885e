"""The only source of time in Python code. Times that decide are taken in SQL by `nexa_now()`; this clock stamps and compares.

`NEXA_CLOCK_OFFSET` (seconds, may be negative) shifts it, so that the fault harness can skew one process. The simulation replaces it as
a whole for a while (`replaced`), which a process in production refuses.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_OFFSET = timedelta(seconds=float(os.environ.get("NEXA_CLOCK_OFFSET", "0")))


@dataclass(frozen=True, slots=True)
class Source:
    """Where `now` and `monotonic` come from."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]


_source = Source(lambda: datetime.now(UTC) + _OFFSET, time.monotonic)


def now() -> datetime:
    """The instant, aware, in UTC."""
    return _source.now()


def monotonic() -> float:
    """Seconds for measuring durations; never compared between processes."""
    return _source.monotonic()


@contextmanager
def replaced(source: Source) -> Iterator[None]:
    """Time is what `source` says, in the whole process, inside the block. For the simulation alone. Raises: RuntimeError."""
    global _source
    if os.environ.get("NEXA_ENVIRONMENT") == "production":
        raise RuntimeError("time is not simulated in production")
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before
