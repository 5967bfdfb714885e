"""The shapes in which answers leave: one thing, a page of things, or a thing that was made. Each reads the answer of the graph."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from gateway.answer import DoorRefusal, Missing


@dataclass(frozen=True, slots=True)
class Said:
    """A good answer, still in the graph's words."""

    body: object
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(DoorRefusal):
    """The domain said no; `kind` is the type of the graph that says it."""

    status = 422

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.code = kind, code_of(kind)


@dataclass(frozen=True, slots=True)
class One:
    """The thing itself under `root`; null there is 404."""

    root: str
    missing: str

    def read(self, data: Mapping[str, Any], prefix: str) -> Said:
        """Raises: Missing."""
        if data[self.root] is None:
            raise Missing(self.missing)
        return Said(data[self.root])


@dataclass(frozen=True, slots=True)
class Page:
    """A connection under `root` as `items`, `nextCursor` (null on the last page) and `total`."""

    root: str
    name: str

    def read(self, data: Mapping[str, Any], prefix: str) -> Said:
        found = data[self.root]
        end = found["pageInfo"]
        cursor = end["endCursor"] if end["hasNextPage"] else None
        return Said({"items": [edge["node"] for edge in found["edges"]], "nextCursor": cursor, "total": found["totalCount"]})


@dataclass(frozen=True, slots=True)
class Created:
    """A union under `root`: its `success` holds the `thing` and whether it was `replayed`; every other member is a refusal.

    What was made goes on being worked at, so it is 202; a repetition is 200 and says so. It is found under `home` and its URN.
    """

    root: str
    success: str
    thing: str
    replayed: str
    home: str

    def read(self, data: Mapping[str, Any], prefix: str) -> Said:
        """Raises: Refused."""
        found = data[self.root]
        if found["__typename"] != self.success:
            raise Refused(found["__typename"], found["message"])
        made = found[self.thing]
        headers = {"location": f"{prefix}{self.home}{quote(made['urn'], safe='')}"}
        if found[self.replayed]:
            return Said(made, 200, {**headers, "x-nexa-replayed": "true"})
        return Said(made, 202, headers)


Shape = One | Page | Created


def code_of(kind: str) -> str:
    """The code of a refusal by the name of its type: `WrongVendor` → `WRONG_VENDOR`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind).upper()
