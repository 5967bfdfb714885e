"""Messages in and out of JSON: everything a message may hold comes back as it was, also from the version before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import orjson
import pytest

from kernel.event import MessageError, decode, encode, message, read
from kernel.money import Money
from kernel.urn import Urn


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Leaf:
    name: str
    inner: Leaf | None = None


@message("booking")
class Everything:
    urn: Urn
    colour: Colour
    price: Money
    share: Decimal
    day: date
    at: datetime
    lasts: timedelta
    leaf: Leaf
    leaves: tuple[Leaf, ...]
    marks: frozenset[str]
    counts: Mapping[str, int]
    days: dict[str, list[date]]
    free: object | None = None
    late: bool = False


WHOLE = Everything(
    Urn("urn:case:c-1"), Colour.RED, Money(Decimal("12.30"), "USD"), Decimal("0.10"), date(2013, 2, 8),
    datetime(2013, 2, 8, 12, tzinfo=UTC), timedelta(minutes=10), Leaf("a", Leaf("b")), (Leaf("c"),), frozenset({"y", "x"}), {"n": 1},
    {"d": [date(2013, 2, 9)]}, None, True,
)  # fmt: skip


def test_what_goes_out_comes_back_as_it_was() -> None:
    plain = orjson.loads(orjson.dumps(encode(WHOLE)))
    found = decode("Everything", plain)
    assert found == WHOLE
    assert [type(found.urn), type(found.colour), type(found.leaves), type(found.marks)] == [Urn, Colour, tuple, frozenset]
    assert plain["marks"] == ["x", "y"]  # sets have one order
    assert plain["leaf"] == {"name": "a", "inner": {"name": "b", "inner": None}}


def test_instants_travel_in_utc() -> None:
    assert encode(datetime(2013, 2, 8, 14, tzinfo=timezone(timedelta(hours=2)))) == "2013-02-08T12:00:00+00:00"


def test_another_version_may_know_more_and_say_less() -> None:
    plain = {**encode(WHOLE), "unheard": 1}
    del plain["late"]
    assert decode("Everything", plain).late is False


@pytest.mark.parametrize("change", [{"urn": "nothing"}, {"day": "yesterday"}, {"share": "much"}, {"leaf": 3}, {"colour": "blue"}])
def test_what_cannot_be_read_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(MessageError):
        decode("Everything", {**encode(WHOLE), **change})


def test_what_is_missing_and_what_nobody_declared_is_refused() -> None:
    with pytest.raises(MessageError):
        read(Leaf, {})
    with pytest.raises(MessageError, match="no message is called"):
        decode("Nothing", {})
