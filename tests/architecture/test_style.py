"""Types and style are tests too, so that pytest alone is the gate."""

from __future__ import annotations

import subprocess
import sys

from tests.architecture.source import PACKAGES, ROOT, modules

VAGUE = {"utils", "util", "helpers", "helper", "manager", "common_utils", "misc"}


def _run(*words: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    code, said = _run("ruff", "check", ".", "nexa", "--no-cache", "--output-format", "concise")
    assert code == 0, said


def test_mypy_finds_nothing() -> None:
    code, said = _run("mypy", *PACKAGES, "tests", "--no-error-summary")
    assert code == 0, said


def test_names_say_something() -> None:
    assert [module.name for module in modules() if module.path.stem in VAGUE] == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [module.name for module in modules() if module.path.read_text().strip() and not _has_docstring(module.path.read_text())]
    assert silent == []


def _has_docstring(text: str) -> bool:
    return text.lstrip().startswith(('"""', 'r"""', "#!"))
