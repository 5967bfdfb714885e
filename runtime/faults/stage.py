"""A site of the run's own: every real process under a supervisor of ours, and a hand for each way to strike it.

Two workers, so that the living take over from the dead. Whatever is killed is started again by the supervisor after half a second, with a
clock that may be set wrong anew. Nothing is struck that a machine room could not do: signals, cut connections, restarted servers, wiped
stores, messages that come twice.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from kernel.bus import connect as connect_redis
from kernel.bus import stream
from kernel.clock import monotonic
from kernel.database import make_engine
from kernel.patience import passing
from kernel.tenancy import Tenant
from runtime.embedded.process import ServerError
from runtime.settings import DOMAINS
from runtime.site import Ports
from runtime.supervisor import ROOT, Service, Supervisor
from runtime.wiring import unhurried

WORKERS: Final = ("worker", "worker-2")
GATEWAYS: Final = ("operator", "passenger", "partner")
VALKEYS: Final[Mapping[str, str]] = {
    "snapshots": "NEXA_SNAPSHOT_URL",
    "coordination": "NEXA_COORDINATION_URL",
    "queue": "NEXA_QUEUE_URL",
}
SANDBOX_RATE: Final = 500  # calls a second: the limits have their own tests
AGAIN: Final = 0.25  # seconds; the supervisor doubles it before the first restart, and here for every one
LONGEST_RESTART: Final = 30.0
_LOOK: Final = 0.1  # seconds between two looks of the supervisor
_COPIED: Final = 40  # messages of one stream that are put into it a second time
_AGAIN_ROWS: Final = 60  # outbox rows of one database that are published a second time

_HANG_UP: Final = text("""
    select count(pg_terminate_backend(pid)) from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid() and usename <> current_user and random() < :share
""")
_PUBLISH_AGAIN: Final = """
    update "{table}" set published_at = null where (tenant, position) in (
        select tenant, position from "{table}" where published_at is not null order by random() limit :rows
    )
