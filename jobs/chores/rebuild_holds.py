"""A store of holds that was wiped is told again what Postgres remembers."""

from __future__ import annotations

import logging
from datetime import timedelta

from domains.booking import actions
from jobs.registry import Ports, chore
from kernel.hold import HoldsUnreachable
from kernel.tenancy import Tenant

log = logging.getLogger(__name__)


@chore(every=timedelta(seconds=5), each="tenant")  # taking a hold restores its hotel by itself; this is for those nobody asks for
async def rebuild_holds(ports: Ports, tenant: Tenant) -> None:
    """Restores every hotel whose mark is gone; may run twice, and beside holds being taken."""
    try:
        async with ports.databases["booking"].work(tenant) as work:
            await actions.restore_wiped(work, ports.holds)
    except HoldsUnreachable as error:
        log.warning("the store of holds is away: %s", error, extra={"tenant": tenant})
