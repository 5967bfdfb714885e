"""Rankings, candidates, holds, reservations and the placing of a party, and which moves they may make."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from domains.booking.ports import Offer
from kernel.money import Money
from kernel.urn import Urn

FURTHER_HOTELS: Final = 3  # after the first; more would cost the party minutes and the partner its patience
LEFT_OUT_KEPT: Final = 40  # houses; an airport's surroundings hold no more that anybody reads
CANDIDATES_KEPT: Final = 20  # a fall-back tries 4, an operator reads a screenful


class Exclusion(StrEnum):
    """Why an offer is no candidate; the first gate it fails, in this order."""

    TOO_FEW_STARS = "TOO_FEW_STARS"
    TOO_FAR = "TOO_FAR"
    CHAIN_EXCLUDED = "CHAIN_EXCLUDED"
    AMENITY_MISSING = "AMENITY_MISSING"
    OTHER_TIER = "OTHER_TIER"  # the rooms are contracted for other cabins
    OTHER_CURRENCY = "OTHER_CURRENCY"  # the policy's ceiling cannot be compared with it
    TOO_DEAR = "TOO_DEAR"
    TOO_FEW_ROOMS = "TOO_FEW_ROOMS"  # left at the source, less what we hold or confirmed since it was asked
    DEARER_ROOM = "DEARER_ROOM"  # the same house has a better offer, at this source or another


@dataclass(frozen=True, slots=True)
class Score:
    """Parts from 0 to 1, larger is better, and their weighted sum."""

    cost: Decimal
    distance: Decimal
    consolidation: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offer that fits, at its `place` in the ranking, from 1."""

    place: int
    offer: Offer
    score: Score


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A house of which no offer fits, and the gate at which its cheapest one fell."""

    hotel: Urn
    name: str
    total: Money
    reason: Exclusion

    @property
    def vendor(self) -> str:
        return self.hotel.vendor or ""


@dataclass(frozen=True, slots=True)
class Fallen:
    """How many offers fell at one gate."""

    reason: Exclusion
    offers: int


@dataclass(frozen=True, slots=True)
class Silence:
    """A source that did not answer a search, and why."""

    vendor: str
    why: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one search brought for one party. `asked_at` is before the sources were asked: their allotments are as of then."""

    urn: Urn
    sub_case: Urn
    airport: str
    rooms: int
    asked_at: datetime
    candidates: tuple[Candidate, ...]
    excluded: dict[str, int]  # reason → number of offers
    answered: tuple[str, ...]
    silent: dict[str, str]
    left_out: tuple[LeftOut, ...] = ()  # the cheapest first

    @property
    def fallen(self) -> tuple[Fallen, ...]:
        """Most offers first."""
        return tuple(
            Fallen(Exclusion(reason), count) for reason, count in sorted(self.excluded.items(), key=lambda each: (-each[1], each[0]))
        )

    @property
    def silences(self) -> tuple[Silence, ...]:
        """By source."""
        return tuple(Silence(vendor, why) for vendor, why in sorted(self.silent.items()))


class ReservationState(StrEnum):
    """`ASKED` counts as possibly booked, from the moment it is written: compensation is owed from the intent on."""

    ASKED = "ASKED"
    WATCHED = "WATCHED"  # unknown for too long: another hotel was asked instead, and this one is cancelled should it appear
    CONFIRMED = "CONFIRMED"
    DECLINED = "DECLINED"  # the source said no
    ABSENT = "ABSENT"  # never reached, or proven not to be there
    UNKNOWN = "UNKNOWN"  # could not be resolved; a person looks
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    CANCEL_REFUSED = "CANCEL_REFUSED"


_R = ReservationState
RESERVATION_MOVES: Final[dict[ReservationState, frozenset[ReservationState]]] = {
    _R.ASKED: frozenset({_R.CONFIRMED, _R.DECLINED, _R.ABSENT, _R.UNKNOWN, _R.WATCHED}),
    _R.WATCHED: frozenset({_R.CONFIRMED, _R.DECLINED, _R.ABSENT, _R.UNKNOWN, _R.CANCELLING}),
    _R.DECLINED: frozenset({_R.CANCELLING}),  # from these three only when a ghost appeared
    _R.ABSENT: frozenset({_R.CANCELLING}),
    _R.CANCELLED: frozenset({_R.CANCELLING}),
    _R.UNKNOWN: frozenset({_R.CONFIRMED, _R.DECLINED, _R.ABSENT, _R.CANCELLING}),
    _R.CONFIRMED: frozenset({_R.CANCELLING}),
    _R.CANCELLING: frozenset({_R.CANCELLED, _R.CANCEL_REFUSED}),
    _R.CANCEL_REFUSED: frozenset({_R.CANCELLING, _R.CANCELLED, _R.DECLINED, _R.ABSENT}),
}
UNRESOLVED: Final = frozenset({_R.ASKED, _R.WATCHED})  # nobody knows yet whether the source has booked it
IN_QUESTION: Final = frozenset({_R.UNKNOWN, _R.CANCEL_REFUSED})  # a person looks, and may find out
OWED: Final = frozenset({_R.CONFIRMED, _R.UNKNOWN, _R.WATCHED, _R.CANCEL_REFUSED})  # an undo has something to do, or to try again


