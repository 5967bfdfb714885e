"""The shell around a partner's twin: route, sign-in, limit, faults, then the twin's own handler.

A twin is a subclass of `Twin`: it lists its routes, checks a sign-in, and has words for a failure, a throttle and a refusal.
A handler changes the book and returns what it would say; whether the caller hears it is the shell's business.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import orjson

from kernel.http import ASGIApp, Scope
from kernel.sandbox.book import Book
from kernel.sandbox.faults import Fault, FaultKind, Faults
from kernel.sandbox.limit import Limit

log = logging.getLogger("nexa.sandbox")

Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `tenant` is whose credential it carries; `lag` hides what is younger, in seconds, from look-ups."""

    operation: str
    method: str
    path: str
    parts: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    url: str
    tenant: str = ""
    lag: float = 0.0

    def json(self) -> Any:
        """Raises: ValueError."""
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Said:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def bytes(self) -> bytes:
        return b"" if self.body is None else orjson.dumps(self.body)


Handler = Callable[[Call], Awaitable[Said]]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    operation: str
    handler: Handler


def route(method: str, path: str, operation: str, handler: Handler) -> Route:
    """`{name}` in the path is one segment."""
    return Route(method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), operation, handler)


class Twin:
    """An ASGI application that behaves as one partner publishes."""

    partner: ClassVar[str]
    door: str | None = None  # our partner door from outside, as the airlines told this partner; None: nobody did

    def __init__(self, book: Book, limit: Limit | None = None) -> None:
        self.book = book
        self.limit = limit or Limit()
        self.faults = Faults()
        self.calls: dict[str, int] = {}
        self.routes = self.declare()
        self._later: set[asyncio.Task[None]] = set()
        self._awake = False

    # What a partner's twin says for itself.

    def declare(self) -> list[Route]:
        raise NotImplementedError

    def signed_in(self, call: Call) -> str | Said:
        """The tenant whose credential the call carries, or the refusal."""
        raise NotImplementedError

    def failure(self, call: Call) -> Said:
        raise NotImplementedError

    def throttled(self, call: Call) -> Said:
        raise NotImplementedError

    def refusal(self, call: Call) -> Said:
        raise NotImplementedError

    def operation_of(self, found: Route, body: bytes) -> str:
        """The operation's name in the partner's sheet, where the route alone does not say it."""
        return found.operation

    def malformed(self, call: Call) -> Said:
        """For a request that cannot even be read; handlers say the finer refusals themselves."""
        raise NotImplementedError

    def not_found(self, path: str) -> Said:
        return Said(404, {"error": "Resource not found"})

    def told(self) -> dict[str, Any]:
        """The book, for the control door."""
        return self.book.everything()

    async def control(self, call: Call) -> Said | None:
        """The twin's own part of the control door; None when it has no such thing."""
        return None

    def reports_to(self, tenant: str) -> str | None:
        """Where an airline has this partner report to, when that is set up once for its account."""
        return f"{self.door}/webhooks/{tenant}/{self.partner}" if self.door else None

    def wake(self) -> None:
        """Goes on, in the running loop, with what a former life of the sandbox left unfinished; called before the first request."""

    def reset(self) -> None:
        """An empty book, no faults. What was going to happen later no longer does."""
        for task in self._later:
            task.cancel()
        self.book.forget()
        self.faults.clear()
        self.calls.clear()
        self.limit = Limit(self.limit.calls, self.limit.seconds)

    # The shell.

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"a sandbox speaks HTTP only, not {scope['type']}")
        if not self._awake:
            self._awake = True
            self.wake()
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        found = self._find(scope["method"], path)
        body = await read_body(receive)
        if found is None:
            await answer(send, self.not_found(path))
            return
        found_route, parts = found
        call = make_call(scope, path, parts, body, self.operation_of(found_route, body))
        await self._serve(found_route, call, receive, send)

    async def _serve(self, found: Route, call: Call, receive: Receive, send: Send) -> None:
        self.calls[call.operation] = self.calls.get(call.operation, 0) + 1
        tenant = self.signed_in(call)
        if isinstance(tenant, Said):
            await answer(send, tenant)
            return
        wait = self.limit.ask(tenant)
        if wait is not None:
            await answer(send, _with_retry(self.throttled(call), wait))
            return
        struck = self.faults.strike(call.operation)
        call = _replace(call, tenant=tenant, lag=struck.lag)
        if struck.main is not None:
            await self._faulty(found, call, struck.main, struck.delay, receive, send)
            return
        said = await self._handle(found, call)
        await _rest(struck.delay)
        await answer(send, said)

    async def _handle(self, found: Route, call: Call) -> Said:
        try:
            return await found.handler(call)
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError):
            log.warning("%s %s: a request that cannot be read", self.partner, call.operation, exc_info=True)
            return self.malformed(call)

    async def _faulty(self, found: Route, call: Call, fault: Fault, delay: float, receive: Receive, send: Send) -> None:
        kind = fault.kind
        executed = kind in (FaultKind.LOST_ANSWER, FaultKind.ERROR_EXECUTED, FaultKind.GARBAGE, FaultKind.DRIFT)
        said = await self._handle(found, call) if executed else None
        if kind is FaultKind.LATE:
            self.later(fault.seconds, lambda: self._execute(found, call))
        await _rest(delay)
        if kind in (FaultKind.LOST_REQUEST, FaultKind.LOST_ANSWER, FaultKind.LATE):
            await cut(receive, send)
        elif kind in (FaultKind.ERROR, FaultKind.ERROR_EXECUTED):
            await answer(send, self.failure(call))
        elif kind is FaultKind.THROTTLE:
            await answer(send, _with_retry(self.throttled(call), fault.seconds))
        elif kind is FaultKind.THROTTLE_BARE:
            await answer(send, self.throttled(call))
        elif kind is FaultKind.REFUSE:
            await answer(send, self.refusal(call))
        elif said is not None:
            await answer(send, _spoiled(said, kind))
        else:
            await answer(send, await self._handle(found, call))  # a fault of webhooks, ordered for an operation that has none

    async def _execute(self, found: Route, call: Call) -> None:
        await self._handle(found, call)

    def later(self, seconds: float, do: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Does it after so many seconds, unless the sandbox is reset or ends before."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            await do()

        task = asyncio.get_running_loop().create_task(wait())
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def quiet(self) -> None:
        """Waits until nothing is to come any more."""
        while self._later:
            await asyncio.gather(*self._later, return_exceptions=True)

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        for candidate in self.routes:
            match = candidate.pattern.fullmatch(path)
            if match and candidate.method == method:
                return candidate, match.groupdict()
        return None


async def read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


def make_call(scope: Scope, path: str, parts: Mapping[str, str], body: bytes, operation: str = "") -> Call:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    raw_query = scope.get("query_string", b"").decode()
    url = f"{scope.get('scheme', 'http')}://{headers.get('host', 'sandbox')}{scope['path']}" + (f"?{raw_query}" if raw_query else "")
    query = dict(parse_qsl(raw_query, keep_blank_values=True))
    return Call(operation, scope["method"], path, parts, query, headers, body, url)


async def answer(send: Send, said: Said) -> None:
    body = said.bytes()
    head = {"content-type": "application/json", "content-length": str(len(body)), **said.headers}
    await write(send, said.status, head, body)


async def write(send: Send, status: int, head: Mapping[str, str], body: bytes) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in head.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def cut(receive: Receive, send: Send) -> None:
    """Ends the connection without a byte of an answer.

    ASGI has no word for it: under uvicorn the bound `send` leads to the transport, in process there is none and an error of the
    operating system's kind is what a caller would see.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("the sandbox cut the connection")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def _with_retry(said: Said, seconds: float) -> Said:
    return Said(said.status, said.body, {**said.headers, "retry-after": str(max(1, math.ceil(seconds)))})


def _spoiled(said: Said, kind: FaultKind) -> Said | _Raw:
    if kind is FaultKind.GARBAGE:
        whole = said.bytes()
        return _Raw(said.status, None, said.headers, whole[: len(whole) // 2])
    return Said(said.status, _drifted(said.body), said.headers)


def _drifted(value: Any) -> Any:
    """The same values under names the contract does not have."""
    if isinstance(value, dict):
        return {f"{key}V2": _drifted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_drifted(item) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class _Raw(Said):
    raw: bytes = b""

    def bytes(self) -> bytes:
        return self.raw


def _replace(call: Call, tenant: str, lag: float) -> Call:
    return Call(call.operation, call.method, call.path, call.parts, call.query, call.headers, call.body, call.url, tenant=tenant, lag=lag)


async def _rest(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)


__all__ = ["ASGIApp", "Call", "Route", "Said", "Twin", "answer", "make_call", "read_body", "route"]
