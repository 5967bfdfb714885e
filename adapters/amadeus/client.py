"""The only one who talks to Amadeus about hotels. Implements booking's `Hotels`, as far as their contract goes."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Final, TypeVar
from urllib.parse import quote

from adapters.amadeus import SHEET, VENDOR, translate, wire
from domains.booking.ports import Booking, Cancellation, CancellationCharge, Confirmation, Offer, Point, Rate, Search
from kernel import clock
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.bearer import Token, Tokens, token
from kernel.http import Http, Reply, Request, form_request, json_request
from kernel.partner import Gate, OpenGate, PartnerClient, unauthorized
from kernel.secret import SecretMissingError, Secrets
from kernel.tenancy import Tenant

T = TypeVar("T")
STARS: Final = (1, 2, 3, 4, 5)
HOTELS_A_CALL: Final = 20  # the most that one question for offers may name
HOTELS_ASKED: Final = 40  # the nearest; two calls for each kind of room, so that a search takes a tenth of a second's allowance
_LIST_LIFE: Final = timedelta(hours=24)  # hotels are built and renamed rarely
_CARD: Final = {"vendorCode": "card_vendor", "cardNumber": "card_number", "expiryDate": "card_expiry", "holderName": "card_holder"}
_NEVER: Final = "Amadeus neither reads an order back nor cancels one: ask the hotel, with the order's references"


@dataclass
class _Lists:
    """The hotels near a place with so many stars, remembered in this process."""

    known: dict[tuple[Point, int, int], tuple[float, tuple[translate.Known, ...]]] = field(default_factory=dict)

    def of(self, near: Point, radius: int, stars: int) -> tuple[translate.Known, ...] | None:
        at, hotels = self.known.get((near, radius, stars), (float("-inf"), ()))
        return hotels if clock.monotonic() - at < _LIST_LIFE.total_seconds() else None

    def learn(self, near: Point, radius: int, stars: int, hotels: tuple[translate.Known, ...]) -> None:
        self.known[near, radius, stars] = (clock.monotonic(), hotels)


class Amadeus:
    """Hotel rooms from Amadeus, for every tenant that has an account there."""

    vendor: Final = VENDOR
    traceable: Final = False

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._secrets = secrets
        self._tokens = Tokens(self._fetch_token)
        self._lists = _Lists()

    async def search(self, tenant: Tenant, search: Search) -> Answer[tuple[Offer, ...]]:
        seconds = search.within.total_seconds()
        try:
            async with asyncio.timeout(seconds):  # a token that has to be fetched first counts too
                return await self._search(tenant, search, clock.monotonic() + seconds)
        except TimeoutError:
            return Unknown("too late")

    async def _search(self, tenant: Tenant, search: Search, deadline: float) -> Answer[tuple[Offer, ...]]:
        if unfit := translate.unfit(search):
            return unfit
        near = await self._near(tenant, search, deadline)
        if not isinstance(near, Ok):
            return near
        asked = near.value[:HOTELS_ASKED]
        kinds = range(len(search.occupancies))
        answers = await asyncio.gather(*(self._offers(tenant, search, kind, asked, deadline) for kind in kinds))
        for answer in answers:
            if not isinstance(answer, Ok):
                return answer
        return Ok(translate.offers(asked, [answer.value for answer in answers if isinstance(answer, Ok)], search))

    async def check(self, tenant: Tenant, offer: Offer) -> Answer[Offer]:
        """One offer a call, as they have it; several of one party are priced one after the other."""
        fresh = []
        for rate in offer.rates:
            answer = await self._price(tenant, rate)
            if not isinstance(answer, Ok):
                return answer
            fresh.append(answer.value)
        return Ok(translate.checked(offer, fresh))

    async def book(self, tenant: Tenant, booking: Booking) -> Answer[Confirmation]:
        account = self._account(tenant)
        if account is None:
            return NotSent("no account with this partner")
        card = wire.PaymentCardInfo(**{theirs: account[ours] for theirs, ours in _CARD.items()})  # type: ignore[typeddict-item]  # a table of its names
        request = json_request("POST", "/v2/booking/hotel-orders", translate.order_request(booking, card, account["agency_email"]))
        return await self._ask(tenant, "order", request, lambda reply: translate.ordered(reply.json(), booking))

    async def find(self, tenant: Tenant, client_reference: str, created: tuple[date, date]) -> Answer[Confirmation | None]:
        """Never: nobody is asked."""
        return Declined("NOT_OFFERED", _NEVER)

    async def read(self, tenant: Tenant, reference: str) -> Answer[Confirmation]:
        """Never: nobody is asked."""
        return Declined("NOT_OFFERED", _NEVER)

    async def cancel(self, tenant: Tenant, reference: str) -> Answer[Cancellation]:
        """Never: nobody is asked."""
        return Declined("NOT_OFFERED", _NEVER)

    async def probe(self, tenant: Tenant) -> None:
        """Asks what an offer costs that nobody made."""
        await self._ask(tenant, "price", Request("GET", "/v3/shopping/hotel-offers/PROBE"), lambda reply: reply.status)

    async def _near(self, tenant: Tenant, search: Search, deadline: float) -> Answer[Sequence[translate.Known]]:
        """The hotels of the circle, nearest first: what the lists of all stars say, as far as they answer."""
        answers = await asyncio.gather(*(self._list(tenant, search, stars, deadline) for stars in STARS))
        told = [answer.value for answer in answers if isinstance(answer, Ok)]
        failed = [answer for answer in answers if not isinstance(answer, Ok)]
        if not told:
            return failed[0]
        circle = [(search.near.km_to(hotel.position), hotel) for hotels in told for hotel in hotels]
        within = sorted((each for each in circle if each[0] <= search.radius_km), key=lambda each: (each[0], each[1].id))
        return Ok([hotel for _, hotel in within])

    async def _list(self, tenant: Tenant, search: Search, stars: int, deadline: float) -> Answer[tuple[translate.Known, ...]]:
        radius = max(1, math.ceil(search.radius_km))
        known = self._lists.of(search.near, radius, stars)
        if known is not None:
            return Ok(known)
        query = (
            ("latitude", str(search.near.latitude)), ("longitude", str(search.near.longitude)), ("radius", str(radius)),
            ("radiusUnit", "KM"), ("ratings", str(stars)),
        )  # fmt: skip
        request = Request("GET", "/v1/reference-data/locations/hotels/by-geocode", query=query)
        nowhere: tuple[translate.Known, ...] = ()
        answer = await self._ask(tenant, "list", request, partial(_listed, stars=stars), deadline=deadline, nothing=nowhere)
        if isinstance(answer, Ok):
            self._lists.learn(search.near, radius, stars, answer.value)
        return answer

    async def _offers(
        self, tenant: Tenant, search: Search, kind: int, hotels: Sequence[translate.Known], deadline: float
    ) -> Answer[list[translate.Priced]]:
        """For one kind of room; what some calls found counts even where others failed."""
        chunks = [hotels[first : first + HOTELS_A_CALL] for first in range(0, len(hotels), HOTELS_A_CALL)]
        answers = await asyncio.gather(*(self._chunk(tenant, search, kind, chunk, deadline) for chunk in chunks))
        found = [answer.value for answer in answers if isinstance(answer, Ok)]
        failed = [answer for answer in answers if not isinstance(answer, Ok)]
        return failed[0] if failed and not found else Ok([offer for offers in found for offer in offers])

    async def _chunk(
        self, tenant: Tenant, search: Search, kind: int, hotels: Sequence[translate.Known], deadline: float
    ) -> Answer[list[translate.Priced]]:
        wanted = search.occupancies[kind]
        query = (
            ("hotelIds", ",".join(hotel.id for hotel in hotels)), ("adults", str(wanted.adults)),
            ("checkInDate", search.check_in.isoformat()), ("checkOutDate", search.check_out.isoformat()),
            ("roomQuantity", str(wanted.rooms)), ("bestRateOnly", "true"),
        )  # fmt: skip
        request = Request("GET", "/v3/shopping/hotel-offers", query=query)
        understand = partial(_priced, search=search, kind=kind)
        return await self._ask(tenant, "offers", request, understand, deadline=deadline, nothing=[])

    async def _price(self, tenant: Tenant, rate: Rate) -> Answer[tuple[Rate, tuple[CancellationCharge, ...]]]:
        request = Request("GET", f"/v3/shopping/hotel-offers/{quote(rate.key, safe='')}")
        return await self._ask(tenant, "price", request, lambda reply: translate.repriced(reply.json(), rate))

    async def _ask(
        self, tenant: Tenant, operation: str, request: Request, understand: Callable[[Reply], T | Declined | Unknown], *,
        deadline: float | None = None, nothing: T | None = None,
    ) -> Answer[T]:  # fmt: skip
        """`nothing` is what an error that says "nothing found" means."""

        def understood(reply: Reply) -> T | Declined | NotSent | Unknown:
            if reply.ok:
                return understand(reply)
            said = wire.complaint(reply)
            empty = nothing is not None and reply.status in (400, 404) and said is not None and said.code in wire.NOTHING_FOUND
            return nothing if empty and nothing is not None else wire.refusal(reply)

        within = None if deadline is None else timedelta(seconds=max(0.0, deadline - clock.monotonic()))
        head = {"accept": wire.MEDIA} | ({"content-type": wire.MEDIA} if request.body is not None else {})
        return await self._partner.ask(
            tenant, operation, request.with_headers(head), understood, sign_in=self._tokens.of(tenant), within=within
        )  # fmt: skip

    async def _fetch_token(self, tenant: Tenant) -> Answer[Token]:
        account = self._account(tenant)
        if account is None:
            return NotSent("no account with this partner")
        fields = {"grant_type": "client_credentials", "client_id": account["client_id"], "client_secret": account["client_secret"]}
        return await self._partner.ask(tenant, "token", form_request("/v1/security/oauth2/token", fields), _token)

    def _account(self, tenant: Tenant) -> Mapping[str, str] | None:
        """What the tenant's account consists of; None when something is missing."""
        try:
            account = {name: value.reveal() for name, value in self._secrets.vendor(tenant, VENDOR).items()}
        except SecretMissingError:
            return None
        needed = ("client_id", "client_secret", "agency_email", *_CARD.values())
        return account if all(name in account for name in needed) else None


def _listed(reply: Reply, stars: int) -> tuple[translate.Known, ...]:
    return translate.hotels(reply.json(), stars)


def _priced(reply: Reply, search: Search, kind: int) -> list[translate.Priced]:
    return translate.priced(reply.json(), search, kind)


def _token(reply: Reply) -> Token | NotSent | Unknown:
    if reply.status in (400, 403):
        return unauthorized()
    return token(reply) if reply.ok else Unknown(f"status {reply.status}")
