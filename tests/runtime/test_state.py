"""A process is taken for itself only, and a site is up only while its supervisor is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.command import main
from runtime.state import Recorded, State, running


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def test_a_process_is_itself_until_it_ends(sleeper: subprocess.Popen[bytes]) -> None:
    known = Recorded.of("sleeper", sleeper.pid)
    assert known.alive
    known.ask(signal.SIGTERM)
    assert known.await_end(10)
    sleeper.wait()
    assert not known.alive


def test_a_stranger_with_the_same_number_is_not_taken_for_it(sleeper: subprocess.Popen[bytes]) -> None:
    former = Recorded("former", sleeper.pid, Recorded.of("sleeper", sleeper.pid).started - 1)
    assert not former.alive
    former.ask(signal.SIGKILL)
    assert sleeper.poll() is None


def test_state_reads_what_it_wrote(tmp_path: Path) -> None:
    state = State(Recorded.of("supervisor", os.getpid()), 8400, urls={"console": "http://localhost:8400/"}, restarts={"worker": 2})
    state.processes.append(Recorded.of("worker", os.getpid()))
    state.write(tmp_path)
    assert State.read(tmp_path) == state
    assert running(tmp_path) == state


def test_a_site_without_its_supervisor_does_not_run(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    State(Recorded.of("supervisor", sleeper.pid), 8400).write(tmp_path)
    sleeper.kill()
    sleeper.wait()
    assert running(tmp_path) is None


def test_down_ends_what_is_written_down_and_forgets_it(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NEXA_HOME", str(tmp_path))
    State(Recorded.of("supervisor", sleeper.pid), 8400).write(tmp_path)
    assert main(["down"]) == 0
    assert sleeper.wait(10) == -signal.SIGTERM
    assert State.read(tmp_path) is None
    assert main(["down"]) == 0
    assert "nothing runs here" in capsys.readouterr().err
