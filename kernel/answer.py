"""What a partner said, in the four kinds that decide what may happen next.

Answer
 ├── Ok         definite yes, parsed and valid                  → commit the outcome
 ├── Declined   definite no, parsed and valid                   → commit the outcome
 ├── NotSent    the partner cannot have acted                   → free retry
 └── Unknown    anything after the first byte went out          → resolve; never a blind retry
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ok(Generic[T]):
    value: T


@dataclass(frozen=True, slots=True)
class Declined:
    """`code` is the partner's own word, `reason` a sentence fit for operators; neither carries personal data."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """`retry_after` is the partner's own wish when it gave one (429)."""

    why: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """`evidence` (status, partner request ids, digests) is kept for resolution and review; no personal data."""

    why: str
    evidence: dict[str, str] = field(default_factory=dict)


Answer = Ok[T] | Declined | NotSent | Unknown
