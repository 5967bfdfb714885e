"""Signatures made with fixed test secrets and checked with the vendors' own validators, as they lie beside the partners' documents."""

from __future__ import annotations

from typing import Any, Final

from tests.harness.contracts import document

FILE: Final = "signature-vectors.json"


def vector(name: str) -> Any:
    """One of them; the test is skipped where they are not at hand."""
    return document(FILE)["vectors"][name]
