"""The leaves of the graph: how Python's words are written on the wire and read back strictly."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final, NewType

from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from kernel.event import encode
from kernel.urn import Urn, UrnError
from schema.binding import make_scalar

Json = NewType("Json", object)
DIGITS: Final = 28  # a decimal longer than this is a mistake or an attack, never an amount


def _text(value: object, wanted: str) -> str:
    if not isinstance(value, str):
        raise GraphQLError(f"expected {wanted} as a string")
    return value


def _urn(value: object) -> Urn:
    try:
        return Urn(_text(value, "a URN")).bare
    except UrnError as error:
        raise GraphQLError(str(error)) from error


def _instant(value: object) -> datetime:
    text = _text(value, "an instant")
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise GraphQLError(f"{text[:40]!r} is not an ISO 8601 instant such as 2026-02-08T12:00:00Z") from error
    if read.tzinfo is None:
        raise GraphQLError(f"{text[:40]!r} has no offset; write 2026-02-08T12:00:00Z or 2026-02-08T07:00:00-05:00")
    try:
        read.astimezone(UTC)  # as databases keep it
    except OverflowError as error:
        raise GraphQLError(f"{text[:40]!r} is outside the calendar: the years are 1 to 9999 in UTC too") from error
    return read


def _day(value: object) -> date:
    text = _text(value, "a date")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise GraphQLError(f"{text[:40]!r} is not a date such as 2026-02-08") from error


def _decimal(value: object) -> Decimal:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value, "a decimal")
    try:
        read = Decimal(text) if len(text) <= DIGITS else Decimal("NaN")
    except InvalidOperation:
        read = Decimal("NaN")
    if not read.is_finite():
        raise GraphQLError(f"{text[:40]!r} is not a decimal of at most {DIGITS} digits such as 129.90")
    return read


SCALARS: Final[dict[object, ScalarDefinition]] = {
    Urn: make_scalar("Urn", "A name that grants nothing: `urn:<entity>:<id>[:vendor:<vendor>]`.", str, _urn),
    datetime: make_scalar("DateTime", "An ISO 8601 instant with its offset.", lambda value: value.isoformat(), _instant),
    date: make_scalar("Date", "A day, as in 2026-02-08.", lambda value: value.isoformat(), _day),
    Decimal: make_scalar("Decimal", "A decimal as a string, as in 129.90; never binary floating point.", str, _decimal),
    Json: make_scalar("Json", "Any JSON value.", encode, lambda value: value),
}
