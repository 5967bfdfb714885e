"""`nexa documents check`."""

from __future__ import annotations

import json

import pytest

from runtime.command import main


def test_every_trusted_document_is_valid_under_its_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["documents", "check", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["broken"] == []
    assert said["documents"] >= 6
