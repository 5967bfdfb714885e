"""What an audience may see: all fields of the graph, pruned in place by tag until nothing more falls, re-rooted and validated.

Pruned, because Strawberry's own hook leaves arguments, enum values and union members standing. A contract answers only an
identity of its audience, and what the audience may not see does not show in its errors either.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_required_argument,
    is_required_input_field,
    is_specified_scalar_type,
    lexicographic_sort_schema,
    print_schema,
    validate_schema,
)
from strawberry import Schema
from strawberry.schema.config import StrawberryConfig

from kernel.urn import Urn
from resolvers.context import Context
from schema.audience import Audience
from schema.binding import audience_of
from schema.graph import GRAPH
from schema.join import Graph
from schema.limits import guards
from schema.runtime import admit, know_types, speak
from schema.said import ROOTS, GraphMistake
from schema.scalars import SCALARS

Composite = GraphQLObjectType | GraphQLInterfaceType


class Contract(Schema):
    """The graph as one audience knows it."""

    def __init__(self, audience: Audience, graph: Graph) -> None:
        self.audience, self.graph = audience, graph
        query, mutation, subscription = (graph.classes.get(root) for root in ROOTS)
        if query is None:
            raise GraphMistake("the graph answers no query")
        super().__init__(
            query=query,
            mutation=mutation,
            subscription=subscription,
            types=[graph.classes[name] for name, part in graph.owners.items() if part.role == "view"],
            config=StrawberryConfig(scalar_map={**SCALARS}),
            extensions=guards(audience),
        )
        self._schema = _rooted(self, _Pruning(self._schema, audience).standing())

    def _warn_for_federation_directives(self) -> None:
        """The tags are meant: they say who sees what."""

    @property
    def core(self) -> GraphQLSchema:
        return self._schema

    def shows(self, name: str, context: Context) -> bool:
        return name in self._schema.type_map

    def name_of(self, value: object, among: Iterable[str]) -> str | None:
        return self.graph.name_of(value, tuple(among))

    async def follow(self, context: Context, name: str, urn: Urn) -> object | None:
        load = self.graph.load_of(name)
        if load is None:
            raise GraphMistake(f"nothing loads a {name}")
        found: object | None = await context.loader(load).load(urn)
        return found

    def printed(self) -> str:
        return print_schema(lexicographic_sort_schema(self._schema)) + "\n"


def contract(audience: Audience, graph: Graph = GRAPH) -> Contract:
    """A fresh schema for one audience. Raises: GraphMistake when something required may not be seen."""
    return Contract(audience, graph)


class _Pruning:
    """Takes out of freshly built types what the audience does not see, and then what stands empty for it."""

    def __init__(self, schema: GraphQLSchema, audience: Audience) -> None:
        self.audience = audience
        self.types = {name: kind for name, kind in schema.type_map.items() if not name.startswith("__")}

    def standing(self) -> dict[str, GraphQLNamedType]:
        for kind in self.types.values():
            self._hide(kind)
        while self._fall():
            pass
        return self.types

    def _fall(self) -> bool:
        """One round over all types; says whether anything fell."""
        settled = [self._settle(kind) for kind in self.types.values()]
        return self._drop() or any(settled)

    def _sees(self, element: object) -> bool:
        return bool(audience_of(element) & self.audience)

    def _hide(self, kind: GraphQLNamedType) -> None:
        if isinstance(kind, Composite):
            kind.fields = {name: one for name, one in kind.fields.items() if self._sees(one)}
            for field_name, one in kind.fields.items():
                hidden = [name for name, argument in one.args.items() if not self._sees(argument)]
                if any(is_required_argument(one.args[name]) for name in hidden):
                    raise GraphMistake(f"{kind.name}.{field_name} needs arguments that its audience may not see: {hidden}")
                one.args = {name: argument for name, argument in one.args.items() if name not in hidden}
        elif isinstance(kind, GraphQLInputObjectType):
            hidden = [name for name, one in kind.fields.items() if not self._sees(one)]
            if len(hidden) < len(kind.fields) and any(is_required_input_field(kind.fields[name]) for name in hidden):
                raise GraphMistake(f"{kind.name} needs fields that its audience may not see: {hidden}")
            kind.fields = {name: one for name, one in kind.fields.items() if name not in hidden}
        elif isinstance(kind, GraphQLEnumType):
            kind.values = {name: value for name, value in kind.values.items() if self._sees(value)}

    def _settle(self, kind: GraphQLNamedType) -> bool:
        """Takes out what leads nowhere; says whether anything fell."""
        if isinstance(kind, Composite):
            before = len(kind.fields), len(kind.interfaces)
            kind.fields = {name: one for name, one in kind.fields.items() if self._stands(one.type)}
            kind.interfaces = tuple(one for one in kind.interfaces if one.name in self.types)
            for field_name, one in kind.fields.items():
                lost = [name for name, argument in one.args.items() if not self._stands(argument.type)]
                if any(is_required_argument(one.args[name]) for name in lost):
                    raise GraphMistake(f"{kind.name}.{field_name} needs an input that its audience may not see: {lost}")
                one.args = {name: argument for name, argument in one.args.items() if name not in lost}
            return before != (len(kind.fields), len(kind.interfaces))
        if isinstance(kind, GraphQLUnionType):
            members = len(kind.types)
            kind.types = tuple(one for one in kind.types if one.name in self.types)
            return members != len(kind.types)
        return False

    def _stands(self, kind: object) -> bool:
        return get_named_type(kind).name in self.types  # type: ignore[call-overload]  # a field's type always has a name

    def _drop(self) -> bool:
        empty = [name for name, kind in self.types.items() if self._is_empty(kind)]
        for name in empty:
            del self.types[name]
        return bool(empty)

    def _is_empty(self, kind: GraphQLNamedType) -> bool:
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType)):
            return not kind.fields
        if isinstance(kind, GraphQLEnumType):
            return not kind.values
        if isinstance(kind, GraphQLUnionType):
            return not kind.types or not self._sees(kind)
        return not is_specified_scalar_type(kind) and not self._sees(kind)


def _rooted(schema: Contract, standing: dict[str, GraphQLNamedType]) -> GraphQLSchema:
    """A new schema from the roots that still stand, with nothing in it that they do not lead to."""
    query, mutation, subscription = (standing.get(root) for root in ROOTS)
    rooted = GraphQLSchema(
        query=_root(query),
        mutation=_root(mutation),
        subscription=_root(subscription),
        types=_possible(standing),
        extensions=schema._schema.extensions,
    )
    rooted._strawberry_schema = schema  # type: ignore[attr-defined]  # where `info.schema` looks
    know_types(rooted, schema.graph)
    for root in filter(None, map(_root, (query, mutation, subscription))):
        for one in root.fields.values():
            admit(one, schema.audience)
    for enum, said in schema.graph.words.items():
        kind = rooted.type_map.get(enum.__name__)
        if isinstance(kind, GraphQLEnumType):
            speak(kind, said)
    if errors := validate_schema(rooted):
        raise GraphMistake("; ".join(error.message for error in errors))
    return rooted


def _root(kind: GraphQLNamedType | None) -> GraphQLObjectType | None:
    return kind if isinstance(kind, GraphQLObjectType) else None


def _possible(standing: dict[str, GraphQLNamedType]) -> list[GraphQLNamedType]:
    """The types that are reached through an interface only."""
    asked = {get_named_type(one.type).name for kind in standing.values() if isinstance(kind, Composite) for one in kind.fields.values()}
    return [kind for kind in standing.values() if isinstance(kind, GraphQLObjectType) and any(one.name in asked for one in kind.interfaces)]
