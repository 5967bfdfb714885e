"""What may be asked of wallet."""

from __future__ import annotations

from kernel.event import message
from kernel.money import Money
from kernel.urn import Urn


@message("wallet")
class IssueCard:
    """One prepaid card for the lead passenger. Answer: CardIssued or CardRefused."""

    sub_case: Urn
    amount: Money


@message("wallet")
class VoidCard:
    """Undo what IssueCard did for this sub-case and workflow. Answer: CardVoided or VoidRefused."""

    sub_case: Urn
    workflow: Urn
    reason: str = ""
