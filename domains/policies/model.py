"""Policies as frozen values, and the rule how many rooms a party gets."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from kernel.money import Money
from kernel.urn import Urn


class PolicyState(StrEnum):
    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


@dataclass(frozen=True, slots=True)
class Constraints:
    min_stars: int = 3
    max_distance_km: Decimal = Decimal(25)
    max_nightly_rate: Money = Money(Decimal(350), "USD")
    required_amenities: tuple[str, ...] = ()
    excluded_chains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """Shares of the score; they sum to one."""

    cost: Decimal = Decimal("0.60")
    distance: Decimal = Decimal("0.25")
    consolidation: Decimal = Decimal("0.15")


@dataclass(frozen=True, slots=True)
class Policy:
    urn: Urn
    name: str
    state: PolicyState
    version: int
    constraints: Constraints = Constraints()
    weights: Weights = Weights()
    meals_per_guest_night: Money = Money(Decimal(45), "USD")
    tolerance_percent: Decimal = Decimal(2)  # a rate may move this much between search and booking


ADULTS_PER_ROOM: Final = 2
CHILDREN_PER_ROOM: Final = 1


def rooms_for(adults: int, children: int, infants: int) -> int | None:
    """Rooms for a party: two adults and one child a room, infants free; None when minors would be alone.

    Each room needs an adult, so children beyond one a room ask for further rooms only while adults are left to sleep there.
    """
    if adults == 0:
        return None
    by_adults = -(-adults // ADULTS_PER_ROOM)
    by_children = -(-children // CHILDREN_PER_ROOM)
    return max(by_adults, min(by_children, adults))
