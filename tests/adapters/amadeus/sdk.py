"""Amadeus' own library, unmodified, against our twin: what became of each operation, as one JSON object."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from urllib.request import urlopen

from amadeus import Client

CARD = {"vendorCode": "VI", "cardNumber": "4151289722471370", "expiryDate": "2031-08", "holderName": "BOB SMITH"}


def main(port: int, account: dict[str, str]) -> dict[str, str]:
    client = Client(
        client_id=account["client_id"], client_secret=account["client_secret"], host="127.0.0.1", port=port, ssl=False,
        http=lambda request: urlopen(request, timeout=5),  # it has no time-out of its own
        log_level="silent",
    )  # fmt: skip
    hotels = client.reference_data.locations.hotels
    near = hotels.by_geocode.get(latitude=40.6398, longitude=-73.7789, radius=15).data
    city = hotels.by_city.get(cityCode="JFK", radius=15).data
    assert [hotel["hotelId"] for hotel in near] == [hotel["hotelId"] for hotel in city]
    ids = ",".join(hotel["hotelId"] for hotel in near[:20])
    found = client.shopping.hotel_offers_search.get(hotelIds=ids, adults=1, checkInDate=datetime.now(UTC).date().isoformat()).data
    offer = found[0]["offers"][0]
    priced = client.shopping.hotel_offer_search(offer["id"]).get().data
    assert priced["hotel"] == found[0]["hotel"]
    order = client.booking.hotel_orders.post(
        guests=[{"tid": 1, "title": "MR", "firstName": "BOB", "lastName": "SMITH", "phone": "+33679278416", "email": "bob@example.test"}],
        travel_agent={"contact": {"email": "desk@example.test"}},
        room_associations=[{"guestReferences": [{"guestReference": "1"}], "hotelOfferId": priced["offers"][0]["id"]}],
        payment={"method": "CREDIT_CARD", "paymentCard": {"paymentCardInfo": CARD}},
    ).data
    assert [booking["bookingStatus"] for booking in order["hotelBookings"]] == ["CONFIRMED"]
    return dict.fromkeys(("token", "list", "offers", "price", "order"), "ok")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), json.loads(sys.argv[2]))))
