"""Messages between domains: events in the past tense, commands in the imperative; frozen, URNs and plain values only.

A message class is declared once with `@message("cases", version=1)`; its owner is the domain that *defines* it: the sender
of an event, the receiver of a command. `encode` and `decode` are the only way in and out of JSON. Unknown fields are
ignored and missing ones take their default, so that a version N reads what N-1 and N+1 wrote.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_origin

from kernel.tenancy import Tenant
from kernel.urn import Urn

M = TypeVar("M")
_BY_NAME: dict[str, type] = {}


class MessageError(ValueError):
    """The message is not one this version of Nexa knows, or a field of it is not readable."""


@typing.dataclass_transform(frozen_default=True)
def message(owner: str, version: int = 1) -> Callable[[type[M]], type[M]]:
    """Makes a class a frozen message of the domain `owner`, found again by its class name."""

    def declare(cls: type[M]) -> type[M]:
        made = dataclass(frozen=True, slots=False)(cls)
        made.owner, made.version = owner, version  # type: ignore[attr-defined]  # class facts, not fields
        if cls.__name__ in _BY_NAME:
            raise MessageError(f"two messages are called {cls.__name__}")
        _BY_NAME[cls.__name__] = made
        return made

    return declare


def name_of(of: object) -> str:
    return of.__name__ if isinstance(of, type) else type(of).__name__


def owner_of(of: object) -> str:
    return cast(str, getattr(of, "owner"))


def version_of(of: object) -> int:
    return cast(int, getattr(of, "version"))


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message under way. `seq` counts per (sender database, receiving stream, aggregate) from 1 without gaps, 0 where nobody counts.

    `correlation` is the W3C trace id; `asked` tells a command from an event.

    `reply_to` names `workflow|step|attempt` of the asking saga; the answering event carries it back.
    """

    urn: Urn
    tenant: Tenant
    sender: str
    name: str
    version: int
    aggregate: Urn
    seq: int
    correlation: str
    at: datetime
    body: Mapping[str, Any]
    reply_to: str | None = None
    actor: Urn | None = None
    asked: bool = False

    @property
    def is_reply(self) -> bool:
        """Whether it answers a saga's step."""
        return self.reply_to is not None and not self.asked

    def open(self) -> Any:
        """The message itself. Raises: MessageError."""
        return decode(self.name, self.body)


def encode(value: Any) -> Any:
    """Plain JSON values of a message or of any value inside one."""
    return _encoder(type(value))(value)  # type: ignore[arg-type]  # every type is hashable


@cache
def _encoder(kind: type) -> Callable[[Any], Any]:
    """What makes plain values of this type: found out once."""
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
        return lambda value: {name: encode(getattr(value, name)) for name in names}
    return next((encoder for base, encoder in _ENCODERS if issubclass(kind, base)), lambda value: value)


_ENCODERS: list[tuple[type | tuple[type, ...], Callable[[Any], Any]]] = [
    (enum.Enum, lambda value: value.value),
    ((str, Decimal), str),
    (datetime, lambda value: value.astimezone(UTC).isoformat()),
    (date, lambda value: value.isoformat()),
    (timedelta, lambda value: value.total_seconds()),
    (Mapping, lambda value: {str(key): encode(item) for key, item in value.items()}),
    ((list, tuple), lambda value: [encode(item) for item in value]),
    ((set, frozenset), lambda value: [encode(item) for item in sorted(value)]),
]


def decode(name: str, body: Mapping[str, Any]) -> Any:
    """The message of that name. Raises: MessageError."""
    if name not in _BY_NAME:
        raise MessageError(f"no message is called {name!r}")
    return read(_BY_NAME[name], body)


def read(kind: Any, value: Any) -> Any:
    """`value`, plain JSON, as `kind`: a dataclass, an enum, a word of the kernel, or a container of those. Raises: MessageError."""
    try:
        return _reader(kind)(value)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise MessageError(f"cannot read {getattr(kind, '__name__', kind)}: {error}") from error


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """What reads a value of this kind: found out once, since every message of a storm is read by it."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (typing.Union, types.UnionType):
        some = _reader(next(option for option in inner if option is not type(None)))
        return lambda value: None if value is None else some(value)
    if origin in (list, tuple, frozenset, set):
        item = _reader(inner[0])
        return lambda value: origin([item(each) for each in value])
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        item = _reader(inner[1])
        return lambda value: {key: item(each) for key, each in value.items()}
    if kind is Any:
        return lambda value: value
    if dataclasses.is_dataclass(kind):
        made = cast(Any, kind)
        return lambda value: made(**{name: reader(value[name]) for name, reader in _fields(made) if name in value})
    return _SCALARS.get(kind, kind)  # type: ignore[no-any-return]  # a kind without a reader of its own is one


@cache
def _fields(kind: type) -> list[tuple[str, Callable[[Any], Any]]]:
    hints = typing.get_type_hints(kind)
    return [(field.name, _reader(hints[field.name])) for field in dataclasses.fields(kind)]


_SCALARS: dict[Any, Callable[[Any], Any]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    timedelta: lambda value: timedelta(seconds=value),
    Decimal: lambda value: Decimal(str(value)),
}
