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
from typing import Any, TypeVar, cast, get_args, get_origin

from kernel.money import Money
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
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [encode(item) for item in (sorted(value) if isinstance(value, (set, frozenset)) else value)]
    return value


def decode(name: str, body: Mapping[str, Any]) -> Any:
    """The message of that name. Raises: MessageError."""
    if name not in _BY_NAME:
        raise MessageError(f"no message is called {name!r}")
    return read(_BY_NAME[name], body)


def read(kind: Any, value: Any) -> Any:
    """`value`, plain JSON, as `kind`: a dataclass, an enum, a word of the kernel, or a container of those. Raises: MessageError."""
    try:
        return _read(kind, value)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise MessageError(f"cannot read {getattr(kind, '__name__', kind)}: {error}") from error


def _read(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        options = [option for option in get_args(kind) if option is not type(None)]
        return None if value is None else _read(options[0], value)
    if origin in (list, tuple, frozenset, set):
        inner = get_args(kind)[0]
        return origin(_read(inner, item) for item in value)
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        _, inner = get_args(kind)
        return {key: _read(inner, item) for key, item in value.items()}
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        hints = _hints(cast(type, kind))
        return cast(Any, kind)(**{f.name: _read(hints[f.name], value[f.name]) for f in dataclasses.fields(kind) if f.name in value})
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is date:
        return date.fromisoformat(value)
    if kind is timedelta:
        return timedelta(seconds=value)
    if kind is Decimal:
        return Decimal(str(value))
    if kind is Money:
        return Money(Decimal(str(value["amount"])), value["currency"])
    return kind(value)


_CACHE: dict[type, dict[str, Any]] = {}


def _hints(kind: type) -> dict[str, Any]:
    if kind not in _CACHE:
        _CACHE[kind] = typing.get_type_hints(kind)
    return _CACHE[kind]
