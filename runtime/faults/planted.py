"""A planted bug: a unified diff against this tree, with a head that says what it breaks, who must catch it and which run shows it.

    breaks: A workflow is written although another worker has it.
    caught by: one_writer_per_fence
    shown by: --sagas 60 --seed 3
    --- a/kernel/saga/journal.py
    +++ b/kernel/saga/journal.py
    @@ …

A hunk is found by its lines, not by their numbers, and must be there exactly once: a diff that the code has left behind is refused.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runtime.faults.verdict import Invariant

_HEAD: Final = ("breaks", "caught by", "shown by")


class PlantError(ValueError):
    """The diff is not one, or the tree has changed where it applies."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines of a file that become others."""

    file: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bug:
    """`caught_by` names the invariants of which one must be broken; `shown_by` the words of the run in which it is."""

    name: str
    breaks: str
    caught_by: tuple[Invariant, ...]
    shown_by: tuple[str, ...]
    hunks: tuple[Hunk, ...]

    @property
    def simulated(self) -> bool:
        return "--simulate" in self.shown_by

    def plant(self, tree: Path) -> None:
        """Makes the bug part of a tree. Raises: PlantError, and then nothing was changed."""
        for file, text in self.changed(tree).items():
            file.write_text(text)

    def changed(self, tree: Path) -> dict[Path, str]:
        """The files of the tree that the bug is in, as they would be. Raises: PlantError."""
        found: dict[Path, str] = {}
        for hunk in self.hunks:
            file = tree / hunk.file
            if not file.is_file():
                raise PlantError(f"{self.name}: {hunk.file} is not there")
            found[file] = _exchanged(self.name, found.get(file) or file.read_text(), hunk)
        return found


def read_all(folder: Path) -> list[Bug]:
    """Every bug there is, by name. Raises: PlantError."""
    return [read(file) for file in sorted(folder.glob("*.diff"))]


def read(file: Path) -> Bug:
    """Raises: PlantError."""
    name, lines = file.stem, file.read_text().splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("--- ")), len(lines))
    head = dict(_told(line) for line in lines[:start] if line)
    if set(head) != set(_HEAD):
        raise PlantError(f"{name}: the head must say {', '.join(_HEAD)}")
    try:
        caught_by = tuple(Invariant(word.strip()) for word in head["caught by"].split(","))
    except ValueError as error:
        raise PlantError(f"{name}: {error}") from None
    hunks = tuple(_hunks(name, lines[start:]))
    if not hunks:
        raise PlantError(f"{name}: it changes nothing")
    return Bug(name, head["breaks"], caught_by, tuple(shlex.split(head["shown by"])), hunks)


def _told(line: str) -> tuple[str, str]:
    key, _, value = line.partition(": ")
    return key, value


def _hunks(name: str, lines: Sequence[str]) -> Iterator[Hunk]:
    file, before, after = "", list[str](), list[str]()
    for line in [*lines, "@@"]:
        if line.startswith(("@@", "--- ")):
            if before != after:
                yield Hunk(file, tuple(before), tuple(after))
            before, after = [], []
        elif line.startswith("+++ "):
            file = line.removeprefix("+++ ").removeprefix("b/").split("\t")[0]
        elif line.startswith("-"):
            before.append(line[1:])
        elif line.startswith("+"):
            after.append(line[1:])
        elif line.startswith(" ") or not line:
            before.append(line[1:])
            after.append(line[1:])
        else:
            raise PlantError(f"{name}: {line!r} is no line of a unified diff")


def _exchanged(name: str, text: str, hunk: Hunk) -> str:
    lines, size = text.split("\n"), len(hunk.before)
    places = [at for at in range(len(lines) - size + 1) if tuple(lines[at : at + size]) == hunk.before]
    if len(places) != 1:
        raise PlantError(f"{name}: what it changes in {hunk.file} is there {len(places)} times, not once")
    return "\n".join([*lines[: places[0]], *hunk.after, *lines[places[0] + size :]])
