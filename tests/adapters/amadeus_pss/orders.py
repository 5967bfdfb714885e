"""A flight order of a family, as Amadeus would tell it, and the way to put it into the twin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kernel.sandbox.shell import Call
from kernel.urn import Urn
from tests.harness.partners import Partners

PLAIN = Urn("urn:pnr:MlpZVkFMfFdBVFNPTnwyMDE1LTExLTAy:vendor:amadeus_pss")  # after an id without a slash
PNR = Urn("urn:pnr:eJzTd9f3s4gKC_MEAAt8Ans:vendor:amadeus_pss")
FLIGHT = Urn("urn:flight:B6123@20130208:vendor:amadeus_pss")


def segment(id: str, number: str, origin: str, destination: str, at: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "carrierCode": "B6",
        "number": number,
        "departure": {"iataCode": origin, "at": at},
        "arrival": {"iataCode": destination, "at": f"{at[:10]}T23:59:00"},
        **more,
    }


def _pricing(id: str, kind: str) -> dict[str, Any]:
    fares = [{"segmentId": each, "cabin": "BUSINESS"} for each in ("1", "2")]
    return {"travelerId": id, "fareOption": "STANDARD", "travelerType": kind, "fareDetailsBySegment": fares}


ORDER: Mapping[str, Any] = {
    "type": "flight-order",
    "associatedRecords": [{"reference": "2ZYVAL", "originSystemCode": "1A", "flightOfferId": "1"}],
    "travelers": [
        {
            "id": "1",
            "dateOfBirth": "1982-01-16",
            "name": {"firstName": "ANA", "lastName": "DOE"},
            "contact": {"phones": [{"countryCallingCode": "33", "number": "487692704"}], "emailAddress": "ana.doe@example.test"},
        },
        {"id": "3", "dateOfBirth": "2012-03-24", "name": {"firstName": "BABY", "lastName": "DOE"}},
        {"id": "2", "dateOfBirth": "2004-10-11", "name": {"firstName": "KID", "lastName": "DOE"}},
    ],
    "flightOffers": [
        {
            "type": "flight-offer",
            "id": "1",
            "source": "GDS",
            "itineraries": [
                {
                    "segments": [
                        segment("1", "123", "JFK", "BOS", "2013-02-08T18:30:00", bookingStatus="CANCELLED"),
                        segment("2", "125", "JFK", "BOS", "2013-02-09T10:00:00"),
                    ]
                }
            ],
            "travelerPricings": [_pricing("1", "ADULT"), _pricing("2", "CHILD"), _pricing("3", "HELD_INFANT")],
        }
    ],
    "contacts": [
        {
            "companyName": "AGENCY",
            "purpose": "STANDARD",
            "phones": [
                {"deviceType": "FAX", "countryCallingCode": "33", "number": "480080071"},
                {"deviceType": "LANDLINE", "countryCallingCode": "33", "number": "480080070"},
            ],
            "emailAddress": "agency@example.test",
        }
    ],
}


async def put(world: Partners, order: object, tenant: str = "t1", pnr: Urn = PNR) -> int:
    said = await world.twin("amadeus_pss").control(
        Call("", "PUT", f"/{tenant}/orders/{pnr.id}", {}, {}, {}, json.dumps(order).encode(), "")
    )
    return said.status if said else 404
