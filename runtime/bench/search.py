"""The search for hotels over all sources: its hard time-box while one source hangs, and what becomes of it while every second call fails.

The sources are the product's own adapters, over loopback HTTP to a sandbox in a process of its own. First each source hangs in turn, and
every search is timed from question to ranking; whoever does not hang has to be in the answer. Then every call is struck with probability
1/2, by each kind of fault alike, and nothing may be raised: a source has answered, or it is named with the reason.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress

from adapters.registry import SandboxSecrets, connect
from domains.booking.commands import RankHotels
from domains.booking.ranking import rank
from domains.booking.search import TIME_BOX, Found, Sources
from jobs.operations.search_hotels import search_for
from kernel import clock
from kernel.http import Http, Request, TransportError, json_request
from kernel.money import Money
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.bench import Result
from runtime.bench.site import ROOT, BenchError
from runtime.embedded.process import launch

TENANT: Final = Tenant("b6")
HANGS: Final = {"hotelbeds": "search", "amadeus": "offers"}
FAULTS: Final = ("lost_request", "lost_answer", "error", "error_executed", "throttle", "throttle_bare", "garbage", "drift", "refuse")
AIRPORTS: Final = ("JFK", "LGA", "EWR")
COIN: Final = 0.5  # of all calls are struck
LONG: Final = 30.0  # seconds that a hanging source takes
_READY_WITHIN: Final = 20.0


def configure(parser: argparse.ArgumentParser) -> None:
    """How many searches."""
    parser.add_argument("--searches", type=int, default=200, help="searches with one source hanging (default 200)")
    parser.add_argument("--coins", type=int, default=1000, help="searches while every second call fails (default 1000)")
    parser.add_argument("--at-once", type=int, default=8, help="searches under way at the same time (default 8)")


@dataclass(slots=True)
class _Seen:
    """What many searches came to."""

    seconds: list[float] = field(default_factory=list)
    candidates: list[int] = field(default_factory=list)
    answered: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    raised: Counter[str] = field(default_factory=Counter)

    def note(self, found: Found, candidates: int) -> None:
        self.candidates.append(candidates)
        self.answered.update(found.answered)
        self.silent.update(f"{vendor}: {why}" for vendor, why in found.silent.items())

    def p95(self) -> float:
        return sorted(self.seconds)[max(0, -(-len(self.seconds) * 95 // 100) - 1)]


async def measure(arguments: argparse.Namespace, console: Console) -> Result:
    """Both parts. Raises: BenchError."""
    logging.getLogger("nexa.partner").setLevel(logging.ERROR)  # what fails here was ordered
    async with _a_sandbox() as (url, control):
        sources = tuple(connect(SandboxSecrets(), url).hotels.values())
        warm = _Seen()
        await _search(Sources(sources), next(_wishes()), warm)  # tokens, lists and connections are there before anything is measured
        if warm.raised or set(warm.answered) != {source.vendor for source in sources}:
            raise BenchError(f"the sandbox does not answer: {warm}")
        with Progress(console=console, transient=True) as bars:
            bar = bars.add_task("searches", total=arguments.searches + arguments.coins)
            hanging = await _hanging(control, Sources(sources), arguments, lambda: bars.advance(bar))
            coins = await _coins(control, Sources(sources), arguments, lambda: bars.advance(bar))
    others = len(sources) - 1
    return Result(
        {
            "p95_s": round(hanging.p95(), 3),
            "others_answered": round(sum(hanging.answered.values()) / (others * len(hanging.seconds)), 4),
            "raised": float(sum(hanging.raised.values()) + sum(coins.raised.values())),
        },
        {
            "time_box_s": TIME_BOX.total_seconds(),
            "slowest_s": round(max(hanging.seconds), 3),
            "fewest_candidates": min(hanging.candidates, default=0),
            "coin_searches": len(coins.seconds),
            "coin_slowest_s": round(max(coins.seconds), 3),
            "coin_with_candidates": sum(1 for each in coins.candidates if each),
            "coin_answered": dict(coins.answered),
            "coin_silent": dict(coins.silent.most_common()),
            **({"errors": dict(hanging.raised + coins.raised)} if hanging.raised or coins.raised else {}),
        },
    )


async def _hanging(control: Http, sources: Sources, arguments: argparse.Namespace, advance: Callable[[], None]) -> _Seen:
    seen, wishes = _Seen(), _wishes()
    parts = {vendor: len(range(place, arguments.searches, len(HANGS))) for place, vendor in enumerate(HANGS)}
    for vendor, count in parts.items():
        await _say(control, "DELETE", "/faults")
        await _say(control, "POST", "/faults", {"partner": vendor, "operation": HANGS[vendor], "kind": "delay", "seconds": LONG})
        await _all(count, arguments.at_once, lambda: _search(sources, next(wishes), seen), advance)
    await _say(control, "DELETE", "/faults")
    return seen


async def _coins(control: Http, sources: Sources, arguments: argparse.Namespace, advance: Callable[[], None]) -> _Seen:
    seen, wishes = _Seen(), _wishes(first=400)
    each = 1 - (1 - COIN) ** (1 / len(FAULTS))
    orders = [
        {"partner": vendor, "kind": kind, "probability": each, "seconds": 1, "seed": number}
        for vendor in HANGS
        for number, kind in enumerate(FAULTS)
    ]
    await _say(control, "POST", "/faults", orders)
    await _all(arguments.coins, arguments.at_once, lambda: _search(sources, next(wishes), seen), advance)
    return seen


async def _search(sources: Sources, wish: RankHotels, seen: _Seen) -> None:
    began = clock.monotonic()
    try:
        found = await sources.ask(TENANT, search_for(wish))
        candidates, *_ = rank(found.offers, wish, sources=found.answered)
        seen.note(found, len(candidates))
    except Exception as error:
        seen.raised[type(error).__name__] += 1
    seen.seconds.append(clock.monotonic() - began)


async def _all(count: int, at_once: int, do: Callable[[], Awaitable[None]], advance: Callable[[], None]) -> None:
    left = iter(range(count))

    async def one_after_the_other() -> None:
        for _ in left:
            await do()
            advance()

    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))


def _wishes(first: int = 1) -> Iterator[RankHotels]:
    """Another question each time, so that no answer is shared: another night, for one or two people."""
    wish = RankHotels(
        sub_case=Urn.mint("sub-case"), airport="JFK", check_in=date.min, check_out=date.min, rooms=1, adults=1, children=0, infants=0,
        min_stars=2, max_distance_km=Decimal(15), max_nightly_rate=Money(Decimal(400), "USD"),
        weights={"cost": Decimal("0.60"), "distance": Decimal("0.25"), "consolidation": Decimal("0.15")},
    )  # fmt: skip
    day = clock.now().date() + timedelta(days=first)
    while True:
        for airport in AIRPORTS:
            yield replace(wish, airport=airport, check_in=day, check_out=day + timedelta(days=1))
        day += timedelta(days=1)


@asynccontextmanager
async def _a_sandbox() -> AsyncIterator[tuple[str, Http]]:
    """The partners' sandbox as a process of its own, that throttles nobody; its address and its control door."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with TemporaryDirectory(prefix="nexa-search-") as home:
        environment = {"NEXA_HOME": home, "NEXA_SANDBOX_RATE": "100000", "NEXA_ENVIRONMENT": "test"}
        command = [sys.executable, "-m", "runtime.command", "serve", "sandbox", "--port", str(port)]
        log = Path(home) / "sandbox.log"
        child = launch("sandbox", command, log=log, environment=environment, death=signal.SIGKILL, folder=ROOT)
        control = Http(f"http://127.0.0.1:{port}/_sandbox")
        try:
            await _ready(control, log)
            yield f"http://127.0.0.1:{port}", control
        finally:
            await control.close()
            child.stop((signal.SIGKILL, 5.0))


async def _ready(control: Http, log: Path) -> None:
    until = clock.monotonic() + _READY_WITHIN
    while True:
        try:
            await _say(control, "GET", "/limits")
            return
        except TransportError:
            if clock.monotonic() > until:
                raise BenchError(f"the sandbox did not come up: {_last_words(log)}") from None
            await asyncio.sleep(0.1)


def _last_words(log: Path) -> str:
    return log.read_text()[-2000:]


async def _say(control: Http, method: str, path: str, body: Any = None) -> None:
    reply = await control.send(Request(method, path) if body is None else json_request(method, path, body), 10)
    if not reply.ok:
        raise BenchError(f"the sandbox refused {method} {path}: {reply.body[:300]!r}")
