"""Searching all sources of hotels around an airport, within two seconds."""

from __future__ import annotations

from datetime import timedelta

from domains.booking import actions
from domains.booking.airports import airports
from domains.booking.commands import RankHotels
from domains.booking.ports import Search
from domains.booking.rooming import CHILD_AGE, INFANT_AGE, occupancies
from domains.booking.search import TIME_BOX, WAIT, Found
from jobs.registry import Ports
from kernel.answer import Answer, Declined, Ok
from kernel.event import read
from kernel.operation import Class, Operation, OperationRow
from kernel.work import Work


async def _send(ports: Ports, row: OperationRow) -> Answer[Found]:
    wish = read(RankHotels, row.intent)
    if wish.airport not in airports():
        return Declined("UNKNOWN_AIRPORT", f"nobody told Nexa where the airport {wish.airport} is")
    try:
        search = search_for(wish)
    except ValueError as error:
        return Declined("PARTY_DOES_NOT_FIT", str(error))
    found = await ports.hotels.ask(row.tenant, search)
    return Ok(found) if found.refused is None else found.refused


async def _outcome(work: Work, row: OperationRow, answer: Answer[Found], ports: Ports) -> None:
    wish, reply_to = read(RankHotels, row.intent), row.reply_to or ""
    if isinstance(answer, Ok):
        await actions.rank_hotels(work, wish, answer.value, reply_to)
    elif isinstance(answer, Declined):
        await actions.nothing_found(work, wish, reply_to, answer.reason, {})
    else:
        await actions.nothing_found(work, wish, reply_to, answer.why, {}, {"away": " ".join(ports.hotels.vendors)})


SEARCH_HOTELS: Operation[Ports, Found] = Operation(
    name="search_hotels",
    domain="booking",
    kind=Class.READ,
    send=_send,
    outcome=_outcome,
    settle=timedelta(seconds=2),
    time_out=TIME_BOX + timedelta(seconds=3),  # the time-box is the search's own; this only catches what hangs
    patience=timedelta(minutes=30),  # in a storm a partner's throttle makes everybody wait, and waiting is better than a review
)


def search_for(wish: RankHotels) -> Search:
    """The search that a wish means. Ages are those told of children whose age nobody knows. Raises: ValueError."""
    ages = [CHILD_AGE] * wish.children + [INFANT_AGE] * wish.infants
    return Search(
        near=airports()[wish.airport].position, radius_km=float(wish.max_distance_km), check_in=wish.check_in,
        nights=(wish.check_out - wish.check_in).days, occupancies=occupancies(wish.rooms, wish.adults, ages), within=WAIT,
    )  # fmt: skip
