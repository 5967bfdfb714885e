"""kernel.secret: what must not be printed is not."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from kernel.secret import FileSecrets, Secret, SecretMissingError
from kernel.tenancy import Tenant

T1 = Tenant("t1")


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("hunter2-hunter2")
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>20}", repr({"k": secret}), repr([secret])]
    assert not any("hunter2" in text for text in shown)
    assert b"hunter2" not in pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert secret.reveal() == "hunter2-hunter2"


def test_a_tenants_file_comes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXA_SECRET_T1_ACME", '{"key": "of the environment"}')
    source = FileSecrets(tmp_path)
    assert source.vendor(T1, "acme")["key"].reveal() == "of the environment"
    (tmp_path / "t1" / "vendor").mkdir(parents=True)
    (tmp_path / "t1" / "vendor" / "acme").write_text('{"key": "of the file"}')
    assert source.vendor(T1, "acme")["key"].reveal() == "of the file"


@pytest.mark.parametrize("content", ["", "[1]", "hunter2"])
def test_a_missing_or_broken_secret_is_named_and_not_shown(tmp_path: Path, content: str) -> None:
    if content:
        (tmp_path / "t1" / "vendor").mkdir(parents=True)
        (tmp_path / "t1" / "vendor" / "acme").write_text(content)
    with pytest.raises(SecretMissingError, match="nexa/t1/vendor/acme") as caught:
        FileSecrets(tmp_path).vendor(T1, "acme")
    assert "hunter2" not in str(caught.value)
