"""A whole site for journeys: everything `./nexa up` starts, in a home of its own, on ports of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.embedded.process import free_port
from runtime.site import Ports
from tests.harness.servers import ROOT

PATIENCE = 240  # seconds for a cold start on a busy machine, the pages' build included


@dataclass(frozen=True, slots=True)
class Site:
    """One that runs, or ran."""

    home: Path
    ports: Ports

    def nexa(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command against it."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NEXA_")}
        command = [sys.executable, "-m", "runtime.command", *words]
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**environment, "NEXA_HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def up(self, *options: str) -> None:
        """Start it and wait until it is healthy. Raises: AssertionError with what it said."""
        done = self.nexa("up", "--detach", "--port", str(self.ports.base), *options)
        assert done.returncode == 0, done.stdout + done.stderr

    def status(self) -> dict[str, Any]:
        """What `status --json` says."""
        return dict(json.loads(self.nexa("status", "--json").stdout))


@contextmanager
def a_site(home: Path, *options: str) -> Iterator[Site]:
    """A healthy site, stopped afterwards."""
    home.mkdir(parents=True, exist_ok=True)
    pages = ROOT / ".nexa" / "build"  # built once for all sites of this tree
    pages.mkdir(parents=True, exist_ok=True)
    (home / "build").symlink_to(pages)
    site = Site(home, free_ports())
    try:
        site.up(*options)
        yield site
    finally:
        site.nexa("down")


def free_ports() -> Ports:
    """A base from which every port of a site is free."""
    return Ports(free_port(room=30))
