"""Evidence for people: named facts, without personal data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """A piece of evidence."""

    name: str
    value: str


def facts(evidence: Mapping[str, object]) -> list[Fact]:
    """As they were written down, in their order."""
    return [Fact(name, str(value)) for name, value in evidence.items()]
