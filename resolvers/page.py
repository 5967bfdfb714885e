"""One page of a list. A cursor is opaque to its reader; the position it stands for is the list's own business."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

from kernel.refusal import BadInput
from kernel.urn import Urn

T = TypeVar("T")
MOST: Final = 200  # rows of one page, as the domains give them


@dataclass(frozen=True, slots=True)
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@dataclass(frozen=True, slots=True)
class Edge(Generic[T]):
    cursor: str
    node: T


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`total_count` counts the whole list, not the page."""

    edges: tuple[Edge[T], ...]
    page_info: PageInfo
    total_count: int


def page_of(rows: Sequence[T], total: int, more: bool, position: Callable[[T], str]) -> Page[T]:
    edges = tuple(Edge(write_cursor(position(row)), row) for row in rows)
    return Page(edges, PageInfo(more, edges[-1].cursor if edges else None), total)


def size(first: int) -> int:
    """Refuses: BadInput for a page of nothing or of too much."""
    if not 1 <= first <= MOST:
        raise BadInput(f"first must be 1 to {MOST}, not {first}.")
    return first


def write_cursor(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> str | None:
    """The position a cursor of ours stands for. Refuses: BadInput for anything else."""
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _not_ours() from error


def moment(at: datetime, urn: Urn) -> str:
    """A position in a list that is ordered by time."""
    return f"{at.isoformat()} {urn}"


def read_moment(cursor: str | None) -> tuple[datetime, Urn] | None:
    """Refuses: BadInput."""
    position = read_cursor(cursor)
    if position is None:
        return None
    at, _, urn = position.partition(" ")
    try:
        return datetime.fromisoformat(at).astimezone(UTC), Urn(urn)
    except (ValueError, OverflowError) as error:
        raise _not_ours() from error


def read_urn(cursor: str | None) -> Urn | None:
    """Refuses: BadInput."""
    position = read_cursor(cursor)
    try:
        return None if position is None else Urn(position)
    except ValueError as error:
        raise _not_ours() from error


def _not_ours() -> BadInput:
    return BadInput("after is not a cursor of this list.")
