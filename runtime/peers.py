"""Libraries that are only compared with: each group has its own hashed lock and its own environment, apart from the product's.

`./nexa bench` installs `requirements-bench.lock` into `.nexa/peers/bench` when it is first needed, and again when the lock has changed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

ROOT: Final = Path(__file__).resolve().parents[1]


class PeersError(RuntimeError):
    """The libraries could not be installed."""


def install(group: str, console: Console) -> Path:
    """The Python that has them. Raises: PeersError."""
    lock, home = ROOT / f"requirements-{group}.lock", ROOT / ".nexa" / "peers" / group
    python, mark = home / "bin" / "python", home / "installed"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    if mark.is_file() and mark.read_text() == wanted:
        return python
    console.print(f"[dim]installing {lock.name} apart from the product (needed once)[/]")
    _run([sys.executable, "-m", "venv", "--clear", str(home)])
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    _run([str(python), "-m", "pip", "install", "--require-hashes", "--no-deps", "--only-binary", ":all:", *quiet, "-r", str(lock)])
    mark.write_text(wanted)
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PeersError(f"{' '.join(command[:4])} … failed:\n{done.stderr[-2000:]}")
