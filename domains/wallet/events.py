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
class CardVoided:
    sub_case: Urn
    cards: tuple[Urn, ...]


@message("wallet")
class VoidRefused:
    sub_case: Urn
    why: str
    evidence: dict[str, str]
