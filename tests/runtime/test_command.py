"""The command line lists what exists, and says what is wrong in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runtime import command
from tests.harness.servers import ROOT


def test_help_lists_exactly_the_commands_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    listed = {words[0] for line in capsys.readouterr().out.splitlines() if line.startswith("    ") and (words := line.split())}
    assert ended.value.code == 0
    assert set(command.names()) <= listed


@pytest.mark.parametrize("name", command.names())
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main([name, "--help"])
    assert ended.value.code == 0
    assert f"nexa {name}" in capsys.readouterr().out


def test_an_unknown_command_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["fly"])
    assert ended.value.code == 2
    assert "test" in capsys.readouterr().err


def test_arguments_of_test_reach_pytest() -> None:
    asked = [sys.executable, "-m", "runtime.command", "test", "-q", "--co", "tests/runtime/test_command.py", "-k", "unknown_command"]
    answer = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0
    assert "test_an_unknown_command" in answer.stdout
    assert "selected" in answer.stdout.splitlines()[-1]
