"""Libraries that are no part of the product: each group has its own hashed lock and its own environment, apart from the product's.

`bench` is what we are measured against, `sdks` are the vendors' own libraries, which have to work with our sandboxes. A group's
`requirements-<group>.lock` is installed into `.nexa/peers/<group>` when it is first needed, and again when the lock has changed.
A lock is made from the group in pyproject.toml, for every Python that the product runs on, and names no index:
`uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links
--group <group> -o <lock>`, and above it `--no-binary <name>` for what comes as source only.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

ROOT: Final = Path(__file__).resolve().parents[1]
_BUILDER: Final = re.compile(r"^setuptools==(?:.*\\\n)*.*", re.MULTILINE)


class PeersError(RuntimeError):
    """The libraries could not be installed."""


def lock_of(group: str) -> Path:
    """The file that says what the group consists of."""
    return ROOT / f"requirements-{group}.lock"


def install(group: str, console: Console) -> Path:
    """The Python that has them. Who comes while another installs waits for it. Raises: PeersError."""
    lock, home = lock_of(group), ROOT / ".nexa" / "peers" / group
    python, mark = home / "bin" / "python", home / "installed"
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"{group}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if mark.is_file() and mark.read_text() == wanted:
            return python
        console.print(f"[dim]installing {lock.name} apart from the product (needed once)[/]")
        _run([sys.executable, "-m", "venv", "--clear", str(home)])
        if builder := _BUILDER.search(lock.read_text()):
            _pip(python, "/dev/stdin", builder[0])  # first: what comes as source only is built with it
        _pip(python, str(lock))
        mark.write_text(wanted)
    return python


def _pip(python: Path, requirements: str, said: str = "") -> None:
    options = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--no-build-isolation"]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    _run([str(python), "-m", "pip", "install", *options, *quiet, "-r", requirements], said)


def _run(command: list[str], said: str = "") -> None:
    done = subprocess.run(command, cwd=ROOT, input=said, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PeersError(f"{' '.join(command[:4])} … failed:\n{done.stderr[-2000:]}")
