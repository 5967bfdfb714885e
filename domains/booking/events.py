"""What happened in booking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kernel.event import message
from kernel.money import Money
from kernel.urn import Urn


@message("booking")
class HotelsRanked:
    sub_case: Urn
    ranking: Urn
    candidates: int
    best: str
    answered: tuple[str, ...]
    silent: dict[str, str]  # vendor → why it did not answer


@message("booking")
class NoHotelFits:
    sub_case: Urn
    why: str
    excluded: dict[str, int]  # reason → number of offers
    evidence: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PlacedGroup:
    """A group with its sub-cases, each with the version of it that the wave was planned from."""

    group: Urn
    sub_cases: tuple[Urn, ...]
    versions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UnplacedGroup:
    """`fate` is a word of `domains.booking.wave`."""

    group: Urn
    sub_cases: tuple[Urn, ...]
    fate: str
    why: str


@message("booking")
class WaveChanged:
    """A wave began, was planned, committed or let go; screens follow."""

    wave: Urn
    state: str
    row_version: int


@message("booking")
class WaveCommitted:
    """A supervisor has looked at the plan of a wave and said yes: what it placed is booked, what it did not a person places."""

    wave: Urn
    demand: Urn
    placed: tuple[PlacedGroup, ...]
    unplaced: tuple[UnplacedGroup, ...]


@message("booking")
class RoomsBooked:
    sub_case: Urn
    reservation: Urn
    vendor: str
    confirmation: str
    hotel: Urn
    hotel_name: str
    hotel_address: str
    hotel_phone: str | None
    check_in: date
    check_out: date
    rooms: int
    board: str
    total: Money
    attempts: int = 1


@message("booking")
class RoomsRefused:
    """`unknown` is true when a partner's outcome could not be resolved: a person looks with the evidence."""

    sub_case: Urn
    why: str
    attempts: int
    unknown: bool = False
    evidence: dict[str, str] | None = None


@message("booking")
class RoomsCancelled:
    sub_case: Urn
    reservations: tuple[Urn, ...]


@message("booking")
class CancelRefused:
    sub_case: Urn
    why: str
    evidence: dict[str, str]


@message("booking")
class BookingReviewed:
    """Nobody can tell what a source has done (`finding` None), or somebody has found out: FOUND, ABSENT or CANCELLED.

    `opens` is false where whoever asked for the undo is told of it, and opens a review in its place.
    """

    sub_case: Urn
    operation: Urn
    finding: str | None
    why: str
    evidence: dict[str, str]
    opens: bool = True


@message("booking")
class HoldsChanged:
    """Holds or confirmed rooms of a hotel and night changed; screens follow."""

    hotel: Urn
    room_type: str
    airport: str
    night: date


@message("booking")
class RideDispatched:
    """`shown` is what the passenger shows where a driver asks for it."""

    sub_case: Urn
    ride: Urn
    vendor: str
    vehicle: str
    shown: str
    fare: Money | None
    wait_minutes: int | None


@message("booking")
class RideRefused:
    """`unknown` is true when nobody can tell whether somebody drives: a person looks with the evidence."""

    sub_case: Urn
    why: str
    unknown: bool = False
    evidence: dict[str, str] | None = None


@message("booking")
class RideCancelled:
    """What was called off; none when there was nothing to call off any more."""

    sub_case: Urn
    rides: tuple[Urn, ...]


@message("booking")
class RideLost:
    """A ride that was promised will not come: the vendor called it off, or found nobody to drive."""

    sub_case: Urn
    ride: Urn
    why: str
    evidence: dict[str, str]


@message("booking")
class RideCancelRefused:
    sub_case: Urn
    why: str
    evidence: dict[str, str]


@message("booking")
class RideReviewed:
    """Nobody can tell what a vendor of rides has done (`finding` None), or somebody has found out: FOUND, ABSENT or CANCELLED.

    `opens` is false where whoever asked for the undo is told of it, and opens a review in its place.
    """

    sub_case: Urn
    operation: Urn
    finding: str | None
    why: str
    evidence: dict[str, str]
    opens: bool = True


@message("booking")
class BookingsStopped:
    """Bookings were stopped, or go on again; screens follow."""

    stop: Urn
    row_version: int
