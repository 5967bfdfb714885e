"""A call of the table, bound to its trusted document: reads what was sent, asks the graph, and writes what it said."""

from __future__ import annotations

import re
from typing import Final

import orjson
from graphql import FieldNode, GraphQLField, GraphQLSchema, SelectionSetNode
from starlette.requests import Request
from starlette.responses import Response

from gateway.answer import JSON, NEVER_STORED, BadRequest, NotAcceptable
from gateway.documents import Documents
from gateway.edge import Authenticate, MakeContext, expect_json, read_body, read_json
from gateway.engine import Engine
from gateway.rest.problems import refusal_of
from gateway.rest.reading import read, read_query, variables_of
from gateway.rest.table import PREFIX, Call, told

BODY_LIMIT: Final = 64 * 1024  # bytes; the largest body there is has six short fields


class BoundCall:
    """Raises: LookupError and Invalid when call, document and contract do not fit together."""

    def __init__(self, call: Call, engine: Engine, documents: Documents) -> None:
        self.call, self._engine = call, engine
        self._prepared = engine.prepare(documents.named(call.document).text)
        self._operation = self._prepared.operation(None)
        self.variables = variables_of(engine.schema, self._operation, frozenset(re.findall(r"{(\w+)}", call.path)))
        self.takes_body = any(one.place == "body" for one in self.variables)

    @property
    def schema(self) -> GraphQLSchema:
        return self._engine.schema

    @property
    def name(self) -> str:
        """The operation's, as programs write it: `pushDisruption`."""
        said = self._operation.name.value if self._operation.name else self.call.document
        return said[0].lower() + said[1:]

    @property
    def root(self) -> tuple[GraphQLField, SelectionSetNode]:
        """The field that the document asks, and what it selects of the answer."""
        (node,) = self._operation.selection_set.selections
        kind = self.schema.get_root_type(self._operation.operation)
        if not isinstance(node, FieldNode) or node.selection_set is None or kind is None:
            raise LookupError(f"{self.call.document} does not ask one field of the root")
        return kind.fields[node.name.value], node.selection_set

    async def answer(self, request: Request, authenticate: Authenticate, make_context: MakeContext) -> Response:
        """Raises: DoorRefusal."""
        identity = await authenticate(request.headers)
        expect_reader(request.headers.get("accept"))
        body = await self._body(request) if self.takes_body else None
        variables = read(self.variables, request.path_params, read_query(request.scope["query_string"]), body)
        answer = await self._engine.run(self._prepared, variables, None, make_context(identity, request.headers))
        if errors := answer.get("errors"):
            raise refusal_of(errors, self.call.scope, reading=not self.takes_body)
        said = self.call.shape.read(answer["data"], PREFIX)
        return Response(orjson.dumps(told(said.body)), said.status, {**NEVER_STORED, **said.headers}, JSON)

    async def _body(self, request: Request) -> object:
        expect_json(request.headers.get("content-type", ""))
        body = read_json(await read_body(request, BODY_LIMIT))
        if not isinstance(body, dict):
            raise BadRequest("The body is one JSON object.")
        return body


def expect_reader(accept: str | None) -> None:
    """Raises: NotAcceptable, unless the caller reads JSON; of its words about it the most exact one counts."""
    weights: dict[str, float] = {}
    for part in (accept or "*/*").split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights[media] = next((_weight(one[2:]) for one in parameters if one.startswith("q=")), 1.0)
    if not next((weights[media] for media in (JSON, "application/*", "*/*") if media in weights), 0.0) > 0:
        raise NotAcceptable(f"Answers are written as {JSON}.")


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
