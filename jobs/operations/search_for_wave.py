"""Searching for a wave: one question for all parties of one shape and stay.

Nobody looks at a clock while it is asked, and its questions queue behind each partner's own limit: they wait longer than a search for one
party does, so that a source which has to be asked slowly is still heard.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from domains.booking import actions
from domains.booking.airports import airports
from domains.booking.commands import RankHotels
from domains.booking.search import Found
from jobs.operations.search_hotels import search_for
from jobs.registry import Ports
from kernel.answer import Answer, Declined, Ok
from kernel.clock import now
from kernel.event import encode, read
from kernel.operation import Class, Intent, Operation, OperationRow
from kernel.turns import Share
from kernel.urn import Urn
from kernel.work import Work

WAIT: Final = timedelta(seconds=10)  # for the sources


@dataclass(frozen=True, slots=True)
class _Asked:
    wave: Urn
    place: int
    wish: RankHotels


async def _send(ports: Ports, row: OperationRow) -> Answer[Found]:
    wish = read(_Asked, row.intent).wish
    if wish.airport not in airports():
        return Declined("UNKNOWN_AIRPORT", f"nobody told Nexa where the airport {wish.airport} is")
    try:
        search = replace(search_for(wish), within=WAIT)
    except ValueError as error:
        return Declined("PARTY_DOES_NOT_FIT", str(error))
    found = await ports.hotels.ask(row.tenant, search)
    return Ok(found) if found.refused is None else found.refused  # where nobody answered it is asked again: a plan without is worth little


async def _outcome(work: Work, row: OperationRow, answer: Answer[Found], ports: Ports) -> None:
    asked = read(_Asked, row.intent)
    if isinstance(answer, Ok):
        found = answer.value
    else:
        why = answer.reason if isinstance(answer, Declined) else answer.why
        found = Found((), now(), (), dict.fromkeys(ports.hotels.vendors, why))
    await actions.wave_searched(work, asked.wave, asked.place, found, ports.hotels.vendors)


SEARCH_FOR_WAVE: Operation[Ports, Found] = Operation(
    name="search_for_wave",
    domain="booking",
    kind=Class.READ,
    send=_send,
    outcome=_outcome,
    settle=timedelta(seconds=2),
    time_out=WAIT + timedelta(seconds=5),
    patience=timedelta(minutes=10),  # then the wave is planned without it
)


def intent_for(wave: Urn, place: int, wish: RankHotels) -> Intent:
    """That this shall be asked for the wave, once."""
    facts: dict[str, Any] = encode(_Asked(wave, place, wish))
    return Intent(wave, f"wave|{wave}|{place}", facts, share=Share.FORWARD)
