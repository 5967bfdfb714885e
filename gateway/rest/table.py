"""Every call there is, and the few words in which REST and the graph differ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.rest.shapes import Created, One, Page, Shape
from resolvers.page import MOST

PREFIX: Final = "/partner/v1"
WORDS: Final[Mapping[str, str]] = {"externalEvent": "externalEventId", "departs": "scheduledDeparture"}  # the graph's word → ours
SCOPES: Final[Mapping[str, str]] = {
    "cases.read": "Read the cases of the airline that registered you.",
    "disruptions.write": "Tell that a flight is disrupted.",
}


@dataclass(frozen=True, slots=True)
class Call:
    """`{names}` in the path are variables of the document; an input object among its variables is the body, all others are the query.

    `scope` is what the graph asks for; it is written here to be told, the graph alone enforces it.
    """

    method: str
    path: str
    document: str
    scope: str
    summary: str
    shape: Shape


CALLS: Final = (
    Call("POST", "/disruptions", "push_disruption", "disruptions.write", "Push a disruption",
         Created("pushDisruption", success="CaseDeclared", thing="case", replayed="replayed", home="/cases/")),
    Call("GET", "/cases", "cases", "cases.read", "List cases", Page("cases", name="CasePage")),
    Call("GET", "/cases/{urn}", "case", "cases.read", "Read a case", One("case", missing="There is no such case.")),
)  # fmt: skip

EXAMPLES: Final[Mapping[str, Mapping[str, object]]] = {  # by the name of the type
    "PushDisruptionInput": {
        "externalEventId": "ops-20260208-0117",
        "flight": "urn:flight:B6917@20260208:vendor:custom",
        "airport": "JFK",
        "destination": "BOS",
        "scheduledDeparture": "2026-02-08T14:05:00-05:00",
        "cause": "blizzard",
    },
    "Case": {
        "urn": "urn:case:c-4k2m9x7v1q8r3t6w",
        "version": 3,
        "flight": "urn:flight:B6917@20260208:vendor:custom",
        "flightNumber": "B6917",
        "airport": "JFK",
        "destination": "BOS",
        "scheduledDeparture": "2026-02-08T14:05:00-05:00",
        "cause": "blizzard",
        "status": "OPEN",
        "openedAt": "2026-02-08T18:20:04.512000+00:00",
        "subCasesTotal": 64,
        "counts": [{"status": "PENDING", "count": 61}, {"status": "LOCAL_RESIDENT", "count": 3}],
    },
}

PARAMETERS: Final[Mapping[str, Mapping[str, object]]] = {  # what an address may hold, by the name of the document's variable
    "first": {"description": "How many at most.", "minimum": 1, "maximum": MOST},
    "after": {"description": "The `nextCursor` of the page before."},
    "urn": {"description": "Percent-encoded.", "examples": ["urn:case:c-4k2m9x7v1q8r3t6w"]},
}

_HEADERS: Final[Mapping[str, str]] = {"replayed": "X-Nexa-Replayed"}  # what the graph says in a field and REST in a header
_BACK: Final = {ours: theirs for theirs, ours in WORDS.items()}


def ours(name: str) -> str:
    """What REST calls the graph's field."""
    return WORDS.get(name, name)


def theirs(name: str) -> str:
    """What the graph calls our field; a word of the graph's that has one of ours is not ours."""
    return _BACK.get(name, "" if name in WORDS else name)


def told(value: object) -> object:
    """An answer of the graph in our words."""
    if isinstance(value, dict):
        return {ours(name): told(item) for name, item in value.items()}
    return [told(item) for item in value] if isinstance(value, list) else value


def retold(text: str) -> str:
    """A description of the graph, which puts the names of fields in backticks, in our words."""
    return re.sub(r"`(\w+)`", lambda found: f"`{_HEADERS.get(found[1]) or ours(found[1])}`", text)
