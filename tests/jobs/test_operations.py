"""The table of partner operations."""

from __future__ import annotations

from jobs import operations


def test_the_folder_is_read_once() -> None:
    assert operations.load() is operations.load()
