"""Amadeus' twin for hotels, as published: a token for half an hour, the list by city and place, offers that end, orders that nothing reads
back and nothing cancels. What it sells comes from `inventory`; what it holds stands in its book.

An account of the sandbox is `sandbox-<tenant>`, and its card the number that their own examples carry. The book keeps of a card what an
answer shows of it. No life of an offer is published (UNCONFIRMED): here it ends half an hour after it was last shown.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar, Final

from adapters.amadeus.inventory import ROOM_TYPES, Hotel, RoomType, hotels
from adapters.amadeus.sandbox_words import (
    CURRENCY,
    TYPE,
    Key,
    RefusedError,
    count_of,
    credentials,
    listed,
    number_of,
    object_of,
    objects_of,
    policy_of,
    record_locator,
    stay_of,
    unauthorized,
)
from domains.booking.airports import airports
from domains.booking.ports import Point
from kernel import clock
from kernel.sandbox.book import Book, Page
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Handler, Route, Said, Twin, route

TOKEN_SECONDS: Final = 1_799
OFFER_LIFE: Final = timedelta(minutes=30)
HOTELS_A_CALL: Final = 20
_DEARER: Final = Decimal("1.01")  # what some offers cost when they are priced, against what the search said


class AmadeusTwin(Twin):
    partner: ClassVar[str] = "amadeus"

    def __init__(self, book: Book, limit: Limit | None = None, seed: int = 2013) -> None:
        super().__init__(book, limit)
        self.hotels = hotels(seed)
        self.offers: dict[str, tuple[Key, float]] = {}
        self.taken: Counter[tuple[str, str, date]] = Counter()
        for _, order in book.all("order"):
            self._take(order)

    def declare(self) -> list[Route]:
        lists = "/v1/reference-data/locations/hotels"
        return [
            route("POST", "/v1/security/oauth2/token", "token", self.token),
            route("GET", f"{lists}/by-city", "list", _typed(self.by_city)),
            route("GET", f"{lists}/by-geocode", "list", _typed(self.by_geocode)),
            route("GET", "/v3/shopping/hotel-offers", "offers", _typed(self.search)),
            route("GET", "/v3/shopping/hotel-offers/{offer}", "price", _typed(self.price)),
            route("POST", "/v2/booking/hotel-orders", "order", _typed(self.order)),
        ]

    def signed_in(self, call: Call) -> str | Said:
        if call.operation == "token":
            return ""
        bearer = call.headers.get("authorization", "")
        if not bearer.startswith("Bearer "):
            return RefusedError(401, 38191, "Invalid HTTP header").said()
        known = self.book.get("token", bearer.removeprefix("Bearer "))
        if known is None:
            return RefusedError(401, 38190, "Invalid access token").said()
        if known["until"] <= clock.now().timestamp():
            return RefusedError(401, 38192, "Access token expired").said()
        return str(known["tenant"])

    def failure(self, call: Call) -> Said:
        code, title = (21934, "UNABLE TO PROCESS - TIMEOUT") if call.operation == "order" else (38189, "Internal error")
        return RefusedError(500, code, title).said()

    def throttled(self, call: Call) -> Said:
        return RefusedError(429, 38194, "Too many requests").said()

    def refusal(self, call: Call) -> Said:
        return RefusedError(400, 3664, "NO ROOMS AVAILABLE AT REQUESTED PROPERTY").said()

    def malformed(self, call: Call) -> Said:
        return RefusedError(400, 477, "INVALID FORMAT").said()

    def not_found(self, path: str) -> Said:
        return RefusedError(404, 38196, "Resource not found").said()

    def told(self) -> dict[str, Any]:
        return {"orders": [{"id": id, **order} for id, order in self.book.all("order")]}

    def reset(self) -> None:
        super().reset()
        self.taken.clear()
        self.offers.clear()

    # Their operations.

    async def token(self, call: Call) -> Said:
        asked = call.form()
        if asked.get("grant_type") != "client_credentials":
            return unauthorized(400, "unsupported_grant_type", "Only client_credentials is supported")
        client = asked.get("client_id", "")
        tenant = client.removeprefix("sandbox-")
        if tenant == client or not hmac.compare_digest(
            asked.get("client_secret", "").encode(), credentials(tenant)["client_secret"].encode()
        ):
            return unauthorized(401, "invalid_client", "Client credentials are invalid")
        now = clock.now().timestamp()
        value = hashlib.sha256(f"{tenant}|{now}".encode()).hexdigest()[:28]
        self.book.put("token", value, {"tenant": tenant, "until": now + TOKEN_SECONDS})
        told = {"type": "amadeusOAuth2Token", "username": f"ops@{tenant}.example.test", "application_name": "sandbox", "client_id": client}
        return Said(
            200, told | {"token_type": "Bearer", "access_token": value, "expires_in": TOKEN_SECONDS, "state": "approved", "scope": ""}
        )

    async def by_city(self, call: Call) -> Said:
        airport = airports().get(call.query.get("cityCode", "").upper())
        if airport is None:
            raise RefusedError(400, 1157, "INVALID CITY CODE", parameter="cityCode")
        return self._listed(call, airport.position)

    async def by_geocode(self, call: Call) -> Said:
        return self._listed(call, Point(number_of(call, "latitude", -90, 90), number_of(call, "longitude", -180, 180)))

    async def search(self, call: Call) -> Said:
        ids = [each for each in call.query.get("hotelIds", "").split(",") if each]
        if not 1 <= len(ids) <= HOTELS_A_CALL:
            raise RefusedError(400, 477, "INVALID FORMAT", parameter="hotelIds")
        if unknown := [each for each in ids if each not in self.hotels]:
            raise RefusedError(400, 1257, "INVALID PROPERTY CODE", parameter=f"hotelIds={unknown[0][:8]}")
        check_in, check_out = stay_of(call)
        adults, rooms = count_of(call, "adults"), count_of(call, "roomQuantity")
        found = [(self.hotels[id], self._on_offer(self.hotels[id], check_in, check_out, rooms, adults)) for id in ids]
        cheapest = call.query.get("bestRateOnly", "true") != "false"
        told = [self._with_offers(hotel, keys[:1] if cheapest else keys) for hotel, keys in found if keys]
        if not told:
            raise RefusedError(400, 3664, "NO ROOMS AVAILABLE AT REQUESTED PROPERTY", parameter="hotelIds")
        return Said(200, {"data": told}, TYPE)

    async def price(self, call: Call) -> Said:
        key = self._known(call.parts["offer"], 404)
        if self._left(key) < key.rooms:
            raise RefusedError(400, 3664, "NO ROOMS AVAILABLE AT REQUESTED PROPERTY")
        self._show(key)
        hotel = self.hotels[key.hotel]
        return Said(200, {"data": self._head(hotel) | {"offers": [self._offer(key, checked=True)]}}, TYPE)

    async def order(self, call: Call) -> Said:
        asked = object_of(object_of(call.json()).get("data"))
        if asked.get("type") != "hotel-order":
            raise RefusedError(400, 8612, "INVALID TYPE", pointer="data/type")
        guests = {str(guest["tid"]): guest for guest in objects_of(asked.get("guests"), "data/guests")}
        if not object_of(object_of(asked.get("travelAgent")).get("contact")).get("email"):
            raise RefusedError(400, 477, "INVALID FORMAT", pointer="data/travelAgent/contact/email")
        card = self._card(asked)
        rooms = objects_of(asked.get("roomAssociations"), "data/roomAssociations")
        keys = [self._known(str(room.get("hotelOfferId")), 400) for room in rooms]
        self._hold_guests_against(rooms, keys, guests)
        for key in set(keys):
            if keys.count(key) != key.rooms:
                raise RefusedError(400, 33555, "NUMBER OF ROOMS MISMATCH BETWEEN SHOPPING AND BOOKING", pointer="data/roomAssociations")
        self._all_in_stock(keys)
        return self._ordered(call, asked, guests, rooms, keys, card)

    # How they work.

    def _listed(self, call: Call, centre: Point) -> Said:
        radius = number_of(call, "radius", 1, 300, default=5) * (1.609344 if call.query.get("radiusUnit") == "MILE" else 1.0)
        ratings = {each for each in call.query.get("ratings", "").split(",") if each}
        if not ratings <= {"1", "2", "3", "4", "5"} or len(ratings) > 4:
            raise RefusedError(400, 477, "INVALID FORMAT", parameter="ratings")
        found = [
            (centre.km_to(Point(hotel.latitude, hotel.longitude)), hotel)
            for hotel in self.hotels.values()
            if not ratings or str(hotel.stars) in ratings
        ]
        near = sorted(((km, hotel) for km, hotel in found if km <= radius), key=lambda each: (each[0], each[1].id))
        if not near:
            raise RefusedError(400, 895, "NOTHING FOUND FOR REQUESTED CITY")
        return Said(
            200, {"data": [listed(hotel, km) for km, hotel in near], "meta": {"count": len(near), "links": {"self": call.url}}}, TYPE
        )

    def _on_offer(self, hotel: Hotel, check_in: date, check_out: date, rooms: int, adults: int) -> list[Key]:
        """Cheapest first."""
        keys = [Key(hotel.id, kind.code, check_in, check_out, rooms, adults) for kind in ROOM_TYPES.values() if adults <= kind.sleeps]
        return sorted((key for key in keys if self._left(key) >= rooms), key=self._price)

    def _with_offers(self, hotel: Hotel, keys: list[Key]) -> dict[str, Any]:
        for key in keys:
            self._show(key)
        return self._head(hotel) | {"offers": [self._offer(key) for key in keys]}

    def _show(self, key: Key) -> None:
        self.offers[key.id] = (key, clock.now().timestamp() + OFFER_LIFE.total_seconds())

    def _known(self, id: str, status: int) -> Key:
        key, until = self.offers.get(id, (None, 0.0))
        if key is None or until <= clock.now().timestamp():
            raise RefusedError(status, 38420, "OFFER NOT FOUND", pointer="data/roomAssociations/hotelOfferId")
        return key

    def _head(self, hotel: Hotel) -> dict[str, Any]:
        told = {
            "type": "hotel",
            "hotelId": hotel.id,
            "chainCode": hotel.chain,
            "dupeId": str(hotel.dupe),
            "name": hotel.name,
            "cityCode": hotel.city,
            "latitude": hotel.latitude,
            "longitude": hotel.longitude,
        }
        return {"type": "hotel-offers", "hotel": told, "available": True}

    def _offer(self, key: Key, *, checked: bool = False) -> dict[str, Any]:
        hotel, kind = self.hotels[key.hotel], ROOM_TYPES[key.room]
        total = str(self._price(key, checked=checked))
        return {
            "id": key.id,
            "checkInDate": key.check_in.isoformat(),
            "checkOutDate": key.check_out.isoformat(),
            "roomQuantity": str(key.rooms),
            "rateCode": "RAC",
            "boardType": hotel.board,
            "room": {
                "type": kind.code,
                "typeEstimated": {"category": "STANDARD_ROOM", "beds": kind.sleeps // 2, "bedType": "KING"},
                "description": {"text": kind.name, "lang": "EN"},
            },
            "guests": {"adults": key.adults},
            "price": {"currency": CURRENCY, "base": total, "total": total, "variations": {"average": {"base": total}}},
            "policies": {"paymentType": "GUARANTEE", "cancellations": [policy_of(key, total)]},
        }

    def _price(self, key: Key, *, checked: bool = False) -> Decimal:
        """Of one room for the whole stay; some are a little dearer when they are priced."""
        hotel, kind = self.hotels[key.hotel], ROOM_TYPES[key.room]
        price = sum((hotel.night(kind, night) for night in key.nights), Decimal(0))
        return (price * (_DEARER if checked and hotel.dearer else 1)).quantize(Decimal("0.01"), ROUND_HALF_UP)

    def _left(self, key: Key) -> int:
        stock = self.hotels[key.hotel].rooms[key.room]
        return min((stock - self.taken[key.hotel, key.room, night] for night in key.nights), default=0)

    def _all_in_stock(self, keys: list[Key]) -> None:
        wanted: Counter[tuple[str, str, date]] = Counter()
        for key in keys:
            wanted.update((key.hotel, key.room, night) for night in key.nights)
        for (hotel, room, night), count in wanted.items():
            if self.hotels[hotel].rooms[room] - self.taken[hotel, room, night] < count:
                raise RefusedError(400, 3664, "NO ROOMS AVAILABLE AT REQUESTED PROPERTY")

    def _hold_guests_against(self, rooms: list[Mapping[str, Any]], keys: list[Key], guests: Mapping[str, Any]) -> None:
        seen: list[str] = []
        for room, key in zip(rooms, keys, strict=True):
            here = [str(each["guestReference"]) for each in objects_of(room.get("guestReferences"), "data/roomAssociations")]
            if not all(tid in guests for tid in here):
                raise RefusedError(400, 4725, "INVALID PASSENGER ASSOCIATION", pointer="data/roomAssociations")
            if not 1 <= len(here) <= key.adults:
                raise RefusedError(400, 1503, "INVALID NUMBER OF GUESTS", pointer="data/roomAssociations")
            seen += here
        if sorted(seen) != sorted(guests):
            raise RefusedError(400, 4725, "INVALID PASSENGER ASSOCIATION", pointer="data/guests")
        for guest in guests.values():
            if not all(str(guest.get(name) or "").replace("-", "").replace(" ", "").isalpha() for name in ("firstName", "lastName")):
                raise RefusedError(400, 477, "INVALID FORMAT", pointer="data/guests")

    def _card(self, asked: Mapping[str, Any]) -> dict[str, str]:
        """What an answer shows of it."""
        payment = object_of(asked.get("payment"))
        if payment.get("method") != "CREDIT_CARD":
            raise RefusedError(400, 38592, "INVALID METHOD OF PAYMENT", pointer="data/payment")
        card = object_of(object_of(payment.get("paymentCard")).get("paymentCardInfo"))
        number = str(card.get("cardNumber") or "")
        if not (number.isdigit() and 13 <= len(number) <= 19):
            raise RefusedError(400, 8517, "INVALID CREDIT CARD NUMBER", pointer="data/payment/paymentCard/paymentCardInfo/cardNumber")
        shown = f"{number[:6]}{'X' * (len(number) - 10)}{number[-4:]}"
        expiry = str(card["expiryDate"])
        return {"vendorCode": str(card["vendorCode"]), "cardNumber": shown, "expiryDate": expiry, "holderName": str(card["holderName"])}

    def _ordered(
        self, call: Call, asked: Mapping[str, Any], guests: Mapping[str, Any], rooms: list[Mapping[str, Any]], keys: list[Key],
        card: dict[str, str],
    ) -> Said:  # fmt: skip
        number = len(list(self.book.all("order"))) + 1
        record = record_locator(number)
        id = base64.b64encode(f"{record}/{keys[0].check_in}".encode()).decode()
        hotel = self.hotels[keys[0].hotel]
        page = self.book.put(
            "order",
            id,
            {
                "tenant": call.tenant,
                "record": record,
                "status": "CONFIRMED",
                "hotel": hotel.id,
                "hotelName": hotel.name,
                "checkIn": keys[0].check_in.isoformat(),
                "checkOut": keys[0].check_out.isoformat(),
                "guests": [{"firstName": guest["firstName"], "lastName": guest["lastName"]} for guest in guests.values()],
                "rooms": [{"type": key.room, "adults": key.adults, "total": str(self._price(key, checked=True))} for key in keys],
                "confirmations": [f"{90_000_000 + number * 10 + place}" for place in range(len(keys))],
                "remark": rooms[0].get("specialRequest"),
            },
        )
        self._take(page)
        return Said(201, {"data": self._told_order(call, id, page, asked, rooms, keys, card)}, TYPE)

    def _told_order(
        self, call: Call, id: str, page: Page, asked: Mapping[str, Any], rooms: list[Mapping[str, Any]], keys: list[Key],
        card: dict[str, str],
    ) -> dict[str, Any]:  # fmt: skip
        hotel = self.hotels[page["hotel"]]
        about = {"hotelId": hotel.id, "chainCode": hotel.chain, "name": hotel.name}
        return {
            "type": "hotel-order",
            "id": id,
            "self": f"{call.url}/{id}",
            "associatedRecords": [{"reference": page["record"], "originSystemCode": "GDS"}],
            "guests": [{**guest, "id": place} for place, guest in enumerate(asked["guests"], 1)],
            "hotelBookings": [
                {
                    "type": "hotel-booking",
                    "id": base64.b64encode(confirmation.encode()).decode(),
                    "bookingStatus": page["status"],
                    "hotelProviderInformation": [{"hotelProviderCode": hotel.chain, "confirmationNumber": confirmation}],
                    "roomAssociations": [room],
                    "hotelOffer": self._booked(key),
                    "hotel": about,
                    "payment": {"method": "CREDIT_CARD", "paymentCard": {"paymentCardInfo": card}},
                    "travelAgentId": "00000000",
                }
                for room, key, confirmation in zip(rooms, keys, page["confirmations"], strict=True)
            ],
        }

    def _booked(self, key: Key) -> dict[str, Any]:
        """An offer inside an order: of one room, its number a number here."""
        offer = self._offer(key, checked=True)
        kept = ("id", "checkInDate", "checkOutDate", "rateCode", "guests", "policies")
        kind: RoomType = ROOM_TYPES[key.room]
        price = {name: offer["price"][name] for name in ("currency", "base", "total")}
        room = {"type": kind.code, "description": {"text": kind.name, "lang": "EN"}}
        return {name: offer[name] for name in kept} | {"type": "hotel-offer", "roomQuantity": 1, "price": price, "room": room}

    def _take(self, order: Page) -> None:
        check_in, check_out = date.fromisoformat(order["checkIn"]), date.fromisoformat(order["checkOut"])
        for room in order["rooms"]:
            for day in range((check_out - check_in).days):
                self.taken[order["hotel"], room["type"], check_in + timedelta(days=day)] += 1


def _typed(handler: Handler) -> Callable[[Call], Awaitable[Said]]:
    """A refusal raised anywhere below becomes their answer."""

    async def refusing(call: Call) -> Said:
        try:
            return await handler(call)
        except RefusedError as refused:
            return refused.said()

    return refusing


def twin(book: Book, limit: Limit | None = None) -> AmadeusTwin:
    return AmadeusTwin(book, limit)


__all__ = ["AmadeusTwin", "credentials", "twin"]
