"""An airline is added with one command, in every database."""

from __future__ import annotations

import json

import pytest

from runtime import site
from runtime.command import main


@pytest.fixture
def told(postgres_url: str, role_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name, value in {"NEXA_HOME": str(tmp_path), "NEXA_DATABASE_URL": postgres_url, **site.store_names(role_urls)}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("told")
def test_an_airline_is_added_everywhere_and_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tenant", "add", "zz"]) == 0
    assert main(["tenant", "add", "zz"]) == 0
    capsys.readouterr()
    assert main(["tenant", "list", "--json"]) == 0
    assert {"t1", "t2", "zz"} <= set(json.loads(capsys.readouterr().out))


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", ["platform", "B 6", "a" * 40])
def test_a_name_that_cannot_be_an_airline_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["tenant", "add", name])
    assert ended.value.code == 2
    assert "cannot name a tenant" in capsys.readouterr().err
