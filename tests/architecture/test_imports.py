"""The arrows point downstairs: import-linter's contracts, the purity of the model, and one door per library."""

from __future__ import annotations

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import PurePosixPath

import pytest

from tests.architecture.source import ROOT, Module, modules, parse

WORDS = ("urn", "tenancy", "identity", "money", "clock", "event", "refusal", "answer")
PURE = ("model", "commands", "events", "refusals", "ports")

# Who may import a library; nobody else may. A library that is not named here is free.
DOORS = {
    "httpx": ("kernel/http.py",),
    "arq": ("kernel/doorbell.py", "runtime/worker.py"),
    "redis": ("kernel/*", "runtime/faults/simulation/*"),  # the bus in memory fails with its errors
    "aiobreaker": ("kernel/breaker.py",),
    "aiolimiter": ("kernel/traffic.py",),
    "authlib": ("gateway/signin/*",),
    "joserfc": ("gateway/signin/*",),
    "sqlalchemy": (
        "kernel/*",
        "domains/*/tables.py",
        "domains/*/tables/*.py",
        "domains/*/store.py",
        "domains/*/store/*.py",
        "domains/*/queries.py",
        "domains/*/queries/*.py",
        "domains/*/migrations/*.py",
        "runtime/migrate.py",
        "runtime/migrations/*",
        "runtime/bench/*",  # the floor of a bench is the engine itself
        "runtime/faults/*",  # asks every database as its administrator, past all stores
    ),
    "alembic": ("domains/*/migrations/*.py", "runtime/migrate.py", "runtime/migrations/*"),
    "asyncpg": ("kernel/*", "runtime/faults/simulation/*"),  # failpoints lie in the driver's own connection
    "strawberry": ("schema/*",),
    "starlette": ("gateway/*", "runtime/*"),
    "uvicorn": ("runtime/*",),
    "rich": ("runtime/*",),
}


def impure(module: Module) -> list[str]:
    """Imports of a model that are neither Python's, nor words of the kernel, nor its own domain's model."""
    domain = ".".join(PurePosixPath(module.name).parts[:2])
    allowed = {*(f"kernel.{word}" for word in WORDS), *(f"{domain}.{part}" for part in PURE)}
    return [
        f"{module.name}:{found.line} imports {found.target}"
        for found in module.imports()
        if not found.is_standard and not any(found.target == name or found.target.startswith(f"{name}.") for name in allowed)
    ]


def through_the_wall(module: Module) -> list[str]:
    """Imports of a library by somebody who is not its door."""
    return [
        f"{module.name}:{found.line} imports {found.target}; its door is {', '.join(DOORS[found.library])}"
        for found in module.imports()
        if found.library in DOORS and not any(fnmatch(module.name, door) for door in DOORS[found.library])
    ]


def test_the_contracts_of_the_house_hold() -> None:
    command = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "COLUMNS": "140"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_model_of_a_domain_knows_only_words() -> None:
    pure = [module for module in modules() if module.name.startswith("domains/") and module.path.stem in PURE]
    assert pure
    assert [line for module in pure for line in impure(module)] == []


def test_every_library_has_its_door() -> None:
    assert [line for module in modules() for line in through_the_wall(module)] == []


@pytest.mark.parametrize("text", ["import httpx", "from redis.asyncio import Redis", "def f():\n    import arq.worker"])
def test_a_library_without_its_door_is_caught(text: str) -> None:
    assert len(through_the_wall(parse(text))) == 1


@pytest.mark.parametrize("text", ["from kernel.work import Work", "import sqlalchemy", "from domains.wallet import events"])
def test_an_impure_model_is_caught(text: str) -> None:
    assert len(impure(parse(text))) == 1


@pytest.mark.parametrize("text", ["from kernel.urn import Urn", "from kernel import clock", "from datetime import timedelta"])
def test_a_pure_model_is_let_through(text: str) -> None:
    assert impure(parse(text)) == []


def test_no_import_hides_from_the_arrows() -> None:
    hidden = [module.name for module in modules() if any(found.target == "typing.TYPE_CHECKING" for found in module.imports())]
    assert hidden == []
