"""What cases is told afterwards: a flight that goes after all, a party on another next flight."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from kernel.identity import Role
from kernel.urn import Urn
from resolvers import flights
from schema.audience import OPERATOR
from schema.binding import bind, extend, outcome, takes, view
from schema.common import NotFound

DOMAIN: Final = "cases"


@extend
class Case:
    """The disrupted flight."""


@extend
class SubCase:
    """A party of it."""


@view(of=flights.FlightReinstated, seen_by=OPERATOR)
class FlightReinstated:
    """Who was cancelled by this; what was got for them is being given back."""

    case: Case
    cancelled: list[Urn]


@view(of=flights.NextFlightChanged, seen_by=OPERATOR)
class NextFlightChanged:
    """The party as it is now."""

    sub_case: SubCase


@takes(of=flights.Reinstatement, seen_by=OPERATOR)
class ReinstateFlightInput:
    """Rooms, rides and cards are given back, so it needs a reason."""

    case: Urn
    reason: str


@takes(of=flights.Reseating, seen_by=OPERATOR)
class ChangeNextFlightInput:
    """`flight` is the disrupted one; `departs` the next one's departure with its airport's offset."""

    flight: Urn
    pnr: Urn
    next_flight: Urn
    departs: datetime
    origin: str
    destination: str


ReinstateFlightResult = Annotated[FlightReinstated | NotFound, outcome("ReinstateFlightResult", seen_by=OPERATOR)]
ChangeNextFlightResult = Annotated[NextFlightChanged | NotFound, outcome("ChangeNextFlightResult", seen_by=OPERATOR)]


@extend
class Mutation:
    reinstate_flight: ReinstateFlightResult = bind(
        flights.reinstate_flight, seen_by=OPERATOR, args={"input": OPERATOR}, allow=Role.OPS_SUPERVISOR
    )
    change_next_flight: ChangeNextFlightResult = bind(
        flights.change_next_flight, seen_by=OPERATOR, args={"input": OPERATOR}, allow=Role.OPS_SUPERVISOR
    )
