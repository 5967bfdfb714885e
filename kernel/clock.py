"""The only source of time in Python code. Times that decide are taken in SQL by `nexa_now()`; this clock stamps and compares.

`NEXA_CLOCK_OFFSET` (seconds, may be negative) shifts it, so that the fault harness can skew one process.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

_OFFSET = timedelta(seconds=float(os.environ.get("NEXA_CLOCK_OFFSET", "0")))


def now() -> datetime:
    """The instant, aware, in UTC."""
    return datetime.now(UTC) + _OFFSET


def monotonic() -> float:
    """Seconds for measuring durations; never compared between processes."""
    return time.monotonic()
