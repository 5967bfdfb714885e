"""The passenger's document: compiled from the facts of cases whenever something the passenger sees has changed.

Its keys are those of the passenger contract, so that answering is reading. `offerSince` is for the door only: an answer to any
version from there on is an answer to the present offer.
"""

from __future__ import annotations

from typing import Any

from domains.cases.model import Case, Offer, Party, SubCase, SubCaseStatus
from kernel.money import Money
from kernel.qr import path_of

MESSAGES = {
    SubCaseStatus.PENDING: "Your flight was cancelled. We are working on a room for you; this page updates itself.",
    SubCaseStatus.PROCESSING: "We are arranging your room now; this page updates itself.",
    SubCaseStatus.OFFER_READY: "We have a room for you. Please accept or decline it.",
    SubCaseStatus.RESOLVED: "Your room is confirmed. Show the code at the hotel.",
    SubCaseStatus.REJECTED_BY_PAX: "You declined the room. Our staff have been told and will contact you.",
    SubCaseStatus.MANUAL_REVIEW: "A member of our staff is arranging your stay and will contact you.",
    SubCaseStatus.LOCAL_RESIDENT: "Your next flight leaves soon; no hotel night is needed.",
    SubCaseStatus.CANCELLED: "This request has been closed. Please ask our staff if you need help.",
}
CONTACT = "the airline's desk at the airport"


def compile_snapshot(case: Case, sub_case: SubCase, party: Party) -> dict[str, Any]:
    """The document of `sub_case`, at its `snapshot_version`. Personal data inside: it goes to the snapshot store and nowhere else."""
    lead = party.travellers[0]
    return {
        "urn": str(sub_case.urn),
        "version": sub_case.snapshot_version,
        "offerSince": sub_case.offer_since,
        "status": sub_case.status.value,
        "leadName": f"{lead.given_name} {lead.family_name}",
        "language": party.language,
        "disruptedFlight": case.flight_number,
        "origin": case.airport,
        "destination": case.destination,
        "scheduledDeparture": case.departs.isoformat(),
        "message": MESSAGES[sub_case.status],
        "nextFlight": _next_flight(sub_case),
        "offer": _offer(sub_case.offer) if sub_case.offer else None,
        "contact": CONTACT,
        "mayAnswer": sub_case.status is SubCaseStatus.OFFER_READY,
    }


def _next_flight(sub_case: SubCase) -> dict[str, Any] | None:
    flight = sub_case.next_flight
    if flight is None:
        return None
    return {
        "flight": str(flight.flight),
        "flightNumber": flight.flight_number,
        "departs": flight.departs.isoformat(),
        "origin": flight.origin,
        "destination": flight.destination,
    }


def _offer(offer: Offer) -> dict[str, Any]:
    path, side = path_of(offer.reservation)
    card = offer.card and {"lastFour": offer.card_last_four, "amount": _money(offer.card_amount), "revealUrl": None}
    return {
        "reservation": str(offer.reservation),
        "confirmation": offer.confirmation,
        "hotelName": offer.hotel_name,
        "hotelAddress": offer.hotel_address,
        "hotelPhone": offer.hotel_phone,
        "checkIn": offer.check_in.isoformat(),
        "checkOut": offer.check_out.isoformat(),
        "rooms": offer.rooms,
        "board": offer.board,
        "qr": path,
        "qrSide": side,
        "card": card or None,
    }


def _money(money: Money | None) -> dict[str, str] | None:
    return {"amount": str(money.amount), "currency": money.currency} if money else None
