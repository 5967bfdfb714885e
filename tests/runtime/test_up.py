"""The whole site starts with one command, tells each process its share, mends itself, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime import probe
from runtime.settings import NEEDS, Process
from runtime.state import Recorded, State
from tests.harness.site import Site, a_site, free_ports


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An empty one."""
    with a_site(tmp_path_factory.mktemp("site"), "--quiet") as running:
        yield running


def _state(site: Site) -> State:
    state = State.read(site.home)
    assert state is not None
    return state


def _process(site: Site, name: str) -> Recorded:
    return next(process for process in _state(site).processes if process.name == name)


def _doors_are_open(site: Site) -> bool:
    return all(probe.is_ready(port) for port in site.ports.gateways.values())


def _eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not condition():
        time.sleep(0.1)
    return condition()


def test_it_is_healthy_and_says_where_everything_is(site: Site) -> None:
    status = site.status()
    assert status["healthy"] is True
    urls = status["urls"]
    assert set(urls) == {"operator", "operator_ws", "passenger", "partner", "console", "playground", "sandboxes"}
    assert urls["playground"] is None
    assert {"b6", "ua", "dl"} <= set(urls["passenger"])
    assert {"hotelbeds", "pomelo", "twilio", "pss"} <= set(urls["sandboxes"])
    assert status["counts"]["sub_cases"] == 0


def test_the_doctor_finds_it_well(site: Site) -> None:
    done = site.nexa("doctor", "--json")
    found = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert [finding for finding in found.values() if not finding["well"]] == []
    assert done.returncode == 0
    assert {"python", "embedded Postgres", "node", "site", "worker", "operator"} <= set(found)


def test_every_airline_of_the_storm_is_served(site: Site) -> None:
    served = json.loads(site.nexa("tenant", "list", "--json").stdout)
    assert sorted(served) == sorted(site.status()["urls"]["passenger"])


@pytest.mark.parametrize("process", [process for process in Process if process is not Process.MIGRATE])
def test_a_process_knows_its_share_and_no_more(site: Site, process: Process) -> None:
    environment = Path(f"/proc/{_process(site, process).pid}/environ").read_bytes().decode()
    names = {entry.partition("=")[0] for entry in environment.split("\0") if entry.startswith("NEXA_")}
    assert names <= NEEDS[process].all
    assert names >= NEEDS[process].required


def test_a_gateway_that_is_killed_is_started_again(site: Site) -> None:
    before = _process(site, "partner")
    before.ask(signal.SIGKILL)
    assert _eventually(lambda: _process(site, "partner").pid != before.pid)
    assert _eventually(lambda: _doors_are_open(site))
    status = site.status()
    assert status["healthy"] is True
    assert status["processes"]["partner"]["restarts"] == 1


def test_a_store_that_is_killed_is_started_again(site: Site) -> None:
    former = [_process(site, name) for name in ("valkey-snapshots", "postgres")]
    for process in former:
        process.ask(signal.SIGKILL)
    assert _eventually(lambda: all(_process(site, process.name).pid != process.pid for process in former))
    assert _eventually(lambda: _doors_are_open(site))
    assert _eventually(lambda: bool(site.status()["healthy"]))


def test_a_second_start_is_refused_and_harms_nothing(site: Site) -> None:
    done = site.nexa("up", "--quiet", "--detach", "--port", str(free_ports().base))
    assert done.returncode == 1
    assert "already runs here" in done.stderr
    assert _doors_are_open(site)


def test_nothing_is_left_when_the_supervisor_is_killed(site: Site) -> None:
    state = _state(site)
    assert len(state.processes) >= 9
    state.supervisor.ask(signal.SIGKILL)
    assert _eventually(lambda: not any(process.alive for process in state.processes))
    status = site.status()
    assert (status["healthy"], status["phase"]) == (False, "down")
    site.up("--quiet", "--no-pages")
    assert _doors_are_open(site)


def test_down_stops_everything(site: Site) -> None:
    state = _state(site)
    assert site.nexa("down").returncode == 0
    assert not any(process.alive for process in [state.supervisor, *state.processes])
    assert site.nexa("status").returncode == 1
