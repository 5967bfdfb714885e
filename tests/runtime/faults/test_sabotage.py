"""No planted bug rots: each still fits the tree, and a bug counts as caught only by an invariant that it breaks."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from runtime.faults.planted import Bug, PlantError, read
from runtime.faults.sabotage import Catch, Outcome, SabotageError, chosen
from runtime.faults.verdict import Invariant
from runtime.supervisor import ROOT

BUGS = chosen([])

HEAD = "breaks: Something.\ncaught by: audit_complete\nshown by: --simulate --sagas 10 --seed 1\n"
DIFF = f"{HEAD}--- a/kernel/one.py\n+++ b/kernel/one.py\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "one.py").write_text("x\na\nb\nc\n")
    return tmp_path


def a_bug(folder: Path, text: str = DIFF) -> Bug:
    file = folder / "a-bug.diff"
    file.write_text(text)
    return read(file)


def test_there_are_twenty_bugs_at_least() -> None:
    assert len(BUGS) >= 20


@pytest.mark.parametrize("bug", BUGS, ids=[bug.name for bug in BUGS])
def test_a_bug_still_fits_the_tree_and_is_code(bug: Bug, tmp_path: Path) -> None:
    files = {hunk.file for hunk in bug.hunks}
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, tmp_path / file)
    bug.plant(tmp_path)
    for file in files:
        planted = (tmp_path / file).read_text()
        assert planted != (ROOT / file).read_text(), file
        if file.endswith(".py"):
            ast.parse(planted)


def test_a_hunk_is_found_by_its_lines(tree: Path) -> None:
    a_bug(tree).plant(tree)
    assert (tree / "kernel" / "one.py").read_text() == "x\na\nB\nc\n"


@pytest.mark.parametrize("text", ["x\na\nc\n", "a\nb\nc\na\nb\nc\n"], ids=["gone", "twice"])
def test_what_does_not_fit_changes_nothing(tree: Path, text: str) -> None:
    (tree / "kernel" / "one.py").write_text(text)
    with pytest.raises(PlantError, match="a-bug"):
        a_bug(tree).plant(tree)
    assert (tree / "kernel" / "one.py").read_text() == text


@pytest.mark.parametrize(
    "text",
    [DIFF.removeprefix("breaks: Something.\n"), DIFF.replace("audit_complete", "luck"), HEAD, DIFF.replace(" c", "c")],
    ids=["no word", "unknown invariant", "no change", "no diff"],
)
def test_what_is_no_planted_bug_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(PlantError, match="a-bug"):
        a_bug(tmp_path, text)


def test_a_bug_is_caught_by_an_invariant_that_it_breaks_and_no_other(tmp_path: Path) -> None:
    bug = a_bug(tmp_path)
    assert Outcome(bug, Catch({Invariant.AUDIT: 3}, 1.0)).caught
    assert not Outcome(bug, Catch({Invariant.FENCE: 3}, 1.0)).caught
    assert not Outcome(bug, Catch({}, 1.0, said="no verdict")).caught


def test_a_bug_that_is_not_there_is_named() -> None:
    with pytest.raises(SabotageError, match="no-such-bug"):
        chosen(["no-such-bug"])
