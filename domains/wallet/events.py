"""What happened in wallet."""

from __future__ import annotations

from kernel.event import message
from kernel.money import Money
from kernel.urn import Urn


@message("wallet")
class CardIssued:
    sub_case: Urn
    card: Urn
    vendor: str
    last_four: str
    amount: Money


@message("wallet")
class CardRefused:
    sub_case: Urn
    why: str
    unknown: bool = False
    evidence: dict[str, str] | None = None


@message("wallet")
class CardReviewed:
    """Nobody can tell what the issuer has done (`finding` None), or somebody has found out: FOUND, ABSENT or CANCELLED.

    `opens` is false where whoever asked for the undo is told of it, and opens a review in its place.
    """

    sub_case: Urn
    operation: Urn
    finding: str | None
    why: str
    evidence: dict[str, str]
    opens: bool = True


@message("wallet")
class CardVoided:
    sub_case: Urn
    cards: tuple[Urn, ...]


@message("wallet")
class VoidRefused:
    sub_case: Urn
    why: str
    evidence: dict[str, str]


@message("wallet")
class CardLoadsStopped:
    """Card loads were stopped, or go on again; screens follow."""

    stop: Urn
    row_version: int
