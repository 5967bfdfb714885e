"""The worker process: relays, consumers, the engine, chores and the doorbell, side by side in one event loop.

Each of them survives both servers by itself; should one break nevertheless, it alone is started again. On SIGTERM nothing new is begun and
what is under way gets 25 seconds. Killed at any instant, it leaves nothing that another worker, or the next, does not find.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from adapters.registry import Registry as Adapters
from jobs.engine import NOTHING_MORE, Workload, make_engine
from jobs.registry import Chore
from kernel import clock, doorbell
from kernel.bell import Bell
from kernel.consumer import Consumer
from kernel.engine import Engine
from kernel.patience import passing
from kernel.process import Process
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.settings import Settings
from runtime.wiring import shop

log = logging.getLogger("nexa.worker")

ROLL_CALL: Final = timedelta(seconds=5)  # how soon a new tenant is served
FAREWELL: Final = timedelta(seconds=25)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds before something that broke is started again
_SETTLED: Final = 30.0  # seconds after which its past is forgiven


class Stop:
    """Whether this process is to end; everything waits on it."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def __bool__(self) -> bool:
        return self.event.is_set()

    def set(self) -> None:
        self.event.set()

    async def within(self, limit: timedelta) -> bool:
        """Waits at most so long; whether it is time to end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit.total_seconds()):
                await self.event.wait()
        return self.event.is_set()


class Worker:
    """One worker process. `run` returns after `stop` was set and everything under way has ended."""

    def __init__(
        self, settings: Settings, *, name: str | None = None, adapters: Adapters | None = None, more: Workload = NOTHING_MORE
    ) -> None:
        self.settings, self.more = settings, more
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self.queue = doorbell.queue_of(self.name)
        self.shop = shop(settings, self.name, adapters)
        self.engine: Engine | None = None
        self.stop = Stop()
        self._bells: dict[str, Bell] = {name: Bell() for name in self.shop.databases}
        self._waits: list[Bell] = list(self._bells.values())
        self._tenants: set[Tenant] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.shop.databases.on_sent(lambda domain, tenant: self.look(tenant, None, domain))
        self.shop.databases.on_due(self._due)

    async def run(self) -> None:
        """Raises: UnsafeRoleError when a database role could see past a tenant."""
        await self._until_reachable(self.shop.databases.examine)
        self._start("doorbell", lambda: doorbell.answer(self.settings.need("queue_url").reveal(), self.queue, self.look, self.stop.event))
        self._start("engine", self._engine)
        self._start("tenants", self._call_the_roll)
        for chore in self.shop.registry.chores.values():
            if chore.each is None:
                self._repeat(chore)
            elif chore.each == "database":
                for name in self.shop.databases:
                    self._repeat(chore, name)
        log.info("worker %s works", self.name)
        await self.stop.event.wait()
        await self._end()

    def look(self, tenant: Tenant, urn: Urn | None = None, domain: str | None = None) -> None:
        """What the doorbell does here: whoever may have something to do looks at once."""
        for bell in [self._bells[domain]] if domain in self._bells else self._bells.values():
            bell.ring()
        if self.engine and urn is not None:
            self.engine.wake(tenant, urn)

    async def _engine(self) -> None:
        tenants = self.settings.tenants or None
        self.engine = make_engine(self.shop.ports, self.name, tenants=tenants, queue=self.queue, more=self.more, process=Process.own())
        await self.engine.run()

    async def _call_the_roll(self) -> None:
        while not self.stop:
            known = await self.shop.databases["cases"].tenants()
            for tenant in known:
                if tenant not in self._tenants and (not self.settings.tenants or tenant in self.settings.tenants):
                    self._serve(tenant)
            self._say_alive()
            await self.stop.within(timedelta(seconds=1) if not self._tenants else ROLL_CALL)

    def _serve(self, tenant: Tenant) -> None:
        self._tenants.add(tenant)
        consumer = Consumer(tenant, self.shop.bus, self.shop.databases, self.shop.registry.reactions, self.shop.ports, self.name)
        self._start(f"consumer of {tenant}", lambda: consumer.run(self.stop.event))
        for chore in self.shop.registry.chores.values():
            if chore.each == "tenant":
                self._repeat(chore, tenant)

    def _due(self, domain: str, tenant: Tenant) -> None:
        if self.engine:
            self.engine.wake(tenant, domain=domain)

    def _repeat(self, chore: Chore, *arguments: str) -> None:
        bell = self._bells[arguments[0]] if chore.woken_by else Bell()
        self._waits.append(bell)
        name = " ".join((chore.name, *arguments))
        self._start(name, lambda: repeat(lambda: chore.run(self.shop.ports, *arguments), name, chore.every, bell, self.stop))

    def _start(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._keep(name, run), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        pause = _FIRST_PAUSE
        while not self.stop:
            began = clock.monotonic()
            try:
                await run()
            except Exception:
                log.exception("%s broke and is started again", name)
            pause = _FIRST_PAUSE if clock.monotonic() - began > _SETTLED else min(_LONGEST_PAUSE, pause * 2)
            await self.stop.within(timedelta(seconds=pause))

    async def _until_reachable(self, ask: Callable[[], Awaitable[None]]) -> None:
        while not self.stop:
            try:
                return await ask()
            except Exception as error:
                if not passing(error):
                    raise
                log.warning("a database cannot be reached yet: %s", type(error).__name__)
                await self.stop.within(timedelta(seconds=1))

    async def _end(self) -> None:
        log.info("worker %s ends", self.name)
        if self.engine:
            await self.engine.stop()
        for bell in self._waits:
            bell.ring()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=(FAREWELL + timedelta(seconds=2)).total_seconds())
            for task in late:
                log.warning("%s did not end", task.get_name())
                task.cancel()
        for relay in self.shop.ports.relays.values():
            await relay.resign()
        await self.shop.close()
        alive_file(self.settings.home, self.name).unlink(missing_ok=True)

    def _say_alive(self) -> None:
        """For a health check from outside that has no port to ask: this file is new as long as the engine's heart beats."""
        if self.engine is not None and self.engine.healthy:
            said = {"pid": os.getpid(), "worker": self.name, "at": clock.now().isoformat(), "tenants": len(self._tenants)}
            with suppress(OSError):
                path = alive_file(self.settings.home, self.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(said))


def alive_file(home: Path, name: str) -> Path:
    """Where a worker says every five seconds that it lives."""
    return home / "workers" / f"{name}.json"


async def repeat(run: Callable[[], Awaitable[object]], name: str, every: timedelta, bell: Bell, stop: Stop) -> None:
    """Runs again and again until it is time to end: `every` after the last time, or as soon as the bell rings.

    A failure is logged, and the next time comes all the same.
    """
    pause = every
    while not stop:
        try:
            await run()
            pause = every
        except Exception as error:
            pause = min(max(pause * 2, timedelta(seconds=_FIRST_PAUSE)), max(every, timedelta(seconds=_LONGEST_PAUSE)))
            log.warning("%s failed: %s", name, type(error).__name__, exc_info=error)
            await stop.within(pause)
            continue
        await bell.wait(pause)


async def serve(settings: Settings, more: Workload = NOTHING_MORE) -> None:
    """Works until SIGTERM or SIGINT."""
    worker = Worker(settings, more=more)
    _collect_seldom()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop.set)
    await worker.run()


def _collect_seldom() -> None:
    """What is loaded stays, and messages die by their counts: looking for circles among them took a third of a busy worker's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
