"""The one door to HTTP. Nobody else imports httpx, so nobody else has to know which of its errors mean what.

TransportError
 ├── Unreachable    no byte of the request was written: the other side cannot have acted
 └── Broken         some byte may have been written: what happened over there is not known

A door belongs to one base address and has its own pool. It never follows a redirect, never reads proxy settings from the
environment, never retries, and gives up on an answer larger than `ANSWER_LIMIT`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

import httpx

Scope = MutableMapping[str, Any]
ASGIApp = Callable[[Scope, Callable[[], Awaitable[Scope]], Callable[[Scope], Awaitable[None]]], Awaitable[None]]

ANSWER_LIMIT: Final = 16 * 1024 * 1024  # bytes; the largest published answer, 2,000 hotels, stays below 10 MB
CONNECT_SECONDS: Final = 2.0
KEEP_ALIVE_SECONDS: Final = 4.0  # servers commonly close at 5: a connection that dies under a request makes its outcome unknown
CONNECTIONS: Final = 400  # 50 requests/s with answers that take 5 s, and some room

_NOTHING_WRITTEN: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL)


class TransportError(Exception):
    """No complete answer came."""


class Unreachable(TransportError):
    """No byte of the request was written."""


class Broken(TransportError):
    """Some byte of the request may have been written, and no complete answer came back."""


class Unintelligible(ValueError):
    """An answer came, but it is not what the contract says. The message is written down: it names a field and never its value."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Sequence[tuple[str, str]] = ()
    body: bytes | None = None

    def with_headers(self, headers: Mapping[str, str]) -> Request:
        return Request(self.method, self.path, {**self.headers, **headers}, self.query, self.body)


def json_request(method: str, path: str, value: object, headers: Mapping[str, str] | None = None) -> Request:
    return Request(method, path, {"content-type": "application/json", **(headers or {})}, body=write_json(value))


def form_request(path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Request:
    head = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
    return Request("POST", path, head, body=urlencode(fields).encode())


@dataclass(frozen=True, slots=True)
class Reply:
    """`headers` have lower-case names. `body` is whole and unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON, every number with a fraction a Decimal from its own digits. Raises: Unintelligible."""
        return read_json(self.body)

    def evidence(self) -> dict[str, str]:
        """What may be kept about it: no content, only status, size and digest."""
        return {"status": str(self.status), "bytes": str(len(self.body)), "digest": hashlib.sha256(self.body).hexdigest()[:16]}


def read_json(body: bytes | str) -> Any:
    """Raises: Unintelligible, also for NaN and for text that is not UTF-8 or nested too deep."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unintelligible(f"not JSON: {type(error).__name__}") from None


def write_json(value: object) -> bytes:
    """Raises: TypeError for a Decimal: partners take amounts as strings, and a float would round them."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _refuse(name: str) -> Any:
    raise ValueError(name)


class Http:
    """A door to one base address. Pass `app` to reach an ASGI application in this process instead of the network."""

    def __init__(self, base_url: str, *, app: ASGIApp | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._in_process = app is not None
        self._app = app
        self._client: httpx.AsyncClient | None = None  # made at first use, in the loop that uses it

    async def send(self, request: Request, within: float) -> Reply:
        """The whole answer, within so many seconds from now. Raises: Unreachable, Broken."""
        trail = _Trail(written=self._in_process)
        try:
            async with asyncio.timeout(within):
                return await self._exchange(request, within, trail)
        except _NOTHING_WRITTEN as error:
            raise Unreachable(_name(error)) from error
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise (Unreachable if trail.surely_unwritten else Broken)(_name(error)) from error

    async def _exchange(self, request: Request, within: float, trail: _Trail) -> Reply:
        client = self._open()
        built = client.build_request(
            request.method,
            self.base_url + request.path,
            params=list(request.query) or None,
            headers=dict(request.headers),
            content=request.body,
            timeout=httpx.Timeout(within, connect=min(CONNECT_SECONDS, within), pool=min(CONNECT_SECONDS, within)),
            extensions={"trace": trail.note},
        )
        response = await client.send(built, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > ANSWER_LIMIT:
                    raise Broken(f"the answer is larger than {ANSWER_LIMIT} bytes")
        finally:
            await response.aclose()
        return Reply(response.status_code, {name.lower(): value for name, value in response.headers.items()}, bytes(body))

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            transport: httpx.AsyncBaseTransport
            if self._app is not None:
                transport = httpx.ASGITransport(app=self._app)
            else:
                limits = httpx.Limits(
                    max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEEP_ALIVE_SECONDS
                )
                transport = httpx.AsyncHTTPTransport(limits=limits, retries=0)
            self._client = httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()


class _Trail:
    """What httpcore said it did, so that a deadline that strikes while connecting is told from one that strikes later."""

    def __init__(self, written: bool) -> None:
        self._written = written
        self._seen = False

    async def note(self, event: str, info: Mapping[str, Any]) -> None:
        self._seen = True
        if event.endswith("send_request_headers.started"):
            self._written = True

    @property
    def surely_unwritten(self) -> bool:
        return self._seen and not self._written


def _name(error: BaseException) -> str:
    return type(error).__name__
