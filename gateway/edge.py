"""GraphQL over HTTP, strictly: media types, shapes, methods and sizes are settled before anything is parsed, and every answer is JSON.

A read may come by GET, a write only by POST with a JSON body: a foreign page can send neither a JSON body nor our headers without being
asked first, so no cookie of ours can be misused. Bodies are not unpacked: what is small when packed must be small.
Source: the GraphQL over HTTP draft, sections 4 to 6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gateway.answer import (
    GRAPHQL_RESPONSE,
    JSON,
    NEVER_STORED,
    BadRequest,
    DoorRefusal,
    NotAcceptable,
    TooLarge,
    WrongMedia,
    WrongMethod,
    graphql_refusal,
    internal,
)
from gateway.documents import Documents
from gateway.engine import Answer, Engine, Invalid, Prepared, streams, writes
from kernel.identity import Identity
from resolvers.context import Context

BODY_LIMIT: Final = 256 * 1024  # bytes; a voucher request for 500 sub-cases, the most there may be, is 50 kB
QUERY_LIMIT: Final = 16 * 1024  # bytes of a query string; what proxies pass

Authenticate = Callable[[Headers], Awaitable[Identity]]
MakeContext = Callable[[Identity, Headers], Context]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client sent, shape-checked and not yet understood."""

    query: str | None
    document_id: str | None
    operation: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


def read_json(body: bytes) -> Any:
    """Raises: BadRequest, also for bad UTF-8, NaN, numbers without end and nesting without end."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: {str(error)[:120]}") from None
    if b"\\u0000" in body:
        _without_zeros(value)
    return value


def clean(text: str) -> str:
    """The text itself. Raises: BadRequest for one with a zero character, which no database keeps."""
    if "\0" in text:
        raise BadRequest("A text cannot hold a zero character.")
    return text


def _without_zeros(value: Any) -> None:
    if isinstance(value, str):
        clean(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            clean(key)
            _without_zeros(item)
    elif isinstance(value, list):
        for item in value:
            _without_zeros(item)


def shaped(value: Any) -> Asked:
    """The members of a request, each of its type. Raises: BadRequest."""
    if not isinstance(value, dict):
        raise BadRequest("A request is one JSON object.")
    query, document_id, operation = (_text(value, name) for name in ("query", "documentId", "operationName"))
    if (query is None) == (document_id is None):
        raise BadRequest("Send either a query or a documentId.")
    for name in ("variables", "extensions"):
        if not isinstance(value.get(name) or {}, dict):
            raise BadRequest(f"{name} must be an object.")
    return Asked(query, document_id, operation, value.get("variables") or {})


def from_query_string(query: bytes) -> Asked:
    """Raises: BadRequest."""
    if len(query) > QUERY_LIMIT:
        raise BadRequest("The query string is too long; send it by POST.")
    try:
        found = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query), errors="strict", max_num_fields=20)
    except ValueError:
        raise BadRequest("The query string is not readable.") from None
    if len(dict(found)) != len(found):
        raise BadRequest("A parameter is given twice.")
    for text in dict(found).values():
        clean(text)
    value: dict[str, Any] = dict(found)
    for name in ("variables", "extensions"):
        if name in value:
            value[name] = read_json(value[name].encode())
    return shaped(value)


async def read_body(request: Request, limit: int = BODY_LIMIT) -> bytes:
    """Raises: TooLarge, WrongMedia, BadRequest for one that breaks off."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise WrongMedia("Send the body as it is, not compressed.")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 12 or int(length) > limit:
        raise TooLarge(f"A body has at most {limit} bytes.")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise TooLarge(f"A body has at most {limit} bytes.")
    except ClientDisconnect:
        raise BadRequest("The body broke off.") from None
    return bytes(body)


def expect_json(content_type: str) -> None:
    """Raises: WrongMedia."""
    media, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media.strip().lower() != JSON or charset not in ("", "utf-8", "utf8"):
        raise WrongMedia("Send application/json in UTF-8.")