@dataclass(frozen=True, slots=True)
class Reservation:
    """One hotel asked for one party. `urn` is minted before the partner is called; `client_reference` is that of the last send."""

    urn: Urn
    sub_case: Urn
    workflow: Urn
    hold: Urn
    place: int
    state: ReservationState
    offer: Offer
    airport: str
    asked_at: datetime  # when the offer was found
    client_reference: str
    sends: int
    total: Money
    partner_reference: str | None = None
    reason: str | None = None
    changed_at: datetime | None = None
    version: int = 1

    @property
    def vendor(self) -> str:
        return self.offer.hotel.vendor or ""

    @property
    def tagged(self) -> Urn:
        """The name with vendor and status, for people."""
        return self.urn.tagged(self.vendor, self.state.value.lower())

    def becomes(self, state: ReservationState, **facts: Any) -> Reservation:
        """Itself in the next state, with what is known then. Raises: ValueError for a move that the table does not have."""
        if state not in RESERVATION_MOVES[self.state]:
            raise ValueError(f"{self.urn} is {self.state} and cannot become {state}")
        return replace(self, state=state, **facts)


class PlacementState(StrEnum):
    PLACING = "PLACING"  # a hotel is being asked
    PLACED = "PLACED"
    REFUSED = "REFUSED"  # nobody took them
    UNDOING = "UNDOING"  # everything is being cancelled, or resolved first and then cancelled
    UNDONE = "UNDONE"
    STUCK = "STUCK"  # a cancellation was refused; a person looks


@dataclass(frozen=True, slots=True)
class Placement:
    """The placing of one party by one workflow: where in the ranking it stands, and who waits for the answer.

    `reply_to` is the newest question: an answer goes to whoever asked last. `undo_reply_to` is the same for the undoing.
    """

    workflow: Urn
    sub_case: Urn
    state: PlacementState
    ranking: Urn | None = None
    tolerance_percent: Decimal = Decimal(2)
    place: int = 0  # of the last candidate looked at
    hotels: int = 0  # asked so far
    sends: int = 0  # over all hotels and tries
    reservation: Urn | None = None  # the one being asked for, confirmed, or unknown
    reply_to: str | None = None
    undo_reply_to: str | None = None
    reason: str | None = None
    evidence: dict[str, str] = field(default_factory=dict)  # by hotel: why it was not that one
    version: int = 1

    @property
    def unknown(self) -> bool:
        """Whether it was refused while nobody can tell what a source has done."""
        return self.state is PlacementState.REFUSED and self.reservation is not None


class HoldState(StrEnum):
    HELD = "HELD"
    CONFIRMED = "CONFIRMED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True)
class Hold:
    """Rooms of one type held in one hotel for one party, over all its nights."""

    urn: Urn
    reservation: Urn
    hotel: Urn
    hotel_name: str
    room_type: str
    airport: str
    check_in: date
    check_out: date
    rooms: int
    until: datetime
    reported: int  # rooms left, as the source last said
    reported_at: datetime

    @property
    def nights(self) -> tuple[date, ...]:
        return tuple(self.check_in + timedelta(days=n) for n in range((self.check_out - self.check_in).days))


@dataclass(frozen=True, slots=True)
class HoldCount:
    """One room type of a hotel in one night, as a screen shows it. `free` may lag the source; the source's answer is the truth."""

    urn: Urn
    hotel: Urn
    hotel_name: str
    room_type: str
    airport: str
    night: date
    held: int
    confirmed: int
    reported: int
    free: int
    nearest_expiry: datetime | None
    version: int


def count_urn(airport: str, hotel: Urn, room_type: str, night: date) -> Urn:
    """The name of a row of hold counts."""
    id = "~".join((airport, hotel.vendor or "", hotel.id, room_type, night.isoformat()))
    return Urn.of("hold", "".join(c if c.isascii() and (c.isalnum() or c in "@._~|+-") else "_" for c in id)[:120])
