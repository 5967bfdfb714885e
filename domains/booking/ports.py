"""What booking needs of a source of hotel rooms and of whoever drives, and the words both sides use for it.

Every method takes the tenant first, because each airline has its own account with a partner. Personal data (names of
guests) goes in by argument and comes back in no answer; offers and confirmations may be stored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from kernel.answer import Answer
from kernel.money import Money
from kernel.tenancy import Tenant
from kernel.urn import Urn

CLIENT_REFERENCE_LENGTH: Final = 20  # characters; the shortest limit among the partners
_EARTH_KM: Final = 6371.0088


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees, WGS 84."""

    latitude: float
    longitude: float

    def __str__(self) -> str:
        return f"{self.latitude:.5f}, {self.longitude:.5f}"

    def km_to(self, other: Point) -> float:
        """Great-circle distance."""
        lat1, lat2 = math.radians(self.latitude), math.radians(other.latitude)
        half = math.sin((lat2 - lat1) / 2) ** 2
        half += math.cos(lat1) * math.cos(lat2) * math.sin(math.radians(other.longitude - self.longitude) / 2) ** 2
        return 2 * _EARTH_KM * math.asin(math.sqrt(half))


@dataclass(frozen=True, slots=True)
class Occupancy:
    """`rooms` rooms that each sleep `adults` and one child per entry of `child_ages` (years; an infant is 0 or 1)."""

    rooms: int
    adults: int
    child_ages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """Rooms for one party, all in one hotel. `within` is the caller's hard time-box; the answer never takes longer."""

    near: Point
    radius_km: float
    check_in: date
    nights: int
    occupancies: tuple[Occupancy, ...]
    within: timedelta = timedelta(seconds=2)

    @property
    def check_out(self) -> date:
        return self.check_in + timedelta(days=self.nights)

    @property
    def rooms(self) -> int:
        return sum(occupancy.rooms for occupancy in self.occupancies)


class RateKind(StrEnum):
    """`RECHECK` must be checked before it is booked; `BOOKABLE` may be."""

    BOOKABLE = "BOOKABLE"
    RECHECK = "RECHECK"


@dataclass(frozen=True, slots=True)
class Rate:
    """The source's own handle on a price; `key` is opaque. `total` covers all rooms of `occupancy` for the whole stay."""

    key: str
    kind: RateKind
    occupancy: Occupancy
    total: Money


@dataclass(frozen=True, slots=True)
class CancellationCharge:
    """From the instant `since` on, cancelling costs `amount`."""

    since: datetime
    amount: Money


@dataclass(frozen=True, slots=True)
class Offer:
    """Rooms of one type in one hotel that together sleep the party of a search.

    `urn` is the same for every search that finds this room type, board and stay, so that two parties looking at one room meet
    at one hold. `nightly` is the mean price of a room and night, `total` the whole. `allotment` is what the source last said it
    has left for the stay, in rooms. `address` is empty and `phone` None while the hotel's description is not at hand.
    `tiers` are those it is for, none: everybody. Of an `own` offer the rooms are units of ours, which are taken with the intent to book.
    `shared_id` names the house where a source tells which of its hotels are one and the same, and is written as no other source writes it.
    """

    urn: Urn
    hotel: Urn
    name: str
    stars: int
    address: str
    location: Point
    distance_km: float
    room_type: str
    room_name: str
    board: str
    check_in: date
    check_out: date
    nightly: Money
    total: Money
    allotment: int
    rates: tuple[Rate, ...]
    cancellation: tuple[CancellationCharge, ...] = ()
    phone: str | None = None
    amenities: tuple[str, ...] = ()
    chain: str | None = None
    shared_id: str | None = None
    tiers: tuple[str, ...] = ()
    own: bool = False

    @property
    def vendor(self) -> str:
        """The source that sells it."""
        return self.hotel.vendor or ""

    @property
    def rooms(self) -> int:
        return sum(rate.occupancy.rooms for rate in self.rates)

    @property
    def whereabouts(self) -> str:
        """The address, or what a map finds the hotel by while nobody knows it."""
        return self.address or str(self.location)

    @property
    def recheck(self) -> bool:
        """Whether `Hotels.check` has to come before `Hotels.book`."""
        return any(rate.kind is RateKind.RECHECK for rate in self.rates)


