"""The airline's own contracts with hotels: so many rooms of a type in every night of their validity, at an agreed price.

The rooms of a night are numbered units. A unit is taken as pending in the transaction that intends a booking, before anybody is asked;
it is confirmed when the booking is, and free again when it is not or is cancelled. Nobody can be sold a unit that somebody has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from domains.booking.airports import airports
from domains.booking.ports import Point, Terms, Vacancy
from kernel.refusal import BadInput
from kernel.urn import Urn

LONGEST: Final = timedelta(days=400)  # a year and the season it is prolonged in; every night of it is a row
MOST_ROOMS: Final = 2000  # of one type: no hotel has more
_TIERS: Final = frozenset({"ECONOMY", "PREMIUM_ECONOMY", "BUSINESS", "FIRST", "CREW"})
_CODE: Final = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,15}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_MAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,}")


@dataclass(frozen=True, slots=True)
class Contract:
    """What was agreed. Valid from the night `first` to the night `last`; `tiers` empty: for everybody. `email` is the hotel's desk."""

    urn: Urn
    hotel_name: str
    stars: int
    address: str
    location: Point
    phone: str | None
    email: str | None
    amenities: tuple[str, ...]
    airports: tuple[str, ...]
    tiers: tuple[str, ...]
    first: date
    last: date
    rooms: tuple[Terms, ...]
    version: int = 1

    @property
    def nights(self) -> Sequence[date]:
        return [self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1)]

    def serves(self, near: Point) -> bool:
        """Whether it was made for the airport that lies there."""
        known = airports()
        return any(known[code].position.km_to(near) < 1 for code in self.airports if code in known)


@dataclass(frozen=True, slots=True)
class Night:
    """One room type of a contract in one night. `capacity` less `blocked` may be sold, unless it is stopped.

    `held` units are spoken for by a booking under way, at the earliest until `nearest_expiry`.
    """

    contract: Urn
    room_type: str
    night: date
    capacity: int
    blocked: int
    stopped: bool
    held: int = 0
    confirmed: int = 0
    nearest_expiry: datetime | None = None
    version: int = 1

    @property
    def free(self) -> int:
        return 0 if self.stopped else max(0, self.capacity - self.blocked - self.held - self.confirmed)


def fits(contract: Contract) -> Contract:
    """Itself. Raises: BadInput, for what could not be sold."""
    known = airports()
    troubles = (
        (not contract.hotel_name.strip() or len(contract.hotel_name) > 120, "The hotel needs a name of up to 120 characters."),
        (not 1 <= contract.stars <= 5, "A hotel has 1 to 5 stars."),
        (not contract.address.strip(), "The hotel needs an address."),
        (not (-90 <= contract.location.latitude <= 90 and -180 <= contract.location.longitude <= 180), "There is no such place."),
        (not contract.airports or not known.keys() >= set(contract.airports), "Name the airports it is for, each by its code."),
        (not set(contract.tiers) <= _TIERS, "There is no such tier."),
        (contract.last < contract.first, "It ends before it begins."),
        (contract.last - contract.first > LONGEST, f"A contract lasts {LONGEST.days} days at most."),
        (contract.email is not None and not _MAIL.fullmatch(contract.email), "That is no e-mail address."),
        (not contract.rooms or len({each.code for each in contract.rooms}) < len(contract.rooms), "Name room types, each once."),
        (any(not _CODE.fullmatch(each.code) for each in contract.rooms), "A room type is called by up to 16 capitals and digits."),
        (any(not 0 <= each.rooms <= MOST_ROOMS for each in contract.rooms), f"A night has 0 to {MOST_ROOMS} rooms of a type."),
        (any(not 1 <= each.sleeps <= 12 for each in contract.rooms), "A room sleeps 1 to 12."),
        (any(each.nightly.amount < 0 or not _CURRENCY.fullmatch(each.nightly.currency) for each in contract.rooms), "That is no price."),
    )
    for trouble, why in troubles:
        if trouble:
            raise BadInput(why)
    return contract


__all__ = ["Contract", "Night", "Terms", "Vacancy", "fits"]
