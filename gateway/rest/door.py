"""The addresses of `/partner/v1`: method, sign-in, media and size first, then what was sent, then the graph."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import orjson
from graphql import GraphQLSchema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from gateway.answer import JSON, NEVER_STORED, DoorRefusal, Missing, NotAcceptable, WrongMethod
from gateway.documents import Documents, documents_of
from gateway.edge import Authenticate, MakeContext, expect_json, read_body, read_json
from gateway.engine import Engine
from gateway.rest.problems import broken, refusal_of, written
from gateway.rest.reading import Unfit, read, read_query, variables_of
from gateway.rest.table import CALLS, PREFIX, Call, told

BODY_LIMIT: Final = 64 * 1024  # bytes; the largest body there is has six short fields


def routes(engine: Engine, authenticate: Authenticate, context: MakeContext) -> list[BaseRoute]:
    """All addresses below `/partner/v1`, those that are not there included. Raises: LookupError, Invalid."""
    documents = documents_of("partner")
    calls = [Bound(call, engine, documents) for call in CALLS]
    paths = dict.fromkeys(call.path for call in CALLS)
    doors = [_Address([one for one in calls if one.call.path == path], authenticate, context) for path in paths]
    nowhere = _Address([], authenticate, context)
    known = [Route(PREFIX + path, door) for path, door in zip(paths, doors, strict=True)]
    return [*known, Route(PREFIX, nowhere), Route(PREFIX + "/{anything:path}", nowhere)]


class Bound:
    """A call with the document it asks and the variables that wants."""

    def __init__(self, call: Call, engine: Engine, documents: Documents) -> None:
        trusted = documents.named(call.document)
        self.call, self._engine = call, engine
        self.prepared = engine.prepare(trusted.text)
        self.operation = self.prepared.operation(None)
        self.variables = variables_of(engine.schema, self.operation, frozenset(re.findall(r"{(\w+)}", call.path)))
        self.takes_body = any(one.place == "body" for one in self.variables)

    @property
    def schema(self) -> GraphQLSchema:
        return self._engine.schema

    async def answer(self, request: Request, authenticate: Authenticate, make_context: MakeContext) -> Response:
        """Raises: DoorRefusal."""
        identity = await authenticate(request.headers)
        expect_reader(request.headers.get("accept"))
        body = None
        if self.takes_body:
            expect_json(request.headers.get("content-type", ""))
            body = read_json(await read_body(request, BODY_LIMIT))
            if not isinstance(body, dict):
                raise Unfit([{"in": "body", "field": "body", "detail": "expected one JSON object"}])
        variables = read(self.variables, request.path_params, read_query(request.scope["query_string"]), body)
        answer = await self._engine.run(self.prepared, variables, None, make_context(identity, request.headers))
        if errors := answer.get("errors"):
            raise refusal_of(errors, self.call.scope, reading=not self.takes_body)
        said = self.call.shape.read(answer["data"], PREFIX)
        return Response(orjson.dumps(told(said.body)), said.status, {**NEVER_STORED, **said.headers}, JSON)


class _Address:
    """One path with its methods; without any, nothing is there."""

    def __init__(self, calls: list[Bound], authenticate: Authenticate, context: MakeContext) -> None:
        self._calls: Mapping[str, Bound] = {one.call.method: one for one in calls}
        self._authenticate, self._context = authenticate, context
        self._titles = _titles(calls[0].schema) if calls else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except DoorRefusal as refusal:
            response = written(refusal, self._titles)
        except Exception as error:
            response = broken(error, request.url.path)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if not self._calls:
            raise Missing(f"There is no {request.url.path[:200]} here; /openapi/partner/v1.json says what there is.")
        method = "GET" if request.method == "HEAD" else request.method
        if method not in self._calls:
            allowed = [*self._calls, *(["HEAD"] if "GET" in self._calls else [])]
            raise WrongMethod(f"Ask by {' or '.join(self._calls)}.", *allowed)
        return await self._calls[method].answer(request, self._authenticate, self._context)


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


def _titles(schema: GraphQLSchema) -> dict[str, str]:
    return {name: kind.description.split(". ")[0].rstrip(".") for name, kind in schema.type_map.items() if kind.description}
