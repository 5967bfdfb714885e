"""The README is true: the two commands come first, the tree is the tree, links lead somewhere, commands exist."""

from __future__ import annotations

import re

from jobs.sagas.accommodate import ACCOMMODATE
from runtime import command
from tests.architecture.source import PACKAGES, ROOT

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
TEXT = (ROOT / "README.md").read_text()


def test_the_two_commands_come_first() -> None:
    first = re.search(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    assert first
    assert [line.split("#")[0].strip() for line in first.group(1).splitlines()] == ["./nexa up", "./nexa test"]


def test_the_tree_is_drawn_whole_in_ten_lines_or_so() -> None:
    drawn = re.search(r"## The tree\n\n```\n(.*?)```", TEXT, re.DOTALL)
    assert drawn
    assert 8 <= len(drawn.group(1).splitlines()) <= 12
    for folder in (*PACKAGES, "console", "tests", "docs"):
        assert f"{folder}/" in drawn.group(1)
        assert (ROOT / folder).is_dir()


def test_the_tree_is_drawn_as_it_is() -> None:
    domains = [folder for folder in (ROOT / "domains").iterdir() if (folder / "model.py").is_file()]
    assert f"{WORDS[len(domains)]} strangers" in TEXT
    shown = re.search(r"^tests/ .*$", TEXT, re.MULTILINE)
    assert shown
    for folder in re.findall(r"(\w+)/", shown.group()):
        assert (ROOT / ("" if folder == "tests" else "tests") / folder).is_dir(), folder


def test_the_saga_is_told_step_by_step() -> None:
    told = re.search(r"waits for its event: ([\w, ]+) →", (ROOT / "docs/architecture.md").read_text())
    assert told
    assert told.group(1).split(", ") == [step.name for step in ACCOMMODATE.steps]


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target


def test_commands_that_are_named_exist() -> None:
    for document in ("README.md", "docs/operations.md", "docs/architecture.md"):
        named = set(re.findall(r"\./nexa ([a-z][a-z-]*)", (ROOT / document).read_text()))
        assert named <= set(command.names()), document
