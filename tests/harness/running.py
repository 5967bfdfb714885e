"""A running site for journeys: every process there is, as `./nexa up --quiet` starts them, in a folder and on ports of its own.

Nothing in it is a stand-in: a story comes in through the front doors and is held against the books of the partners' sandboxes. What
a script would ask (`./nexa status --json`, `./nexa token …`) is asked in the same way. Settle times are scaled down, so that what nobody
knows is looked up within seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from redis.asyncio import Redis

from runtime import site
from runtime.embedded.postgres import Postgres
from runtime.embedded.process import Child, launch
from runtime.site import Ports
from runtime.state import running
from tests.harness.servers import ROOT, migrated_template
from tests.harness.site import free_ports

SETTLE_SCALE: Final = 0.01  # of 120 s: a lost answer is looked up after 1.2, 2.4 and 4.8 s
SANDBOX_RATE: Final = 500  # calls a second: the limits have their own tests
PATIENCE: Final = 120.0  # seconds; how long a machine with two busy cores may take for something that takes a second
PAUSE: Final = 0.25  # seconds between two looks
VALKEYS: Final = {"snapshots": "NEXA_SNAPSHOT_URL", "coordination": "NEXA_COORDINATION_URL", "queue": "NEXA_QUEUE_URL"}

_WIPE_UNDER_WAY: Final = """
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  if redis.call('TYPE', key).ok == 'stream' then
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', key)) do
      for i = 1, #group, 2 do
        if group[i] == 'lag' and (tonumber(group[i + 1]) or 0) > 0 then redis.call('FLUSHALL') return 1 end
      end
    end
  end
end
return 0
"""

T = TypeVar("T")


class SiteError(RuntimeError):
    """The site did not start, or a command of it failed."""


@dataclass
class RunningSite:
    """One site while it runs."""

    home: Path
    ports: Ports
    environment: Mapping[str, str]
    tenants: tuple[str, ...]
    child: Child
    _tokens: dict[tuple[str, ...], asyncio.Task[dict[str, Any]]] = field(default_factory=dict)

    async def nexa(self, *words: str) -> str:
        """What a command prints. Raises: SiteError."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "runtime.command", *words, cwd=ROOT, env=dict(self.environment),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, complained = await process.communicate()
        if process.returncode != 0:
            raise SiteError(f"nexa {' '.join(words)}: {process.returncode}\n{said.decode()}{complained.decode()}")
        return said.decode()

    async def status(self) -> dict[str, Any]:
        """`./nexa status --json`, when all is well. Raises: SiteError."""
        told: dict[str, Any] = json.loads(await self.nexa("status", "--json"))
        return told

    async def token(self, *words: str) -> dict[str, Any]:
        """`./nexa token … --json`; the same words are asked once."""
        if words not in self._tokens:
            self._tokens[words] = asyncio.get_running_loop().create_task(self._token(words))
        return await self._tokens[words]

    async def _token(self, words: tuple[str, ...]) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(await self.nexa("token", *words, "--json"))
        return told

    def url(self, process: str) -> str:
        """A process on this machine, whatever name it has outside."""
        ports = {**self.ports.gateways, "sandbox": self.ports.sandbox}
        return f"http://127.0.0.1:{ports[process]}"

    async def flush(self, valkey: str) -> None:
        """FLUSHALL of `snapshots`, `coordination` or `queue`."""
        async with self._redis(valkey) as redis:
            await redis.flushall()

    async def flush_under_way(self, tenant: str) -> None:
        """FLUSHALL of `coordination` at an instant at which a message of this airline was sent and not yet taken: it is lost."""
        async with self._redis("coordination") as redis:
            wipe = redis.register_script(_WIPE_UNDER_WAY)

            async def wiped() -> bool:
                return bool(await wipe(args=[f"bus:{{{tenant}}}:*"]))

            await eventually(wiped, f"a message of {tenant} on its way", pause=0.001)

    @asynccontextmanager
    async def _redis(self, valkey: str) -> AsyncIterator[Redis]:
        told = site.of_running(self.home, self.ports.base, self.environment)
        redis = Redis.from_url(told[VALKEYS[valkey]])
        try:
            yield redis
        finally:
            await redis.aclose()

    def log(self, process: str) -> str:
        """All that a process has said."""
        return (self.home / "logs" / f"{process}.log").read_text(errors="replace")


async def eventually(probe: Callable[[], Awaitable[T | None]], what: str, seconds: float = PATIENCE, pause: float = PAUSE) -> T:
    """The first answer of the probe that is true. Raises: AssertionError after a time in which it must have come."""
    deadline = time.monotonic() + seconds
    while not (answer := await probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        await asyncio.sleep(pause)
    return answer


@contextmanager
def a_running_site(*tenants: str) -> Iterator[RunningSite]:
    """Runs while the block does; gone without a trace afterwards. To be entered in the main thread. Raises: SiteError."""
    home = Path(tempfile.mkdtemp(prefix="nexa-site-"))
    home.chmod(0o755)  # Postgres' user comes by here
    ports = free_ports()
    told = {"NEXA_HOME": str(home), "NEXA_TENANTS": ",".join(tenants), "NEXA_SETTLE_SCALE": str(SETTLE_SCALE)}
    others = {name: value for name, value in os.environ.items() if not name.startswith("NEXA_")}
    environment = {**others, **told, "NEXA_SANDBOX_RATE": str(SANDBOX_RATE), "PYTHONWARNINGS": "default"}
    command = [sys.executable, "-m", "runtime.command", "up", "--quiet", "--no-pages", "--port", str(ports.base)]
    child: Child | None = None
    try:
        _settle_in(home, ports)
        child = launch("site", command, log=home / "up.log", environment=environment, death=signal.SIGTERM, folder=ROOT)
        _await_ready(home, child)
        yield RunningSite(home, ports, environment, tenants, child)
    finally:
        if child is not None:
            child.stop((signal.SIGTERM, 60.0))
        if kept := os.environ.get("NEXA_KEEP_LOGS"):
            shutil.copytree(home / "logs", Path(kept) / home.name, dirs_exist_ok=True)
        shutil.rmtree(home, ignore_errors=True)


def _settle_in(home: Path, ports: Ports) -> None:
    """A ready cluster in its place, the one that every test begins with: only what is the tenants' own is still to be made."""
    ready = migrated_template()
    shutil.copy2(ready / "secrets.json", home)
    Postgres(home / "postgres", port=ports.postgres).lay(ready)


def _await_ready(home: Path, child: Child) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state = running(home)
        if state and state.phase == "ready" and state.urls:
            return
        if child.ended is not None:
            break
        time.sleep(0.1)
    raise SiteError(f"the site did not get ready:\n{child.last_words()}")
