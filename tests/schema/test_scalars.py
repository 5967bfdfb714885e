"""What a leaf reads, and what it refuses in a sentence that says what would be right."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from graphql import GraphQLError, GraphQLScalarType

from kernel.urn import Urn
from schema.audience import OPERATOR
from schema.contract import contract

TYPES = contract(OPERATOR).core.type_map


def leaf(name: str) -> GraphQLScalarType:
    kind = TYPES[name]
    assert isinstance(kind, GraphQLScalarType)
    return kind


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("Urn", "urn:case:c-1", Urn("urn:case:c-1")),
        ("DateTime", "2026-02-08T07:00:00-05:00", datetime.fromisoformat("2026-02-08T07:00:00-05:00")),
        ("Date", "2026-02-08", date(2026, 2, 8)),
        ("Decimal", "129.90", Decimal("129.90")),
    ],
)
def test_what_is_written_is_read_back(name: str, written: str, value: object) -> None:
    read = leaf(name).parse_value(written)
    assert read == value
    assert type(read) is type(value)
    assert leaf(name).serialize(value) == written


def test_a_urn_loses_its_status() -> None:
    assert leaf("Urn").parse_value("urn:reservation:r-1:vendor:x:status:confirmed") == "urn:reservation:r-1"


@pytest.mark.parametrize(
    ("name", "written", "sentence"),
    [
        ("Urn", "urn:spaceship:1", "known kinds"),
        ("Urn", "", "expected urn:"),
        ("Urn", 7, "as a string"),
        ("DateTime", "2026-02-08T07:00:00", "no offset"),
        ("DateTime", "yesterday", "ISO 8601"),
        ("DateTime", "0001-01-01T00:00:00+14:00", "outside the calendar"),
        ("DateTime", None, "as a string"),
        ("Date", "2026-02-31", "not a date"),
        ("Decimal", "NaN", "not a decimal"),
        ("Decimal", "1e", "not a decimal"),
        ("Decimal", "1" * 10_000, "at most 28 digits"),
        ("Decimal", 1.5, "as a string"),
        ("Decimal", True, "as a string"),
    ],
)
def test_anything_else_is_refused_with_a_reason(name: str, written: object, sentence: str) -> None:
    with pytest.raises(GraphQLError, match=sentence):
        leaf(name).parse_value(written)
