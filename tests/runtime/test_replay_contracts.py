"""The contracts of the replay: signed once, and sold from where the storm strikes."""

from __future__ import annotations

from datetime import timedelta

from adapters.direct.client import Direct
from domains.booking.airports import airports
from domains.booking.ports import Occupancy, Search
from jobs.own_rooms import ContractedRooms
from kernel.answer import Ok
from kernel.clock import now
from kernel.database import Databases
from kernel.tenancy import Tenant
from runtime.replay import contracts


async def test_every_airport_of_the_storm_has_rooms_under_contract(databases: Databases, tenant: Tenant) -> None:
    for _ in range(2):
        await contracts.sign(databases["booking"], [tenant])
    for code in ("JFK", "LGA", "EWR"):
        search = Search(airports()[code].position, 15.0, now().date() + timedelta(days=1), 1, (Occupancy(2, 2),))
        said = await Direct(ContractedRooms(databases)).search(tenant, search)
        assert isinstance(said, Ok)
        assert {offer.room_type for offer in said.value} == {"DBL", "FAM"}
