"""Runs a whole site on one machine: the embedded servers, then every process of ours, for as long as it lives itself.

Order: servers → migrations → sandbox, worker, gateways. A process that ends is started again after a pause that doubles, and
everything ends with the supervisor: by its own hand in the reverse order, or by the kernel's when it is killed.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TextIO

from runtime import probe, site
from runtime.embedded.postgres import Postgres
from runtime.embedded.process import Child, ServerError, launch, port_is_free
from runtime.embedded.valkey import Valkeys
from runtime.settings import Process, for_process, read
from runtime.state import Recorded, State, running

ROOT: Final = Path(__file__).resolve().parents[1]
PATIENCE: Final = 90.0  # seconds until every process must be ready; a cold machine with two cores needs fifteen
_WATCH: Final = 0.25  # seconds between two looks
_FIRST_PAUSE: Final = 0.5  # seconds before the first restart; doubles
_LONGEST_PAUSE: Final = 30.0
_SETTLED: Final = 60.0  # seconds after which a process that runs is forgiven its past
_HOPELESS: Final = 3  # ends before it was ever ready: its settings are wrong, another try will not help
_FAREWELL: Final = 30.0  # seconds for a process to finish what it has begun; the worker takes up to 25

_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS", "SSL_CERT_FILE")


class Runs(Protocol):
    """A server or a process of ours."""

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        ...

    @property
    def ended(self) -> int | None:
        """Its exit code once it has ended by itself."""
        ...

    def start(self) -> None:
        """Start it."""
        ...

    def stop(self) -> None:
        """Stop it; may be repeated."""
        ...


class Service:
    """One process of ours, with exactly the environment it needs."""

    def __init__(
        self, name: str, arguments: list[str], environment: Mapping[str, str], *, log: Path, port: int | None,
        besides: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.port = port
        self.log = log
        self._command = [sys.executable, "-m", "runtime.command", *arguments]
        self._environment = environment
        self._besides = besides if besides is not None else {}
        self._home = Path(environment.get("NEXA_HOME", "."))
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child else None

    @property
    def ended(self) -> int | None:
        """Its exit code once it has ended by itself."""
        return self._child.ended if self._child else None

    @property
    def ready(self) -> bool:
        """Whether it can do its work."""
        if self._child is None or self.ended is not None:
            return False
        if self.port is None:
            return probe.worker_lives(self._home, self.pid)
        return probe.is_ready(self.port, probe.path_of(self.name))

    def start(self) -> None:
        """Start it. SIGKILL follows our own end: its work is made to survive that, and its stores are gone with us anyway."""
        environment = {**self._environment, **self._besides}
        self._child = launch(self.name, self._command, log=self.log, environment=environment, death=signal.SIGKILL, folder=ROOT)

    def ask_to_end(self) -> None:
        """Let it begin to finish."""
        if self._child:
            self._child.ask(signal.SIGTERM)

    def stop(self) -> None:
        """Stop it, after it was asked."""
        if self._child:
            if not self._child.wait(_FAREWELL):
                self._child.stop()
            self._child = None

    def last_words(self) -> str:
        """The end of its log."""
        return self._child.last_words() if self._child else ""


@dataclass(slots=True)
class Watched:
    """One thing that runs, and how often it did not."""

    name: str
    thing: Runs
    since: float = 0.0
    restarts: int = 0
    pause: float = _FIRST_PAUSE
    due: float | None = None  # when it is to be started again


class Supervisor:
    """One site. `say` is told what happens, one line at a time."""

    def __init__(
        self, home: Path, ports: site.Ports, environ: Mapping[str, str], tenants: Iterable[str], say: Callable[[str], None]
    ) -> None:
        self.home = home
        self.ports = ports
        self.logs = home / "logs"
        self.say = say
        self.state = State(Recorded.of("supervisor", os.getpid()), ports.base)
        self._environ = environ
        self.tenants: tuple[str, ...] = read(environ).tenants or tuple(tenants)
        self._postgres = (
            None if site.brings_postgres(environ) else Postgres(home / "postgres", port=ports.postgres, log=self.logs / "postgres.log")
        )
        self._valkeys = None if site.brings_valkeys(environ) else Valkeys(home / "valkey", ports=ports.valkeys, logs=self.logs)
        self._watched: list[Watched] = []
        self._turn: TextIO | None = None
        self.told: dict[str, str] = {}
        self.besides: dict[str, dict[str, str]] = defaultdict(dict)  # by name: what one process alone is told, from its next start on

    def start_stores(self) -> None:
        """Servers, then migrations. Blocks; before any event loop. Raises: ServerError."""
        self._take_turn()
        self._require_ports()
        self.state.write(self.home)
        if self._postgres:
            self.say("starting Postgres")
            self._postgres.start()
            self._watch("postgres", self._postgres)
        if self._valkeys:
            self.say("starting three Valkeys")
            self._valkeys.start()
            for name, server in self._valkeys.servers.items():
                self._watch(f"valkey-{name}", server)
        urls = self._valkeys.urls if self._valkeys else None
        self.told = site.told(self.home, self.ports, self._environ, self._postgres.url if self._postgres else None, urls)
        if "NEXA_DATABASE_URL" in self.told:
            self.say("bringing the databases up to date")
            self.run_once("migrate", ["migrate"], Process.MIGRATE, {"NEXA_TENANTS": ",".join(self.tenants)})

    def start_services(self, sandbox_options: Sequence[str] = (), workers: int = 1) -> None:
        """The sandbox, the workers and the gateways. Does not wait for them."""
        doors = {name: (["serve", name], Process(name), port) for name, port in self.ports.gateways.items()}
        sandbox = (
            {}
            if "NEXA_SANDBOX_URL" in self._environ
            else {"sandbox": (["serve", "sandbox", *sandbox_options], Process.SANDBOX, self.ports.sandbox)}
        )
        for name, (arguments, process, port) in {**sandbox, **doors}.items():
            self._start_service(name, arguments, process, port)
        for number in range(1, workers + 1):
            self._start_service("worker" if number == 1 else f"worker-{number}", ["worker"], Process.WORKER, None)

    async def until_ready(self) -> None:
        """Wait until every process of ours is. Raises: ServerError with the last words of the one that is not."""
        deadline = time.monotonic() + PATIENCE
        waiting = [watched for watched in self._watched if isinstance(watched.thing, Service)]
        while waiting:
            self.look()
            states = await asyncio.gather(*(asyncio.to_thread(_is_ready, watched) for watched in waiting))
            waiting = [watched for watched, ready in zip(waiting, states, strict=True) if not ready]
            lost = next((watched for watched in waiting if watched.restarts >= _HOPELESS or time.monotonic() > deadline), None)
            if lost is not None:
                assert isinstance(lost.thing, Service)
                raise ServerError(f"{lost.name} did not get ready; its last words ({lost.thing.log}):\n{lost.thing.last_words()}")
            await asyncio.sleep(_WATCH)

    def announce(self, urls: Mapping[str, object]) -> None:
        """Write down that all is ready, and where."""
        self.state.urls, self.state.phase = dict(urls), "ready"
        self._write_state()

    async def watch(self) -> None:
        """Keep everything running, for ever."""
        while True:
            self.look()
            await asyncio.sleep(_WATCH)

    def look(self) -> None:
        """Start again what has ended and is due. From the main thread."""
        now = time.monotonic()
        for watched in self._watched:
            if watched.due is not None:
                if now >= watched.due:
                    self._restart(watched, now)
            elif watched.thing.ended is not None:
                watched.pause = _FIRST_PAUSE if now - watched.since > _SETTLED else min(watched.pause * 2, _LONGEST_PAUSE)
                watched.due = now + watched.pause
                self.say(f"{watched.name} ended ({watched.thing.ended}); starting it again in {watched.pause:g} s")

    def stop(self) -> None:
        """Stop everything, ours before the servers. May be repeated."""
        services = [watched.thing for watched in self._watched if isinstance(watched.thing, Service)]
        partners = [service for service in services if service.name == "sandbox"]  # the worker finishes its calls to them
        for leaving in ([service for service in services if service not in partners], partners):
            for service in leaving:
                service.ask_to_end()
            for service in leaving:
                service.stop()
        if self._valkeys:
            self._valkeys.stop()
        if self._postgres:
            self._postgres.stop()
        self._watched.clear()
        if self._turn:
            self.state.forget(self.home)
            self._turn.close()
            self._turn = None

    def run_once(self, name: str, arguments: list[str], process: Process, more: Mapping[str, str] | None = None) -> None:
        """Run a command of ours to its end, with its share of what the site knows. Raises: ServerError."""
        environment = {**self._inherited(), **for_process(process, self.told), **(more or {})}
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            command = [sys.executable, "-m", "runtime.command", *arguments]
            done = subprocess.run(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            words = "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-12:])
            raise ServerError(f"{name} failed ({done.returncode}); its last words ({log}):\n{words}")

    def _start_service(self, name: str, arguments: list[str], process: Process, port: int | None) -> None:
        place = {"NEXA_PORT": str(port)} if port else {}
        environment = {**self._inherited(), **for_process(process, self.told), **place}
        service = Service(name, arguments, environment, log=self.logs / f"{name}.log", port=port, besides=self.besides[name])
        service.start()
        self._watch(name, service)

    def _watch(self, name: str, thing: Runs) -> None:
        self._watched.append(Watched(name, thing, since=time.monotonic()))
        self._write_state()

    def _restart(self, watched: Watched, now: float) -> None:
        try:
            watched.thing.start()
        except ServerError as error:
            watched.pause = min(watched.pause * 2, _LONGEST_PAUSE)
            watched.due = now + watched.pause
            self.say(f"{watched.name}: {error}")
            return
        watched.due, watched.since = None, now
        watched.restarts += 1
        self._write_state()

    def _write_state(self) -> None:
        self.state.processes = [Recorded.of(watched.name, watched.thing.pid) for watched in self._watched if watched.thing.pid]
        self.state.restarts = {watched.name: watched.restarts for watched in self._watched if watched.restarts}
        self.state.write(self.home)

    def _inherited(self) -> dict[str, str]:
        return {name: self._environ[name] for name in _INHERITED if name in self._environ}

    def _take_turn(self) -> None:
        """One supervisor per home. Raises: ServerError."""
        self.logs.mkdir(parents=True, exist_ok=True)
        turn = (self.home / "supervisor.lock").open("w")
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            turn.close()
            known = running(self.home)
            where = f" (process {known.supervisor.pid}, ports from {known.base})" if known else ""
            raise ServerError(f"Nexa already runs here{where}; see `./nexa status`, stop it with `./nexa down`") from None
        self._turn = turn

    def _require_ports(self) -> None:
        """Raises: ServerError, which names every port that is taken."""
        ours = {**self.ports.by_use}
        if self._postgres is None:
            del ours["postgres"]
        if self._valkeys is None:
            ours = {use: port for use, port in ours.items() if not use.startswith("valkey")}
        taken = [f"{port} ({use})" for use, port in ours.items() if not port_is_free(port)]
        if taken:
            other = self.ports.base + 100
            raise ServerError(f"in use: port {', '.join(taken)}; choose other ports with `./nexa up --port {other}`")


def _is_ready(watched: Watched) -> bool:
    return isinstance(watched.thing, Service) and watched.due is None and watched.thing.ready
