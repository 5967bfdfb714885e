"""A booking of two, as Sabre would tell it, and the way to put it into the twin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kernel.sandbox.shell import Call
from kernel.urn import Urn
from tests.harness.partners import Partners

PNR = Urn("urn:pnr:SBXPNR:vendor:sabre")
FLIGHT = Urn("urn:flight:B6123@20130208:vendor:sabre")


def segment(number: int, origin: str, destination: str, day: str, time: str, status: str = "HK", **more: Any) -> dict[str, Any]:
    return {
        "itemId": str(number),
        "airlineCode": "B6",
        "flightNumber": number,
        "fromAirportCode": origin,
        "toAirportCode": destination,
        "departureDate": day,
        "departureTime": time,
        "arrivalDate": day,
        "arrivalTime": "23:59",
        "cabinTypeCode": "Y",
        "flightStatusCode": status,
        "travelerIndices": [1, 2],
        **more,
    }


BOOKING: Mapping[str, Any] = {
    "isCancelable": True,
    "isTicketed": True,
    "contactInfo": {"emails": ["agency@example.test"], "phones": ["+34-600-000-001"]},
    "travelers": [
        {
            "givenName": "ANA",
            "surname": "DOE",
            "type": "ADULT",
            "passengerCode": "ADT",
            "nameAssociationId": "1",
            "emails": ["ana.doe@example.test"],
            "phones": [{"number": "+1 (212) 555-0101", "label": "M"}],
        },
        {"givenName": "KID", "surname": "DOE", "type": "CHILD", "passengerCode": "C08", "nameAssociationId": "2"},
    ],
    "flights": [
        segment(123, "JFK", "BOS", "2013-02-08", "18:30", "UN"),
        segment(125, "JFK", "BOS", "2013-02-09", "10:00"),
        segment(700, "BOS", "JFK", "2013-02-14", "10:00"),
    ],
    "specialServices": [
        {"code": "WCHR", "travelerIndices": [1]},
        {"code": "VGML", "travelerIndices": [2]},
        {"code": "DEAF"},
    ],
}


async def put(world: Partners, body: object, path: str = "/t1/bookings/SBXPNR") -> int:
    said = await world.twin("sabre").control(Call("", "PUT", path, {}, {}, {}, json.dumps(body).encode(), ""))
    return said.status if said else 404
