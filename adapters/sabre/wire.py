"""Sabre's JSON under its own names, and what its errors mean."""

from __future__ import annotations

from typing import Final, TypedDict

from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply, Unintelligible
from kernel.partner import UNAUTHORIZED, declined
from kernel.wire import Object, an_object, items, text_or_none

RETURNED: Final = ("TRAVELERS", "FLIGHTS", "CONTACT_INFO", "SPECIAL_SERVICES")


class BookingRQ(TypedDict):
    confirmationId: str
    returnOnly: list[str]


_HARMLESS: Final = frozenset({"JOURNEY_DATA_MISSING"})  # journeys are not asked for
_REFUSALS: Final = {
    "PNR_NOT_FOUND": "Sabre knows no such booking",
    "FORBIDDEN_ACCESS": "the account may not read this booking",
    "UNAUTHORIZED_ACCESS": "the account may not read this booking",
}
_NO: Final = frozenset({"FORBIDDEN", "RESOURCE_RESTRICTED", "BAD_REQUEST"})


def booking(reply: Reply) -> Object | Declined | NotSent | Unknown:
    """The booking, whole, or what its errors mean. Raises: Unintelligible."""
    try:
        told = an_object(reply.json())
        errors = items(told, "errors")
    except Unintelligible:
        if reply.ok:
            raise
        return Unknown(f"status {reply.status}")
    for error in errors:
        refused = _meaning(error)
        if refused is not None:
            return refused
    return told if reply.ok else Unknown(f"status {reply.status}")


def _meaning(error: Object) -> Declined | NotSent | Unknown | None:
    """None for a warning that touches nothing we asked for. A part of a booking could lose somebody who is on it, so it is none."""
    category, kind = text_or_none(error, "category") or "", text_or_none(error, "type") or ""
    if kind in _HARMLESS:
        return None
    if kind == "BOOKING_NOT_FOUND":
        return declined("Sabre", "PNR_NOT_FOUND", _REFUSALS)
    if category == "UNAUTHORIZED":
        return NotSent(UNAUTHORIZED)
    if category in _NO:
        return declined("Sabre", kind, _REFUSALS)
    return Unknown("part of the booking is missing" if category == "WARNING" else "Sabre failed over it")
