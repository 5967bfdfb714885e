"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.identity import Role
from kernel.urn import Urn
from resolvers.context import Info


@dataclass(frozen=True, slots=True)
class Viewer:
    """The operator who asks. `airports` is empty when nothing bounds them; `session` says which locks are theirs."""

    urn: Urn
    name: str
    role: Role
    airports: tuple[str, ...]
    tenant: str
    session: str


async def me(info: Info) -> Viewer:
    """You."""
    operator = info.context.operator
    airports = tuple(sorted(info.context.airports))
    return Viewer(operator.urn, operator.name, operator.role, airports, operator.tenant, operator.session)
