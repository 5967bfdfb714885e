"""What a domain's file has said, as plain records; `schema.binding` has the words that make them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from kernel.identity import Role
from kernel.urn import Urn
from schema.audience import NOBODY, Audience

Allow = Role | str | tuple[Role | str, ...]
Resolver = Callable[..., Any]
Load = Callable[[Any, Sequence[Urn]], Awaitable[Sequence[Any]]]
Hint = Any  # a type as an annotation writes it, or any value beside one
ROOTS = ("Query", "Mutation", "Subscription")


class GraphMistake(TypeError):  # found at import, never at a request
    """What the domains' files say does not fit together."""


@dataclass(frozen=True, slots=True)
class Part:
    """One class of one file: the owner's view, an extension of a type, an interface or an input."""

    role: str  # view | extension | interface | input
    cls: type
    of: Any = None
    key: str | None = None
    seen_by: Audience = NOBODY
    load: Load | None = None
    shared: bool = False
    kind: str | None = None
    allow: tuple[Role | str, ...] = ()

    @property
    def name(self) -> str:
        return self.cls.__name__

    @property
    def domain(self) -> str:
        """The file's name, or what the file says in `DOMAIN` when a domain needs more than one."""
        home = self.cls.__module__
        return str(getattr(sys.modules.get(home), "DOMAIN", home.rpartition(".")[2]))

    @property
    def description(self) -> str | None:
        return first_paragraph(self.cls.__dict__.get("__doc__"))


@dataclass(frozen=True, slots=True)
class Plain:
    """Read off the row, under its own name or where `at` says; null as soon as a part of the way there is."""

    seen_by: Audience | None = None
    description: str | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """Answered by a resolver."""

    resolver: Resolver
    seen_by: Audience
    args: Mapping[str, Audience]
    allow: tuple[Role | str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """Follows the URN, or the URNs, that the row holds in `attribute`."""

    attribute: str
    seen_by: Audience | None
    description: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Names the union of what a field may answer."""

    name: str
    seen_by: Audience
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """An enum of the domain, value by value."""

    enum: type[Enum]
    seen_by: Mapping[Enum, Audience]
    instead: Mapping[Enum, Enum]


def part_of(cls: Any) -> Part | None:
    return cast("Part | None", cls.__dict__.get("__part__")) if isinstance(cls, type) else None


def allowed(allow: Allow) -> tuple[Role | str, ...]:
    return allow if isinstance(allow, tuple) else (allow,)


def first_paragraph(doc: str | None) -> str | None:
    return " ".join(inspect.cleandoc(doc).split("\n\n")[0].split()) if doc else None
