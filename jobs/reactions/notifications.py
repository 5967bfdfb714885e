"""What notifications does when a saga asks, and when a channel has failed or reported late."""

from __future__ import annotations

from domains.cases.events import ReviewDecided
from domains.notifications import actions
from domains.notifications.commands import NotifyLead
from domains.notifications.events import MessageFound, MessageMissed
from jobs import operations
from jobs.finding import end_operation
from jobs.operations.send_message import ASKS
from jobs.registry import Ports, on
from kernel.event import Envelope
from kernel.operation import Finding, resolve
from kernel.work import Work


@on(NotifyLead)
async def notify_lead(work: Work, command: NotifyLead, envelope: Envelope, ports: Ports) -> None:
    await actions.notify_lead(work, command, envelope.reply_to or "", ASKS)


@on(MessageMissed)
async def try_next_channel(work: Work, event: MessageMissed, envelope: Envelope, ports: Ports) -> None:
    """The partner had it, and it did not arrive."""
    await actions.try_next_channel(work, event.message, ASKS)


@on(MessageFound)
async def settle_message(work: Work, event: MessageFound, envelope: Envelope, ports: Ports) -> None:
    """The partner has reported on a send of which nobody could tell: the call is resolved by that report."""
    known = operations.load().of(work.domain)
    await resolve(work, known, event.operation, Finding.FOUND, reason="the partner reported on it", ports=ports, scale=ports.settle_scale)


@on(ReviewDecided)
async def resolve_message(work: Work, event: ReviewDecided, envelope: Envelope, ports: Ports) -> None:
    """A person has found out what became of a call of ours."""
    await end_operation(work, event, ports)
