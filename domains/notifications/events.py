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


@message("notifications")
class MessageMissed:
    """It did not arrive; the next channel is to be tried."""

    sub_case: Urn
    message: Urn


@message("notifications")
class MessageFound:
    """The partner reported on a message of which nobody could tell whether it was sent; `operation` is the call in question."""

    sub_case: Urn
    message: Urn
    operation: Urn


@message("notifications")
class MessagesStopped:
    """Messages were stopped, or go on again; screens follow."""

    stop: Urn
    row_version: int
