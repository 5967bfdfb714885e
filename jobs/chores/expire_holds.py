"""Holds that were abandoned end; those of a booking that is still under way get more time."""

from __future__ import annotations

from datetime import timedelta

from domains.booking import actions
from domains.booking.actions.hold import ENDING_AT_ONCE
from jobs.registry import Ports, chore
from kernel.tenancy import Tenant


@chore(every=timedelta(seconds=20), each="tenant")  # a hold is lengthened when less than 60 s are left: three chances
async def expire_holds(ports: Ports, tenant: Tenant) -> None:
    """Looks at every hold that ends soon; may run twice."""
    looked_at = ENDING_AT_ONCE
    while looked_at == ENDING_AT_ONCE:
        async with ports.databases["booking"].work(tenant) as work:
            looked_at = await actions.expire_holds(work, ports.holds)
