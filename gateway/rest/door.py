"""The addresses: the calls of the table by path and method, the description of them all, and nothing else below `/partner/v1`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from gateway.answer import JSON, DoorRefusal, Missing, WrongMethod
from gateway.documents import documents_of
from gateway.edge import Authenticate, MakeContext, matches
from gateway.engine import Engine
from gateway.rest.call import BoundCall
from gateway.rest.openapi import openapi
from gateway.rest.problems import broken, titles_of, written
from gateway.rest.table import CALLS, PREFIX

DESCRIPTION: Final = "/openapi/partner/v1.json"


def routes(engine: Engine, authenticate: Authenticate, context: MakeContext) -> list[BaseRoute]:
    """Every address below `/partner/v1`, those without anything included, and the description. Raises: LookupError, TypeError, Invalid."""
    calls = bound_calls(engine)
    by_path: dict[str, dict[str, BoundCall]] = {}
    for one in calls:
        by_path.setdefault(one.call.path, {})[one.call.method] = one
    known = [Route(PREFIX + path, _Address(methods, authenticate, context)) for path, methods in by_path.items()]
    nowhere = _Address({}, authenticate, context)
    return [*known, Route(PREFIX, nowhere), Route(PREFIX + "/{anything:path}", nowhere), Route(DESCRIPTION, _Description(calls))]


def bound_calls(engine: Engine) -> list[BoundCall]:
    documents = documents_of("partner")
    return [BoundCall(call, engine, documents) for call in CALLS]


class _Address:
    """One path with its methods; without any, nothing is there. Answers everything, and every refusal as a problem."""

    def __init__(self, methods: Mapping[str, BoundCall], authenticate: Authenticate, context: MakeContext) -> None:
        self._methods, self._authenticate, self._context = methods, authenticate, context
        self._titles = next((titles_of(one.schema) for one in methods.values()), {})

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
        if not self._methods:
            raise Missing(f"There is nothing here; {DESCRIPTION} says what there is.")
        method = "GET" if request.method == "HEAD" else request.method
        if method not in self._methods:
            raise WrongMethod(f"Ask by {' or '.join(self._methods)}.", *self._methods, *(["HEAD"] if "GET" in self._methods else []))
        return await self._methods[method].answer(request, self._authenticate, self._context)


class _Description:
    """The same bytes for everybody, signed in or not."""

    def __init__(self, calls: Sequence[BoundCall]) -> None:
        self._body = orjson.dumps(openapi(calls), option=orjson.OPT_INDENT_2)
        self._tag = f'"{hashlib.blake2b(self._body, digest_size=12).hexdigest()}"'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        headers = {"etag": self._tag, "cache-control": "public, max-age=300", "access-control-allow-origin": "*"}
        if request.method not in ("GET", "HEAD"):
            response = written(WrongMethod("Ask by GET.", "GET", "HEAD"), {})
        elif matches(request.headers.get("if-none-match"), self._tag):
            response = Response(None, 304, headers)
        else:
            response = Response(self._body, 200, headers, JSON)
        await response(scope, receive, send)