def negotiate(accept: str | None) -> str:
    """The better of the two media types that the caller reads. Raises: NotAcceptable."""
    best, chosen = 0.0, ""
    for part in (accept or "*/*").split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((_weight(one[2:]) for one in parameters if one.startswith("q=")), 1.0)
        offered = JSON if media == JSON else GRAPHQL_RESPONSE if media in (GRAPHQL_RESPONSE, "application/*", "*/*") else ""
        if offered and (weight > best or (weight == best and offered == GRAPHQL_RESPONSE)):
            best, chosen = weight, offered
    if not chosen:
        raise NotAcceptable(f"Answers are written as {GRAPHQL_RESPONSE} or {JSON}.")
    return chosen


class GraphQLDoor:
    """One address that answers GraphQL for one audience. With `trusted_only` no other text than a trusted document is run."""

    def __init__(
        self,
        engine: Engine,
        authenticate: Authenticate,
        context: MakeContext,
        *,
        documents: Documents | None = None,
        trusted_only: bool = False,
    ) -> None:
        self._engine, self._authenticate, self._context = engine, authenticate, context
        self._documents, self._trusted_only = documents, trusted_only

    async def answer(self, request: Request) -> Response:
        """An endpoint for Starlette's routes; answers every request, and every one in JSON."""
        media = GRAPHQL_RESPONSE
        try:
            media = negotiate(request.headers.get("accept"))
            return await self._respond(request, media)
        except DoorRefusal as refusal:
            return graphql_refusal(refusal, media)
        except Exception as error:
            return graphql_refusal(internal(error, request.url.path), media)

    async def _respond(self, request: Request, media: str) -> Response:
        if request.method not in ("GET", "POST"):
            raise WrongMethod("Ask by GET or POST.", "GET", "POST")
        identity = await self._authenticate(request.headers)
        by_get = request.method == "GET"
        if not by_get:
            expect_json(request.headers.get("content-type", ""))
        asked = from_query_string(request.url.query.encode()) if by_get else shaped(read_json(await read_body(request)))
        try:
            prepared = self._engine.prepare(self._text(asked))
            operation = prepared.operation(asked.operation)
        except Invalid as invalid:
            return _written(invalid.answer, 400 if media == GRAPHQL_RESPONSE else 200, media)
        if by_get and writes(operation):
            raise WrongMethod("A mutation is sent by POST.", "POST")
        if streams(operation):
            raise BadRequest("Subscriptions are served over the WebSocket.")
        answer = await self._run(prepared, asked, identity, request.headers)
        status = 200 if "data" in answer or media == JSON else 400
        if by_get and status == 200 and "errors" not in answer:
            return _cacheable(answer, media, request.headers.get("if-none-match"))
        return _written(answer, status, media)

    async def _run(self, prepared: Prepared, asked: Asked, identity: Identity, headers: Headers) -> Answer:
        return await self._engine.run(prepared, asked.variables, asked.operation, self._context(identity, headers))

    def _text(self, asked: Asked) -> str:
        if asked.document_id is not None:
            document = self._documents.find(asked.document_id) if self._documents is not None else None
            if document is None:
                raise UnknownDocument("No trusted document has this id.")
            return document.text
        if self._trusted_only or asked.query is None:
            raise TrustedOnly("Only trusted documents are answered here; send a documentId.")
        return asked.query


class UnknownDocument(BadRequest):
    code = "PERSISTED_DOCUMENT_NOT_FOUND"


class TrustedOnly(BadRequest):
    code = "TRUSTED_DOCUMENTS_ONLY"


def _written(answer: Answer, status: int, media: str) -> Response:
    return Response(orjson.dumps(answer), status, NEVER_STORED, media_type(media))


def _cacheable(answer: Answer, media: str, known: str | None) -> Response:
    """A read by GET may be kept by its own client, and is asked for again by its tag."""
    body = orjson.dumps(answer)
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"etag": tag, "cache-control": "private, no-cache", "vary": "accept, authorization, cookie"}
    if matches(known, tag):
        return Response(None, 304, headers)
    return Response(body, 200, headers, media_type(media))


def matches(known: str | None, tag: str) -> bool:
    """Whether If-None-Match names the tag; a weak one counts."""
    return known is not None and (known.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in known.split(",")))


def media_type(media: str) -> str:
    return f"{media}; charset=utf-8"


def _text(value: Mapping[str, Any], name: str) -> str | None:
    found = value.get(name)
    if found is not None and not isinstance(found, str):
        raise BadRequest(f"{name} must be a string.")
    return found


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
