"""One child process whose life is tied to ours, with its output in a file of its own."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from runtime.embedded.privilege import Servant

_LAUNCH: Final = Path(__file__).with_name("launch.py")
_UNLENT: Final = (12_000, 32_000)
_TAIL: Final = 12  # lines of a log worth showing in an error


class ServerError(RuntimeError):
    """A server did not start, or did not stay."""


class Child:
    """A program started through `launch.py`. It gets `death` when we end, whichever way we end."""

    def __init__(self, process: subprocess.Popen[bytes], name: str, log: Path) -> None:
        self._process = process
        self.name = name
        self.log = log

    @property
    def pid(self) -> int:
        """The program's own process id (launching ends in exec, so it never changes)."""
        return self._process.pid

    @property
    def ended(self) -> int | None:
        """Its exit code, or None while it runs."""
        return self._process.poll()

    def ask(self, wanted: signal.Signals) -> None:
        """Send a signal and do not wait; nothing happens when it has ended."""
        if self.ended is None:
            self._process.send_signal(wanted)

    def wait(self, seconds: float) -> bool:
        """Whether it ends within that time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, *signals: tuple[signal.Signals, float]) -> None:
        """Ask with each signal in turn, waiting its seconds; then kill."""
        for asked, seconds in signals:
            self.ask(asked)
            if self.wait(seconds):
                return
        self._process.kill()
        self._process.wait()

    def last_words(self) -> str:
        """The end of its log, for an error message."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(f"    {line}" for line in lines[-_TAIL:])


def launch(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    death: signal.Signals,
    folder: Path | None = None,
    servant: Servant | None = None,
) -> Child:
    """Start `command` with exactly `environment`. Must be called from the main thread.

    The kernel sends the death signal when the *thread* that forked ends, so a worker thread would take its servers with it.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ServerError(f"{name} must be started from the main thread, or it would end with this one")
    user = f"{servant.uid}:{servant.gid}" if servant else "-"
    capability = str(servant.capability) if servant and servant.capability is not None else "-"
    prefix = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), str(int(death)), user, capability]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder or "/",
            start_new_session=True,  # Ctrl-C in the terminal is for us; we then stop the children in their order
        )
    return Child(process, name, log)


def free_port(*, room: int = 1) -> int:
    """The first of `room` loopback ports in a row that nobody listens on just now.

    Taken below the range from which the kernel lends ports to outgoing connections: one of those might be lent before we bind.
    """
    while True:
        first = random.randrange(*_UNLENT)
        if all(port_is_free(port) for port in range(first, first + room)):
            return first


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could bind the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
