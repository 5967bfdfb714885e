"""Who drives: the choice among what the vendors offered, explained and the same for the same offers; and the sending of one ride.

A vehicle passes gates in this order: its vendor covers the drive (it offered something) · the whole party has a seat in it · it costs no
more than the tier's ceiling. Of those left the policy's preference among vendors decides, then the fare, then the wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from domains.booking.ports import Drive, Quote, RideOrder
from kernel.money import Money
from kernel.urn import Urn


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
    def of_each(self) -> tuple[Quote, ...]:
        """The best of each vendor, best first: who says no to one vehicle is not asked for another while a family stands at the kerb."""
        best: dict[str, Quote] = {}
        for quote in self.ranked:
            best.setdefault(quote.vendor, quote)
        return tuple(best.values())

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


class DispatchState(StrEnum):
    """`ASKED` counts as possibly sent for, from the moment it is written."""

    ASKED = "ASKED"
    DISPATCHED = "DISPATCHED"
    REFUSED = "REFUSED"  # nobody drives: every vendor said no, was never reached, or it was taken back unsent
    UNKNOWN = "UNKNOWN"  # could not be resolved; a person looks
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    CANCEL_REFUSED = "CANCEL_REFUSED"
    NEVER = "NEVER"  # called off before it was asked for: a late request is refused


_D = DispatchState
MOVES: Final[dict[DispatchState, frozenset[DispatchState]]] = {
    _D.ASKED: frozenset({_D.DISPATCHED, _D.REFUSED, _D.UNKNOWN}),
    _D.DISPATCHED: frozenset({_D.CANCELLING}),
    _D.REFUSED: frozenset({_D.ASKED}),  # by another attempt, as after everything was undone
    _D.UNKNOWN: frozenset({_D.DISPATCHED, _D.REFUSED, _D.CANCEL_REFUSED}),
    _D.CANCELLING: frozenset({_D.CANCELLED, _D.CANCEL_REFUSED}),
    _D.CANCELLED: frozenset({_D.ASKED}),
    _D.CANCEL_REFUSED: frozenset({_D.CANCELLING, _D.CANCELLED, _D.DISPATCHED, _D.REFUSED}),
    _D.NEVER: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The sending of one ride for one party by one workflow. `place` is that of the quote being asked, from 1; 0 while none is chosen.

    `reply_to` is the newest question, `undo_reply_to` that of the undoing once it is to be called off.
    """

    urn: Urn
    sub_case: Urn
    workflow: Urn
    state: DispatchState
    drive: Drive | None = None
    ceiling: Money | None = None
    preference: tuple[str, ...] = ()
    quotes: tuple[Quote, ...] = ()
    place: int = 0
    client_reference: str | None = None
    reference: str | None = None
    reply_to: str | None = None
    undo_reply_to: str | None = None
    reason: str | None = None
    evidence: dict[str, str] = field(default_factory=dict)
    version: int = 1

    @property
    def quote(self) -> Quote | None:
        return self.quotes[self.place - 1] if self.place else None

    @property
    def vendor(self) -> str:
        return self.quote.vendor if self.quote else ""

    @property
    def in_question(self) -> bool:
        """Whether nobody knows if somebody drives: it was asked for, or a person looks."""
        unknown = self.state is DispatchState.CANCEL_REFUSED and self.reference is None
        return self.state in (DispatchState.ASKED, DispatchState.UNKNOWN) or unknown

    def order(self, client_reference: str) -> RideOrder:
        """What the chosen vendor is asked under this reference. Raises: ValueError while none is chosen."""
        if self.drive is None or self.quote is None:
            raise ValueError(f"{self.urn} has no vehicle yet")
        return RideOrder(client_reference, self.drive, self.quote)

    def becomes(self, state: DispatchState, **facts: Any) -> Dispatch:
        """Itself in the next state. Raises: ValueError for a move that the table does not have."""
        if state not in MOVES[self.state]:
            raise ValueError(f"{self.urn} is {self.state} and cannot become {state}")
        return replace(self, state=state, **facts)
