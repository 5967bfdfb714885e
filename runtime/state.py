"""What runs here, written down where the next command finds it: `.nexa/state.json`.

A process is known by its number *and* the moment it started, so that a stranger who got the number later is never taken for it.
"""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from kernel.process import started


@dataclass(frozen=True, slots=True)
class Recorded:
    """One process as it was when it was written down."""

    name: str
    pid: int
    started: int  # clock ticks after boot, as the kernel says

    @classmethod
    def of(cls, name: str, pid: int) -> Self:
        """The process that has this number now."""
        return cls(name, pid, started(pid) or 0)

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return self.started != 0 and started(self.pid) == self.started

    def ask(self, wanted: signal.Signals) -> None:
        """Send a signal, if it still runs and is ours to signal."""
        if self.alive:
            try:
                os.kill(self.pid, wanted)
            except ProcessLookupError:
                return

    def await_end(self, seconds: float) -> bool:
        """Whether it ends within that time."""
        deadline = time.monotonic() + seconds
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.alive


@dataclass(slots=True)
class State:
    """The site as the supervisor last saw it."""

    supervisor: Recorded
    base: int
    phase: str = "starting"  # starting · ready
    urls: dict[str, object] = field(default_factory=dict)
    processes: list[Recorded] = field(default_factory=list)
    restarts: dict[str, int] = field(default_factory=dict)

    def write(self, home: Path) -> None:
        """Replace what is there."""
        fresh = home / "state.new"
        fresh.write_text(json.dumps(asdict(self), indent=1))
        os.replace(fresh, home / "state.json")

    @classmethod
    def read(cls, home: Path) -> Self | None:
        """What was last written, or None."""
        try:
            kept = json.loads((home / "state.json").read_text())
        except (OSError, ValueError):
            return None
        kept["supervisor"] = Recorded(**kept["supervisor"])
        kept["processes"] = [Recorded(**process) for process in kept["processes"]]
        return cls(**kept)

    def forget(self, home: Path) -> None:
        """The site is down."""
        (home / "state.json").unlink(missing_ok=True)


def running(home: Path) -> State | None:
    """The state of a site whose supervisor is alive."""
    state = State.read(home)
    return state if state and state.supervisor.alive else None
