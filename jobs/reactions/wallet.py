"""What wallet does when a saga asks."""

from __future__ import annotations

from domains.cases.events import ReviewDecided
from domains.wallet import actions
from domains.wallet.commands import IssueCard, VoidCard
from domains.wallet.events import CardLoadsStopped
from jobs.finding import end_operation
from jobs.lines import show_line
from jobs.operations.issue_card import asks_of
from jobs.party import airport_of
from jobs.registry import Ports, on
from kernel.event import Envelope
from kernel.saga import ReplyTo
from kernel.work import Work


@on(IssueCard)
async def issue_card(work: Work, command: IssueCard, envelope: Envelope, ports: Ports) -> None:
    reply_to = envelope.reply_to or ""
    airport = await airport_of(ports, work.tenant, command.sub_case)
    await actions.issue_card(work, command, ReplyTo.parse(reply_to).workflow, reply_to, asks_of(ports), airport)


@on(VoidCard)
async def void_card(work: Work, command: VoidCard, envelope: Envelope, ports: Ports) -> None:
    await actions.void_card(work, command, envelope.reply_to or "", asks_of(ports))


@on(ReviewDecided)
async def resolve_card(work: Work, event: ReviewDecided, envelope: Envelope, ports: Ports) -> None:
    """A person has found out what became of a call of ours."""
    await end_operation(work, event, ports)


@on(CardLoadsStopped)
async def show_stop(work: Work, event: CardLoadsStopped, envelope: Envelope, ports: Ports) -> None:
    """Every screen says that the line is stopped, and why."""
    show_line(work, ports, event.stop, event.row_version)
