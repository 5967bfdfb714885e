"""What contracts and subgraphs do alike to a built schema: who may ask, which type a row is, and the word for a hidden value."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
)

from kernel.refusal import Forbidden
from resolvers.context import Context
from schema.audience import Audience
from schema.binding import refused, unseen
from schema.join import Graph
from schema.said import Words

Answer = Callable[..., object]


def admit(one: GraphQLField, audience: Audience) -> None:
    """Lets the field answer identities of these audiences only."""
    if one.resolve is not None:
        one.resolve = _guarded(one.resolve, audience)
    if one.subscribe is not None:
        one.subscribe = _guarded(one.subscribe, audience)


def _guarded(answer: Answer, audience: Audience) -> Answer:
    def asked(source: object, info: GraphQLResolveInfo[Context], **arguments: object) -> object:
        if not Audience.of(info.context.identity) & audience:
            raise refused(Forbidden())
        return answer(source, info, **arguments)

    return asked


def know_types(schema: GraphQLSchema, graph: Graph) -> None:
    """Interfaces and unions learn which type a domain's row is; a row the audience does not know is not named to it."""

    def tell(value: object, info: GraphQLResolveInfo[Context], kind: GraphQLInterfaceType | GraphQLUnionType) -> str:
        name = graph.name_of(value, [possible.name for possible in schema.get_possible_types(kind)])
        if name is None:
            raise unseen()
        return name

    for kind in schema.type_map.values():
        if isinstance(kind, (GraphQLInterfaceType, GraphQLUnionType)):
            kind.resolve_type = tell
        elif isinstance(kind, GraphQLObjectType) and kind.name in graph.owners:
            kind.is_type_of = None


def speak(kind: GraphQLEnumType, said: Words) -> None:
    """Hidden values read as what is said *instead*; without such a word the answer is an error that does not name them."""
    known = {member: member.name for member in said.enum if member.name in kind.values}
    for hidden, shown in said.instead.items():
        if hidden not in known and shown in known:
            known[hidden] = shown.name

    def write(value: object) -> str:
        name = known.get(value) if isinstance(value, Enum) else None
        if name is None:
            raise unseen()
        return name

    kind.coerce_output_value = write  # type: ignore[method-assign,assignment]  # its own would name the hidden value in the error
