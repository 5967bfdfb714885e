"""What may be asked of notifications."""

from __future__ import annotations

from kernel.event import message
from kernel.urn import Urn


@message("notifications")
class NotifyLead:
    """Tell the lead passenger over the first channel that reaches them. At most one send per (sub-case, trigger, channel, subject).
    Answer: LeadNotified or LeadNotReached.

    `trigger` is `subcase.offer-ready`, `wallet.card-issued`, …; `subject` is what it is about (a reservation, a card); `facts` carry no
    personal data: the job reads the contact from cases and makes the magic link.
    """

    sub_case: Urn
    trigger: str
    subject: Urn
    facts: dict[str, str]
