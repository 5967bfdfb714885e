"""Stopping the line of bookings by a person's word. What is given back is never stopped."""

from __future__ import annotations

from domains.booking.events import BookingsStopped
from kernel.operation import Line, Stop
from kernel.operation.stop import resume, stop
from kernel.urn import Urn
from kernel.work import Work


async def stop_bookings(work: Work, partner: str | None, airport: str | None, reason: str) -> Stop:
    """Nothing of them leaves from the commit on. Refuses: BadInput. May be repeated."""
    made = await stop(work, Line.BOOKINGS, partner=partner, airport=airport, reason=reason)
    await work.record(BookingsStopped(made.urn, made.version), aggregate=made.urn)
    return made


async def resume_bookings(work: Work, urn: Urn, reason: str) -> Stop:
    """What waited goes on. Refuses: BadInput, NotFound. May be repeated."""
    over = await resume(work, urn, reason=reason)
    await work.record(BookingsStopped(over.urn, over.version), aggregate=over.urn)
    return over
