"""What booking says; it knows sub-cases by a stub."""

from __future__ import annotations

from typing import Annotated

from kernel.urn import Urn
from schema.audience import OPERATOR, PASSENGER
from schema.binding import bind, extend, link, outcome, view
from schema.common import Node
from tests.schema.toy import model


@view(of=model.Reservation, key="urn", seen_by=OPERATOR | PASSENGER, load=model.load_reservations)
class Reservation(Node):
    urn: Urn
    hotel: str
    sub_case: SubCase | None = link("sub_case")


@view(of=model.Penalty, seen_by=OPERATOR)
class Penalty:
    amount: int


SubCaseEvent = Annotated[Reservation | Penalty, outcome("SubCaseEvent", seen_by=OPERATOR | PASSENGER)]


@extend
class SubCase:
    """What the hotels know of a sub-case."""

    reservations: list[Reservation] = bind(model.reservations_of, seen_by=OPERATOR | PASSENGER)
    events: list[SubCaseEvent] = bind(model.events_of, seen_by=OPERATOR | PASSENGER)
