"""A process as its neighbours know it: whoever runs beside it can see that it is gone, without waiting for a silence."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NUMBERS = Path("/proc/self/ns/pid")  # the namespace in which process numbers count: containers have their own


@dataclass(frozen=True, slots=True)
class Process:
    """`room` is the machine since its last boot and the namespace of `pid`; `started` is in clock ticks after boot, so that a stranger
    who got the number later is never taken for it. Written and read as `<room>/<pid>/<started>`."""

    room: str
    pid: int
    started: int

    @classmethod
    def own(cls) -> Self | None:
        """This one; None where the system does not tell (no `/proc`)."""
        try:
            room = f"{_BOOT.read_text().strip()}:{os.readlink(_NUMBERS)}"
        except OSError:
            return None
        began = started(os.getpid())
        return None if began is None else cls(room, os.getpid(), began)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises: ValueError."""
        room, pid, began = text.rsplit("/", 2)
        return cls(room, int(pid), int(began))

    def __str__(self) -> str:
        return f"{self.room}/{self.pid}/{self.started}"

    def sees_gone(self, other: Process) -> bool:
        """Whether it ended for certain; False for one in another room, whatever became of it."""
        return other.room == self.room and started(other.pid) != other.started


def started(pid: int) -> int | None:
    """When the process with this number started, in clock ticks after boot; None where there is none, or it only waits to be buried."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
