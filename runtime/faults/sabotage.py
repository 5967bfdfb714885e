"""Proof that the harness sees: known bugs are planted in a copy of the tree, one at a time, and each must be caught.

The bugs are diffs below `tests/` (`runtime.faults.planted` says how one is written), so none of them is part of what is shipped. Every run
is made without its bug as well, once: what is broken there too, was not found by the bug. A verdict is kept by what it was given for (the
tree, the diff, the run), so that a run which was stopped goes on where it was, and a change of the code asks everything again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from runtime.faults.planted import Bug, read_all
from runtime.faults.verdict import Invariant
from runtime.supervisor import ROOT

FOLDER: Final = ROOT / "tests" / "faults" / "sabotage"
PACKAGES: Final = ("kernel", "domains", "adapters", "jobs", "resolvers", "schema", "gateway", "runtime")
PATIENCE: Final = 300.0  # seconds for one run; what takes longer has not been caught


class SabotageError(RuntimeError):
    """The suite could not be run as asked."""


@dataclass(frozen=True, slots=True)
class Catch:
    """What a run said: how often each invariant was broken. `said` is the end of its words where it came to no verdict."""

    broken: Mapping[Invariant, int]
    seconds: float
    first: str = ""
    said: str = ""

    @property
    def clean(self) -> bool:
        return not self.broken and not self.said


@dataclass(frozen=True, slots=True)
class Outcome:
    """A bug, and the invariants that were broken by it."""

    bug: Bug
    catch: Catch

    @property
    def caught(self) -> bool:
        return any(self.catch.broken.get(each) for each in self.bug.caught_by)


def chosen(names: Sequence[str], folder: Path = FOLDER) -> list[Bug]:
    """The named bugs, or all. Raises: SabotageError, PlantError."""
    if not folder.is_dir():
        raise SabotageError("the planted bugs are not here: they lie in the source tree, below tests/")
    bugs = {bug.name: bug for bug in read_all(folder)}
    if unknown := [name for name in names if name not in bugs]:
        raise SabotageError(f"no such bug: {', '.join(unknown)}; there are: {', '.join(bugs)}")
    return [bugs[name] for name in names] if names else list(bugs.values())


def sabotage(bugs: Sequence[Bug], kept: Path, console: Console) -> list[Outcome]:
    """Plants one after the other. Raises: PlantError before anything runs, SabotageError when a run finds something without any bug."""
    for bug in bugs:
        bug.changed(ROOT)
    outcomes = []
    for words in dict.fromkeys(bug.shown_by for bug in bugs):
        catch = _kept(kept, "", words, None, console)
        if not catch.clean:
            raise SabotageError(f"{' '.join(words)} finds something without any bug: {catch.first or catch.said}")
    for number, bug in enumerate(bugs, start=1):
        outcome = Outcome(bug, _kept(kept, bug.name, bug.shown_by, bug, console))
        outcomes.append(outcome)
        mark = "[green]caught[/]" if outcome.caught else "[red]NOT CAUGHT[/]"
        console.print(f"{number:>3} of {len(bugs)}  {mark}  {bug.name}  {_words(outcome.catch)}")
    return outcomes


def table(outcomes: Sequence[Outcome]) -> Table:
    """Bug by bug, with what caught it; an invariant that was not expected to is shown dim."""
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("", "planted bug", "what it breaks", "caught by (how often)", "shown by"):
        shown.add_column(head)
    shown.add_column("s", justify="right")
    for outcome in outcomes:
        bug, catch = outcome.bug, outcome.catch
        told = [f"{each.value} ({n})" if each in bug.caught_by else f"[dim]{each.value} ({n})[/]" for each, n in catch.broken.items()]
        mark = "[green]✓[/]" if outcome.caught else "[red]✗[/]"
        by = ", ".join(told) or catch.said or "nothing"
        shown.add_row(mark, bug.name, bug.breaks, by, " ".join(bug.shown_by), f"{catch.seconds:.0f}")
    return shown


def told(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """One JSON object for scripts."""
    return {
        "planted": len(outcomes),
        "caught": sum(outcome.caught for outcome in outcomes),
        "bugs": [
            {
                "name": outcome.bug.name,
                "breaks": outcome.bug.breaks,
                "caught": outcome.caught,
                "caught_by": {each.value: count for each, count in outcome.catch.broken.items()},
                "expected": [each.value for each in outcome.bug.caught_by],
                "shown_by": " ".join(outcome.bug.shown_by),
                "first": outcome.catch.first,
                "seconds": round(outcome.catch.seconds, 1),
            }
            for outcome in outcomes
        ],
    }


def _kept(folder: Path, name: str, words: Sequence[str], bug: Bug | None, console: Console) -> Catch:
    file = folder / f"{name or 'no-bug'}-{_digest(words, bug)}.json"
    if file.exists():
        return _read(json.loads(file.read_text()))
    with console.status(f"{name or 'without any bug'}: {' '.join(words)}"), _copy() as tree:
        if bug is not None:
            bug.plant(tree)
        catch = _run(tree, words)
    folder.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps({**_written(catch), "words": list(words)}))
    os.replace(fresh, file)
    return catch


def _digest(words: Sequence[str], bug: Bug | None) -> str:
    """Of the code, the bug and the run."""
    digest = hashlib.sha256(repr((words, bug)).encode())
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.is_file() and path.suffix in (".py", ".lua", ".csv", ".graphql"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@contextmanager
def _copy() -> Iterator[Path]:
    """The tree without what was built in it; ready clusters are shared, they are named by what they were made from."""
    with tempfile.TemporaryDirectory(prefix="nexa-sabotage-") as folder:
        place = Path(folder)
        place.chmod(0o755)  # Postgres' user comes by here
        for package in PACKAGES:
            shutil.copytree(ROOT / package, place / package, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
        for name in ("nexa", "pyproject.toml", "requirements.lock"):
            shutil.copy2(ROOT / name, place)
        templates = ROOT / ".nexa" / "templates"
        templates.mkdir(parents=True, exist_ok=True)
        (place / ".nexa").mkdir()
        (place / ".nexa" / "templates").symlink_to(templates)
        yield place


def _run(tree: Path, words: Sequence[str]) -> Catch:
    """The harness of that tree."""
    began = time.monotonic()
    command = [sys.executable, "-m", "runtime.command", "faults", *words, "--search", "0", "--json"]
    environment = {**os.environ, "NEXA_HOME": str(tree / ".nexa" / "home"), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            said, complained = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return Catch({}, time.monotonic() - began, said=f"no verdict within {PATIENCE:.0f} s")
        finally:
            process.send_signal(signal.SIGINT)  # it takes its site down; nothing happens when it has ended
            process.wait()
    seconds = time.monotonic() - began
    try:
        verdict = json.loads(said)
        broken = {Invariant(name): count for name, count in verdict["violations"].items() if count}
        return Catch(broken, seconds, next(iter(verdict["told"]), ""))
    except (ValueError, KeyError):
        return Catch({}, seconds, said=f"no verdict ({process.returncode}): {(said + complained).strip()[-300:]}")


def _words(catch: Catch) -> str:
    return ", ".join(f"{each.value} {count}" for each, count in catch.broken.items()) or catch.said or "nothing was broken"


def _written(catch: Catch) -> dict[str, Any]:
    broken = {each.value: count for each, count in catch.broken.items()}
    return {"broken": broken, "seconds": catch.seconds, "first": catch.first, "said": catch.said}


def _read(kept: Mapping[str, Any]) -> Catch:
    broken = {Invariant(name): count for name, count in kept["broken"].items()}
    return Catch(broken, kept["seconds"], kept["first"], kept["said"])