"""
_LEADS: Final = text("select owner from relay_lease where name = 'relay' and until > nexa_now()")


class StageError(RuntimeError):
    """The site did not start, or did not come back."""


class Stage(Supervisor):
    """A supervisor whose things can be struck. Everything of it belongs to the main thread's event loop."""

    def __init__(self, home: Path, ports: Ports, tenants: Iterable[str], settle_scale: float, say: Callable[[str], None]) -> None:
        others = {name: value for name, value in os.environ.items() if not name.startswith("NEXA_")}
        scale = {"NEXA_SETTLE_SCALE": str(settle_scale), **unhurried(SANDBOX_RATE)}
        self.environment = {**others, **scale, "NEXA_HOME": str(home), "NEXA_TENANTS": ",".join(tenants)}
        super().__init__(home, ports, self.environment, (), say)
        self._engines: dict[str, AsyncEngine] = {}
        self._paused: set[int] = set()
        self._struck: dict[str, float] = {}  # when a process of ours was killed or paused, by name

    # --- what runs --------------------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """As any supervisor; but one that is struck again and again is forgiven each time."""
        for watched in self._watched:
            if watched.due is None:
                watched.pause = AGAIN
        super().look()

    async def keep(self) -> None:
        """Starts again what ends, for ever."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK)

    def pid(self, name: str) -> int | None:
        return next((watched.thing.pid for watched in self._watched if watched.name == name and watched.thing.ended is None), None)

    async def unwell(self, since: float = float("inf")) -> str | None:
        """What is down, or does not say that it can do its work, if anything; those set aside that were struck themselves after `since`."""
        asked = [watched for watched in self._watched if self._struck.get(watched.name, float("-inf")) <= since]
        if down := next((watched.name for watched in asked if watched.due is not None or watched.thing.ended is not None), None):
            return f"{down} is down"
        services = [(watched.name, watched.thing) for watched in asked if isinstance(watched.thing, Service)]
        ready = await asyncio.gather(*(asyncio.to_thread(_is_ready, service) for _, service in services))
        return next((f"{name} is not ready" for (name, _), is_ready in zip(services, ready, strict=True) if not is_ready), None)

    def url(self, process: str) -> str:
        """A process on this machine, whatever name it has outside."""
        ports = {**self.ports.gateways, "sandbox": self.ports.sandbox}
        return f"http://127.0.0.1:{ports[process]}"

    def engine(self, database: str) -> AsyncEngine:
        """A database as its administrator sees it: all tenants."""
        if database not in self._engines:
            assert self._postgres is not None
            password = (self._postgres.home / "password").read_text()
            self._engines[database] = make_engine(self._postgres.url_of(f"nexa_{database}", "postgres", password), pool=2)
        return self._engines[database]

    async def nexa(self, *words: str) -> str:
        """What a command prints. Raises: StageError."""
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "runtime.command", *words, cwd=ROOT, env=self.environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, complained = await child.communicate()
        if child.returncode != 0:
            raise StageError(f"nexa {' '.join(words)}: {child.returncode}\n{said.decode()}{complained.decode()}")
        return said.decode()

    async def close(self) -> None:
        for engine in self._engines.values():
            await engine.dispose()

    # --- strikes ----------------------------------------------------------------------------------------------------------------------

    def kill(self, name: str) -> int | None:
        """`kill -9`; the process that was meant, None when it was down already."""
        self._struck[name] = monotonic()
        pid = self.pid(name)
        if pid is not None:
            _signal(pid, signal.SIGKILL)
        return pid

    async def pause(self, name: str, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so long."""
        pid = self.pid(name)
        if pid is None or pid in self._paused:
            return
        self._paused.add(pid)
        self._struck[name] = monotonic()
        _signal(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            _signal(pid, signal.SIGCONT)
            self._paused.discard(pid)

    async def hang_up(self, share: float) -> None:
        """Cuts this share of all connections to Postgres, whatever they are in the middle of."""
        await self._administer("cases", _HANG_UP, {"share": share})

    async def hang_up_valkey(self, name: str) -> None:
        """Cuts every connection to one Valkey."""
        async with self.valkey(name) as redis:
            await redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub", "SKIPME", "yes")

    async def restart_postgres(self, *, crash: bool) -> None:
        """A fast shutdown, or an immediate one after which it has to recover; the supervisor starts it again."""
        pid = self.pid("postgres")
        if pid is not None:
            _signal(pid, signal.SIGQUIT if crash else signal.SIGINT)
            await self._until_up("postgres", pid)

    async def flush(self, name: str) -> None:
        """FLUSHALL of `snapshots`, `coordination` or `queue`."""
        async with self.valkey(name) as redis:
            await redis.flushall()

    async def silence(self, seconds: float) -> None:
        """Loses nearly every ring of the doorbell for so long."""
        until = monotonic() + seconds
        while monotonic() < until:
            await self.flush("queue")
            await asyncio.sleep(0.01)

    async def publish_again(self, database: str) -> None:
        """Outbox rows that were published, and perhaps taken, are published a second time."""
        table = "intake" if database == "intake" else "outbox"
        await self._administer(database, text(_PUBLISH_AGAIN.format(table=table)), {"rows": _AGAIN_ROWS})

    async def shuffle(self, tenants: Iterable[str], dice: random.Random) -> None:
        """Puts copies of messages into their streams, out of order; the first of each stays the first."""
        async with self.valkey("coordination") as redis:
            for tenant in tenants:
                for domain in DOMAINS:
                    key = stream(Tenant(tenant), domain)
                    copies = [fields for _, fields in await redis.xrevrange(key, count=_COPIED)]
                    dice.shuffle(copies)
                    for fields in copies:
                        await redis.xadd(key, fields)

    async def leader(self, database: str) -> str | None:
        """The worker that holds the relay of this database, by the name of its process here."""
        with suppress(SQLAlchemyError, OSError):
            async with self.engine(database).connect() as connection:
                owner = (await connection.execute(_LEADS)).scalar()
            found = re.fullmatch(rf"{re.escape(socket.gethostname())}-(\d+)", owner or "")
            return next((name for name in WORKERS if found and self.pid(name) == int(found[1])), None)
        return None

    # --- how ---------------------------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def valkey(self, name: str) -> AsyncIterator[Any]:
        """One of the three, with all rights."""
        redis = connect_redis(self.told[VALKEYS[name]])
        try:
            yield redis
        finally:
            await redis.aclose()

    async def _administer(self, database: str, statement: Any, facts: Mapping[str, object]) -> None:
        """A server that is away at this instant is struck already."""
        try:
            async with self.engine(database).begin() as connection:
                await connection.execute(statement, facts)
        except Exception as error:
            if not passing(error):
                raise

    async def _until_up(self, name: str, before: int) -> None:
        until = monotonic() + LONGEST_RESTART
        while self.pid(name) in (None, before):
            if monotonic() > until:
                raise StageError(f"{name} did not come back within {LONGEST_RESTART:g} s; its log is in {self.logs}")
            await asyncio.sleep(_LOOK)


def _is_ready(service: Service) -> bool:
    return service.ready


def _signal(pid: int, wanted: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, wanted)


@asynccontextmanager
async def _running(stage: Stage) -> AsyncIterator[Stage]:
    keeping = asyncio.create_task(stage.keep())
    try:
        yield stage
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await stage.close()


@asynccontextmanager
async def set_up(stage: Stage, offsets: Mapping[str, float]) -> AsyncIterator[Stage]:
    """The site, ready; taken down afterwards. `offsets`: how wrong each clock is. In the main thread. Raises: StageError."""
    for name, offset in offsets.items():
        stage.besides[name]["NEXA_CLOCK_OFFSET"] = str(offset)
    try:
        stage.start_stores()
        stage.start_services(workers=len(WORKERS))
        await stage.until_ready()
        stage.announce({})
        async with _running(stage):
            yield stage
    except ServerError as error:
        raise StageError(str(error)) from error
    finally:
        stage.stop()
