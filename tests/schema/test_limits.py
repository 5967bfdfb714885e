"""Documents that ask too much, and one that would ruin a limiter that walks fragments again at each spread."""

from __future__ import annotations

import pytest
from graphql import parse, validate

from schema.limits import MAX_ALIASES, MAX_DEPTH, Limits
from tests.schema.toy.graphs import OPERATORS


def judged(document: str) -> list[str]:
    return [error.message for error in validate(OPERATORS.core, parse(document), [Limits])]


def deep(levels: int) -> str:
    return "{ subCases " + "{ reservations { subCase " * levels + "{ urn }" + " } }" * levels + " }"


def test_an_ordinary_document_passes() -> None:
    assert judged("{ subCases { urn note reservations { hotel } } a: subCases { urn } }") == []


@pytest.mark.parametrize(
    ("document", "what"),
    [
        (deep(MAX_DEPTH), "levels"),
        ("{" + " ".join(f"a{n}: subCases {{ urn }}" for n in range(MAX_ALIASES + 1)) + "}", "aliases"),
        ("query { ...F } fragment F on Query {" + " ".join(f"a{n}: subCases {{ urn }}" for n in range(MAX_ALIASES + 1)) + "}", "aliases"),
        ("{ ... on Query { " + deep(MAX_DEPTH)[2:-2] + " } }", "levels"),
    ],
)
def test_too_much_is_refused(document: str, what: str) -> None:
    assert [what in message for message in judged(document)] == [True]


def test_a_bomb_of_fragments_is_weighed_once_and_refused() -> None:
    """Thirty fragments, each spread twice by the next: 2**30 fields, weighed by reading sixty spreads."""
    bomb = "fragment F0 on SubCase { urn } " + " ".join(f"fragment F{n} on SubCase {{ ...F{n - 1} ...F{n - 1} }}" for n in range(1, 31))
    assert any("fields" in message for message in judged("{ subCases { ...F30 } } " + bomb))


def test_a_circle_of_fragments_ends() -> None:
    assert judged("{ subCases { ...A } } fragment A on SubCase { ...B } fragment B on SubCase { urn ...A }") == []
