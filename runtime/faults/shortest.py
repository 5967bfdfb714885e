"""Of everything that went wrong in a part, the little that it takes to break it again: halves, quarters and so on are left out in turn.

What happens on real processes is not the same twice, so the answer is a finding and no proof: a list that broke it when it was tried.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from kernel.clock import monotonic

T = TypeVar("T")

Breaks = Callable[[Sequence[T]], Awaitable[bool]]


async def shortest(causes: Sequence[T], breaks: Breaks[T], seconds: float) -> list[T]:
    """The fewest of `causes` that `breaks` was seen to say yes to, as far as the time goes; all of them when none can be left out."""
    until = monotonic() + seconds
    found, pieces = list(causes), 2
    while len(found) > 1 and monotonic() < until:
        size = -(-len(found) // pieces)
        chunks = [found[start : start + size] for start in range(0, len(found), size)]
        rests = [[each for chunk in chunks if chunk is not left_out for each in chunk] for left_out in chunks]
        for candidate in [*chunks, *rests] if pieces == 2 else rests:
            if monotonic() >= until:
                return found
            if len(candidate) < len(found) and await breaks(candidate):
                found, pieces = list(candidate), max(2, pieces - 1)
                break
        else:
            if size == 1:
                return found
            pieces = min(len(found), pieces * 2)
    return found
