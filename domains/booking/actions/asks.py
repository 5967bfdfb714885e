"""What booking wants of the sources, as it says so to whoever turns it into operations."""

from __future__ import annotations

from typing import Protocol

from domains.booking.model import Placement, Reservation
from kernel.urn import Urn
from kernel.work import Work


class Asks(Protocol):
    """How booking writes its intents to partners; each commits with the caller's transaction."""

    async def book(self, work: Work, reservation: Reservation, placement: Placement) -> None:
        """Shall be booked under `reservation.client_reference`."""
        ...

    async def cancel(self, work: Work, reservation: Reservation, reply_to: str | None) -> None:
        """Shall be cancelled."""
        ...

    async def withdraw(self, work: Work, sub_case: Urn, workflow: Urn, reply_to: str) -> int:
        """Takes back bookings that were not sent; how many are under way and have to settle first."""
        ...
