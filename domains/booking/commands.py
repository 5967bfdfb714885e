"""What may be asked of booking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domains.booking.ports import Point, Terms
from kernel.event import message
from kernel.money import Money
from kernel.urn import Urn


@message("booking")
class RankHotels:
    """Search around the airport, gate, score and keep the ranked candidates. Answer: HotelsRanked or NoHotelFits."""

    sub_case: Urn
    airport: str
    check_in: date
    check_out: date
    rooms: int
    adults: int
    children: int
    infants: int
    min_stars: int
    max_distance_km: Decimal
    max_nightly_rate: Money
    weights: dict[str, Decimal]  # cost, distance, consolidation
    required_amenities: tuple[str, ...] = ()
    excluded_chains: tuple[str, ...] = ()
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class CreateContract:
    """Rooms that a hotel has promised to the airline, at the airports and for the tiers named; no tier: for everybody. Asked again under
    the same `urn` it is the same contract."""

    hotel_name: str
    stars: int
    address: str
    location: Point
    airports: tuple[str, ...]
    first: date
    last: date
    rooms: tuple[Terms, ...]
    reason: str
    urn: Urn
    tiers: tuple[str, ...] = ()
    phone: str | None = None
    email: str | None = None
    amenities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EditNights:
    """Change caps, blocks and stops of a room type from the night `first` to the night `last`; what is None stays. `version` is the one
    that was seen."""

    contract: Urn
    version: int
    room_type: str
    first: date
    last: date
    reason: str
    capacity: int | None = None
    blocked: int | None = None
    stopped: bool | None = None


@message("booking")
class CommitWave:
    """Book what the wave has planned; `version` is the one the supervisor saw."""

    wave: Urn
    version: int


@message("booking")
class DiscardWave:
    wave: Urn
    version: int
    reason: str


@message("booking")
class BookRooms:
    """Hold, re-check, confirm; fall back over the ranking. Answer: RoomsBooked or RoomsRefused. Names are read from cases by the job."""

    sub_case: Urn
    ranking: Urn
    tolerance_percent: Decimal = Decimal(2)


@message("booking")
class CancelRooms:
    """Undo what BookRooms did for this sub-case and workflow, whatever is known of it. Answer: RoomsCancelled or CancelRefused."""

    sub_case: Urn
    workflow: Urn
    reason: str = ""


@message("booking")
class DispatchRide:
    """Send for a vehicle from the airport to the reserved hotel, `seats` for the whole party. Answer: RideDispatched or RideRefused.

    `preference` names vendors, the most wanted first. Name and number of who rides are read from cases by the job.
    """

    sub_case: Urn
    reservation: Urn
    seats: int
    ceiling: Money | None = None
    preference: tuple[str, ...] = ()


@message("booking")
class CancelRide:
    """Undo what DispatchRide did for this sub-case and workflow, whatever is known of it. Answer: RideCancelled or RideCancelRefused."""

    sub_case: Urn
    workflow: Urn
    reason: str = ""
