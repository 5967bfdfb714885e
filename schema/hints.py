"""How the annotations of the domains' files and of their resolvers are read."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Annotated, Union, get_args

from kernel.refusal import Refusal
from schema.said import Bound, GraphMistake, Hint, Link, Outcome, Part, Plain, part_of
from schema.scalars import Json

BUILT_IN = (str, int, float, bool)
STREAMS = (AsyncIterator, AsyncGenerator, Awaitable)
LISTS = (list, tuple, Sequence, frozenset)


def get_origin(hint: Hint) -> Hint:
    return typing.get_origin(hint)


def outcome_of(hint: Hint) -> tuple[Outcome, tuple[type, ...]] | None:
    """The named union that the annotation is, with its members."""
    if get_origin(hint) is not Annotated:
        return None
    base, *notes = get_args(hint)
    named = next((note for note in notes if isinstance(note, Outcome)), None)
    return (named, get_args(base) if is_union(base) else (base,)) if named else None


def sayings(part: Part) -> Iterator[tuple[str, Hint, Plain | Bound | Link]]:
    hints = inspect.get_annotations(part.cls, globals=vars(inspect.getmodule(part.cls)), locals={}, eval_str=True)
    for name, value in vars(part.cls).items():
        if isinstance(value, (Plain, Bound, Link)) and name not in hints:
            raise GraphMistake(f"{part.name}.{name} has no type")
    for name, hint in hints.items():
        said = vars(part.cls).get(name, Plain())
        yield name, hint, said if isinstance(said, (Plain, Bound, Link)) else Plain()


def check_column(where: str, owner: Part, name: str) -> None:
    behind = get_origin(owner.of) or owner.of
    known = is_refusal(behind) or hasattr(behind, name) or name in getattr(behind, "__annotations__", {})
    if not known:
        raise GraphMistake(f"{where}: {behind.__name__} has no {name}")


def default_of(of: Hint, name: str) -> Hint:
    """A value that can be printed; what is left out takes the dataclass's own default anyway."""
    known = {one.name: one.default for one in dataclasses.fields(of)}.get(name, dataclasses.MISSING)
    if isinstance(known, tuple):
        return list(known)
    return known if isinstance(known, BUILT_IN) else dataclasses.MISSING


def casts(hints: Mapping[str, Hint]) -> dict[str, Callable[[Hint], Hint]]:
    """GraphQL brings lists; the domain's words are tuples and sets."""
    wanted: dict[str, Callable[[Hint], Hint]] = {}
    for name, hint in hints.items():
        for one in get_args(hint) if is_union(hint) else (hint,):
            kind = get_origin(one)
            if kind in (tuple, frozenset):
                wanted[name] = into(kind)
    return wanted


def into(kind: Callable[[Hint], Hint]) -> Callable[[Hint], Hint]:
    return lambda value: None if value is None else kind(value)


def target_of(where: str, hint: Hint) -> str:
    for one in (hint, *get_args(hint)):
        part = part_of(one)
        if part is not None:
            return part.name
    raise GraphMistake(f"{where}: a link leads to a type, not to {hint}")


def required(one: dataclasses.Field[Hint]) -> bool:
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


def is_union(hint: Hint) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def is_refusal(of: Hint) -> bool:
    return isinstance(of, type) and issubclass(of, Refusal)


def fits(answer: Hint, wanted: Hint) -> bool:
    if wanted in (object, Json) or answer == wanted:
        return True
    return isinstance(answer, type) and isinstance(wanted, type) and issubclass(answer, wanted)


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
