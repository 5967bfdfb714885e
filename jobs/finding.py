"""What a person found out about a call to a partner, on its way to the domain whose call it is."""

from __future__ import annotations

from domains.cases.events import ReviewDecided
from jobs import operations
from jobs.registry import Ports
from kernel.operation import Finding, resolve
from kernel.work import Work


async def end_operation(work: Work, event: ReviewDecided, ports: Ports) -> None:
    """Ends the call, or looks for it once more, when it lies in this work's database; every domain is told and one of them owns it."""
    await resolve(
        work, operations.load().of(work.domain), event.operation, Finding(event.finding.value), reason=event.reason,
        reference=event.reference, ports=ports, scale=ports.settle_scale,
    )  # fmt: skip
