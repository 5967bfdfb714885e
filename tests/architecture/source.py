"""Our own Python, as the architecture tests read it: every module with what it imports and where from."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("runtime", "gateway", "schema", "resolvers", "jobs", "adapters", "domains", "kernel")


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement's target, fully spelled, and its line."""

    target: str
    line: int

    @property
    def library(self) -> str:
        """The top-level package."""
        return self.target.split(".")[0]

    @property
    def is_standard(self) -> bool:
        """Whether it comes with Python."""
        return self.library in sys.stdlib_module_names


@dataclass(frozen=True, slots=True)
class Module:
    """One file of ours."""

    path: Path
    tree: ast.Module

    @property
    def name(self) -> str:
        """Relative to the root, with slashes."""
        return self.path.relative_to(ROOT).as_posix()

    def imports(self) -> Iterator[Import]:
        """Every import, wherever it stands; `from a import b` counts as `a.b`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (Import(alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield from (Import(f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


@cache
def modules() -> tuple[Module, ...]:
    """All of the product's modules."""
    files = sorted(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    return tuple(Module(file, ast.parse(file.read_text(), str(file))) for file in files)


def parse(text: str) -> Module:
    """A module that is not there, to see that a rule would catch it."""
    return Module(ROOT / "invented.py", ast.parse(text))
