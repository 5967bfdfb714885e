"""AviationStack's records into the predictor's words; pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from domains.predictor.model import FlightState, FlightStatus
from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply, Unintelligible
from kernel.partner import declined, throttled, unauthorized
from kernel.urn import Urn
from kernel.wire import Object, an_object, inner, inner_or_empty, integer, items, text, text_or_none

_FLIGHT: Final = re.compile(r"([A-Z0-9]{2,3}?\d{1,4})@(\d{4})(\d{2})(\d{2})")
_STATES: Final = {
    "scheduled": FlightState.SCHEDULED,
    "active": FlightState.ACTIVE,
    "landed": FlightState.LANDED,
    "cancelled": FlightState.CANCELLED,
    "diverted": FlightState.DIVERTED,
    "incident": FlightState.UNCLEAR,
}
_THE_CREDENTIAL: Final = frozenset({"invalid_access_key", "missing_access_key", "inactive_user"})
_THROTTLES: Final = frozenset({"usage_limit_reached", "rate_limit_reached"})
_REFUSALS: Final = {
    "FUNCTION_ACCESS_RESTRICTED": "the plan does not include this",
    "HTTPS_ACCESS_RESTRICTED": "the plan does not include this",
    "VALIDATION_ERROR": "AviationStack cannot make sense of what was asked",
}


def asked(flight: Urn) -> tuple[str, str]:
    """Carrier and number, and the day as they write it. Raises: ValueError for a name that is not a flight's."""
    found = _FLIGHT.fullmatch(flight.id)
    if found is None:
        raise ValueError("the name is not of a carrier, a number and a day")
    return found[1], "-".join(found.groups()[1:])


def flight(answer: object, wanted: Urn) -> FlightStatus | Unknown | None:
    """The flight that was sold under this number on this day; a codeshare is told under its own. Raises: Unintelligible."""
    told = an_object(answer)
    if "data" not in told:
        raise Unintelligible("data is missing")
    designator, day = asked(wanted)
    records = items(told, "data")
    ours = [each for each in records if text_or_none(each, "flight_date") == day and _is(each, designator)]
    if not ours:
        page = inner_or_empty(told, "pagination")
        all_seen = integer(page, "offset", 0) + len(records) >= integer(page, "total", 0)
        return None if all_seen else Unknown("the flight may be on a further page")
    record = ours[0]
    departure, arrival = inner(record, "departure"), inner_or_empty(record, "arrival")
    return FlightStatus(
        flight=wanted,
        state=_state(text(record, "flight_status")),
        origin=text(departure, "iata"),
        destination=text_or_none(arrival, "iata"),
        departure_delay=_minutes(departure),
        arrival_delay=_minutes(arrival),
    )


def _is(record: Object, designator: str) -> bool:
    return text_or_none(inner_or_empty(record, "flight"), "iata") == designator


def _state(word: str) -> FlightState:
    if word not in _STATES:
        raise Unintelligible("flight_status is not a status of theirs")
    return _STATES[word]


def _minutes(end: Object) -> timedelta | None:
    return timedelta(minutes=integer(end, "delay")) if text_or_none(end, "delay") else None


def refusal(reply: Reply) -> Declined | NotSent | Unknown | None:
    """What an error says, whatever status it comes with; None where there is none."""
    try:
        error = inner_or_empty(an_object(reply.json()), "error")
    except Unintelligible:
        if reply.ok:
            raise
        error = {}
    code = text_or_none(error, "code")
    if code is None:
        return None if reply.ok else Unknown(f"status {reply.status}")
    if code in _THE_CREDENTIAL:
        return unauthorized()
    if code in _THROTTLES:
        return throttled(reply)
    if code.upper() in _REFUSALS:
        return declined("AviationStack", code.upper(), _REFUSALS)
    return Unknown(f"status {reply.status}")
