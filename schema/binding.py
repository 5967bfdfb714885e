"""The words in which a domain's file says its part of the graph; nobody else speaks Strawberry's inner language.

A decorated class is only a statement: `schema.graph` pools the statements of one name into one type. Visibility is written as
`@tag` and read back from the tags, so that a federation router and our own contracts cannot disagree. A bound field checks
`allow`, calls its resolver, and turns a refusal that its outcome names into data; any other refusal is an error with a code.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import MISSING
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from graphql import GraphQLError
from strawberry.annotation import StrawberryAnnotation
from strawberry.federation.schema import FederationAny
from strawberry.federation.schema_directives import Key, Shareable, Tag
from strawberry.federation.types import FieldSet
from strawberry.types.arguments import InputContext, StrawberryArgument
from strawberry.types.base import StrawberryList, StrawberryObjectDefinition, StrawberryOptional
from strawberry.types.enum import EnumValue, StrawberryEnumDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.scalar import ScalarDefinition
from strawberry.types.union import StrawberryUnion
from strawberry.types.unset import UNSET

from kernel.identity import Identity, Operator, Partner, Role
from kernel.refusal import Forbidden, Refusal
from kernel.urn import Urn
from schema.audience import EVERYONE, Audience
from schema.said import Allow, Bound, GraphMistake, Link, Load, Outcome, Part, Plain, Resolver, Words, allowed, first_paragraph

C = TypeVar("C", bound=type)
Inner = Any  # a type as Strawberry holds it


def view(
    *,
    of: Any,
    seen_by: Audience,
    key: str | None = None,
    load: Load | None = None,
    shared: bool = False,
    kind: str | None = None,
    allow: Allow = (),
) -> Callable[[C], C]:
    """Owns a type: how `of` looks. `seen_by` speaks for its plain fields only; `load(context, urns)` finds rows by key.

    `shared` says it has no owner among the domains; `kind` is the kind of its URNs when it is not the name in kebab-case;
    `allow` guards reaching it by `node`.
    """
    return _said(lambda cls: Part("view", cls, of, key, seen_by, load, shared, kind, allowed(allow)))


def interface(*, seen_by: Audience) -> Callable[[C], C]:
    return _said(lambda cls: Part("interface", cls, seen_by=seen_by, shared=True))


def takes(*, of: Any, seen_by: Audience) -> Callable[[C], C]:
    """An input: the resolver is given an `of`, a dataclass with the same field names."""
    return _said(lambda cls: Part("input", cls, of, seen_by=seen_by))


def extend(cls: C) -> C:
    """Adds to a type that another file owns, or to a root; empty, it only mentions the type."""
    return _said(lambda said: Part("extension", said))(cls)


def field(*, seen_by: Audience | None = None, description: str | None = None, at: str | None = None) -> Any:
    """`at` is the way from the row to the value, as in `stay.check_in`, where it is not the field's own name."""
    return Plain(seen_by, description, at)


def bind(resolver: Resolver, *, seen_by: Audience, args: Mapping[str, Audience] | None = None, allow: Allow = ()) -> Any:
    """A field answered by `resolver`. Only the arguments that `args` names exist; `allow` is a role, a partner's scope, or several."""
    return Bound(resolver, seen_by, dict(args or {}), allowed(allow))


def link(attribute: str, *, seen_by: Audience | None = None, description: str | None = None) -> Any:
    return Link(attribute, seen_by, description)


def outcome(name: str, *, seen_by: Audience, description: str | None = None) -> Outcome:
    return Outcome(name, seen_by, description)


def words(enum: type[Enum], *, seen_by: Audience, instead: Mapping[Any, Any] | None = None, **others: Audience) -> Words:
    """Shows an enum. `others` says who sees single values; `instead` is what the rest read in their place."""
    unknown = set(others) - set(enum.__members__)
    if unknown:
        raise GraphMistake(f"{enum.__name__} has no {', '.join(sorted(unknown))}")
    return Words(enum, {member: others.get(member.name, seen_by) for member in enum}, dict(instead or {}))


def _said(make: Callable[[type], Part]) -> Callable[[C], C]:
    def say(cls: C) -> C:
        cls.__part__ = make(cls)  # type: ignore[attr-defined]  # how `part_of` finds it again
        return cls

    return say


def permits(identity: Identity, allow: tuple[Role | str, ...]) -> bool:
    """Whether one of the roles admits this operator, or one of the scopes this partner."""
    if isinstance(identity, Operator):
        roles = [word for word in allow if isinstance(word, Role)]
        return not roles or any(identity.role.includes(role) for role in roles)
    if isinstance(identity, Partner):
        scopes = [word for word in allow if not isinstance(word, Role)]
        return not scopes or any(scope in identity.scopes for scope in scopes)
    return True


# What stands at run time where a row would stand -------------------------------------------------------------------------