@dataclass(frozen=True, slots=True)
class Guest:
    """A person who sleeps there. `age` is None for adults; `room` counts the party's rooms from 1, in the order of the rates."""

    given_name: str
    family_name: str
    room: int = 1
    age: int | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """What is asked of the hotel. `client_reference` is ours, 1 to 20 characters, new for every *resolved* attempt.

    `tolerance` is the price rise, in percent, up to which the partner may confirm without asking; `remark` goes to the hotel.
    """

    client_reference: str
    offer: Offer
    holder: Guest
    guests: tuple[Guest, ...]
    tolerance: int = 2
    remark: str = ""


class BookingStatus(StrEnum):
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The source's own record of a booking; `reference` is its name for it, wanted by `read` and `cancel`."""

    reference: str
    client_reference: str
    status: BookingStatus
    hotel: Urn
    check_in: date
    check_out: date
    rooms: int
    total: Money


@dataclass(frozen=True, slots=True)
class Cancellation:
    """`charge` is what the source keeps, None when it did not say."""

    reference: str
    cancellation_reference: str | None
    charge: Money | None


class Hotels(Protocol):
    """A source of hotel rooms."""

    @property
    def vendor(self) -> str:
        """The vendor part of the URNs this source mints."""
        ...

    @property
    def traceable(self) -> bool:
        """Whether it can be asked what it holds and be told to give it back (`find`, `read`, `cancel`): class C.

        Where it cannot (class D), all three are `Declined`; an unclear booking is never sent again and is a person's, and so is its undo.
        """
        ...

    async def search(self, tenant: Tenant, search: Search) -> Answer[tuple[Offer, ...]]:
        """Offers for the whole party, nearest hotel first; `Ok(())` when nothing fits.

        Answers within `search.within` whatever the source does: too late is `Unknown`, and harmless. May be repeated.
        """
        ...

    async def check(self, tenant: Tenant, offer: Offer) -> Answer[Offer]:
        """The offer as it stands now: price, keys, allotment, cancellation terms. `Declined` when it is gone. May be repeated."""
        ...

    async def book(self, tenant: Tenant, booking: Booking) -> Answer[Confirmation]:
        """Books; class C, or D where the source is not `traceable`. `Declined` means no room is held.

        After `Unknown` only `find` may follow, never `book` with the same reference; in class D nothing may.

        Raises: ValueError for a request that no source would take (a reference or a party that does not fit), before sending.
        """
        ...

    async def find(self, tenant: Tenant, client_reference: str, created: tuple[date, date]) -> Answer[Confirmation | None]:
        """The booking that carries our reference and was created between these days, both included.

        `Ok(None)` means *not found*, which is not *absent*: a late execution or a lagging index may still bring it. When several
        carry the reference the confirmed one answers. May be repeated.
        """
        ...

    async def read(self, tenant: Tenant, reference: str) -> Answer[Confirmation]:
        """The booking by the source's reference. `Declined` when the source does not know it. May be repeated."""
        ...

    async def cancel(self, tenant: Tenant, reference: str) -> Answer[Cancellation]:
        """Reads first and cancels only what is still confirmed, so it may be repeated after any answer.

        `Ok` also when it was cancelled before · `Declined` when the source knows it and refuses, or does not know it.
        """
        ...


# --- own contracts ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terms:
    """Rooms of one type that a contract brings: so many a night, each for `sleeps` people who need a bed, at one price."""

    code: str
    name: str
    sleeps: int
    board: str
    nightly: Money
    rooms: int


@dataclass(frozen=True, slots=True)
class Vacancy:
    """Rooms of one type that a contract has for a stay: `rooms` without those confirmed; what is held is counted by our holds."""

    contract: Urn
    hotel_name: str
    stars: int
    address: str
    location: Point
    phone: str | None
    amenities: tuple[str, ...]
    tiers: tuple[str, ...]
    terms: Terms
    rooms: int


@dataclass(frozen=True, slots=True)
class UnitsHeld:
    """What is held of a contract under one of our references; `confirmed` when it was booked. `total` is what it costs."""

    contract: Urn
    client_reference: str
    check_in: date
    check_out: date
    rooms: int
    total: Money
    confirmed: bool


