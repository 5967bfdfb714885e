"""What cases says."""

from __future__ import annotations

from typing import Annotated

from kernel.identity import Role
from kernel.urn import Urn
from schema.audience import EVERYONE, OPERATOR, PARTNER, PASSENGER
from schema.binding import bind, extend, field, link, outcome, takes, view, words
from schema.common import Node
from tests.schema.toy import model

STATUS = words(model.Status, seen_by=EVERYONE, LEGAL_HOLD=OPERATOR, instead={model.Status.LEGAL_HOLD: model.Status.OPEN})


@view(of=model.Case, key="urn", seen_by=OPERATOR, load=model.load_cases)
class Case(Node):
    urn: Urn
    name: str


@view(of=model.SubCase, key="urn", seen_by=EVERYONE, load=model.load_sub_cases)
class SubCase(Node):
    """One PNR of a disrupted flight,
    and everything done for it.

    Not told: this.
    """

    urn: Urn
    status: model.Status
    note: str = field(seen_by=OPERATOR)
    case: Case | None = link("case", seen_by=OPERATOR | PASSENGER)
    history: list[str] = bind(model.history_of, seen_by=OPERATOR | PASSENGER, allow=Role.OPS_SUPERVISOR, args={"first": OPERATOR})


@view(of=model.Locked, seen_by=OPERATOR)
class Locked:
    message: str
    code: str
    holder: str | None


@view(of=model.Suspected, seen_by=OPERATOR)
class Suspected:
    message: str


@takes(of=model.Ask, seen_by=OPERATOR | PASSENGER)
class AskInput:
    sub_case: Urn
    rooms: int
    override: bool = field(seen_by=OPERATOR)
    tags: list[str]


AskResult = Annotated[SubCase | Locked | Suspected, outcome("AskResult", seen_by=OPERATOR | PASSENGER)]


@extend
class Query:
    sub_cases: list[SubCase] = bind(
        model.sub_cases, seen_by=EVERYONE, args={"first": EVERYONE}, allow=(Role.AIRPORT_OPERATOR, "cases.read")
    )
    sub_case: SubCase | None = bind(
        model.sub_case, seen_by=OPERATOR | PARTNER, args={"urn": OPERATOR | PARTNER}, allow=(Role.AIRPORT_OPERATOR, "cases.read")
    )


@extend
class Mutation:
    ask: AskResult = bind(model.ask, seen_by=OPERATOR | PASSENGER, args={"input": OPERATOR | PASSENGER}, allow=Role.AIRPORT_OPERATOR)


@extend
class Subscription:
    watch: SubCase = bind(model.watch, seen_by=OPERATOR, args={"urn": OPERATOR}, allow=Role.AIRPORT_OPERATOR)
