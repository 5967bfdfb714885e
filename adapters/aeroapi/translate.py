"""AeroAPI's records into the predictor's words; pure."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domains.predictor.model import AirportDelay, DelayCause, FlightState, FlightStatus
from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply, Unintelligible
from kernel.partner import declined, unauthorized
from kernel.urn import Urn
from kernel.wire import Object, an_object, inner, inner_or_empty, instant, integer, items, text, text_or_none

_FLIGHT: Final = re.compile(r"([A-Z0-9]{2,3}?)(\d{1,4})@(\d{4})(\d{2})(\d{2})")
_REFUSALS: Final = {"INVALID_ARGUMENT": "AeroAPI cannot make sense of what was asked"}


def asked(flight: Urn) -> tuple[str, date]:
    """Carrier and number, and the day at the origin. Raises: ValueError for a name that is not a flight's."""
    found = _FLIGHT.fullmatch(flight.id)
    if found is None:
        raise ValueError("the name is not of a carrier, a number and a day")
    return found[1] + found[2], date(*map(int, found.groups()[2:]))


def window(day: date) -> tuple[tuple[str, str], ...]:
    """The query for every clock on which it may be that day."""
    return ("start", (day - timedelta(days=1)).isoformat()), ("end", (day + timedelta(days=2)).isoformat())


def flight(answer: object, wanted: Urn) -> FlightStatus | Unknown | None:
    """The record of that day at its origin; of one that was diverted, both together. Raises: Unintelligible."""
    told = an_object(answer)
    if "flights" not in told:
        raise Unintelligible("flights is missing")
    _, day = asked(wanted)
    ours = [record for record in items(told, "flights") if record.get("position_only") is not True and _day(record) == day]
    if not ours:
        more = text_or_none(inner_or_empty(told, "links"), "next")
        return Unknown("the flight may be on a further page") if more else None
    record = min(ours, key=lambda each: _at(each, "scheduled_out") or datetime.max.replace(tzinfo=ZoneInfo("UTC")))
    return FlightStatus(
        flight=wanted,
        state=FlightState.DIVERTED if any(each.get("diverted") is True for each in ours) else _state(record),
        origin=text(inner(record, "origin"), "code_iata"),
        destination=text_or_none(inner_or_empty(record, "destination"), "code_iata"),
        scheduled=_at(record, "scheduled_out"),
        expected=_at(record, "actual_out") or _at(record, "estimated_out"),
        departure_delay=_seconds(record, "departure_delay"),
        arrival_delay=_seconds(record, "arrival_delay"),
    )


def _day(record: Object) -> date | None:
    """On the clock at the origin; None for what was never scheduled, or has no known clock."""
    at = _at(record, "scheduled_out") or _at(record, "scheduled_off")
    zone = text_or_none(inner_or_empty(record, "origin"), "timezone")
    if at is None or zone is None:
        return None
    try:
        return at.astimezone(ZoneInfo(zone)).date()
    except (ValueError, OSError, LookupError):
        raise Unintelligible("timezone is not a time zone") from None


def _state(record: Object) -> FlightState:
    words = text(record, "status").lower()
    if not isinstance(record.get("cancelled"), bool):  # a cancelled flight must not pass for one that goes
        raise Unintelligible("cancelled is neither true nor false")
    if record.get("cancelled") is True:
        return FlightState.CANCELLED if "cancel" in words else FlightState.UNCLEAR
    if _at(record, "actual_on") or _at(record, "actual_in"):
        return FlightState.LANDED
    if _at(record, "actual_off") or _at(record, "actual_out"):
        return FlightState.ACTIVE
    return FlightState.SCHEDULED


def _at(record: Object, name: str) -> datetime | None:
    return instant(record, name) if text_or_none(record, name) else None


def _seconds(record: Object, name: str) -> timedelta | None:
    return timedelta(seconds=integer(record, name)) if text_or_none(record, name) else None


def delays(answer: object, airport: str) -> AirportDelay:
    """Raises: Unintelligible."""
    told = an_object(answer)
    causes = [DelayCause(text(each, "category"), timedelta(seconds=integer(each, "delay_secs"))) for each in items(told, "reasons")]
    largest = tuple(sorted(causes, key=lambda cause: (-cause.delay, cause.category)))
    return AirportDelay(airport, timedelta(seconds=integer(told, "delay_secs")), largest)


def refusal(reply: Reply) -> Declined | NotSent | Unknown:
    """Their envelope makes a 400 definite; its text is not kept."""
    if reply.status == 403:
        return unauthorized()
    try:
        reason = text_or_none(an_object(reply.json()), "reason")
    except Unintelligible:
        reason = None
    if reply.status in (400, 404) and reason:
        return declined("AeroAPI", reason, _REFUSALS)
    return Unknown(f"status {reply.status}")