class OwnRooms(Protocol):
    """Our contracts, which are rows of ours: what is asked here is answered by the truth itself. Raises what a database raises."""

    async def vacancies(self, tenant: Tenant, search: Search) -> Sequence[Vacancy]:
        """Rooms of contracts that serve this airport in all these nights."""
        ...

    async def confirm(self, tenant: Tenant, client_reference: str) -> UnitsHeld | None:
        """Makes the pending units of this reference confirmed ones; None when there are none. May be repeated."""
        ...

    async def held(self, tenant: Tenant, client_reference: str) -> UnitsHeld | None:
        """The units of this reference, pending or confirmed."""
        ...

    async def free(self, tenant: Tenant, client_reference: str) -> None:
        """Gives the units of this reference back. May be repeated."""
        ...


# --- rides --------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drive:
    """From an airport to a hotel, at once. `seats` counts everybody who needs one; a held infant does not. `destination` is for drivers."""

    airport: str
    pickup: Point
    dropoff: Point
    destination: str
    seats: int


@dataclass(frozen=True, slots=True)
class Quote:
    """A vehicle that a vendor would send. `key` is the vendor's own and opaque. `fare` is for the whole ride; None where the vendor names
    none. `wait` is until it is there, None when not said; after `until` the vendor holds to nothing."""

    vendor: str
    key: str
    name: str
    seats: int
    fare: Money | None
    wait: timedelta | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rider:
    """Who is picked up: personal data, in by argument and never kept. `phone` in E.164, `language` a BCP 47 tag."""

    given_name: str
    family_name: str
    phone: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class RideOrder:
    """What is asked of a vendor, without the rider. `client_reference` is ours, new for every *resolved* attempt."""

    client_reference: str
    drive: Drive
    quote: Quote


class RideStatus(StrEnum):
    """`REQUESTED` until somebody has agreed to drive. `NO_DRIVER` also when a driver gave up and no other was found."""

    REQUESTED = "REQUESTED"
    ACCEPTED = "ACCEPTED"
    ARRIVING = "ARRIVING"
    UNDER_WAY = "UNDER_WAY"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    NO_DRIVER = "NO_DRIVER"


RIDE_ENDS: Final = frozenset({RideStatus.COMPLETED, RideStatus.CANCELLED, RideStatus.NO_DRIVER})


@dataclass(frozen=True, slots=True)
class Ride:
    """The vendor's own record of a ride; `reference` is its name for it. Nothing of the driver is in it."""

    reference: str
    client_reference: str | None
    status: RideStatus


@dataclass(frozen=True, slots=True)
class RideReport:
    """A vendor's word about a ride. Reports come twice and out of order, under the same `event`; how the ride stands is asked for."""

    event: str
    reference: str
    status: RideStatus


class Rides(Protocol):
    """Somebody who sends vehicles."""

    @property
    def vendor(self) -> str: ...

    async def quotes(self, tenant: Tenant, drive: Drive) -> Answer[tuple[Quote, ...]]:
        """What could come, in the vendor's order; `Ok(())` where the vendor does not drive or has nobody free. May be repeated."""
        ...

    async def dispatch(self, tenant: Tenant, order: RideOrder, rider: Rider) -> Answer[Ride]:
        """Sends for a vehicle; class C. `Declined` means that none comes. After `Unknown` only `find` may follow."""
        ...

    async def find(self, tenant: Tenant, order: RideOrder, since: datetime) -> Answer[Ride | None]:
        """The ride that was asked for by this order at `since` or later. `Ok(None)` is *not found*, not *absent*. May be repeated."""
        ...

    async def read(self, tenant: Tenant, order: RideOrder, reference: str) -> Answer[Ride]:
        """The ride as it stands. `Declined` when the vendor does not know it, or has no way to say. May be repeated."""
        ...

    async def cancel(self, tenant: Tenant, order: RideOrder, reference: str) -> Answer[Ride]:
        """Calls it off, and may be repeated after any answer. `Ok` also when it had ended without anybody driving; `Declined` when it
        was driven, or the vendor knows no such ride."""
        ...
