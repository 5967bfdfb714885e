"""Policies as frozen values, and the rule how many rooms a party gets."""

from __future__ import annotations

from dataclasses import dataclass, field
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


class TransportMode(StrEnum):
    """`AUTOMATIC` sends for a ride with the voucher, `MANUAL` leaves it to the desk."""

    AUTOMATIC = "AUTOMATIC"
    MANUAL = "MANUAL"


@dataclass(frozen=True, slots=True)
class Transport:
    """Rides from the airport to the hotel. `modes` is by tier, the desk's where none is named; `ceiling` is for one ride, None for none.

    `preference` names vendors, the most wanted first.
    """

    modes: dict[str, TransportMode] = field(default_factory=dict)
    ceiling: Money | None = Money(Decimal(60), "USD")
    preference: tuple[str, ...] = ()

    def mode(self, tier: str) -> TransportMode:
        """How a party of this tier gets to its hotel."""
        return self.modes.get(tier, TransportMode.MANUAL)


@dataclass(frozen=True, slots=True)
class Gate:
    """When rooms may be searched for without a supervisor's word: never, or up to so many rooms in one demand."""

    automatic: bool
    most_rooms: int

    def opens(self, rooms: int) -> bool:
        """Whether a demand for so many rooms needs nobody."""
        return self.automatic and rooms <= self.most_rooms


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
    transport: Transport = Transport()
    auto_approve_demand: bool = True
    max_automatic_rooms_per_wave: int = 40  # a regional flight; a supervisor looks at what is larger

    @property
    def gate(self) -> Gate:
        return Gate(self.auto_approve_demand, self.max_automatic_rooms_per_wave)


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
