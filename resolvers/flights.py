"""What the airline changes afterwards: a flight that goes after all, a party that was seated on another one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from domains.cases import actions
from domains.cases.commands import ChangeNextFlight, ReinstateFlight
from domains.cases.model import Case, SubCase
from kernel.patience import at_once
from kernel.refusal import BadInput, NotFound
from kernel.urn import Urn
from resolvers import live, loaders
from resolvers.context import Info


@dataclass(frozen=True, slots=True)
class Reinstatement:
    """Rooms, rides and cards are given back, so it needs a reason."""

    case: Urn
    reason: str


@dataclass(frozen=True, slots=True)
class FlightReinstated:
    case: Case
    cancelled: tuple[Urn, ...]


@dataclass(frozen=True, slots=True)
class Reseating:
    """`flight` is the disrupted one; `departs` the next one's departure with its airport's offset."""

    flight: Urn
    pnr: Urn
    next_flight: Urn
    departs: datetime
    origin: str
    destination: str


@dataclass(frozen=True, slots=True)
class NextFlightChanged:
    sub_case: SubCase


async def reinstate_flight(info: Info, input: Reinstatement) -> FlightReinstated:
    """The flight goes after all: every party is cancelled, and what was got for it is given back. May be repeated."""
    context, command = info.context, ReinstateFlight(input.case, input.reason)

    async def attempt() -> tuple[Urn, ...]:
        async with context.work("cases") as work:
            return await actions.reinstate_flight(work, command, context.airports)

    cancelled = await at_once(attempt)
    rows = [row for row in await loaders.load_sub_cases(context, cancelled) if row is not None]
    live.sub_cases_changed(context, rows)
    case = await context.loader(loaders.load_cases).load(input.case)
    if case is None:
        raise NotFound("There is no such case.")
    live.case_changed(context, case)
    return FlightReinstated(case, cancelled)


async def change_next_flight(info: Info, input: Reseating) -> NextFlightChanged:
    """The airline has seated a party on another flight: its nights are counted anew. May be repeated."""
    context = info.context
    if input.departs.utcoffset() is None:
        raise BadInput("The departure needs an offset from UTC, such as 2026-02-09T07:05:00-05:00.")
    command = ChangeNextFlight(input.flight, input.pnr, input.next_flight, input.departs, input.origin, input.destination)

    async def attempt() -> SubCase:
        async with context.work("cases") as work:
            return await actions.change_next_flight(work, command)

    row = await at_once(attempt)
    live.sub_cases_changed(context, [row])
    return NextFlightChanged(row)
