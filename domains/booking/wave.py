"""An allocation wave: many groups placed at once, planned before anything is booked; what goes into its plan and what comes out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from domains.booking.commands import RankHotels
from domains.booking.model import Candidate, Exclusion, Fallen, LeftOut, Silence
from kernel.money import Money
from kernel.urn import Urn

MOST_QUESTIONS: Final = 200  # searches of one wave; a hub's night has some sixty different parties and stays


class WaveState(StrEnum):
    SEARCHING = "SEARCHING"  # the sources are being asked
    DRAFT = "DRAFT"  # planned, to be looked at; nothing is booked
    COMMITTED = "COMMITTED"  # every placed party is being booked
    DISCARDED = "DISCARDED"
    FAILED = "FAILED"  # there is nothing to look at; `why` says it


class Fate(StrEnum):
    """What a plan says of a group."""

    PLACED = "PLACED"
    MIXED_TIER = "MIXED_TIER"  # its parties hold tickets of different tiers: a person decides
    STAYS_DIFFER = "STAYS_DIFFER"  # its parties do not stay the same nights at the same airport
    NOTHING_FITS = "NOTHING_FITS"  # no house passes the policy's gates for all of them
    NO_ROOM = "NO_ROOM"  # houses fit, and none has rooms left for all of them


class Question(NamedTuple):
    """What the sources are asked; parties of one shape and stay ask the same, whatever their tier, unless their policy looks farther."""

    airport: str
    check_in: date
    check_out: date
    rooms: int
    adults: int
    children: int
    infants: int
    max_distance_km: Decimal


def question(wish: RankHotels) -> Question:
    """What has to be asked for a wish."""
    return Question(
        wish.airport, wish.check_in, wish.check_out, wish.rooms, wish.adults, wish.children, wish.infants, wish.max_distance_km
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class WaveParty:
    """One PNR of a group: what is wished for it, and the version of its sub-case that this was read from."""

    wish: RankHotels
    version: int

    @property
    def sub_case(self) -> Urn:
        return self.wish.sub_case


@dataclass(frozen=True, slots=True)
class WaveGroup:
    """Parties that are placed in one house or not at all. `tier` is None where they do not share one; the vulnerable come first."""

    urn: Urn
    tier: str | None
    vulnerable: bool
    parties: tuple[WaveParty, ...]

    @property
    def rooms(self) -> int:
        return sum(party.wish.rooms for party in self.parties)


@dataclass(frozen=True, slots=True)
class PartyPlan:
    """The candidates of one party, the assigned one first; what a booking that is refused falls back on comes after it."""

    party: WaveParty
    candidates: tuple[Candidate, ...]
    excluded: dict[str, int]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """What becomes of a group, at its `place` in the order of placing, from 1.

    `least` is what it would cost in the cheapest house that fits it, were it alone; `market` what such rooms cost in the middle of all that
    was offered. Nothing of the three is known of a group that is not placed.
    """

    place: int
    group: WaveGroup
    fate: Fate
    parties: tuple[PartyPlan, ...]
    house: Urn | None = None
    house_name: str | None = None
    cost: Money | None = None
    least: Money | None = None
    market: Money | None = None
    why: str = ""

    @property
    def excluded(self) -> dict[str, int]:
        """How many offers fell at which gate, over all its parties."""
        return dict(sum((Counter(party.excluded) for party in self.parties), Counter[str]()))


@dataclass(frozen=True, slots=True)
class Plan:
    """All groups in the order of placing. `bound`: no placing of the placed ones that keeps gates, groups and capacity can cost less."""

    groups: tuple[GroupPlan, ...]
    bound: Decimal = Decimal(0)

    @property
    def placed(self) -> tuple[GroupPlan, ...]:
        return tuple(each for each in self.groups if each.fate is Fate.PLACED)


@dataclass(frozen=True, slots=True)
class Wave:
    """One wave as it stands; amounts are there once it is planned, and of what is placed."""

    urn: Urn
    demand: Urn
    state: WaveState
    rooms: int
    searches: int
    answered: int  # searches that have ended
    begun_at: datetime
    version: int = 1
    cost: Money | None = None
    market: Money | None = None
    bound: Money | None = None
    why: str | None = None
    changed_at: datetime | None = None

    @property
    def savings(self) -> Money | None:
        """Against the market."""
        if self.cost is None or self.market is None:
            return None
        return Money(self.market.amount - self.cost.amount, self.cost.currency)


@dataclass(frozen=True, slots=True)
class WaveSearch:
    """What one question of a wave came to."""

    wave: Urn
    place: int
    airport: str
    check_in: date
    check_out: date
    rooms: int
    adults: int
    children: int
    infants: int
    parties: int
    offers: int
    answered: tuple[str, ...] = ()
    silent: Mapping[str, str] = field(default_factory=dict)
    asked_at: datetime | None = None

    @property
    def silences(self) -> tuple[Silence, ...]:
        return tuple(Silence(vendor, why) for vendor, why in sorted(self.silent.items()))


@dataclass(frozen=True, slots=True)
class Allotted:
    """A group of a planned wave, as it is kept: where it goes, or why it goes nowhere."""

    wave: Urn
    place: int | None
    urn: Urn
    tier: str | None
    vulnerable: bool
    fate: Fate | None  # None before it is planned
    sub_cases: tuple[Urn, ...]
    rooms: int
    house: Urn | None
    house_name: str | None
    cost: Money | None
    market: Money | None
    why: str
    excluded: Mapping[str, int]
    rankings: tuple[Urn, ...] = ()  # of its parties, once it is planned

    @property
    def fallen(self) -> tuple[Fallen, ...]:
        """Most offers first."""
        ordered = sorted(self.excluded.items(), key=lambda each: (-each[1], each[0]))
        return tuple(Fallen(Exclusion(reason), count) for reason, count in ordered)


WAVE_MOVES: Final[dict[WaveState, frozenset[WaveState]]] = {
    WaveState.SEARCHING: frozenset({WaveState.DRAFT, WaveState.FAILED, WaveState.DISCARDED}),
    WaveState.DRAFT: frozenset({WaveState.COMMITTED, WaveState.DISCARDED}),
    WaveState.COMMITTED: frozenset(),
    WaveState.DISCARDED: frozenset(),
    WaveState.FAILED: frozenset(),
}


def facts_of(wave: Wave) -> dict[str, Any]:
    """What the audit keeps of it."""
    return {
        "state": wave.state, "demand": wave.demand, "rooms": wave.rooms, "cost": wave.cost, "market": wave.market, "bound": wave.bound
    }  # fmt: skip
