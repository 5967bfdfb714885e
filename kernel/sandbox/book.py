"""The omniscient book of a sandbox: pages are only ever appended, the newest page of a thing is how it stands.

It is kept in memory and in one SQLite file, so that a restarted sandbox still knows what it holds. The file survives the death
of the process, not of the machine; nothing real depends on it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from kernel import clock

Page = dict[str, Any]

_TABLE: Final = """
    CREATE TABLE IF NOT EXISTS page (
        seq INTEGER PRIMARY KEY, partner TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL
    )
"""
_APPEND: Final = "INSERT INTO page (partner, kind, id, body) VALUES (?, ?, ?, ?)"


class Book:
    """Things by (kind, id); each carries `at`, the instant it was first written, as ISO text."""

    def __init__(self, file: Path | None, partner: str) -> None:
        self._partner = partner
        self._things: dict[str, dict[str, Page]] = {}
        self._file = _open(file) if file is not None else None
        if self._file is not None:
            rows = self._file.execute("SELECT kind, id, body FROM page WHERE partner = ? ORDER BY seq", (partner,))
            for kind, id, body in rows:
                self._keep(kind, id, json.loads(body))

    def put(self, kind: str, id: str, thing: Mapping[str, Any]) -> Page:
        """Writes the thing as it is now; returns what the book keeps."""
        before = self.get(kind, id)
        page = {**thing, "at": before["at"] if before else clock.now().isoformat()}
        if self._file is not None:
            self._file.execute(
                "INSERT INTO page (partner, kind, id, body) VALUES (?, ?, ?, ?)", (self._partner, kind, id, json.dumps(page))
            )
        self._keep(kind, id, page)
        return page

    def change(self, kind: str, id: str, **fields: Any) -> Page:
        """Writes some fields anew. Raises: KeyError when there is no such thing."""
        return self.put(kind, id, {**self._things[kind][id], **fields})

    def get(self, kind: str, id: str) -> Page | None:
        return self._things.get(kind, {}).get(id)

    def all(self, kind: str) -> Iterator[tuple[str, Page]]:
        """In the order in which they were first written."""
        yield from list(self._things.get(kind, {}).items())

    def everything(self) -> dict[str, list[Page]]:
        return {kind: [{"id": id, **page} for id, page in things.items()] for kind, things in self._things.items()}

    def forget(self) -> None:
        """An empty book again, in the file too."""
        self._things.clear()
        if self._file is not None:
            self._file.execute("DELETE FROM page WHERE partner = ?", (self._partner,))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _keep(self, kind: str, id: str, page: Page) -> None:
        self._things.setdefault(kind, {})[id] = page


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(_TABLE)
    return connection
