"""Makes one set of types of what the domains' files say, and raises at import whatever does not fit together.

Parts of one name are one type: its owner's `@view` and everybody's `@extend`. A stub stands for the owner's type wherever it is
mentioned, so no file imports another. The result is built once and never changed; contracts and subgraphs are projections of it.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import ModuleType
from typing import Annotated, get_args

from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryObjectDefinition

from kernel.identity import Role
from kernel.urn import Urn
from schema import binding
from schema.audience import NOBODY, OPERATOR, PARTNER, Audience
from schema.binding import BoundField, GraphField, Inner, LinkField, PathField
from schema.hints import (
    BUILT_IN,
    LISTS,
    STREAMS,
    casts,
    check_column,
    default_of,
    fits,
    get_origin,
    is_refusal,
    is_union,
    kebab,
    outcome_of,
    required,
    sayings,
    target_of,
)
from schema.said import ROOTS, Bound, GraphMistake, Hint, Link, Load, Outcome, Part, Plain, Words, first_paragraph, part_of
from schema.scalars import SCALARS


@dataclass(frozen=True)
class Graph:
    """All types of all domains, before anyone looks at them."""

    classes: Mapping[str, type]
    owners: Mapping[str, Part]
    words: Mapping[type[Enum], Words]
    names: Mapping[Hint, tuple[str, ...]]  # what stands behind a view → the views' names
    kinds: Mapping[str, str]  # the kind of a URN → the name of the type that it names
    domains: tuple[str, ...]

    def fields(self, name: str) -> list[GraphField]:
        return [one for one in binding.definition_of(self.classes[name]).fields if isinstance(one, GraphField)]

    def definition(self, name: str) -> StrawberryObjectDefinition:
        return binding.definition_of(self.classes[name])

    def load_of(self, name: str) -> Load | None:
        return self.owners[name].load

    def audience(self, name: str) -> Audience:
        """Everyone who sees at least one field of the type."""
        seen = NOBODY
        for one in self.fields(name):
            seen |= one.audience
        return seen

    def name_of(self, value: object, among: Sequence[str]) -> str | None:
        """Which of these types the value is; None when it is none of them."""
        if isinstance(value, binding.Ref):
            return value.name if value.name in among else None
        behind = value.refusal if isinstance(value, binding.Said) else type(value)
        candidates = [name for cls in behind.__mro__ for name in self.names.get(cls, ())]
        return next((name for name in candidates if name in among), None)


def join(*modules: ModuleType) -> Graph:
    """The graph these files say together. Raises: GraphMistake."""
    return _Joiner(modules).graph()


class _Joiner:
    def __init__(self, modules: Sequence[ModuleType]) -> None:
        self.modules = modules
        self.pools: dict[str, list[Part]] = {}
        self.words: dict[type[Enum], Words] = {}
        for module in modules:
            self._gather(module)
        self.owners = {name: self._owner(name, parts) for name, parts in self.pools.items() if name not in ROOTS}
        self.classes = {name: binding.make_class(self.owners.get(name), name) for name in self.pools}
        self.enums = {enum: binding.make_enum(said) for enum, said in self.words.items()}
        self.inputs = {part.of: name for name, part in self.owners.items() if part.role == "input"}
        self.unions: dict[str, tuple[tuple[str, ...], Inner]] = {}

    def _gather(self, module: ModuleType) -> None:
        for value in vars(module).values():
            part = part_of(value)
            if part is not None and part.cls.__module__ == module.__name__:
                self.pools.setdefault(part.name, []).append(part)
            elif isinstance(value, Words) and self.words.setdefault(value.enum, value) is not value:
                raise GraphMistake(f"{value.enum.__name__} is shown twice")

    def _owner(self, name: str, parts: list[Part]) -> Part:
        owners = [part for part in parts if part.role != "extension"]
        if len(owners) != 1:
            raise GraphMistake(f"{name} has {len(owners)} owners: {', '.join(part.cls.__module__ for part in parts)}")
        return owners[0]

    def graph(self) -> Graph:
        for name in sorted(self.pools, key=lambda name: name in self.owners and self.owners[name].role != "interface"):
            self._fill(name)
        names: dict[Hint, tuple[str, ...]] = {}
        for name, part in self.owners.items():
            if part.role == "view":
                behind = get_origin(part.of) or part.of
                names[behind] = (*names.get(behind, ()), name)
        kinds = {part.kind or kebab(name): name for name, part in self.owners.items() if part.load is not None}
        domains = tuple(dict.fromkeys(part.domain for parts in self.pools.values() for part in parts))
        return Graph(self.classes, self.owners, self.words, names, kinds, domains)

    # one type ------------------------------------------------------------------------------------------------------------

    def _fill(self, name: str) -> None:
        definition, owner = binding.definition_of(self.classes[name]), self.owners.get(name)
        found: dict[str, GraphField] = {}
        for part in self.pools[name]:
            for field_name, hint, said in sayings(part):
                if field_name in found:
                    raise GraphMistake(f"{name}.{field_name} is said twice, the second time in {part.cls.__module__}")
                found[field_name] = self._field(name, owner, part, field_name, hint, said)
                found[field_name].domain, found[field_name].said = part.domain, said
        if owner is not None and owner.role == "view":
            for base in owner.cls.__mro__[1:]:
                self._implement(definition, owner, base, found)
        if owner is not None and owner.role == "input":
            self._read_as(definition, owner, found)
        definition.fields[:] = found.values()

    def _implement(self, definition: StrawberryObjectDefinition, owner: Part, base: type, found: dict[str, GraphField]) -> None:
        """The interface's fields under the type's own tags: shared field objects would share their tags too."""
        part = part_of(base)
        if part is None or part.role != "interface":
            return
        definition.interfaces.append(binding.definition_of(self.classes[part.name]))
        for field_name, hint, said in sayings(part):
            if field_name not in found:
                found[field_name] = self._field(definition.name, owner, owner, field_name, hint, Plain(owner.seen_by))
                found[field_name].domain, found[field_name].said = owner.domain, said

    def _read_as(self, definition: StrawberryObjectDefinition, owner: Part, found: Mapping[str, GraphField]) -> None:
        wanted = {one.name: one for one in dataclasses.fields(owner.of)}
        missing = [one.name for one in wanted.values() if required(one) and one.name not in found]
        if set(found) - set(wanted) or missing:
            raise GraphMistake(f"{definition.name} does not fit {owner.of.__name__}: {sorted(set(found) - set(wanted)) + missing}")
        definition.from_input = binding.make_input(owner.of, casts(typing.get_type_hints(owner.of)))

    # one field -----------------------------------------------------------------------------------------------------------

    def _field(self, name: str, owner: Part | None, part: Part, field_name: str, hint: Hint, said: Plain | Bound | Link) -> GraphField:
        where = f"{name}.{field_name}"
        if isinstance(said, Bound):
            return self._bound(where, name, owner, part, field_name, hint, said)
        seen_by = said.seen_by if said.seen_by is not None else part.seen_by
        if part.role == "extension" or owner is None:
            raise GraphMistake(f"{where} in {part.cls.__module__}: only the owner may read a row, others bind a resolver")
        if part.role == "view":
            check_column(where, owner, said.attribute if isinstance(said, Link) else (said.at or field_name).partition(".")[0])
        if isinstance(said, Link):
            return binding.make_field(LinkField, field_name, self._inner(hint), seen_by, said.description, target=target_of(where, hint))
        if said.at is not None:
            path = tuple(said.at.split("."))
            return binding.make_field(PathField, field_name, self._inner(hint), seen_by, said.description, path=path)
        default = default_of(owner.of, field_name) if part.role == "input" else dataclasses.MISSING
        return binding.make_field(GraphField, field_name, self._inner(hint), seen_by, said.description, default=default)

    def _bound(self, where: str, name: str, owner: Part | None, part: Part, field_name: str, hint: Hint, said: Bound) -> BoundField:
        hints = typing.get_type_hints(said.resolver, include_extras=True)
        parameters = list(inspect.signature(said.resolver).parameters.values())
        first = "info" if parameters[0].name == "info" else "key" if hints.get(parameters[0].name) is Urn else "row"
        if owner is None and first != "info":
            raise GraphMistake(f"{where}: a resolver of a root begins with info")
        if first == "row" and part.role == "extension":
            raise GraphMistake(f"{where}: a contributed resolver gets only the key")
        self._check_guard(where, name, said)
        self._check_answer(where, hint, hints.get("return"))
        arguments = [one for one in parameters if one.name in said.args]
        unsaid = [one.name for one in parameters[1 if first == "info" else 2 :] if one.name not in said.args and one.default is one.empty]
        if unsaid or set(said.args) - {one.name for one in arguments}:
            raise GraphMistake(f"{where}: its arguments are {[one.name for one in arguments]}, said are {sorted(said.args)}")
        members = self._members(hint)
        return binding.make_field(
            BoundField,
            field_name,
            self._inner(hint),
            said.seen_by,
            first_paragraph(said.resolver.__doc__),
            arguments=[self._argument(one, hints[one.name], said) for one in arguments],
            is_subscription=name == "Subscription",
            first=first,
            key=(owner.key if owner else None) or "urn",
            members=members,
            refusals={self.owners[one].of: one for one in members if is_refusal(self.owners[one].of)},
            casts=casts({one.name: hints[one.name] for one in arguments}),
        )

    def _argument(self, one: inspect.Parameter, hint: Hint, said: Bound) -> StrawberryArgument:
        return binding.make_argument(one.name, self._inner(hint), one.default, said.args[one.name])

    def _check_guard(self, where: str, name: str, said: Bound) -> None:
        if name not in ROOTS:
            return
        roles = [word for word in said.allow if isinstance(word, Role)]
        if (OPERATOR in said.seen_by and not roles) or (PARTNER in said.seen_by and len(roles) == len(said.allow)):
            raise GraphMistake(f"{where} does not say which role or scope may ask it")

    def _check_answer(self, where: str, hint: Hint, answer: Hint) -> None:
        wanted, given = self._shape(hint), self._shape(answer)
        right = wanted[0] == given[0] and all(any(fits(one, other) for other in wanted[1]) for one in given[1])
        if not right:
            raise GraphMistake(f"{where} says {hint}, but its resolver answers {answer}")

    def _shape(self, hint: Hint) -> tuple[bool, list[Hint]]:
        """Whether it is a list, and what stands behind its leaves; refusals are raised, not answered."""
        if get_origin(hint) is Annotated:
            return self._shape(get_args(hint)[0])
        if get_origin(hint) in STREAMS:
            return self._shape(get_args(hint)[0])
        if get_origin(hint) in LISTS:
            return True, self._shape(get_args(hint)[0])[1]
        if is_union(hint):
            shapes = [self._shape(one) for one in get_args(hint) if one is not types.NoneType]
            return any(shape[0] for shape in shapes), [leaf for shape in shapes for leaf in shape[1]]
        part = part_of(hint)
        if part is None:
            return False, [hint]
        owner = self._named(part.name)
        return False, [object if owner.role == "interface" else owner.of] if not is_refusal(owner.of) else []

    # one annotation ------------------------------------------------------------------------------------------------------

    def _inner(self, hint: Hint) -> Inner:
        """The annotation in Strawberry's own types, every stub replaced by the type it stands for."""
        if named := outcome_of(hint):
            return self._union(*named)
        if get_origin(hint) is Annotated:
            return self._inner(get_args(hint)[0])
        if is_union(hint):
            rest = [one for one in get_args(hint) if one is not types.NoneType]
            if len(rest) > 1:
                raise GraphMistake(f"{hint} has no name; say Annotated[…, outcome(…)]")
            return binding.optional(self._inner(rest[0]))
        if get_origin(hint) in LISTS:
            return binding.listed(self._inner(get_args(hint)[0]))
        return self._leaf(hint)

    def _leaf(self, hint: Hint) -> Inner:
        part = part_of(hint)
        if part is not None:
            self._named(part.name)
            return self.classes[part.name]
        if isinstance(hint, type) and hint in self.enums:
            return self.enums[hint]
        if hint in SCALARS or hint in BUILT_IN:
            return hint
        if hint in self.inputs:
            return self.classes[self.inputs[hint]]
        if isinstance(hint, type) and issubclass(hint, str) and not issubclass(hint, Enum):
            return str
        raise GraphMistake(f"nothing in the graph shows {hint}")

    def _union(self, said: Outcome, classes: Sequence[type]) -> Inner:
        members = tuple(cls.__name__ for cls in classes)
        known = self.unions.get(said.name)
        if known is None:
            made = binding.make_union(said, [self.classes[self._named(one).name] for one in members])
            known = self.unions[said.name] = (members, made)
        if known[0] != members:
            raise GraphMistake(f"{said.name} is {' | '.join(known[0])} in one place and {' | '.join(members)} in another")
        return known[1]

    def _members(self, hint: Hint) -> tuple[str, ...]:
        """The types of an answer that may be several; empty when it is one."""
        if named := outcome_of(hint):
            return tuple(cls.__name__ for cls in named[1])
        for inner in get_args(hint):
            if members := self._members(inner):
                return members
        part = part_of(hint)
        if part is not None and self._named(part.name).role == "interface":
            return tuple(name for name, one in self.owners.items() if part.name in {base.__name__ for base in one.cls.__mro__[1:]})
        return ()

    def _named(self, name: str) -> Part:
        if name not in self.owners:
            raise GraphMistake(f"{name} is mentioned, but no file owns it")
        return self.owners[name]
