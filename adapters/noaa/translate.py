"""Stations' reports into the predictor's words and units; pure."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from domains.predictor.model import WeatherObservation
from kernel.answer import Declined, Unknown
from kernel.http import Reply, Unintelligible
from kernel.wire import Object, an_object, integer, items, number, text, text_or_none

log = logging.getLogger("nexa.partner")

_METRES_A_MILE: Final = 1609.344
_MILLIMETRES_AN_INCH: Final = 25.4
_CEILINGS: Final = frozenset({"BKN", "OVC", "OVX", "VV"})  # more than half of the sky


def observations(reply: Reply, stations: Sequence[str]) -> tuple[WeatherObservation, ...]:
    """Newest first. Raises: Unintelligible, also when there are reports and none of them can be read."""
    if reply.status == 204 or not reply.body.strip():
        return ()
    told = reply.json()
    if not isinstance(told, list):
        raise Unintelligible("the answer is not a list")
    made, broken = [], 0
    for each in told:
        try:
            made.append(_observation(an_object(each, "report")))
        except Unintelligible as error:
            broken += 1
            log.warning("a report of NOAA's cannot be read: %s", error)
    if broken and not made:
        raise Unintelligible("no report can be read")
    wanted = [each for each in made if each.station in stations]
    return tuple(sorted(wanted, key=lambda each: (-each.at.timestamp(), each.station)))


def _observation(told: Object) -> WeatherObservation:
    metres, beyond = _visibility(told)
    return WeatherObservation(
        station=text(told, "icaoId"),
        at=datetime.fromtimestamp(integer(told, "obsTime"), UTC),
        temperature_celsius=_number(told, "temp"),
        wind_knots=_number(told, "wspd"),
        gust_knots=_number(told, "wgst"),
        wind_from_degrees=None if text_or_none(told, "wdir") in (None, "VRB") else integer(told, "wdir"),
        visibility_metres=metres,
        clear_beyond=beyond,
        ceiling_feet=_ceiling(told),
        pressure_hectopascals=_number(told, "altim"),
        precipitation_millimetres=_times(_number(told, "precip"), _MILLIMETRES_AN_INCH),
        phenomena=tuple((text_or_none(told, "wxString") or "").split()),
    )


def _number(told: Object, name: str) -> float | None:
    return number(told, name) if text_or_none(told, name) else None


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _visibility(told: Object) -> tuple[float | None, bool]:
    """Statute miles, "6+" for more than can be seen."""
    words = text_or_none(told, "visib")
    if words is None:
        return None, False
    return number({"visib": words.removesuffix("+")}, "visib") * _METRES_A_MILE, words.endswith("+")


def _ceiling(told: Object) -> int | None:
    """A sky that is hidden has its ceiling where the view upwards ends."""
    layers = [integer(layer, "base") for layer in items(told, "clouds") if layer.get("cover") in _CEILINGS and text_or_none(layer, "base")]
    hidden = [integer(told, "vertVis")] if text_or_none(told, "vertVis") else []
    return min([*layers, *hidden], default=None)


def refusal(reply: Reply) -> Declined | Unknown:
    """Their envelope makes a 400 definite; its text is not kept."""
    try:
        said = text_or_none(an_object(reply.json()), "status")
    except Unintelligible:
        said = None
    if reply.status == 400 and said == "error":
        return Declined("BAD_REQUEST", "NOAA cannot make sense of what was asked")
    return Unknown(f"status {reply.status}")
