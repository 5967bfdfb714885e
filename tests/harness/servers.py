"""Real servers for a test session: one Postgres and three Valkeys in a temporary folder, on ports of their own."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.embedded import postgres
from runtime.embedded.postgres import Postgres
from runtime.embedded.process import free_port
from runtime.embedded.valkey import Valkeys, ValkeyUrls

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / ".nexa" / "templates"


def templates() -> Path:
    """Where ready clusters are kept between sessions: in the tree when it can be written, else with the temporary files."""
    try:
        TEMPLATES.mkdir(parents=True, exist_ok=True)
        if os.access(TEMPLATES, os.W_OK):
            return TEMPLATES
    except OSError:
        pass
    fallback = Path(tempfile.gettempdir()) / f"nexa-templates-{os.getuid()}"
    fallback.mkdir(mode=0o700, exist_ok=True)
    return fallback


def template(key: str, prepare: Callable[[Postgres], None]) -> Path:
    """A stopped cluster named by `key`, made and prepared by whoever comes first; the others wait for him."""
    folder = templates()
    home = folder / key
    with (folder / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "ready").exists():
            shutil.rmtree(home, ignore_errors=True)
            server = Postgres(home, port=free_port(), careless=True)
            server.start()
            try:
                prepare(server)
            finally:
                server.stop()
            (home / "ready").touch()
    return home


class Servers:
    """Postgres and the three Valkeys, stopped and started again at will."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.postgres = Postgres(home / "postgres", port=free_port(), careless=True)
        self.valkeys = Valkeys(home / "valkey", ports=(free_port(), free_port(), free_port()))

    @property
    def postgres_url(self) -> str:
        """The administrator's address."""
        return self.postgres.url

    @property
    def valkey_urls(self) -> ValkeyUrls:
        """The addresses of snapshots, coordination and queue."""
        return self.valkeys.urls


@contextmanager
def servers(ready: Path | None = None) -> Iterator[Servers]:
    """Start all in a fresh temporary folder, and leave nothing behind."""
    home = Path(tempfile.mkdtemp(prefix="nexa-test-"))
    running = Servers(home)
    try:
        running.postgres.start(template=ready)
        running.valkeys.start()
        yield running
    finally:
        running.valkeys.stop()
        running.postgres.stop()
        shutil.rmtree(home, ignore_errors=True)


def empty_template() -> Path:
    """A cluster with nothing in it."""
    return template(f"postgres-{postgres.version()}-empty", lambda _server: None)
