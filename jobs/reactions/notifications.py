"""What notifications does when a saga asks."""

from __future__ import annotations

from domains.cases.events import ReviewDecided
from domains.notifications import actions
from domains.notifications.commands import NotifyLead
from jobs.finding import end_operation
from jobs.operations.send_message import ASKS
from jobs.registry import Ports, on
from kernel.event import Envelope
from kernel.work import Work


@on(NotifyLead)
async def notify_lead(work: Work, command: NotifyLead, envelope: Envelope, ports: Ports) -> None:
    await actions.notify_lead(work, command, envelope.reply_to or "", ASKS)


@on(ReviewDecided)
async def resolve_message(work: Work, event: ReviewDecided, envelope: Envelope, ports: Ports) -> None:
    """A person has found out what became of a call of ours."""
    await end_operation(work, event, ports)
