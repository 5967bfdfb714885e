"""What a case, a sub-case and its parts are, and which moves they may make."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from kernel.money import Money
from kernel.urn import Urn


class CaseStatus(StrEnum):
    OPEN = "OPEN"  # the manifest is being provisioned, or every sub-case is pending
    IN_PROGRESS = "IN_PROGRESS"  # one has moved
    CLOSED = "CLOSED"  # all are terminal


class SubCaseStatus(StrEnum):
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"  # voucher requested, the workflow runs
    OFFER_READY = "OFFER_READY"
    RESOLVED = "RESOLVED"  # accepted
    REJECTED_BY_PAX = "REJECTED_BY_PAX"  # declined, compensated; an operator takes over
    MANUAL_REVIEW = "MANUAL_REVIEW"
    LOCAL_RESIDENT = "LOCAL_RESIDENT"  # no night is needed
    CANCELLED = "CANCELLED"


class Tier(StrEnum):
    ECONOMY = "ECONOMY"
    PREMIUM_ECONOMY = "PREMIUM_ECONOMY"
    BUSINESS = "BUSINESS"
    FIRST = "FIRST"
    CREW = "CREW"


class ReviewKind(StrEnum):
    ALLOCATION_FAILED = "ALLOCATION_FAILED"
    BOOKING_FAILED = "BOOKING_FAILED"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    PARTIAL_FULFILLMENT = "PARTIAL_FULFILLMENT"
    POLICY_VIOLATION = "POLICY_VIOLATION"
    MIXED_TIER_GROUP = "MIXED_TIER_GROUP"
    DATA_INCOMPLETE = "DATA_INCOMPLETE"


class Severity(StrEnum):
    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


SEVERITY: Final = {
    ReviewKind.ALLOCATION_FAILED: Severity.HIGH,
    ReviewKind.BOOKING_FAILED: Severity.HIGH,
    ReviewKind.OUTCOME_UNKNOWN: Severity.HIGH,
    ReviewKind.PAYMENT_FAILED: Severity.MEDIUM,
    ReviewKind.PARTIAL_FULFILLMENT: Severity.MEDIUM,
    ReviewKind.POLICY_VIOLATION: Severity.LOW,
    ReviewKind.MIXED_TIER_GROUP: Severity.LOW,
    ReviewKind.DATA_INCOMPLETE: Severity.LOW,
}

TERMINAL: Final = frozenset({SubCaseStatus.RESOLVED, SubCaseStatus.LOCAL_RESIDENT, SubCaseStatus.CANCELLED})


class Move(StrEnum):
    """What can happen to a sub-case; the table below says from where and to where."""

    REQUEST_VOUCHER = "request a voucher"
    PUBLISH_OFFER = "publish the offer"
    WITHDRAW_OFFER = "withdraw the offer"
    ACCEPT = "accept the offer"
    DECLINE = "decline the offer"
    GIVE_UP = "hand it to a person"
    UNDO = "undo the voucher"
    REDRIVE = "go on with the voucher's workflow"
    CANCEL = "cancel it: the flight goes after all"
    NEED_NO_NIGHT = "send it on: no night is left"
    NEED_A_NIGHT = "take it up again: a night is due after all"


_S = SubCaseStatus
TRANSITIONS: Final[dict[Move, dict[SubCaseStatus, SubCaseStatus]]] = {
    Move.REQUEST_VOUCHER: {_S.PENDING: _S.PROCESSING, _S.MANUAL_REVIEW: _S.PROCESSING},
    Move.PUBLISH_OFFER: {_S.PROCESSING: _S.OFFER_READY},
    Move.WITHDRAW_OFFER: {
        _S.OFFER_READY: _S.PROCESSING,
        _S.PROCESSING: _S.PROCESSING,
        _S.REJECTED_BY_PAX: _S.REJECTED_BY_PAX,
    },
    Move.ACCEPT: {_S.OFFER_READY: _S.RESOLVED},
    Move.DECLINE: {_S.OFFER_READY: _S.REJECTED_BY_PAX},
    Move.GIVE_UP: {_S.PROCESSING: _S.MANUAL_REVIEW},
    Move.UNDO: {_S.PROCESSING: _S.PENDING},
    Move.REDRIVE: {
        **dict.fromkeys((_S.MANUAL_REVIEW, _S.PENDING, _S.PROCESSING), _S.PROCESSING),
        _S.OFFER_READY: _S.OFFER_READY,  # what the workflow did without is made good
        _S.RESOLVED: _S.RESOLVED,
    },
    Move.CANCEL: dict.fromkeys(set(_S) - {_S.CANCELLED}, _S.CANCELLED),
    Move.NEED_NO_NIGHT: dict.fromkeys(set(_S) - {_S.CANCELLED, _S.LOCAL_RESIDENT}, _S.LOCAL_RESIDENT),
    Move.NEED_A_NIGHT: {_S.LOCAL_RESIDENT: _S.PENDING},
}


def moved(status: SubCaseStatus, move: Move) -> SubCaseStatus | None:
    """Where the move leads from here; None when it may not be made."""
    return TRANSITIONS[move].get(status)


@dataclass(frozen=True, slots=True)
class NextFlight:
    """The flight the airline has re-seated the party on. Nexa never computes it. `departs` keeps the airport's offset."""

    flight: Urn
    departs: datetime
    origin: str
    destination: str

    @property
    def flight_number(self) -> str:
        return number_of(self.flight)


def number_of(flight: Urn) -> str:
    """`B6615` of `urn:flight:B6615@20260208:vendor:custom`."""
    return flight.id.partition("@")[0]


