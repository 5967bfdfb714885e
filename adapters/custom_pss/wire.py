"""The neutral PSS contract, version 1, written down as types.

GET /{airline}/v1/flights/{flight}/manifest                    → Flight        404 when there is no such flight
GET /{airline}/v1/flights/{flight}/bookings/{pnr}/next-flight  → NextFlightBody, `next` null while not re-seated

`{airline}` is the tenant, `{flight}` carrier, number, @ and local day of departure: `B6123@20130208`, percent-encoded.
`Authorization: Bearer <token>`; errors are `{"error": {"code", "message"}}`. Instants are ISO 8601 with the airport's own offset.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Next(TypedDict):
    flight: str
    departure: str
    origin: str
    destination: str
    zone: str


class Passenger(TypedDict):
    """`kind` ADULT CHILD INFANT · `tier` ECONOMY PREMIUM_ECONOMY BUSINESS FIRST CREW · `needs` SSR codes, unknown ones are ignored."""

    id: str
    given: str
    family: str
    kind: str
    tier: str
    age: NotRequired[int | None]
    needs: NotRequired[list[str]]


class Booking(TypedDict):
    """One PNR; the first passenger leads."""

    pnr: str
    passengers: list[Passenger]
    phone: NotRequired[str | None]
    email: NotRequired[str | None]
    language: NotRequired[str | None]
    next: NotRequired[Next | None]


class Flight(TypedDict):
    flight: str
    origin: str
    destination: str
    departure: str
    zone: str
    bookings: list[Booking]


class NextFlightBody(TypedDict):
    next: Next | None
