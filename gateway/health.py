"""`/healthz`: the process runs. `/readyz`: it can do its work now, its stores included; names those that cannot be reached, and no more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway.answer import NEVER_STORED

log = logging.getLogger(__name__)

WITHIN: Final = 1.5  # seconds for one store; a probe waits two

Check = Callable[[], Awaitable[object]]


def health_routes(checks: Mapping[str, Check]) -> list[Route]:
    """`checks` by the name of what is checked; each raises when it fails."""

    async def alive(request: Request) -> Response:
        return JSONResponse({"status": "alive"}, headers=NEVER_STORED)

    async def ready(request: Request) -> Response:
        failed = [name for name, well in zip(checks, await asyncio.gather(*map(_well, checks.items())), strict=True) if not well]
        said = {"status": "not ready", "unreachable": failed} if failed else {"status": "ready"}
        return JSONResponse(said, 503 if failed else 200, NEVER_STORED)

    return [Route("/healthz", alive), Route("/readyz", ready)]


async def _well(check: tuple[str, Check]) -> bool:
    name, ask = check
    try:
        async with asyncio.timeout(WITHIN):
            await ask()
    except Exception as error:
        log.warning("not ready", extra={"store": name, "error": type(error).__name__})
        return False
    return True