@dataclass(frozen=True, slots=True)
class StayPlan:
    """The nights between the disruption and the next flight; none when the passenger leaves the same operating day."""

    check_in: date
    check_out: date

    @property
    def nights(self) -> int:
        return (self.check_out - self.check_in).days


EARLIEST_HOURS = 4  # a departure before 04:00 still belongs to the night before: nobody is sent to bed for two hours


def stay_until(disrupted: datetime, departs: datetime | None) -> StayPlan | None:
    """The nights to cover from the disrupted departure to the next one, both in the airport's local time; None when there is none.

    Without a next flight one night is planned: the airline re-seats overnight and the plan is recomputed.
    """
    check_in = (disrupted - timedelta(hours=EARLIEST_HOURS)).date()
    if departs is None:
        return StayPlan(check_in, check_in + timedelta(days=1))
    check_out = (departs - timedelta(hours=EARLIEST_HOURS)).date()
    return StayPlan(check_in, check_out) if check_out > check_in else None


@dataclass(frozen=True, slots=True)
class Guests:
    adults: int
    children: int = 0
    infants: int = 0

    @property
    def count(self) -> int:
        return self.adults + self.children + self.infants


@dataclass(frozen=True, slots=True)
class Case:
    urn: Urn
    flight: Urn
    airport: str
    destination: str
    departs: datetime
    cause: str
    external_event: str
    status: CaseStatus
    opened_at: datetime
    version: int
    manifest_state: str = "AWAITED"  # AWAITED | PROVISIONED | EMPTY | UNREACHABLE
    counts: dict[SubCaseStatus, int] = field(default_factory=dict)
    needing_night: int = 0
    oldest_waiting: datetime | None = None
    operators: tuple[str, ...] = ()

    @property
    def flight_number(self) -> str:
        return number_of(self.flight)

    @property
    def sub_cases_total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class SubCase:
    urn: Urn
    case: Urn
    pnr: Urn
    airport: str
    tier: Tier
    mixed_tier: bool
    guests: Guests
    rooms: int
    special_needs: tuple[str, ...]
    next_flight: NextFlight | None
    stay: StayPlan | None
    status: SubCaseStatus
    reason: str | None
    reachable: bool
    opened_at: datetime
    changed_at: datetime
    version: int
    workflow: Urn | None = None
    offer: Offer | None = None
    language: str = "en"
    snapshot_version: int = 1
    offer_since: int | None = None

    @property
    def needs_night(self) -> bool:
        return self.stay is not None


@dataclass(frozen=True, slots=True)
class Offer:
    """What the passenger was offered: facts from booking and wallet, no names."""

    reservation: Urn
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
    card: Urn | None = None
    card_last_four: str | None = None
    card_amount: Money | None = None


@dataclass(frozen=True, slots=True)
class Traveller:
    passenger: Urn
    given_name: str
    family_name: str
    kind: str  # ADULT | CHILD | INFANT


@dataclass(frozen=True, slots=True)
class Party:
    """The people of a sub-case. Personal data: rests here and in the snapshot, nowhere else."""

    sub_case: Urn
    lead: Urn
    travellers: tuple[Traveller, ...]
    phone: str | None
    email: str | None
    language: str


@dataclass(frozen=True, slots=True)
class PnrDraft:
    """A PNR of the manifest on its way to becoming a sub-case."""

    pnr: Urn
    tier: Tier
    mixed_tier: bool
    guests: Guests
    rooms: int | None  # None: minors alone
    special_needs: tuple[str, ...]
    next_flight: NextFlight | None
    travellers: tuple[Traveller, ...]
    phone: str | None
    email: str | None
    language: str


@dataclass(frozen=True, slots=True)
class Lock:
    """Who works on a sub-case. `fence` rises with every change of hands; a write with an older one is refused."""

    sub_case: Urn
    case: Urn
    fence: int
    holder: Urn | None
    holder_name: str | None
    session: str | None
    since: datetime | None

    def held_by_other(self, session: str) -> bool:
        return self.session is not None and self.session != session


class Finding(StrEnum):
    """What a person has found out about something of which nobody knew whether a partner did it."""

    FOUND = "FOUND"  # the partner holds it; of an undo: what was to be undone still stands
    ABSENT = "ABSENT"  # the partner holds nothing
    CANCELLED = "CANCELLED"  # the partner had it, and holds it no longer


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person has decided of a review item. `finding` is None where nothing was in question, `by` where a partner's word ended it."""

    finding: Finding | None
    reason: str
    by: Urn | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """`operation` is the call to a partner of which nobody can tell: its review ends by a finding. Decided and not resolved means that the
    partner is being asked."""

    urn: Urn
    case: Urn
    sub_case: Urn | None
    kind: ReviewKind
    summary: str
    evidence: dict[str, str]
    opened_at: datetime
    resolved_at: datetime | None
    version: int
    operation: Urn | None = None
    claimed_by: Urn | None = None
    claimed_name: str | None = None
    claimed_at: datetime | None = None
    decision: Decision | None = None

    def held_by_other(self, actor: Urn | None) -> bool:
        return self.claimed_by is not None and self.claimed_by != actor

    @property
    def severity(self) -> Severity:
        return SEVERITY[self.kind]


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of what was done for a sub-case: a step, an attempt, an undo, a decision."""

    at: datetime
    step: str
    state: str  # of a journal's line: `kernel.saga.entry.EntryState`
    attempt: int
    summary: str
    evidence: dict[str, str] = field(default_factory=dict)
