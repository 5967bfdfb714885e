"""Who is asking: one frozen value, made at a front door and passed on, never looked up from a global."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kernel.tenancy import Tenant
from kernel.urn import Urn


class Role(StrEnum):
    """`ADMIN` > `OPS_SUPERVISOR` > `AIRPORT_OPERATOR`; `FINANCE_AUDIT` is a read-only branch that `ADMIN` inherits too."""

    ADMIN = "ADMIN"
    OPS_SUPERVISOR = "OPS_SUPERVISOR"
    AIRPORT_OPERATOR = "AIRPORT_OPERATOR"
    FINANCE_AUDIT = "FINANCE_AUDIT"

    def includes(self, other: Role) -> bool:
        return other in _INCLUDES[self]


_INCLUDES: dict[Role, frozenset[Role]] = {
    Role.ADMIN: frozenset(Role),
    Role.OPS_SUPERVISOR: frozenset({Role.OPS_SUPERVISOR, Role.AIRPORT_OPERATOR}),
    Role.AIRPORT_OPERATOR: frozenset({Role.AIRPORT_OPERATOR}),
    Role.FINANCE_AUDIT: frozenset({Role.FINANCE_AUDIT}),
}


@dataclass(frozen=True, slots=True)
class Operator:
    """A person of the airline. `airports` bounds an AIRPORT_OPERATOR; empty means all. `session` is the live session's id."""

    tenant: Tenant
    urn: Urn
    name: str
    role: Role
    airports: frozenset[str] = frozenset()
    session: str = ""


@dataclass(frozen=True, slots=True)
class Passenger:
    """A passenger's session, bound to exactly one sub-case of one case."""

    tenant: Tenant
    sub_case: Urn
    case: Urn

    @property
    def urn(self) -> Urn:
        return self.sub_case


@dataclass(frozen=True, slots=True)
class Partner:
    """A system registered by the airline, with the scopes it was given."""

    tenant: Tenant
    urn: Urn
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class System:
    """Nexa itself: a reaction, a chore or a saga acting for a tenant."""

    tenant: Tenant
    urn: Urn = Urn("urn:operator:nexa")


Identity = Operator | Passenger | Partner | System
