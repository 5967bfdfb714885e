"""The operators of a development site: the same five at every airline, one for each role and one for other airports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kernel.identity import Role
from kernel.tenancy import Tenant
from kernel.urn import Urn


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    role: Role
    airports: tuple[str, ...] = ()

    def urn(self, tenant: Tenant) -> Urn:
        return Urn.of("operator", f"{tenant}-{self.id}")


PEOPLE: Final = (
    Person("ana-rossi", "Ana Rossi", Role.ADMIN),
    Person("ben-okafor", "Ben Okafor", Role.OPS_SUPERVISOR),
    Person("chen-li", "Chen Li", Role.AIRPORT_OPERATOR, ("JFK",)),
    Person("eva-lind", "Eva Lind", Role.AIRPORT_OPERATOR, ("EWR", "LGA")),
    Person("dora-weiss", "Dora Weiss", Role.FINANCE_AUDIT),
)
BY_ROLE: Final[Mapping[Role, Person]] = {person.role: person for person in reversed(PEOPLE)}


def person_of(tenant: Tenant, urn: Urn) -> Person | None:
    return next((person for person in PEOPLE if person.urn(tenant) == urn), None)
