"""Which user an embedded Postgres runs as, decided before it is started.

Postgres refuses root. So root starts it as `nobody`, and since the wheel may lie below a home that only root can enter, leaves
it one capability: to pass closed folders (CAP_DAC_READ_SEARCH, or where a container withholds that, CAP_DAC_OVERRIDE).
An ordinary user starts it as himself.
"""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CAP_CHOWN: Final = 0
CAP_DAC_OVERRIDE: Final = 1
CAP_DAC_READ_SEARCH: Final = 2
CAP_SETGID: Final = 6
CAP_SETUID: Final = 7
CAP_SETPCAP: Final = 8

_NAMES: Final = {CAP_CHOWN: "CAP_CHOWN", CAP_SETGID: "CAP_SETGID", CAP_SETUID: "CAP_SETUID"}


class PrivilegeError(RuntimeError):
    """Root without the means to start Postgres as somebody else."""


@dataclass(frozen=True, slots=True)
class Servant:
    """Who the server is to be: an unprivileged user, and the one capability he keeps."""

    uid: int
    gid: int
    capability: int | None

    def own(self, folder: Path) -> None:
        """Give him a folder, everything in it included."""
        os.chown(folder, self.uid, self.gid)
        for root, folders, files in os.walk(folder):
            for name in folders + files:
                os.chown(os.path.join(root, name), self.uid, self.gid, follow_symlinks=False)


def capabilities() -> int:
    """The permitted capabilities of this process, as a bit mask."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return 0


def servant(*paths: Path) -> Servant | None:
    """The user for a server that must reach `paths`, or None when we are not root and it runs as ourselves.

    Raises: PrivilegeError.
    """
    if os.geteuid() != 0:
        return None
    return choose(capabilities(), _unprivileged(), paths)


def choose(held: int, user: tuple[int, int], paths: tuple[Path, ...]) -> Servant:
    """Decide for root with the capabilities `held`. Raises: PrivilegeError."""
    missing = [name for bit, name in _NAMES.items() if not held >> bit & 1]
    if missing:
        raise PrivilegeError(
            f"Postgres refuses to run as root, and this root lacks {', '.join(missing)} to start it as {user[0]}. "
            "Run nexa as an ordinary user, allow these capabilities, or set NEXA_DATABASE_URL to a server of your own."
        )
    passes = next((bit for bit in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE) if held >> bit & 1), None)
    if passes is not None and held >> CAP_SETPCAP & 1:
        return Servant(*user, passes)
    closed = next((folder for path in paths for folder in path.resolve().parents if not _passable(folder)), None)
    if closed is not None:
        raise PrivilegeError(
            f"Postgres must run as user {user[0]}, who cannot enter {closed}, and this root lacks the capabilities to let it "
            "(CAP_SETPCAP with CAP_DAC_READ_SEARCH or CAP_DAC_OVERRIDE). Move the project to a folder open to all, run nexa as an "
            "ordinary user, or set NEXA_DATABASE_URL to a server of your own."
        )
    return Servant(*user, None)


def _passable(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def _unprivileged() -> tuple[int, int]:
    """A user whom the password file knows (initdb asks for the name), and who is not root."""
    known = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    entry = known.get("nobody") or next(iter(known.values()), None)
    if entry is None:
        raise PrivilegeError("Postgres refuses to run as root, and /etc/passwd names no other user to run it as.")
    return entry.pw_uid, entry.pw_gid
