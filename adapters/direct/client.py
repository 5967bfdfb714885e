"""The port `Hotels` over own contracts. No call leaves the house."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import date
from typing import TypeVar

from adapters.direct import VENDOR
from adapters.direct.translate import confirmation, offers
from domains.booking.ports import Booking, Cancellation, Confirmation, Offer, OwnRooms, Search
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.patience import collided, passing
from kernel.tenancy import Tenant

T = TypeVar("T")


class Direct:
    """Own contracts, asked as a partner is."""

    vendor = VENDOR
    traceable = True

    def __init__(self, rooms: OwnRooms) -> None:
        self._rooms = rooms

    async def search(self, tenant: Tenant, search: Search) -> Answer[tuple[Offer, ...]]:
        try:
            async with asyncio.timeout(search.within.total_seconds()):
                found = await _asked(self._rooms.vacancies(tenant, search))
        except TimeoutError:
            return Unknown("too late")
        return Ok(offers(found.value, search)) if isinstance(found, Ok) else found

    async def check(self, tenant: Tenant, offer: Offer) -> Answer[Offer]:
        """The price is agreed and the units are taken: what was offered stands."""
        return Ok(offer)

    async def book(self, tenant: Tenant, booking: Booking) -> Answer[Confirmation]:
        made = await _asked(self._rooms.confirm(tenant, booking.client_reference))
        if not isinstance(made, Ok):
            return made
        if made.value is None:
            return Declined("NOT_HELD", "the rooms were given back before they were confirmed")
        return Ok(confirmation(made.value))

    async def find(self, tenant: Tenant, client_reference: str, created: tuple[date, date]) -> Answer[Confirmation | None]:
        """Only what is confirmed was booked; pending units are our own intent."""
        held = await _asked(self._rooms.held(tenant, client_reference))
        if not isinstance(held, Ok):
            return held
        return Ok(confirmation(held.value) if held.value is not None and held.value.confirmed else None)

    async def read(self, tenant: Tenant, reference: str) -> Answer[Confirmation]:
        found = await _asked(self._rooms.held(tenant, reference))
        if not isinstance(found, Ok):
            return found
        if found.value is None or not found.value.confirmed:
            return Declined("NOT_KNOWN", "no rooms of a contract are booked under this reference")
        return Ok(confirmation(found.value))

    async def cancel(self, tenant: Tenant, reference: str) -> Answer[Cancellation]:
        """What is not held any more was cancelled before."""
        freed = await _asked(self._rooms.free(tenant, reference))
        return Ok(Cancellation(reference, reference, None)) if isinstance(freed, Ok) else freed


async def _asked(question: Awaitable[T]) -> Ok[T] | NotSent:
    try:
        return Ok(await question)
    except Exception as error:
        if passing(error) or collided(error):
            return NotSent(f"our own database did not answer: {type(error).__name__}")
        raise
