"""A partner's call to us, as its twin makes it: perhaps late, twice or never, by the faults that were ordered for `callback`."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from kernel.http import Http, Request, TransportError
from kernel.sandbox.faults import FaultKind, Faults

_WITHIN = 10.0  # seconds


async def call_back(faults: Faults, outside: Http, request: Request, *, tries: int = 1, pause: float = 1.0) -> None:
    """Makes the call, `tries` times until it is taken with a 2xx, each pause twice as long as the one before.

    `request.path` is the whole address that the partner was given; one that is not HTTP is called by nobody.
    """
    struck = faults.strike("callback")
    kind = struck.main.kind if struck.main else None
    if kind is FaultKind.LOST_WEBHOOK or urlsplit(request.path).scheme not in ("http", "https"):
        return
    if struck.delay:
        await asyncio.sleep(struck.delay)
    for _ in range(2 if kind is FaultKind.DUPLICATE_WEBHOOK else 1):
        await _insist(outside, request, tries, pause)


async def _insist(outside: Http, request: Request, tries: int, pause: float) -> None:
    for number in range(tries):
        if number:
            await asyncio.sleep(pause * 2 ** (number - 1))
        try:
            if (await outside.send(request, _WITHIN)).ok:
                return
        except TransportError:
            continue
