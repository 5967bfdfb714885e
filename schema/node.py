"""Reaching anything by its name."""

from __future__ import annotations

from typing import Protocol

from kernel.identity import Role
from kernel.urn import Urn
from resolvers.context import Context
from schema.audience import OPERATOR
from schema.binding import bind, extend, permits
from schema.common import Node
from schema.join import Graph


class _Schema(Protocol):
    """The schema that is being asked."""

    @property
    def graph(self) -> Graph: ...

    def shows(self, name: str, context: Context) -> bool: ...

    async def follow(self, context: Context, name: str, urn: Urn) -> object | None: ...


class _Info(Protocol):
    @property
    def context(self) -> Context: ...

    @property
    def schema(self) -> _Schema: ...


async def node(info: _Info, urn: Urn) -> object | None:
    """What the URN names, when it is this airline's and you may see it."""
    schema = info.schema
    name = schema.graph.kinds.get(urn.kind)
    if name is None or not schema.shows(name, info.context) or not permits(info.context.identity, schema.graph.owners[name].allow):
        return None
    return await schema.follow(info.context, name, urn)


@extend
class Query:
    node: Node | None = bind(node, seen_by=OPERATOR, args={"urn": OPERATOR}, allow=(Role.AIRPORT_OPERATOR, Role.FINANCE_AUDIT))
