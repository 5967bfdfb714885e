"""Rooms asked for: nothing is searched for in bulk before a demand is approved, by the policy's gate or by a supervisor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domains.cases.model import SubCase, Tier
from kernel.urn import Urn

MOST_PARTIES: Final = 2_000  # of one demand; a hub's evening of one airline has fewer


class DemandState(StrEnum):
    AWAITING = "AWAITING"  # a supervisor has to say yes or no
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class Demand:
    """`automatic`: the policy's gate opened by itself, and nobody decided it."""

    urn: Urn
    state: DemandState
    rooms: int
    airports: tuple[str, ...]
    sub_cases: tuple[Urn, ...]
    automatic: bool
    asked_by: Urn | None
    asked_at: datetime
    decided_by: Urn | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class Group:
    """Sub-cases that are placed together. Who is in none is placed alone."""

    urn: Urn
    sub_cases: tuple[Urn, ...]


def tier_of(parties: list[SubCase]) -> Tier | None:
    """The tier of a group; None where its parties do not share one, or one of them holds tickets of different tiers."""
    tiers = {party.tier for party in parties}
    return tiers.pop() if len(tiers) == 1 and not any(party.mixed_tier for party in parties) else None


def vulnerable(party: SubCase) -> bool:
    """Who is placed first: minors, whoever has a medical or other special need, and crew, whose hours of rest are counted."""
    return bool(party.guests.children or party.guests.infants or party.special_needs) or party.tier is Tier.CREW
