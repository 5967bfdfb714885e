"""The processes that `bench shaping` and `bench breaker` start: they call partners through the product's own gate, as workers do.

    python -m runtime.bench.caller manifest book

Each word is a crowd of callers that ask for one thing over and over, as soon as they have an answer, or as soon as they are told to come
back; until the process is told to end. Rooms run out and the flight is nobody's: a partner's no is as healthy as its yes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Final, TypeVar

import uvloop

from adapters.custom_pss import VENDOR as PSS
from adapters.hotelbeds import VENDOR as HOTELBEDS
from adapters.registry import Registry, SandboxSecrets, connect
from domains.booking.ports import Booking, Guest, Occupancy, Point, Search
from kernel import clock
from kernel.account import Accounts
from kernel.answer import Answer, NotSent, Ok
from kernel.operation import fresh_reference
from kernel.tenancy import Tenant
from kernel.traffic import Traffic
from kernel.urn import Urn
from runtime import logs
from runtime.settings import Settings, read

T = TypeVar("T")
TENANT: Final = Tenant("t1")
CROWD: Final = 16  # callers of one kind in each process
RETRY: Final = timedelta(milliseconds=200)  # where nobody says when to come back
LONGEST: Final = timedelta(seconds=1)
_NOWHERE: Final = Urn.of("flight", "XX0-2026-02-08")
_NEAR: Final = Point(40.6413, -73.7781)
_GUEST: Final = Guest("BENCH", "BENCH")

Ask = Callable[[], Awaitable[timedelta | None]]


async def _manifest(adapters: Registry) -> Ask:
    async def ask() -> timedelta | None:
        return come_back(await adapters.pss[PSS].manifest(TENANT, _NOWHERE))

    return ask


async def _book(adapters: Registry) -> Ask:
    """Of the first room that is offered, as often as it goes."""
    hotels, tomorrow = adapters.hotels[HOTELBEDS], clock.now().date() + timedelta(days=1)
    found = await hotels.search(TENANT, Search(_NEAR, 30.0, tomorrow, 1, (Occupancy(1, 1),), timedelta(seconds=5)))
    if not isinstance(found, Ok) or not found.value:
        raise RuntimeError(f"no room is offered: {found}")
    offer = next(offer for offer in found.value if not offer.recheck)

    async def ask() -> timedelta | None:
        return come_back(await hotels.book(TENANT, Booking(fresh_reference(), offer, _GUEST, (_GUEST,))))

    return ask


def come_back(answer: Answer[T]) -> timedelta | None:
    """When to ask again, where it was not asked; a caller that is told to stay away for long looks in all the same, as new work would."""
    return min(answer.retry_after or RETRY, LONGEST) if isinstance(answer, NotSent) else None


CROWDS: Final[Mapping[str, Callable[[Registry], Awaitable[Ask]]]] = {"manifest": _manifest, "book": _book}


async def ask_again_and_again(ask: Ask) -> object:
    """One caller. It asks at once again, or when it is told to come back."""
    while True:
        pause = await ask()
        if pause is not None:
            await asyncio.sleep(pause.total_seconds())


async def serve(settings: Settings, crowds: list[str]) -> None:
    """Calls until SIGTERM."""
    traffic = Traffic(
        Accounts.connect(settings.platform.reveal()), f"{socket.gethostname()}-{os.getpid()}", ceilings=settings.partner_limits
    )
    adapters = connect(SandboxSecrets(), settings.sandbox_url, traffic)
    traffic.probe_with(adapters.probes)
    asks = [await CROWDS[crowd](adapters) for crowd in crowds]
    callers: list[asyncio.Task[object]] = [asyncio.create_task(ask_again_and_again(ask)) for ask in asks for _ in range(CROWD)]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    ended: asyncio.Task[object] = asyncio.create_task(stop.wait())
    await asyncio.wait([ended, *callers], return_when=asyncio.FIRST_COMPLETED)
    for task in (ended, *callers):
        task.cancel()
    await asyncio.gather(ended, *callers, return_exceptions=True)
    await traffic.close()
    await adapters.close()


def main() -> None:
    """Works until it is told to end."""
    settings = read(os.environ)
    logs.configure(settings.log)
    uvloop.run(serve(settings, sys.argv[1:]))


if __name__ == "__main__":
    main()
