"""Each process is told what it needs, nothing else, and says what is wrong without saying a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.settings import NEEDS, Environment, Process, SettingsError, for_process, read

LONG = "postgresql://nexa_cases_app:kq3vX0a9Zt7Lr2@db:5432/nexa_cases"


def _everything() -> dict[str, str]:
    names = set[str]().union(*(need.required for need in NEEDS.values()))
    return {name: LONG if name.endswith("_URL") else "k" * 43 for name in names}


def test_read_gives_development_without_any_variable() -> None:
    settings = read({})
    assert settings.environment is Environment.DEVELOPMENT
    assert settings.tenants == ()
    assert settings.home.is_absolute()


def test_read_shows_no_secret_in_its_text() -> None:
    settings = read({"NEXA_CASES_URL": LONG, "NEXA_LINK_KEY": "a-very-secret-key"})
    assert "kq3vX0a9Zt7Lr2" not in repr(settings)
    assert "a-very-secret-key" not in f"{settings}"
    assert settings.database("cases").reveal() == LONG


def test_read_takes_a_secret_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from-a-file-it-is\n")
    assert read({"NEXA_LINK_KEY_FILE": str(tmp_path / "key")}).need("link_key").reveal() == "from-a-file-it-is"


def test_read_names_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="NEXA_LINK_KEY_FILE"):
        read({"NEXA_LINK_KEY_FILE": str(tmp_path / "absent")})


@pytest.mark.parametrize("process", list(Process))
def test_a_process_that_is_told_nothing_names_all_it_misses(process: Process) -> None:
    required = NEEDS[process].required
    if not required:
        assert read({}, process).environment is Environment.DEVELOPMENT
        return
    with pytest.raises(SettingsError) as refusal:
        read({}, process)
    assert all(f"{name} is missing" in str(refusal.value) for name in required)


@pytest.mark.parametrize("process", [process for process in Process if process is not Process.SANDBOX])
def test_what_the_supervisor_hands_out_satisfies_production(process: Process) -> None:
    told = for_process(process, {**_everything(), "NEXA_ENVIRONMENT": "production"})
    assert read(told, process).production


def test_the_passenger_gateway_refuses_to_know_an_operational_database() -> None:
    told = {**for_process(Process.PASSENGER, _everything()), "NEXA_ENVIRONMENT": "production", "NEXA_CASES_URL": LONG}
    with pytest.raises(SettingsError, match="NEXA_CASES_URL is not for this process"):
        read(told, Process.PASSENGER)


def test_the_passenger_gateway_is_handed_no_operational_address() -> None:
    handed = for_process(Process.PASSENGER, _everything())
    assert {name for name in handed if "://" in handed[name]} == {"NEXA_INTAKE_URL", "NEXA_SNAPSHOT_URL"}


@pytest.mark.parametrize("weak", ["postgresql://a:nexa@db/x", "postgresql://a@db/x", "postgresql://a:changeme@db/x"])
def test_production_refuses_a_default_password_without_printing_it(weak: str) -> None:
    told = {**for_process(Process.PASSENGER, _everything()), "NEXA_ENVIRONMENT": "production", "NEXA_INTAKE_URL": weak}
    with pytest.raises(SettingsError, match="NEXA_INTAKE_URL still holds a default") as refusal:
        read(told, Process.PASSENGER)
    assert weak not in str(refusal.value)


def test_production_has_no_sandbox() -> None:
    told = for_process(Process.WORKER, {**_everything(), "NEXA_ENVIRONMENT": "production", "NEXA_SANDBOX_URL": "http://sandbox"})
    with pytest.raises(SettingsError, match="sandboxes"):
        read(told, Process.WORKER)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NEXA_ENVIRONMENT", "staging"),
        ("NEXA_TENANTS", "b6,platform"),
        ("NEXA_SETTLE_SCALE", "fast"),
        ("NEXA_PARTNER_LIMITS", "hotelbeds=0"),
    ],
)
def test_read_names_the_variable_it_cannot_understand(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read({name: value})


def test_a_partners_limit_may_be_told_for_all_airlines_or_for_one() -> None:
    told = read({"NEXA_PARTNER_LIMITS": "hotelbeds=25, hotelbeds:b6=10,twilio=0.5"})
    assert told.partner_limits == {"hotelbeds": 25, "hotelbeds:b6": 10, "twilio": 0.5}


def test_slots_and_breakers_are_where_coordination_is_unless_told_otherwise() -> None:
    assert read({"NEXA_COORDINATION_URL": LONG}).platform.reveal() == LONG
    assert read({"NEXA_COORDINATION_URL": LONG, "NEXA_PLATFORM_URL": f"{LONG}2"}).platform.reveal() == f"{LONG}2"
