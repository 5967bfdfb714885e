"""What a process goes on with at once: work that one of its own transactions makes due, without a claim in between.

Idea: a claim chooses one of many workers for a row. Whoever writes the row is one of them, and can be the one: it writes the row as already
claimed, or does in the same transaction what a claim would lead to. Nothing else changes: the fence, the owner, what a death counts.

It is only done while nothing waits: what waits is taken by claims, in the turns of tenants and shares. Without an engine in the process, as
in a gateway, nothing is done at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from kernel.event import Envelope
from kernel.urn import Urn

Answered = Sequence[tuple[Urn, Envelope]]
"""Answers, each with the workflow it is for."""


class Berth(Protocol):
    """Places in flight for operations that are written as claimed by `me`. It is either released or sent."""

    me: str
    urns: frozenset[Urn]

    def release(self) -> None:
        """They were not written, or it is not known."""
        ...

    def send(self, rows: Sequence[Any]) -> None:
        """These rows of them are committed, all others were known before; they go out now."""
        ...


async def _leave(work: Any, answers: Answered) -> Answered:
    return answers


def _no_berth(name: str, urns: Sequence[Urn]) -> Berth | None:
    return None


@dataclass
class AtOnce:
    """What the engine of this process takes on in one database.

    `answered(work, answers)` moves workflows on in a `Work`, and returns the answers it leaves. `reserve(name, urns)` says which of an
    operation's new rows may be written as claimed.
    """

    answered: Callable[[Any, Answered], Awaitable[Answered]] = _leave
    reserve: Callable[[str, Sequence[Urn]], Berth | None] = _no_berth


LATER: Final = AtOnce()
