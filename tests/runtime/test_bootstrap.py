"""The script that needs nothing but Python: what it says when it cannot go on, and that two at once install once."""

from __future__ import annotations

import ast
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.harness.servers import ROOT

FAKE_UV = """#!{python}
import os, pathlib, sys, time
root = pathlib.Path({root!r})
with open(root / "calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:3]) + "\\n")
if sys.argv[1] == "venv":
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/bin/python").symlink_to(sys.executable)
else:
    time.sleep(0.5)
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A tree with the script, an empty lock, a uv that only takes notes, and a command that prints its arguments."""
    shutil.copy(ROOT / "nexa", tmp_path / "nexa")
    (tmp_path / "requirements.lock").write_text("")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/uv").write_text(FAKE_UV.format(python=sys.executable, root=str(tmp_path)))
    (tmp_path / "bin/uv").chmod(0o755)
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime/command.py").write_text("import sys; print('handed over', sys.argv[1:])")
    return tmp_path


def _start(clone: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PATH": f"{clone / 'bin'}:{os.environ['PATH']}"}
    asked = [sys.executable, str(clone / "nexa"), *arguments]
    return subprocess.Popen(asked, cwd="/", env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _run(clone: Path) -> int:
    with _start(clone) as process:
        process.communicate(timeout=60)
    return process.returncode


def _calls(clone: Path) -> list[str]:
    return (clone / "calls").read_text().splitlines()


def test_two_at_once_install_once(clone: Path) -> None:
    both = [_start(clone, "status", "--json"), _start(clone, "status", "--json")]
    answers = [process.communicate(timeout=60) for process in both]
    assert [out for out, _ in answers] == ["handed over ['status', '--json']\n"] * 2
    assert _calls(clone) == [f"venv {'--quiet'}", "pip install"]


def test_a_changed_lock_is_installed_and_an_unchanged_one_is_not(clone: Path) -> None:
    for _ in range(2):
        assert _run(clone) == 0
    assert _calls(clone).count("pip install") == 1
    (clone / "requirements.lock").write_text("# changed\n")
    assert _run(clone) == 0
    assert _calls(clone).count("pip install") == 2


def _script(**replaced: object) -> SimpleNamespace:
    """The script's functions, without running it, with names of its own replaced as another machine would have them."""
    names = runpy.run_path(str(ROOT / "nexa"), run_name="nexa")
    function = cast(Callable[..., Any], names["require_python"])
    function.__globals__.update(names, **replaced)
    return SimpleNamespace(**function.__globals__)


@pytest.mark.parametrize(("version", "suits"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False), ((4, 0), False)])
def test_pythons_from_3_11_to_3_13_suit(version: tuple[int, int], suits: bool) -> None:
    assert _script().suits(version) is suits


def test_a_python_that_does_not_suit_is_told_so() -> None:
    script = _script(suits=lambda _version: False, find_newer=lambda: None)
    with pytest.raises(SystemExit, match=r"needs Python 3\.11, 3\.12 or 3\.13"):
        script.require_python()


def test_the_script_is_readable_to_an_old_python() -> None:
    ast.parse((ROOT / "nexa").read_text(), feature_version=(3, 6))
