"""A prepaid card and the moves it may make."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from domains.wallet.ports import IssuedCard
from kernel.money import Money
from kernel.urn import Urn

NOTHING: Final = Money(Decimal(0), "XXX")  # ISO 4217's code for no currency


class CardState(StrEnum):
    REQUESTED = "REQUESTED"  # counts as possibly issued, from the moment it is written
    ISSUED = "ISSUED"
    REFUSED = "REFUSED"  # there is no card: the issuer said no, was never reached, or it was taken back unsent
    UNKNOWN = "UNKNOWN"  # could not be resolved; a person looks
    VOIDING = "VOIDING"
    VOIDED = "VOIDED"
    VOID_REFUSED = "VOID_REFUSED"
    NEVER = "NEVER"  # voided before it was asked for: a late request is refused


_C = CardState
MOVES: Final[dict[CardState, frozenset[CardState]]] = {
    _C.REQUESTED: frozenset({_C.ISSUED, _C.REFUSED, _C.UNKNOWN}),
    _C.ISSUED: frozenset({_C.VOIDING}),
    _C.REFUSED: frozenset({_C.REQUESTED}),  # by another attempt, as after everything was undone
    _C.UNKNOWN: frozenset({_C.ISSUED, _C.REFUSED, _C.VOID_REFUSED}),
    _C.VOIDING: frozenset({_C.VOIDED, _C.VOID_REFUSED}),
    _C.VOIDED: frozenset({_C.REQUESTED}),
    _C.VOID_REFUSED: frozenset({_C.VOIDING, _C.VOIDED, _C.VOID_REFUSED, _C.ISSUED, _C.REFUSED}),
    _C.NEVER: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Card:
    """One per sub-case and workflow. `reply_to` is the newest question, `undo_reply_to` that of the undoing once it is to be void."""

    urn: Urn
    sub_case: Urn
    workflow: Urn
    state: CardState
    amount: Money
    vendor: str | None = None
    issued: IssuedCard | None = None
    reply_to: str | None = None
    undo_reply_to: str | None = None
    reason: str | None = None
    evidence: dict[str, str] = field(default_factory=dict)
    version: int = 1
    airport: str | None = None  # where its holder is stranded

    @property
    def in_question(self) -> bool:
        """Whether nobody knows if there is a card: it was asked for, or a person looks."""
        unknown = self.state is CardState.VOID_REFUSED and self.issued is None
        return self.state in (CardState.REQUESTED, CardState.UNKNOWN) or unknown

    @property
    def last_four(self) -> str | None:
        return self.issued.last_four if self.issued else None

    @property
    def tagged(self) -> Urn:
        """The name with vendor and status, for people."""
        return self.urn.tagged(self.vendor, self.state.value.lower())

    def becomes(self, state: CardState, **facts: Any) -> Card:
        """Itself in the next state. Raises: ValueError for a move that the table does not have."""
        if state not in MOVES[self.state]:
            raise ValueError(f"{self.urn} is {self.state} and cannot become {state}")
        return replace(self, state=state, **facts)
