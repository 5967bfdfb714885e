"""What access says: who is asking."""

from __future__ import annotations

from kernel import identity
from kernel.identity import Role
from kernel.urn import Urn
from resolvers import access
from schema.audience import OPERATOR
from schema.binding import bind, extend, view, words

ROLE = words(identity.Role, seen_by=OPERATOR)


@view(of=access.Viewer, seen_by=OPERATOR)
class Viewer:
    """The operator who asks. `airports` is empty when nothing bounds them; `session` says which locks are theirs."""

    urn: Urn
    name: str
    role: identity.Role
    airports: list[str]
    tenant: str
    session: str


@extend
class Query:
    me: Viewer = bind(access.me, seen_by=OPERATOR, allow=(Role.AIRPORT_OPERATOR, Role.FINANCE_AUDIT))
