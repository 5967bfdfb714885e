"""Who drives: the choice among what the vendors offered, explained, and the same for the same offers.

A vehicle passes gates in this order: its vendor covers the drive (it offered something) · the whole party has a seat in it · it costs no
more than the tier's ceiling. Of those left the policy's preference among vendors decides, then the fare, then the wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from domains.booking.ports import Quote
from kernel.money import Money


class RideGate(StrEnum):
    """Why something that was offered is not taken; the first gate it fails."""

    TOO_SMALL = "TOO_SMALL"
    OTHER_CURRENCY = "OTHER_CURRENCY"  # the ceiling cannot be compared with it
    NO_FARE = "NO_FARE"  # nobody can say whether it stays below the ceiling
    TOO_DEAR = "TOO_DEAR"


@dataclass(frozen=True, slots=True)
class RideChoice:
    """`ranked` is what may be taken, best first; `excluded` counts what may not, by gate; `uncovered` are vendors who offered nothing."""

    ranked: tuple[Quote, ...]
    excluded: dict[str, int] = field(default_factory=dict)
    uncovered: tuple[str, ...] = ()

    @property
    def best(self) -> Quote | None:
        return self.ranked[0] if self.ranked else None

    @property
    def why_not(self) -> str:
        """In one sentence, why there is none."""
        if self.excluded:
            return "no vehicle fits: " + ", ".join(f"{count} {gate.lower().replace('_', ' ')}" for gate, count in self.excluded.items())
        return f"nobody drives there: {', '.join(self.uncovered)}" if self.uncovered else "no vendor was asked"


_LONGEST: Final = timedelta(days=1)  # a wait that nobody named comes last


def choose(
    offered: Mapping[str, Sequence[Quote]], *, seats: int, ceiling: Money | None, preference: Sequence[str] = ()
) -> RideChoice:  # fmt: skip
    """Over what each vendor offered. `ceiling` None is no ceiling; a vendor that `preference` does not name comes after those it does."""
    places = {vendor: place for place, vendor in enumerate(preference)}
    excluded: Counter[str] = Counter()
    fits = []
    for quote in [quote for quotes in offered.values() for quote in quotes]:
        gate = _gate(quote, seats, ceiling)
        if gate is None:
            fits.append(quote)
        else:
            excluded[gate] += 1
    ranked = sorted(fits, key=lambda quote: (places.get(quote.vendor, len(places)), _cost(quote), quote.wait or _LONGEST, quote.key))
    in_order = {gate.value: excluded[gate] for gate in RideGate if excluded[gate]}
    return RideChoice(tuple(ranked), in_order, tuple(sorted(vendor for vendor, quotes in offered.items() if not quotes)))


def _gate(quote: Quote, seats: int, ceiling: Money | None) -> RideGate | None:
    if quote.seats < seats:
        return RideGate.TOO_SMALL
    if ceiling is None:
        return None
    if quote.fare is None:
        return RideGate.NO_FARE
    if quote.fare.currency != ceiling.currency:
        return RideGate.OTHER_CURRENCY
    return RideGate.TOO_DEAR if quote.fare.amount > ceiling.amount else None


def _cost(quote: Quote) -> tuple[bool, Decimal]:
    """Without a fare after those with one."""
    return (quote.fare is None, quote.fare.amount if quote.fare else Decimal(0))
