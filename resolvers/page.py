"""One page of a list. A cursor is opaque: the position it stands for is the domain's business."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from kernel.refusal import BadInput

T = TypeVar("T")
MOST: Final = 500  # rows of one page; the console's largest list asks for 200


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


def size(first: int) -> int:
    """Refuses: BadInput for a page of nothing or of too much."""
    if not 1 <= first <= MOST:
        raise BadInput(f"first must be 1 to {MOST}, not {first}.")
    return first


def page(rows: Sequence[T], first: int, position: Callable[[T], str], total: int) -> Page[T]:
    """The page made of the first `first` of `rows`, of which one more than that was read to know whether another page follows."""
    edges = tuple(Edge(write_cursor(position(row)), row) for row in rows[:first])
    return Page(edges, PageInfo(len(rows) > first, edges[-1].cursor if edges else None), total)


def write_cursor(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> str | None:
    """The position a cursor of ours stands for. Refuses: BadInput for anything else."""
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise BadInput("after is not a cursor of this list.") from error
