"""What one domain says to a federation router: its own fields, and the keys of what it mentions.

`_entities` is ours: it gathers the loads of a batch, and one bad representation spoils only its own place. A subgraph serves all
audiences; `seen_by` is checked when a field is asked, but not for arguments, input fields and enum values: only the router, which
prunes those, may reach it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from graphql import GraphQLError, GraphQLInterfaceType, GraphQLObjectType
from strawberry.federation import Schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from kernel.urn import Urn, UrnError
from resolvers.context import Context, Info
from schema.audience import Audience
from schema.binding import GraphField, Ref, audience_of, definition_of, make_class, make_entities
from schema.graph import GRAPH
from schema.join import Graph
from schema.runtime import admit, know_types
from schema.said import ROOTS
from schema.scalars import SCALARS

MOST_ENTITIES = 1_000  # representations of one request; a page of the console is 200 rows


class Subgraph(Schema):
    """The graph as one domain owns it."""

    def __init__(self, domain: str, graph: Graph) -> None:
        self.domain, self.graph = domain, graph
        self.entities = [name for name in graph.owners if graph.owners[name].key and self._says(name)]
        super().__init__(
            query=self._query(),
            mutation=self._root("Mutation"),
            subscription=self._root("Subscription"),
            types=[graph.classes[name] for name in self.entities],
            config=StrawberryConfig(scalar_map={**SCALARS}),
            federation_version="2.9",
        )
        know_types(self._schema, graph)
        for kind in self._schema.type_map.values():
            if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)) and kind.name in graph.classes:
                for one in kind.fields.values():
                    if isinstance(one.extensions.get("strawberry-definition"), GraphField):
                        admit(one, audience_of(one))

    def _says(self, name: str) -> bool:
        """Whether the domain owns the type or adds to it."""
        return any(one.domain == self.domain for one in self.graph.fields(name))

    def _query(self) -> type:
        query = make_class(None, "Query")
        said = [one for one in self.graph.fields("Query") if one.domain == self.domain]
        entities = [make_entities([self.graph.classes[name] for name in self.entities], self.find)] if self.entities else []
        definition_of(query).fields[:] = [*said, *entities]
        return query

    def _root(self, name: str) -> type | None:
        return self.graph.classes[name] if name in self.graph.classes and self._says(name) else None

    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        """The domain's own fields, and the key of what it only mentions: nothing has to be pruned afterwards."""
        owner = self.graph.owners.get(type_definition.name)
        if type_definition.name not in ROOTS and (owner is None or owner.shared or owner.role != "view"):
            return type_definition.fields
        key = owner.key if owner is not None else None
        return [
            one for one in type_definition.fields if not isinstance(one, GraphField) or one.domain == self.domain or one.python_name == key
        ]

    def shows(self, name: str, context: Context) -> bool:
        return bool(self.graph.audience(name) & Audience.of(context.identity))

    def name_of(self, value: object, among: Sequence[str]) -> str | None:
        return self.graph.name_of(value, among)

    async def follow(self, context: Context, name: str, urn: Urn) -> object | None:
        load = self.graph.load_of(name)
        if load is None or self.graph.owners[name].domain != self.domain:
            return Ref(urn, name)
        found: object | None = await context.loader(load).load(urn)
        return found

    async def find(self, info: Info, representations: Sequence[object]) -> list[object]:
        """The rows behind a router's representations, in their order; an error stands where its representation stood."""
        if len(representations) > MOST_ENTITIES:
            raise GraphQLError(f"at most {MOST_ENTITIES} representations at once", extensions={"code": "TOO_COMPLEX"})
        return await asyncio.gather(*(self._one(info.context, one) for one in representations), return_exceptions=True)

    async def _one(self, context: Context, representation: object) -> object | None:
        given = representation if isinstance(representation, Mapping) else {}
        name = given.get("__typename")
        if not isinstance(name, str) or name not in self.entities:
            raise GraphQLError(f"{self.domain} knows no such type", extensions={"code": "BAD_INPUT"})
        owner = self.graph.owners[name]
        text = given.get(owner.key)
        try:
            urn = Urn(text if isinstance(text, str) else "").bare
        except UrnError as error:
            raise GraphQLError(str(error), extensions={"code": "BAD_INPUT"}) from error
        if self.graph.kinds.get(urn.kind) != name:
            raise GraphQLError(f"{urn} does not name a {name}", extensions={"code": "BAD_INPUT"})
        return await self.follow(context, name, urn)

    def printed(self) -> str:
        return self.as_str() + "\n"


def subgraph(domain: str, graph: Graph = GRAPH) -> Subgraph:
    """A fresh schema of one domain, for a router."""
    return Subgraph(domain, graph)
