"""Reading partners' JSON leniently: numbers may come as strings and strings as numbers, null anywhere, unknown fields are nothing.

What must be there and is not raises Unintelligible with the field's name and never its value.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from kernel.http import Unintelligible

Object = Mapping[str, Any]


def an_object(value: Any, name: str = "answer") -> Object:
    if not isinstance(value, Mapping):
        raise Unintelligible(f"{name} is not an object")
    return value


def inner(of: Object, name: str) -> Object:
    """The object under `name`; must be there."""
    return an_object(of.get(name), name)


def inner_or_empty(of: Object, name: str) -> Object:
    value = of.get(name)
    return value if isinstance(value, Mapping) else {}


def items(of: Object, name: str) -> list[Object]:
    """The objects of the list under `name`; none when it is absent or null."""
    value = of.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Unintelligible(f"{name} is not a list")
    return [an_object(item, name) for item in value]


def text(of: Object, name: str) -> str:
    value = text_or_none(of, name)
    if value is None:
        raise Unintelligible(f"{name} is missing")
    return value


def text_or_none(of: Object, name: str) -> str | None:
    """None for absent, null and blank alike."""
    value = of.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return None
    return str(value).strip() or None


def decimal(of: Object, name: str) -> Decimal:
    value = text(of, name)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise Unintelligible(f"{name} is not a number") from None
    if not number.is_finite():
        raise Unintelligible(f"{name} is not a number")
    return number


def integer(of: Object, name: str, default: int | None = None) -> int:
    if default is not None and text_or_none(of, name) is None:
        return default
    number = decimal(of, name)
    if number != number.to_integral_value():
        raise Unintelligible(f"{name} is not a whole number")
    return int(number)


def number(of: Object, name: str) -> float:
    """For measures; never for money."""
    return float(decimal(of, name))


def day(of: Object, name: str) -> date:
    try:
        return date.fromisoformat(text(of, name)[:10])
    except ValueError:
        raise Unintelligible(f"{name} is not a date") from None


def instant(of: Object, name: str) -> datetime:
    """Aware, with the offset it came with."""
    try:
        at = datetime.fromisoformat(text(of, name))
    except ValueError:
        raise Unintelligible(f"{name} is not an instant") from None
    if at.tzinfo is None:
        raise Unintelligible(f"{name} has no offset")
    return at
