"""What every domain tells audit is entered."""

from __future__ import annotations

from collections.abc import Sequence

from domains.audit import actions
from domains.audit.events import AuditRecorded
from domains.audit.model import entry_of
from jobs.registry import Ports, on_many
from kernel.event import Envelope
from kernel.work import Work


@on_many(AuditRecorded)
async def enter(work: Work, taken: Sequence[tuple[AuditRecorded, Envelope]], ports: Ports) -> None:
    """A batch at a time, because a storm tells of much."""
    await actions.enter(work, [entry_of(envelope.body, envelope) for _, envelope in taken])
