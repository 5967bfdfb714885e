"""Real servers for a test session: one Postgres and three Valkeys in a temporary folder, on ports of their own."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime import migrate, site
from runtime.embedded import postgres
from runtime.embedded.postgres import Postgres
from runtime.embedded.process import free_port
from runtime.embedded.valkey import Valkeys
from tests.harness.tenants import LENT, STANDING

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


@dataclass(frozen=True, slots=True)
class Servers:
    """All that a test session runs; a test may stop one and start it again."""

    postgres: Postgres
    valkeys: Valkeys


@contextmanager
def a_postgres(ready: Path) -> Iterator[Postgres]:
    """A running copy of a ready cluster, in a temporary folder that is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="nexa-test-"))
    server = Postgres(home, port=free_port(), careless=True)
    try:
        if (ready / "secrets.json").exists():
            shutil.copy2(ready / "secrets.json", home)
        server.start(template=ready)
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def three_valkeys() -> Iterator[Valkeys]:
    """Three empty Valkeys in a temporary folder that is gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="nexa-test-"))
    running = Valkeys(home, ports=(free_port(), free_port(), free_port()))
    try:
        running.start()
        yield running
    finally:
        running.stop()
        shutil.rmtree(home, ignore_errors=True)


def migrated_template() -> Path:
    """A cluster with every database at its newest version, and the partitions of the tests' own airlines."""
    named = f"postgres-{postgres.version()}-{migrate.digest()}-{len(LENT)}"
    return template(named, lambda server: _migrate(server, (*STANDING, *LENT)))


def _migrate(server: Postgres, tenants: tuple[str, ...]) -> None:
    """Through the command, in a process of its own: nothing of ours has an event loop yet."""
    addresses = site.store_names(site.role_urls(server.url, site.secrets_of(server.home)))
    told = {"NEXA_DATABASE_URL": server.url, "NEXA_TENANTS": ",".join(tenants), **addresses}
    asked = [sys.executable, "-m", "runtime.command", "migrate"]
    done = subprocess.run(asked, cwd=ROOT, env={**os.environ, **told}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the databases could not be migrated:\n{done.stdout}{done.stderr}")


def empty_template() -> Path:
    """A cluster with nothing in it."""
    return template(f"postgres-{postgres.version()}-empty", lambda _server: None)
