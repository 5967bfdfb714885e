"""What happened in cases."""

from __future__ import annotations

from datetime import date, datetime

from domains.cases.model import Finding, ReviewKind, SubCaseStatus
from kernel.event import message
from kernel.urn import Urn


@message("cases")
class CaseOpened:
    case: Urn
    flight: Urn
    airport: str


@message("cases")
class ManifestProvisioned:
    case: Urn
    sub_cases: int
    needing_night: int


@message("cases")
class ManifestUnusable:
    case: Urn
    why: str


@message("cases")
class SubCaseOpened:
    sub_case: Urn
    case: Urn
    status: SubCaseStatus


@message("cases")
class VoucherRequested:
    """`waited_for`: it was asked for alone or nearly so, and whoever asked looks at it."""

    sub_case: Urn
    case: Urn
    workflow: Urn
    rooms: int
    check_in: date
    check_out: date
    waited_for: bool = False


@message("cases")
class GroupChanged:
    """These are placed together from now on; alone again where `group` is None."""

    group: Urn | None
    sub_cases: tuple[Urn, ...]


@message("cases")
class DemandRequested:
    """Rooms were asked for and a supervisor has to say yes or no."""

    demand: Urn
    rooms: int


@message("cases")
class DemandApproved:
    """Rooms may be searched for. `automatic`: the policy's gate opened by itself."""

    demand: Urn
    sub_cases: tuple[Urn, ...]
    rooms: int
    automatic: bool


@message("cases")
class DemandRefused:
    demand: Urn
    why: str


@message("cases")
class OfferPublished:
    sub_case: Urn
    reservation: Urn
    snapshot_version: int


@message("cases")
class OfferNotPublished:
    """The sub-case had moved on while its room was booked: the room is given back."""

    sub_case: Urn
    why: str


@message("cases")
class OfferWithdrawn:
    sub_case: Urn
    reservation: Urn


@message("cases")
class OfferAccepted:
    sub_case: Urn
    intent: str


@message("cases")
class OfferDeclined:
    sub_case: Urn
    workflow: Urn | None
    intent: str


@message("cases")
class AccommodationUnneeded:
    """The flight goes after all, or no night is left: what `workflow` got is to be given back."""

    sub_case: Urn
    workflow: Urn
    reason: str


@message("cases")
class IntentOvertaken:
    """A passenger's acknowledged answer came after the offer had changed; the next snapshot says so."""

    sub_case: Urn
    intent: str
    why: str


@message("cases")
class SubCaseChanged:
    """Status or facts of a sub-case changed; screens and snapshots follow."""

    sub_case: Urn
    case: Urn
    status: SubCaseStatus
    row_version: int


@message("cases")
class LockChanged:
    sub_case: Urn
    case: Urn
    fence: int
    holder: Urn | None
    at: datetime


@message("cases")
class ReviewOpened:
    review: Urn
    case: Urn
    sub_case: Urn | None
    kind: ReviewKind


@message("cases")
class ReviewDecided:
    """A person has found out what a partner did; the domain that owns the operation ends it, or looks for it once more."""

    review: Urn
    operation: Urn
    finding: Finding
    reference: str
    reason: str


@message("cases")
class ReviewResolved:
    review: Urn
    case: Urn
    sub_case: Urn | None
    kind: ReviewKind


@message("cases")
class WorkflowEnded:
    workflow: Urn
    sub_case: Urn
    outcome: str  # DONE | COMPENSATED | FAILED
