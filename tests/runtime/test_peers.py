"""Libraries beside the product: their locks name versions and digests and no place, and what only tests need never reaches the product."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.console import Console

from runtime import peers
from runtime.peers import PeersError, lock_of
from tests.harness.servers import ROOT

LOCKS = sorted(ROOT.glob("requirements*.lock"))
ENTRY = re.compile(r"([A-Za-z0-9_.-]+)==\S+( ; [^\\]+)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+")
SDKS = {"amadeus", "twilio", "sendgrid", "openai", "anthropic"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_says_what_and_never_where(lock: Path) -> None:
    rest = ENTRY.sub("", lock.read_text())
    assert re.sub(r"^--no-binary \S+$", "", rest, flags=re.MULTILINE).strip() == ""


def names(group: str) -> set[str]:
    lock = lock_of(group) if group else ROOT / "requirements.lock"
    return {found[1].lower() for found in ENTRY.finditer(lock.read_text())}


def test_the_vendors_own_libraries_are_locked_apart_from_the_product() -> None:
    assert names("sdks") >= SDKS
    assert names("").isdisjoint(SDKS)


def test_what_is_not_as_locked_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peers, "ROOT", tmp_path)
    (tmp_path / "requirements-x.lock").write_text("sniffio\n")  # neither a version nor a digest
    with pytest.raises(PeersError, match="hash"):
        peers.install("x", Console(quiet=True))
    assert not (tmp_path / ".nexa" / "peers" / "x" / "installed").exists()
