"""What every door has around it: health, one way to say no, headers that browsers should obey, and an orderly end.

Nothing that is raised below leaves as a traceback, and nothing as a bare 500.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.answer import Busy, DoorRefusal, internal, problem, problem_refusal
from gateway.health import Check, health_routes
from kernel.patience import passing

log = logging.getLogger(__name__)

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
AWAY: Final = 2  # seconds until a store that was away is asked for again
METHODS: Final = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]  # each is answered, most with a refusal
_TRACE: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

Step = Callable[[], Awaitable[object]]


def shell(routes: Sequence[BaseRoute], *, checks: Mapping[str, Check], begin: Sequence[Step] = (), end: Sequence[Step] = ()) -> Starlette:
    """An application of these routes. `begin` runs before the first request and may refuse to start; `end` after the last."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        for step in begin:
            await step()
        try:
            yield
        finally:
            for step in end:
                try:
                    await step()
                except Exception as error:
                    log.error("a door did not close well", exc_info=error)

    return Starlette(
        routes=[*health_routes(checks), *routes],
        middleware=[Middleware(_Guard)],
        exception_handlers={DoorRefusal: _refused, HTTPException: _http},
        lifespan=lifespan,
    )


def correlation_of(headers: Headers | None) -> str | None:
    """The W3C trace id that the request came with."""
    match = _TRACE.fullmatch(headers.get("traceparent", "")) if headers is not None else None
    return match[1] if match else None


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, DoorRefusal)
    return problem_refusal(error)


async def _http(request: Request, error: Exception) -> Response:
    """Starlette's own: an unknown path, a method that does not fit."""
    assert isinstance(error, HTTPException)
    code = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}.get(error.status_code, "BAD_REQUEST")
    return problem(error.status_code, code, str(error.detail), headers=error.headers)


class _Guard:
    """Outermost: adds the headers, and answers what nobody expected."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            refusal = _away(error, scope["path"]) if passing(error) else internal(error, scope["path"])
            if begun:
                raise
            await problem_refusal(refusal)(scope, receive, send_with_headers)


def _away(error: Exception, where: str) -> DoorRefusal:
    """A store that is restarting is nobody's mistake: the same request will do in a moment."""
    log.warning("a store cannot be reached: %s", type(error).__name__, extra={"where": where})
    return Busy("Our data cannot be reached just now; please try again in a moment.", AWAY)


def closing(*things: Any) -> list[Step]:
    """Their `close`, last opened first."""
    return [thing.close for thing in reversed(things)]
