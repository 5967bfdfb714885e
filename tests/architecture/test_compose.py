"""compose.yaml holds no secret, checks every service's health, and tells each process exactly what it needs."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest
import yaml

from runtime.settings import NEEDS, Process
from tests.architecture.source import ROOT

ONCE = {"migrate"}  # runs to its end
STORES = {"postgres", "snapshots", "coordination", "queue"}
SECRET = re.compile(r"PASSWORD|KEY|SECRET|TOKEN", re.IGNORECASE)
REQUIRED = re.compile(r"\$\{[A-Z_]+:\?[^}]*\}")

Service = dict[str, Any]


def _file() -> dict[str, Any]:
    return cast(dict[str, Any], yaml.safe_load((ROOT / "compose.yaml").read_text()))


def _services() -> dict[str, Service]:
    return cast(dict[str, Service], _file()["services"])


def _told(service: Service) -> dict[str, str]:
    return cast(dict[str, str], service.get("environment", {}))


def _names(service: Service) -> set[str]:
    return {name.removesuffix("_FILE") for name in _told(service) if name.startswith("NEXA_")}


def test_it_has_every_process_and_store() -> None:
    assert set(_services()) == STORES | {str(process) for process in Process}


@pytest.mark.parametrize("name", sorted(set(_services()) - ONCE))
def test_a_service_that_stays_has_its_health_checked_and_is_restarted(name: str) -> None:
    service = _services()[name]
    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("process", list(Process))
def test_a_process_is_told_what_it_needs_and_nothing_else(process: Process) -> None:
    names = _names(_services()[process])
    assert names >= NEEDS[process].required
    assert names <= NEEDS[process].all


def test_the_passenger_gateway_reaches_nothing_operational() -> None:
    services = _services()
    passenger = services["passenger"]
    told = " ".join(value for value in _told(passenger).values() if "://" in value)
    assert "nexa_intake" in told
    for word in (
        "cases",
        "booking",
        "wallet",
        "audit",
        "access",
        "policies",
        "notifications",
        "coordination",
        "queue",
        "relay",
        "dispatch",
    ):
        assert word not in told
    assert {name for name, service in services.items() if set(service["networks"]) & set(passenger["networks"])} == {
        "passenger",
        "postgres",
        "snapshots",
    }


def test_only_migrate_knows_the_administrator() -> None:
    knows = {name for name, service in _services().items() if "ADMINISTRATOR" in " ".join(_told(service).values())}
    assert knows == {"migrate", "postgres"}


def test_no_secret_has_a_value_or_a_default() -> None:
    for name, service in _services().items():
        for variable, value in _told(service).items():
            if SECRET.search(variable) and not variable.endswith(("_FILE", "_DIR")):
                assert REQUIRED.fullmatch(value), f"{name}: {variable}"
            if "://" in value and "@" in value:
                assert re.search(r"://[^:@/]*:\$\{[A-Z_]+:\?[^}]*\}@", value), f"{name}: {variable}"
    for name, secret in _file()["secrets"].items():
        assert REQUIRED.fullmatch(secret["file"]), name


def test_images_are_pinned_and_ours_run_without_rights() -> None:
    for name, service in _services().items():
        if name in STORES:
            assert re.search(r":\d+\.\d+", service["image"]), name
        else:
            assert service["read_only"] is True, name
            assert service["cap_drop"] == ["ALL"], name
    stages = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert stages
    assert all(re.search(r":\d+\.\d+\.\d+", stage) for stage in stages)


def test_the_image_runs_as_nobody_special_from_the_hashed_lock() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
    assert "--require-hashes" in text


def test_stores_are_not_published() -> None:
    assert all("ports" not in service for name, service in _services().items() if name in STORES)


def test_everything_waits_for_the_migrations() -> None:
    for process in Process:
        if process not in {Process.MIGRATE, Process.SANDBOX}:
            assert _services()[process]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}, process
