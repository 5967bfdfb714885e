"""What happened in notifications."""

from __future__ import annotations

from kernel.event import message
from kernel.urn import Urn


@message("notifications")
class LeadNotified:
    sub_case: Urn
    trigger: str
    channel: str
    message: Urn


@message("notifications")
class LeadNotReached:
    sub_case: Urn
    trigger: str
    why: str
    unknown: bool = False
    evidence: dict[str, str] | None = None


@message("notifications")
class MessageReviewed:
    """Nobody can tell whether it was sent (`finding` None), or somebody has found out: FOUND, ABSENT or CANCELLED."""

    sub_case: Urn
    operation: Urn
    finding: str | None
    why: str
    evidence: dict[str, str]
    opens: bool = True


@message("notifications")
class MessageDelivered:
    sub_case: Urn
    message: Urn
    status: str
