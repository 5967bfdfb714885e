"""A store of holds that was wiped is told again what Postgres remembers."""

from __future__ import annotations

import logging
from datetime import timedelta

from domains.booking import actions
from domains.booking.store import hotels_held
from jobs.registry import Ports, chore
from kernel.hold import HoldsUnreachable
from kernel.tenancy import Tenant

log = logging.getLogger(__name__)


@chore(every=timedelta(seconds=5), each="tenant")  # taking a hold restores its hotel by itself; this is for those nobody asks for
async def rebuild_holds(ports: Ports, tenant: Tenant) -> None:
    """Restores every hotel whose mark is gone; may run twice, and beside holds being taken."""
    booking = ports.databases["booking"]
    try:
        async with booking.work(tenant) as work:
            hotels = await hotels_held(work)
            known = await ports.holds.known(tenant, hotels) if hotels else set()
            for hotel in hotels:
                if hotel not in known:
                    await actions.restore_hotel(work, ports.holds, hotel)
    except HoldsUnreachable as error:
        log.warning("the store of holds is away: %s", error, extra={"tenant": tenant})