class Ref(NamedTuple):
    """Something another subgraph owns: only its name is known here."""

    urn: Urn
    name: str


class Said:
    """A refusal as data: its sentence, its code, and its facts as attributes."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal, self.message, self.code, self.facts = type(refusal), refusal.message, refusal.code, refusal.facts

    def __getattr__(self, name: str) -> object:
        return self.facts.get(name)


class Projection(Protocol):
    """What a schema made from the graph can say while it is being asked."""

    def shows(self, name: str, context: Any) -> bool:
        """Whether the asking audience sees the type."""

    def name_of(self, value: object, among: Sequence[str]) -> str | None:
        """Which of these types the value is."""

    async def follow(self, context: Any, name: str, urn: Urn) -> object | None:
        """The row behind a URN, or a `Ref` where another subgraph owns it."""


def refused(refusal: Refusal) -> GraphQLError:
    return GraphQLError(refusal.message, extensions={"code": refusal.code})


def unseen() -> GraphQLError:
    """What is left of a refusal whose reader may not see it: neither its type nor its sentence."""
    return GraphQLError("The request was refused.", extensions={"code": "REFUSED"})


# Strawberry's inner language -----------------------------------------------------------------------------------------------


def _nothing() -> None:
    """Stands where Strawberry wants a resolver: without one its tracing passes the field over."""


class GraphField(StrawberryField):
    """A field that knows who said it."""

    domain: str = ""
    said: Plain | Bound | Link

    @property
    def audience(self) -> Audience:
        return tagged(self.directives)


class PathField(GraphField):
    path: tuple[str, ...]

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:
        for name in self.path:
            if source is None:
                return None
            source = getattr(source, name)
        return source


class LinkField(GraphField):
    said: Link
    target: str

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:
        held = getattr(source, self.said.attribute)
        if held is None:
            return None
        if isinstance(held, str):
            return self._follow(info, Urn(held))
        return self._follow_all(info, [Urn(urn) for urn in held])

    async def _follow(self, info: Any, urn: Urn) -> Any:
        return await info.schema.follow(info.context, self.target, urn)

    async def _follow_all(self, info: Any, urns: list[Urn]) -> list[Any]:
        found = await asyncio.gather(*(self._follow(info, urn) for urn in urns))
        return [row for row in found if row is not None]


class BoundField(GraphField):
    said: Bound
    first: str  # what the resolver's first parameter is: info | key | row
    key: str
    members: tuple[str, ...]  # the types of the answer, where there are several
    refusals: Mapping[type, str]
    casts: Mapping[str, Callable[[Any], Any]]

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:
        return self._listen(info, kwargs) if self.is_subscription else self._answer(source, info, kwargs)

    async def _answer(self, source: Any, info: Any, kwargs: dict[str, Any]) -> Any:
        try:
            answer = await self._call(source, info, kwargs)
        except Refusal as refusal:
            return self._say(refusal, info)
        if self.members and isinstance(answer, (list, tuple)):  # one hidden member would null the whole list
            return [item for item in answer if self._shows(item, info)]
        return answer

    async def _listen(self, info: Any, kwargs: dict[str, Any]) -> AsyncIterator[Any]:
        """What must be refused is refused before the stream begins."""
        try:
            stream = await self._call(None, info, kwargs)
        except Refusal as refusal:
            raise refused(refusal) from refusal
        return _fresh(stream, info.context)

    async def _call(self, source: Any, info: Any, kwargs: dict[str, Any]) -> Any:
        if not permits(info.context.identity, self.said.allow):
            raise Forbidden()
        given = {name: self.casts[name](value) if name in self.casts else value for name, value in kwargs.items()}
        if self.first == "info":
            answer = self.said.resolver(info, **given)
        else:
            answer = self.said.resolver(getattr(source, self.key) if self.first == "key" else source, info, **given)
        return await answer if inspect.isawaitable(answer) else answer

    def _say(self, refusal: Refusal, info: Any) -> Said:
        name = next((self.refusals[cls] for cls in type(refusal).__mro__ if cls in self.refusals), None)
        if name is None:
            raise refused(refusal) from refusal
        if not info.schema.shows(name, info.context):
            raise unseen()
        return Said(refusal)

    def _shows(self, item: object, info: Any) -> bool:
        name = info.schema.name_of(item, self.members)
        return name is not None and info.schema.shows(name, info.context)


async def _fresh(stream: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
    """Every pushed item is read anew: what a loader remembers of the one before would be stale."""
    async for item in stream:
        context.forget()
        yield item


F = TypeVar("F", bound=GraphField)


def make_field(cls: type[F], name: str, inner: Inner, seen_by: Audience, description: str | None, **facts: Any) -> F:
    made = cls(
        python_name=name,
        type_annotation=StrawberryAnnotation(inner),
        directives=tag(seen_by),
        description=description,
        default=facts.pop("default", MISSING),
        is_subscription=facts.pop("is_subscription", False),
        base_resolver=None if issubclass(cls, PathField) or cls is GraphField else StrawberryResolver(_nothing),
    )
    made.arguments = facts.pop("arguments", [])
    made.name = name
    for fact, value in facts.items():
        setattr(made, fact, value)
    return made


def make_argument(name: str, inner: Inner, default: Any, seen_by: Audience) -> StrawberryArgument:
    unset = default is inspect.Parameter.empty or default is None  # `None` would print as `= null`
    return StrawberryArgument(name, None, StrawberryAnnotation(inner), default=UNSET if unset else default, directives=tag(seen_by))


def make_class(part: Part | None, name: str) -> type:
    """The empty type of one name; its fields come once every name has a class."""
    keys = [Key(fields=FieldSet(part.key), resolvable=UNSET)] if part and part.key else []
    shareable: list[object] = [Shareable()] if part and part.shared and part.role == "view" else []
    cls = type(name, (), {"__module__": part.cls.__module__ if part else __name__})
    cls.__strawberry_definition__ = StrawberryObjectDefinition(  # type: ignore[attr-defined]  # where Strawberry looks
        name=name,
        is_input=part is not None and part.role == "input",
        is_interface=part is not None and part.role == "interface",
        origin=cls,
        description=part.description if part else None,
        interfaces=[],
        extend=False,
        directives=[*keys, *shareable],
        is_type_of=None,
        resolve_type=None,
        fields=[],
    )
    return cls


def definition_of(cls: type) -> StrawberryObjectDefinition:
    return cast(StrawberryObjectDefinition, cast(Any, cls).__strawberry_definition__)


def make_input(of: Any, casts: Mapping[str, Callable[[Any], Any]]) -> Callable[[type, Mapping[str, Any], InputContext], Any]:
    """Builds the resolver's own dataclass; what the caller left out takes the dataclass's default."""

    def build(cls: type, value: Mapping[str, Any], asked: InputContext) -> Any:
        given = {}
        for one in definition_of(cls).fields:
            name = asked.config.name_converter.from_field(one)
            if name in value:
                read = asked.convert(value[name], cast(Any, one.type), name)
                given[one.python_name] = casts[one.python_name](read) if one.python_name in casts else read
        return of(**given)

    return build


def make_enum(said: Words) -> StrawberryEnumDefinition:
    values = [EnumValue(member.name, member.value, directives=tag(seen)) for member, seen in said.seen_by.items()]
    described = first_paragraph(said.enum.__dict__.get("__doc__"))  # a StrEnum inherits str's
    return StrawberryEnumDefinition(cast(Any, said.enum), said.enum.__name__, values, described)


def make_union(said: Outcome, members: Sequence[type]) -> StrawberryUnion:
    annotations = tuple(StrawberryAnnotation(member) for member in members)
    return StrawberryUnion(said.name, annotations, said.description, directives=tag(said.seen_by))


def make_scalar(name: str, description: str, serialize: Callable[[Any], Any], parse: Callable[[Any], Any]) -> ScalarDefinition:
    """Tagged for everyone: a router would take an untagged scalar, and every field of its type, out of all contracts."""
    return ScalarDefinition(name, description, None, serialize, parse, None, directives=tag(EVERYONE))


def listed(inner: Inner) -> Inner:
    return StrawberryList(inner)


def optional(inner: Inner) -> Inner:
    return StrawberryOptional(inner)


def tag(seen_by: Audience) -> tuple[Tag, ...]:
    return tuple(Tag(name=name) for name in seen_by.tags)


def tagged(directives: Any) -> Audience:
    return Audience.from_tags(str(one.name) for one in directives or () if isinstance(one, Tag))


def audience_of(element: Any) -> Audience:
    """Who sees an element of a built schema, read from its tags; what is not ours (built-in scalars, `_service`) is everyone's."""
    said = (element.extensions or {}).get("strawberry-definition")
    return tagged(getattr(said, "directives", ())) if said is not None else EVERYONE


def make_entities(members: Sequence[type], find: Resolver) -> StrawberryField:
    """`Query._entities`, in place of Strawberry's own, which fails as a whole and loads one by one."""
    union = StrawberryUnion("_Entity", tuple(StrawberryAnnotation(member) for member in members))
    made = _Entities(
        python_name="_entities",
        graphql_name="_entities",
        type_annotation=StrawberryAnnotation(listed(optional(union))),
        base_resolver=StrawberryResolver(_nothing),
    )
    made.arguments = [StrawberryArgument("representations", None, StrawberryAnnotation(listed(FederationAny)))]
    made.find = find
    return made


class _Entities(StrawberryField):
    find: Resolver

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:
        return self.find(info, **kwargs)
