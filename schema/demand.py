"""What cases says of many sub-cases at once: groups, and rooms asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from domains.cases import demand, refusals
from kernel.identity import Role
from kernel.urn import Urn
from resolvers import demand as resolve
from resolvers import loaders
from schema.audience import OPERATOR
from schema.binding import bind, extend, field, outcome, takes, view, words
from schema.common import Node, NotFound, VersionConflict

DOMAIN: Final = "cases"
STATE = words(demand.DemandState, seen_by=OPERATOR)
OPERATORS = Role.AIRPORT_OPERATOR
READERS = (Role.AIRPORT_OPERATOR, Role.FINANCE_AUDIT)


@view(of=demand.Demand, key="urn", kind="demand", seen_by=OPERATOR, load=loaders.load_demands, allow=READERS)
class Demand(Node):
    """Rooms asked for, before anything is searched for in bulk."""

    urn: Urn
    version: int
    state: demand.DemandState
    rooms: int
    airports: list[str]
    sub_cases: list[Urn]
    automatic: bool = field(description="The policy's gate opened by itself.")
    asked_by: Urn | None
    asked_at: datetime
    decided_by: Urn | None
    decided_at: datetime | None
    reason: str | None


@view(of=demand.Group, seen_by=OPERATOR)
class Group:
    """Sub-cases that are placed together, in one house or not at all."""

    urn: Urn
    sub_cases: list[Urn]


@view(of=resolve.DemandBatch, seen_by=OPERATOR)
class DemandBatch:
    """With `snapshot`, the items replace everything the screen has."""

    seq: str
    snapshot: bool
    items: list[Demand]


@view(of=resolve.Grouped, seen_by=OPERATOR)
class Grouped:
    group: Group


@view(of=resolve.Ungrouped, seen_by=OPERATOR)
class Ungrouped:
    sub_cases: list[Urn]


@view(of=resolve.Demanded, seen_by=OPERATOR)
class Demanded:
    """`replayed`: the key was used before for the same request."""

    demand: Demand
    replayed: bool


@view(of=refusals.NotTogether, seen_by=OPERATOR)
class NotTogether:
    """They are stranded at different airports or for different nights."""

    message: str


@view(of=refusals.NothingDemanded, seen_by=OPERATOR)
class NothingDemanded:
    """No party of these needs a room, or may have one."""

    message: str


@view(of=refusals.DemandDecided, seen_by=OPERATOR)
class DemandDecided:
    """The demand has been decided already."""

    message: str


@takes(of=resolve.Wanted, seen_by=OPERATOR)
class RequestDemandInput:
    """A case stands for every party of it that may have a room; a sub-case brings its group."""

    cases: list[Urn]
    sub_cases: list[Urn]
    idempotency_key: str


@takes(of=resolve.Decision, seen_by=OPERATOR)
class DecideDemandInput:
    """`version` is the demand's as the supervisor saw it."""

    demand: Urn
    version: int
    approve: bool
    reason: str


@extend
class SubCaseLocked:
    """Another operator is working on one of them."""


GroupSubCasesResult = Annotated[Grouped | SubCaseLocked | NotTogether | NotFound, outcome("GroupSubCasesResult", seen_by=OPERATOR)]
UngroupSubCasesResult = Annotated[Ungrouped | SubCaseLocked | NotFound, outcome("UngroupSubCasesResult", seen_by=OPERATOR)]
RequestDemandResult = Annotated[Demanded | NothingDemanded, outcome("RequestDemandResult", seen_by=OPERATOR)]
DecideDemandResult = Annotated[Demanded | DemandDecided | VersionConflict | NotFound, outcome("DecideDemandResult", seen_by=OPERATOR)]


@extend
class SubCase:
    """Who it is placed with."""

    group: Urn | None = bind(resolve.group_of, seen_by=OPERATOR)


@extend
class Query:
    demands: list[Demand] = bind(resolve.demands, seen_by=OPERATOR, allow=READERS)
    demand: Demand | None = bind(resolve.demand, seen_by=OPERATOR, args={"urn": OPERATOR}, allow=READERS)


@extend
class Mutation:
    group_sub_cases: GroupSubCasesResult = bind(resolve.group_sub_cases, seen_by=OPERATOR, args={"sub_cases": OPERATOR}, allow=OPERATORS)
    ungroup_sub_cases: UngroupSubCasesResult = bind(
        resolve.ungroup_sub_cases, seen_by=OPERATOR, args={"sub_cases": OPERATOR}, allow=OPERATORS
    )
    request_demand: RequestDemandResult = bind(resolve.request_demand, seen_by=OPERATOR, args={"input": OPERATOR}, allow=OPERATORS)
    decide_demand: DecideDemandResult = bind(resolve.decide_demand, seen_by=OPERATOR, args={"input": OPERATOR}, allow=Role.OPS_SUPERVISOR)


@extend
class Subscription:
    demands: DemandBatch = bind(resolve.demand_changes, seen_by=OPERATOR, args={"after": OPERATOR}, allow=READERS)
