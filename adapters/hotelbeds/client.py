"""The only one who talks to Hotelbeds. Implements booking's `Hotels`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Final, TypeVar

from adapters.hotelbeds import BOOKING_API, CONTENT_API, SHEET, VENDOR, translate, wire
from domains.booking.ports import Booking, BookingStatus, Cancellation, Confirmation, Offer, Search
from kernel import clock
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.http import Http, Reply, Request, json_request
from kernel.partner import Gate, OpenGate, PartnerClient
from kernel.secret import SecretMissingError, Secrets
from kernel.tenancy import Tenant
from kernel.wire import Object, an_object, inner, text, text_or_none

T = TypeVar("T")
_HEAD: Final = {"accept": "application/json", "accept-encoding": "gzip"}
_DESCRIPTION_LIFE: Final = timedelta(hours=24)  # hotels move and change telephones rarely
_DESCRIPTIONS_A_CALL: Final = 100
_LIST_PAGE: Final = 100


def signature(api_key: str, secret: str, unix_seconds: int) -> str:
    """Source: their getting-started page; a plain hash, not an HMAC."""
    return hashlib.sha256(f"{api_key}{secret}{unix_seconds}".encode()).hexdigest()


@dataclass
class Descriptions:
    """What the Content API said, remembered in this process."""

    known: dict[str, translate.Description] = field(default_factory=dict)
    asked_at: dict[str, float] = field(default_factory=dict)

    def missing(self, codes: set[str]) -> list[str]:
        oldest = clock.monotonic() - _DESCRIPTION_LIFE.total_seconds()
        return sorted(code for code in codes if self.asked_at.get(code, float("-inf")) < oldest)

    def learn(self, asked: list[str], told: Mapping[str, translate.Description]) -> None:
        self.known.update(told)
        self.asked_at.update(dict.fromkeys(asked, clock.monotonic()))


class Hotelbeds:
    """Hotel rooms from Hotelbeds, for every tenant that has an account there."""

    vendor: Final = VENDOR
    traceable: Final = True

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._secrets = secrets
        self._descriptions = Descriptions()

    async def search(self, tenant: Tenant, search: Search) -> Answer[tuple[Offer, ...]]:
        deadline = clock.monotonic() + search.within.total_seconds()
        request = json_request("POST", f"{BOOKING_API}/hotels", translate.availability_request(search))
        answer = await self._ask(tenant, "search", request, lambda reply: translate.offers(reply.json(), search), within=search.within)
        if not isinstance(answer, Ok):
            return answer
        await self._describe(tenant, {offer.hotel.id for offer in answer.value}, deadline)
        return Ok(tuple(translate.described(offer, self._descriptions.known) for offer in answer.value))

    async def check(self, tenant: Tenant, offer: Offer) -> Answer[Offer]:
        """One rate a call, as they ask for; several rates of one party are checked one after the other."""
        checked = []
        for rate in offer.rates:
            part = _only(offer, rate.key)
            request = json_request("POST", f"{BOOKING_API}/checkrates", wire.CheckRateRQ(rooms=[{"rateKey": rate.key}]))
            answer = await self._ask(tenant, "check", request, partial(_checked, offer=part))
            if not isinstance(answer, Ok):
                return answer
            checked.append(answer.value)
        return Ok(translate.together(offer, checked))

    async def book(self, tenant: Tenant, booking: Booking) -> Answer[Confirmation]:
        request = json_request("POST", f"{BOOKING_API}/bookings", translate.booking_request(booking))
        return await self._ask(tenant, "book", request, lambda reply: _booked(reply, booking.client_reference))

    async def find(self, tenant: Tenant, client_reference: str, created: tuple[date, date]) -> Answer[Confirmation | None]:
        query = (
            ("filterType", "CREATION"),
            ("clientReference", client_reference),
            ("start", created[0].isoformat()),
            ("end", created[1].isoformat()),
            ("from", "1"),
            ("to", str(_LIST_PAGE)),
        )
        request = Request("GET", f"{BOOKING_API}/bookings", query=query)
        return await self._ask(tenant, "find", request, lambda reply: _found(reply, client_reference))

    async def probe(self, tenant: Tenant) -> None:
        today = clock.now().date()
        await self.find(tenant, "PROBE", (today, today))

    async def read(self, tenant: Tenant, reference: str) -> Answer[Confirmation]:
        answer = await self._detail(tenant, reference)
        return Ok(translate.confirmation(answer.value)) if isinstance(answer, Ok) else answer

    async def cancel(self, tenant: Tenant, reference: str) -> Answer[Cancellation]:
        before = await self._detail(tenant, reference)
        if isinstance(before, Unknown):
            return NotSent(f"could not be read first: {before.why}")
        if not isinstance(before, Ok):
            return before
        if translate.confirmation(before.value).status is BookingStatus.CANCELLED:
            return Ok(_cancellation(before.value))
        path = f"{BOOKING_API}/bookings/{reference}"
        request = Request("DELETE", path, query=(("cancellationFlag", "CANCELLATION"),))
        return await self._ask(tenant, "cancel", request, _cancelled)

    async def _detail(self, tenant: Tenant, reference: str) -> Answer[Object]:
        request = Request("GET", f"{BOOKING_API}/bookings/{reference}")
        return await self._ask(tenant, "read", request, _readable_booking)

    async def _describe(self, tenant: Tenant, codes: set[str], deadline: float) -> None:
        """Learns what it can before the deadline; what it cannot stays unknown until the next search."""
        missing = self._descriptions.missing(codes)[:_DESCRIPTIONS_A_CALL]
        left = deadline - clock.monotonic()
        if not missing or left <= 0:
            return
        query = (
            ("codes", ",".join(missing)),
            ("fields", "code,name,address,city,postalCode,phones,facilities,chainCode"),
            ("language", "ENG"),
            ("from", "1"),
            ("to", str(_DESCRIPTIONS_A_CALL)),
        )
        request = Request("GET", f"{CONTENT_API}/hotels", query=query)
        answer = await self._ask(
            tenant, "describe", request, lambda reply: translate.descriptions(reply.json()), within=timedelta(seconds=left)
        )
        if isinstance(answer, Ok):
            self._descriptions.learn(missing, answer.value)

    async def _ask(
        self, tenant: Tenant, operation: str, request: Request, understand: Callable[[Reply], T], within: timedelta | None = None
    ) -> Answer[T]:
        def understood(reply: Reply) -> T | Declined | NotSent | Unknown:
            return understand(reply) if reply.ok else wire.refusal(reply)

        try:
            secrets = self._secrets.vendor(tenant, VENDOR)
            key, secret = secrets["api_key"].reveal(), secrets["secret"].reveal()
        except (SecretMissingError, KeyError):
            return NotSent("no account with this partner")
        signed = {**_HEAD, "api-key": key, "x-signature": signature(key, secret, int(clock.now().timestamp()))}
        return await self._partner.ask(tenant, operation, request.with_headers(signed), understood, within=within)


def _only(offer: Offer, key: str) -> Offer:
    return translate.with_rates(offer, [rate for rate in offer.rates if rate.key == key])


def _checked(reply: Reply, offer: Offer) -> Offer:
    return translate.checked(reply.json(), offer)


def _booked(reply: Reply, client_reference: str) -> Confirmation:
    booking = inner(an_object(reply.json()), "booking")
    made = translate.confirmation(booking)
    if made.status is not BookingStatus.CONFIRMED or made.client_reference != client_reference:
        raise ValueError("the answer is about another booking")
    return made


def _found(reply: Reply, client_reference: str) -> Confirmation | None:
    """A list that is not there, or has nothing to know ours by, must not pass for "nothing found": it would be booked again."""
    found = translate.listed(inner(an_object(reply.json()), "bookings"), "bookings")
    ours = [translate.confirmation(booking) for booking in found if text(booking, "clientReference") == client_reference]
    return min(ours, key=lambda booking: booking.status is not BookingStatus.CONFIRMED, default=None)


def _readable_booking(reply: Reply) -> Object:
    booking = inner(an_object(reply.json()), "booking")
    translate.confirmation(booking)
    return booking


def _cancelled(reply: Reply) -> Cancellation:
    booking = inner(an_object(reply.json()), "booking")
    if text_or_none(booking, "status") != BookingStatus.CANCELLED:
        raise ValueError("the booking is not cancelled")
    return _cancellation(booking)


def _cancellation(booking: Object) -> Cancellation:
    return Cancellation(
        translate.confirmation(booking).reference, text_or_none(booking, "cancellationReference"), translate.cancellation_charge(booking)
    )
