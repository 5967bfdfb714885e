"""One supervisor per home, ports named when they are taken, processes started again, each with its share of what is known."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime import site
from runtime.embedded.process import ServerError, launch
from runtime.settings import Process, for_process
from runtime.site import Ports
from runtime.supervisor import Service, Supervisor
from tests.harness.site import free_ports

FOREIGN = {"NEXA_SNAPSHOT_URL": "redis://s", "NEXA_COORDINATION_URL": "redis://c", "NEXA_QUEUE_URL": "redis://q"}


def _supervisor(home: Path, ports: Ports, said: list[str]) -> Supervisor:
    return Supervisor(home, ports, {**os.environ, **FOREIGN, "NEXA_DATABASE_URL": "postgresql://a:b@db/postgres"}, ["t1"], said.append)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """One that has no servers of its own and whose migrations succeed."""
    monkeypatch.setattr(Supervisor, "run_once", lambda *_arguments: None)
    made = _supervisor(tmp_path, free_ports(), said)
    yield made
    made.stop()


class Sleeper(Service):
    """A process of ours that only sleeps."""

    def start(self) -> None:
        self._child = launch("sleeper", ["/bin/sleep", "60"], log=self.log, environment={}, death=signal.SIGKILL)


def _eventually(condition: Callable[[], bool], each: Callable[[], None]) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not condition():
        each()
        time.sleep(0.02)
    return condition()


def test_a_second_supervisor_in_the_same_home_is_refused(supervisor: Supervisor, tmp_path: Path, said: list[str]) -> None:
    supervisor.start_stores()
    with pytest.raises(ServerError, match=r"already runs.*nexa down"):
        _supervisor(tmp_path, free_ports(), said).start_stores()


def test_a_taken_port_is_named_with_its_use_and_a_way_out(tmp_path: Path, said: list[str]) -> None:
    ports = free_ports()
    with socket.create_server(("127.0.0.1", ports.gateways["passenger"])):
        supervisor = _supervisor(tmp_path, ports, said)
        with pytest.raises(ServerError, match=rf"{ports.base + 1} \(passenger\).*--port"):
            supervisor.start_stores()
        supervisor.stop()


def test_what_ends_is_started_again(supervisor: Supervisor, tmp_path: Path, said: list[str]) -> None:
    supervisor.start_stores()
    sleeper = Sleeper("sleeper", [], {}, log=tmp_path / "sleeper.log", port=None)
    sleeper.start()
    supervisor._watch("sleeper", sleeper)
    first = sleeper.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert _eventually(lambda: sleeper.pid != first and sleeper.ended is None, supervisor.look)
    assert supervisor.state.restarts == {"sleeper": 1}
    assert any("sleeper ended (-9)" in line for line in said)
    supervisor.stop()
    assert sleeper.pid is None


def test_the_site_tells_the_worker_more_than_the_passenger_gateway(tmp_path: Path) -> None:
    told = site.told(tmp_path, Ports(), {}, "postgresql://postgres:p@127.0.0.1:8420/postgres", None)
    assert told["NEXA_CASES_URL"].startswith("postgresql://nexa_cases_app:")
    assert told["NEXA_RELAY_URL"].startswith("postgresql://nexa_relay:")
    for process in Process:
        share = for_process(process, told)
        assert ("NEXA_CASES_URL" in share) is (process in {Process.OPERATOR, Process.PARTNER, Process.WORKER, Process.MIGRATE})
        assert ("NEXA_DATABASE_URL" in share) is (process is Process.MIGRATE)


def test_secrets_are_made_once_and_readable_to_their_owner_alone(tmp_path: Path) -> None:
    first = site.secrets_of(tmp_path)
    assert site.secrets_of(tmp_path) == first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert len(set(first.values())) == len(first)


def test_the_users_own_servers_come_first(tmp_path: Path) -> None:
    own = {"NEXA_DATABASE_URL": "postgresql://me:mine@db:5432/postgres", "NEXA_AUDIT_URL": "postgresql://x:y@other/nexa_audit"}
    told = site.told(tmp_path, Ports(), own, "postgresql://postgres:p@127.0.0.1:8420/postgres", None)
    assert "@db:5432/nexa_cases" in told["NEXA_CASES_URL"]
    assert told["NEXA_AUDIT_URL"] == own["NEXA_AUDIT_URL"]
    assert site.brings_postgres(own)
    assert not site.brings_postgres({})
    assert site.brings_valkeys(FOREIGN)
