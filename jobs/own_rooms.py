"""The airline's own contracts as a source of rooms asks them: each question is one transaction of booking."""

from __future__ import annotations

from collections.abc import Sequence

from domains.booking import actions, store
from domains.booking.ports import Search, UnitsHeld, Vacancy
from kernel.database import Databases
from kernel.tenancy import Tenant


class ContractedRooms:
    """`OwnRooms` over booking's database."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    async def vacancies(self, tenant: Tenant, search: Search) -> Sequence[Vacancy]:
        async with self._databases["booking"].work(tenant) as work:
            return await actions.vacancies(work, search)

    async def confirm(self, tenant: Tenant, client_reference: str) -> UnitsHeld | None:
        async with self._databases["booking"].work(tenant) as work:
            return await actions.confirm_units(work, client_reference)

    async def held(self, tenant: Tenant, client_reference: str) -> UnitsHeld | None:
        async with self._databases["booking"].work(tenant) as work:
            return await store.units_held(work, client_reference)

    async def free(self, tenant: Tenant, client_reference: str) -> None:
        async with self._databases["booking"].work(tenant) as work:
            await actions.free_units(work, client_reference)
