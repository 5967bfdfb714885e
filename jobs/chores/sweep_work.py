"""Sees to it that durable work moves: claims have living owners, answers reach their workflows. State decides; it may run beside itself."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from jobs import operations
from jobs.registry import Ports, chore
from kernel import sweep
from kernel.tenancy import Tenant

log = logging.getLogger(__name__)

HOME: Final = "cases"  # where workflows and heartbeats are
UNHEARD: Final = timedelta(seconds=5)  # an answer is taken within a second, or something is wrong
TOO_LATE: Final = timedelta(minutes=1)  # duplicates come soon; later ones are deleted by the next sweep


@chore(every=timedelta(seconds=30))
async def adopt_claims(ports: Ports) -> None:
    """Makes owners that no heartbeat knows known as dead, so that their work is taken over."""
    adopted = await sweep.adopt_claims(ports.databases, HOME, operations.load().domains)
    if adopted:
        log.error("claims of unknown workers found: %s", ", ".join(adopted))


@chore(every=timedelta(seconds=10), each="tenant")
async def sweep_work(ports: Ports, tenant: Tenant) -> None:
    """Wakes workflows whose answers wait, and forgets answers that came after the end."""
    async with ports.databases[HOME].work(tenant) as work:
        woken = await sweep.wake_sleepers(work, UNHEARD)
        await sweep.forget_late_answers(work, TOO_LATE)
    if woken:
        log.error("%d workflows slept over an answer", woken, extra={"tenant": tenant})
