"""Worker processes that a bench starts and kills: the product's own, with the bench's reaction beside all others."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runtime.bench.site import ROOT
from runtime.embedded.process import Child, launch

_FAREWELL: Final = 30.0  # seconds; a worker takes up to 25 to finish what is under way


@dataclass(slots=True)
class Fleet:
    """Each worker is a process of `module` with these arguments and exactly `environment`. To be used in the main thread."""

    module: str
    environment: Mapping[str, str]
    logs: Path
    arguments: Sequence[str] = ()
    _running: dict[int, Child] = field(default_factory=dict)
    _started: int = 0

    def start(self) -> None:
        """One more. It ends with this process, however that ends."""
        self._started += 1
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONWARNINGS") if name in os.environ}
        command, log = [sys.executable, "-m", self.module, *self.arguments], self.logs / f"worker-{self._started}.log"
        child = launch(
            "worker", command, log=log, environment={**inherited, **self.environment}, death=signal.SIGKILL, folder=ROOT
        )  # fmt: skip
        self._running[child.pid] = child

    def kill(self, pid: int) -> None:
        """`kill -9`: nothing of it is finished, nothing given back."""
        child = self._running.pop(pid)
        child.ask(signal.SIGKILL)
        child.wait(_FAREWELL)

    @property
    def pids(self) -> tuple[int, ...]:
        """Those that were started and not killed, in that order."""
        return tuple(self._running)

    def ask(self, pid: int, wanted: signal.Signals) -> None:
        """Sends one of them a signal."""
        self._running[pid].ask(wanted)

    def stop(self) -> None:
        """Lets all end. May be repeated."""
        for child in self._running.values():
            child.ask(signal.SIGTERM)
        for child in self._running.values():
            child.stop((signal.SIGTERM, _FAREWELL))
        self._running.clear()

    def pid_of(self, worker: str) -> int | None:
        """The process that works under this name, while it is one of these and runs."""
        host, _, number = worker.rpartition("-")
        child = self._running.get(int(number)) if host == socket.gethostname() and number.isdecimal() else None
        return child.pid if child and child.ended is None else None
