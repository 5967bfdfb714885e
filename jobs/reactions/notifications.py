"""What notifications does when a saga asks, and when a channel has failed or reported late."""

from __future__ import annotations

from domains.cases.events import ReviewDecided
from domains.notifications import actions
from domains.notifications.commands import NotifyLead
from domains.notifications.events import MessageFound, MessageMissed, MessagesStopped
from jobs import operations
from jobs.finding import end_operation
from jobs.lines import show_line
from jobs.operations.send_message import asks_of
from jobs.party import airport_of
from jobs.registry import Ports, on
from kernel.event import Envelope
from kernel.operation import Finding, resolve
from kernel.work import Work


@on(NotifyLead)
async def notify_lead(work: Work, command: NotifyLead, envelope: Envelope, ports: Ports) -> None:
    airport = await airport_of(ports, work.tenant, command.sub_case)
    await actions.notify_lead(work, command, envelope.reply_to or "", asks_of(ports), airport)


@on(MessageMissed)
async def try_next_channel(work: Work, event: MessageMissed, envelope: Envelope, ports: Ports) -> None:
    """The partner had it, and it did not arrive."""
    await actions.try_next_channel(work, event.message, asks_of(ports))


@on(MessageFound)
async def settle_message(work: Work, event: MessageFound, envelope: Envelope, ports: Ports) -> None:
    """The partner has reported on a send of which nobody could tell: the call is resolved by that report."""
    known = operations.load().of(work.domain)
    await resolve(work, known, event.operation, Finding.FOUND, reason="the partner reported on it", ports=ports, scale=ports.settle_scale)


@on(ReviewDecided)
async def resolve_message(work: Work, event: ReviewDecided, envelope: Envelope, ports: Ports) -> None:
    """A person has found out what became of a call of ours."""
    await end_operation(work, event, ports)


@on(MessagesStopped)
async def show_stop(work: Work, event: MessagesStopped, envelope: Envelope, ports: Ports) -> None:
    """Every screen says that the line is stopped, and why."""
    show_line(work, ports, event.stop, event.row_version)
