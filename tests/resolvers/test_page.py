"""Cursors: ours come back as what they were, others are refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kernel.refusal import BadInput
from kernel.urn import Urn
from resolvers.page import MOST, moment, page_of, read_moment, read_urn, size, write_cursor

URN = Urn("urn:case:c-1")


def test_a_cursor_brings_its_position_back() -> None:
    at = datetime(2026, 2, 8, 12, 0, 0, 123456, UTC)
    assert read_moment(write_cursor(moment(at, URN))) == (at, URN)
    assert read_urn(write_cursor(URN)) == URN
    assert read_moment(None) is None
    assert read_urn(None) is None


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense!",
        "é",
        "\x00",
        write_cursor("yesterday urn:case:c"),
        write_cursor("2026-02-08 urn:nothing"),
        write_cursor("0001-01-01T00:00:00+14:00 urn:case:c"),  # before the calendar of databases
    ],
)
def test_anything_else_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput):
        read_moment(cursor)
    with pytest.raises(BadInput):
        read_urn(cursor)


@pytest.mark.parametrize("first", [0, -1, MOST + 1])
def test_a_page_has_a_size(first: int) -> None:
    with pytest.raises(BadInput):
        size(first)


def test_a_page_ends_where_its_last_row_is() -> None:
    page = page_of([URN], 5, True, str)
    assert (page.total_count, page.page_info.has_next_page) == (5, True)
    assert page.page_info.end_cursor == page.edges[0].cursor
    assert page_of([], 0, False, str).page_info.end_cursor is None
