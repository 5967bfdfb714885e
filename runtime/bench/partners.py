"""Partners and those who call them: a store of the bench's own, all twins in one process, and callers (`runtime.bench.caller`)."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kernel.account import Accounts, Key, Told
from kernel.bus import connect
from kernel.clock import monotonic
from kernel.http import Http, Request, TransportError, json_request
from runtime.bench.fleet import Fleet
from runtime.bench.site import ROOT, BenchError
from runtime.embedded.process import free_port, launch
from runtime.embedded.valkey import Valkey

DEFAULT: Final = 50.0  # calls a second, as a sheet says
READY_WITHIN: Final = 60.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Limit:
    """What a twin has counted since its limit was set."""

    calls: float
    asked: int
    refused: int
    most: int

    @property
    def admitted(self) -> int:
        return self.asked - self.refused


@dataclass
class Partners:
    """The sandbox, asked through its control door, and the store that all callers share."""

    sandbox: Http
    store: Valkey
    environment: dict[str, str]
    logs: Path

    def callers(self, *crowds: str) -> Fleet:
        """Processes of these crowds; nobody is started yet."""
        return Fleet("runtime.bench.caller", self.environment, self.logs, crowds)

    async def limit(self, partner: str, calls: float | None = None) -> Limit:
        """What was counted; with `calls` the limit is set to that many a second, and counting begins anew."""
        if calls is None:
            told = (await self._ask(Request("GET", "/_sandbox/limits")))[partner]
        else:
            told = await self._ask(json_request("POST", "/_sandbox/limits", {"partner": partner, "calls": calls}))
        return Limit(told["calls"], told["asked"], told["refused"], told["peakPerSecond"])

    async def calls(self, partner: str) -> dict[str, int]:
        """How often each operation was asked for."""
        counted: dict[str, int] = await self._ask(Request("GET", f"/_sandbox/{partner}/calls"))
        return counted

    async def break_down(self, partner: str) -> None:
        """From now on everything fails there."""
        await self._ask(json_request("POST", "/_sandbox/faults", {"partner": partner, "operation": "*", "kind": "error"}))

    async def mend(self) -> None:
        """From now on nothing does."""
        await self._ask(Request("DELETE", "/_sandbox/faults"))

    async def asked_of_store(self) -> int:
        """How often the store was asked for anything by the callers."""
        redis = connect(self.store.url)
        try:
            told = await redis.info("commandstats")
        finally:
            await redis.aclose()
        return int(told.get("cmdstat_evalsha", {}).get("calls", 0))

    async def told(self, key: Key) -> Told:
        """What the callers know together of an account."""
        accounts = Accounts.connect(self.store.platform_url)
        try:
            return (await accounts.told([(key, DEFAULT)]))[0]
        finally:
            await accounts.close()

    async def forget(self, key: Key) -> None:
        """Nothing is known of the account any more."""
        redis = connect(self.store.url)
        try:
            async for name in redis.scan_iter(f"traffic:{{{key}}}:*"):
                await redis.delete(name)
        finally:
            await redis.aclose()

    async def _ask(self, request: Request) -> Any:
        reply = await self.sandbox.send(request, 10)
        if not reply.ok:
            raise BenchError(f"the sandbox answered {reply.status} to {request.path}")
        return reply.json()


@asynccontextmanager
async def some_partners(home: Path, *, limits: str = "", rate: float = 50.0) -> AsyncIterator[Partners]:
    """Starts them below `home`, empty, and takes them down again. Raises: BenchError. In the main thread."""
    shutil.rmtree(home, ignore_errors=True)
    store, port = Valkey("coordination", home / "valkey", port=free_port()), free_port()
    others = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PYTHONWARNINGS")}
    told = {"NEXA_HOME": str(home), "NEXA_SANDBOX_RATE": str(rate), "NEXA_SANDBOX_URL": f"http://127.0.0.1:{port}"}
    store.start()
    sandbox = launch(
        "sandbox", [sys.executable, "-m", "runtime.command", "serve", "sandbox", "--port", str(port)],
        log=home / "logs" / "sandbox.log", environment={**others, **told}, death=signal.SIGTERM, folder=ROOT,
    )  # fmt: skip
    door = Http(told["NEXA_SANDBOX_URL"])
    try:
        await _ready(door)
        environment = {**told, "NEXA_COORDINATION_URL": store.url, "NEXA_PLATFORM_URL": store.platform_url, "NEXA_PARTNER_LIMITS": limits}
        yield Partners(door, store, environment, home / "logs")
    finally:
        await door.close()
        sandbox.stop((signal.SIGTERM, 5.0))
        store.stop()


async def _ready(door: Http) -> None:
    until = monotonic() + READY_WITHIN
    while monotonic() < until:
        with suppress(TransportError):
            if (await door.send(Request("GET", "/_sandbox"), 2)).ok:
                return
        await asyncio.sleep(0.1)
    raise BenchError("the sandbox did not start")
