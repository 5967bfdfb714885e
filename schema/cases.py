"""What cases says: the board, the sub-cases and what is done for them, and the ways to change them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from domains.cases import model, refusals, timeline
from kernel.identity import Role
from kernel.urn import Urn
from resolvers import cases as resolve
from resolvers import loaders
from resolvers.page import Edge, Page
from schema.audience import EVERYONE, OPERATOR, PARTNER
from schema.binding import bind, extend, field, link, outcome, takes, view, words
from schema.common import Fact, Money, Node, NotFound, PageInfo, VersionConflict

CASE_STATUS = words(model.CaseStatus, seen_by=OPERATOR | PARTNER)
SUB_CASE_STATUS = words(model.SubCaseStatus, seen_by=EVERYONE)
TIER = words(model.Tier, seen_by=OPERATOR)
REVIEW_KIND = words(model.ReviewKind, seen_by=OPERATOR)
FINDING = words(model.Finding, seen_by=OPERATOR)
SEVERITY = words(model.Severity, seen_by=OPERATOR)

BOTH = OPERATOR | PARTNER
PAGED = {"first": OPERATOR, "after": OPERATOR}
OPERATORS = Role.AIRPORT_OPERATOR


@view(of=resolve.StatusCount, seen_by=BOTH)
class StatusCount:
    """How many sub-cases of a case are in one status."""

    status: model.SubCaseStatus
    count: int


@view(of=model.Case, key="urn", seen_by=BOTH, load=loaders.load_cases, allow=OPERATORS)
class Case(Node):
    """One disrupted flight, and everyone booked on it."""

    urn: Urn
    version: int
    flight: Urn
    flight_number: str
    airport: str
    destination: str
    departs: datetime = field(description="The scheduled departure, with the airport's own offset.")
    cause: str
    status: model.CaseStatus
    manifest_state: str = field(seen_by=OPERATOR, description="AWAITED, PROVISIONED, EMPTY or UNREACHABLE.")
    opened_at: datetime
    counts: list[StatusCount] = bind(resolve.counts_of, seen_by=BOTH)
    sub_cases_total: int
    needing_night: int = field(seen_by=OPERATOR)
    oldest_waiting: datetime | None = field(seen_by=OPERATOR, description="Since when the longest waiting sub-case waits.")
    operators: list[str] = field(seen_by=OPERATOR, description="Who holds locks inside.")
    sub_cases: SubCaseConnection = bind(resolve.sub_cases_of, seen_by=OPERATOR, args=PAGED)
    reviews: list[ReviewItem] = bind(resolve.reviews_of, seen_by=OPERATOR)


@view(of=Edge[model.Case], seen_by=BOTH)
class CaseEdge:
    cursor: str
    node: Case


@view(of=Page[model.Case], seen_by=BOTH)
class CaseConnection:
    edges: list[CaseEdge]
    page_info: PageInfo
    total_count: int


@view(of=model.Guests, seen_by=OPERATOR)
class Guests:
    """Who travels together; a child is 2 to 11 years old, an infant younger."""

    adults: int
    children: int
    infants: int


@view(of=model.NextFlight, seen_by=OPERATOR)
class NextFlight:
    """The flight the airline has re-seated the party on."""

    flight: Urn
    flight_number: str
    departs: datetime
    origin: str
    destination: str


@view(of=model.Offer, seen_by=OPERATOR)
class Offer:
    """What the passenger was offered."""

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
    card: Urn | None
    card_last_four: str | None
    card_amount: Money | None


@view(of=model.Lock, seen_by=OPERATOR)
class Lock:
    """Whose hands a sub-case is in; nobody's without a holder. `fence` rises with every change of hands."""

    sub_case: Urn
    fence: int
    holder: Urn | None
    holder_name: str | None
    session: str | None
    since: datetime | None


@view(of=timeline.WorkflowStep, seen_by=OPERATOR)
class WorkflowStep:
    """One attempt at one step, or at undoing it."""

    name: str
    state: str
    attempt: int
    asked_at: datetime | None
    ended_at: datetime | None
    summary: str | None
    next_retry_at: datetime | None


@view(of=timeline.Workflow, key="urn", seen_by=OPERATOR, load=loaders.load_workflows, allow=OPERATORS)
class Workflow(Node):
    """A voucher on its way, step by step."""

    urn: Urn
    version: int
    plan: str
    state: str
    steps: list[WorkflowStep]
    may_redrive_from: list[str] = bind(resolve.may_redrive_from, seen_by=OPERATOR)
    may_skip: list[str] = bind(resolve.may_skip, seen_by=OPERATOR)
    may_cancel: bool = bind(resolve.may_cancel, seen_by=OPERATOR)


@view(of=model.TimelineEntry, seen_by=OPERATOR)
class TimelineEntry:
    """One line of what was done for a sub-case."""

    at: datetime
    step: str
    state: str
    attempt: int
    summary: str
    evidence: list[Fact] = bind(resolve.evidence_of, seen_by=OPERATOR)


@view(of=resolve.Verdict, seen_by=OPERATOR)
class Verdict:
    """Whether something may be done now, and why not."""

    allowed: bool
    why: str | None


@view(of=model.SubCase, key="urn", seen_by=OPERATOR, load=loaders.load_sub_cases, allow=OPERATORS)
class SubCase(Node):
    """One PNR of a disrupted flight, and everything done for it."""

    urn: Urn
    version: int
    case: Urn
    pnr: Urn
    airport: str
    tier: model.Tier
    mixed_tier: bool
    lead_name: str | None = bind(resolve.lead_name_of, seen_by=OPERATOR)
    guests: Guests
    rooms: int
    special_needs: list[str]
    needs_night: bool
    check_in: date | None = field(at="stay.check_in")
    check_out: date | None = field(at="stay.check_out")
    nights: int = bind(resolve.nights_of, seen_by=OPERATOR)
    next_flight: NextFlight | None
    status: model.SubCaseStatus
    reason: str | None = field(description="Why it is in this status, where that needs saying.")
    reachable: bool = field(description="Whether the party can be reached by a message.")
    opened_at: datetime
    changed_at: datetime
    offer: Offer | None
    lock: Lock | None = bind(resolve.lock_of, seen_by=OPERATOR)
    workflow: Workflow | None = link("workflow")
    timeline: list[TimelineEntry] = bind(resolve.timeline_of, seen_by=OPERATOR)
    may_issue_voucher: Verdict = bind(resolve.may_issue_voucher, seen_by=OPERATOR)


@view(of=Edge[model.SubCase], seen_by=OPERATOR)
class SubCaseEdge:
    cursor: str
    node: SubCase


@view(of=Page[model.SubCase], seen_by=OPERATOR)
class SubCaseConnection:
    edges: list[SubCaseEdge]
    page_info: PageInfo
    total_count: int


@view(of=model.Decision, seen_by=OPERATOR)
class Decision:
    """What a person has decided of a review; nobody's where the partner's own late word ended it."""

    finding: model.Finding | None
    reason: str
    by: Urn | None
    at: datetime


@view(of=model.ReviewItem, key="urn", kind="review", seen_by=OPERATOR, load=loaders.load_reviews, allow=OPERATORS)
class ReviewItem(Node):
    """Something that waits for a person, with the evidence."""

    urn: Urn
    version: int
    case: Urn
    sub_case: Urn | None
    kind: model.ReviewKind
    severity: model.Severity
    summary: str
    evidence: list[Fact] = bind(resolve.evidence_of_review, seen_by=OPERATOR)
    opened_at: datetime
    operation: Urn | None = field(description="The call to a partner of which nobody can tell; resolving it takes a finding.")
    claimed_by: Urn | None
    claimed_name: str | None
    claimed_at: datetime | None
    decision: Decision | None = field(description="Without `resolvedAt`: the partner is being asked whether it bears this out.")
    resolved_at: datetime | None


@view(of=Edge[model.ReviewItem], seen_by=OPERATOR)
class ReviewEdge:
    cursor: str
    node: ReviewItem


@view(of=Page[model.ReviewItem], seen_by=OPERATOR)
class ReviewConnection:
    edges: list[ReviewEdge]
    page_info: PageInfo
    total_count: int


# changing --------------------------------------------------------------------------------------------------------------------


@view(of=refusals.WrongVendor, seen_by=BOTH)
class WrongVendor:
    """The flight's URN names a vendor that this airline does not use."""

    message: str


@view(of=refusals.OutsideAirports, seen_by=OPERATOR)
class OutsideAirports:
    """The airport is outside the ones this operator works at."""

    message: str


@view(of=refusals.SubCaseLocked, seen_by=OPERATOR)
class SubCaseLocked:
    """Another operator is working on it."""

    message: str
    holder_name: str | None
    since: datetime | None


@view(of=refusals.LockLost, seen_by=OPERATOR)
class LockLost:
    """The lock has passed to somebody else."""

    message: str


@view(of=refusals.ReviewTaken, seen_by=OPERATOR)
class ReviewTaken:
    """Another operator has taken this review."""

    message: str
    holder_name: str | None
    since: datetime | None


@view(of=refusals.ReviewOver, seen_by=OPERATOR)
class ReviewOver:
    """The review is resolved already."""

    message: str


@view(of=refusals.FindingNeeded, seen_by=OPERATOR)
class FindingNeeded:
    """Nobody knows what the partner did: the finding is missing."""

    message: str


@view(of=resolve.ReviewClaimed, seen_by=OPERATOR)
class ReviewClaimed:
    review: ReviewItem


@view(of=resolve.ReviewDecided, seen_by=OPERATOR)
class ReviewDecided:
    """The review is over when its `resolvedAt` says so; until then the partner is being asked. `replayed`: the key was used before."""

    review: ReviewItem
    replayed: bool


@view(of=resolve.CaseDeclared, seen_by=BOTH)
class CaseDeclared:
    """`replayed` says that the case was open already."""

    case: Case
    replayed: bool


@view(of=resolve.LockAcquired, seen_by=OPERATOR)
class LockAcquired:
    lock: Lock
    sub_case: SubCase


@view(of=resolve.LockReleased, seen_by=OPERATOR)
class LockReleased:
    lock: Lock


@view(of=resolve.VoucherRefusal, seen_by=OPERATOR)
class VoucherRefusal:
    """Why one sub-case got no voucher; `code` is the refusal's own."""

    urn: Urn
    code: str
    message: str


@view(of=resolve.VouchersRequested, seen_by=OPERATOR)
class IssueVoucherResult:
    """What was requested and what was refused; `replayed` says that the key had been used for the same request before."""

    requested: list[SubCase]
    refused: list[VoucherRefusal]
    replayed: bool


@takes(of=resolve.Declaration, seen_by=OPERATOR)
class DeclareDisruptionInput:
    """`externalEvent` makes a repetition harmless; `departs` is the scheduled departure with its offset."""

    external_event: str
    flight: Urn
    airport: str
    destination: str
    departs: datetime
    cause: str
    reason: str
    idempotency_key: str | None


@takes(of=resolve.Push, seen_by=PARTNER)
class PushDisruptionInput:
    """`externalEvent` makes a repetition harmless; `departs` is the scheduled departure with its offset."""

    external_event: str
    flight: Urn
    airport: str
    destination: str
    departs: datetime
    cause: str


@takes(of=resolve.Target, seen_by=OPERATOR)
class VoucherTarget:
    """A sub-case as the operator saw it; `fence` is that of the operator's own lock, when there is one."""

    urn: Urn
    version: int
    fence: int | None


@takes(of=resolve.Vouchers, seen_by=OPERATOR)
class IssueVoucherInput:
    """The same key with the same sub-cases is answered with the first answer."""

    sub_cases: list[VoucherTarget]
    idempotency_key: str


@takes(of=resolve.Resolution, seen_by=OPERATOR)
class ResolveReviewInput:
    """`finding` is needed where the review names an operation; `reference` is the partner's own name for what was found."""

    review: Urn
    version: int
    reason: str
    idempotency_key: str
    finding: model.Finding | None
    reference: str | None


@view(of=refusals.StepNotPossible, seen_by=OPERATOR)
class StepNotPossible:
    """The workflow cannot go on like that as it stands; `possible` says from where it can."""

    message: str
    possible: list[str]


@view(of=refusals.WorkflowOvertaken, seen_by=OPERATOR)
class WorkflowOvertaken:
    """A newer voucher is being worked on for this party."""

    message: str


@view(of=refusals.MoveRefused, seen_by=OPERATOR)
class MoveRefused:
    """The sub-case is not in a state that allows this."""

    message: str


@view(of=resolve.WorkflowChanged, seen_by=OPERATOR)
class WorkflowChanged:
    """It goes on as told."""

    workflow: Workflow


@view(of=resolve.WorkflowRefusal, seen_by=OPERATOR)
class WorkflowRefusal:
    """Why one workflow does not go on; `code` is the refusal's own."""

    urn: Urn
    code: str
    message: str


@view(of=resolve.OutageRedriven, seen_by=OPERATOR)
class RedriveOutageResult:
    """What goes on and what does not; `more` says that others wait, and to ask again."""

    redriven: list[Urn]
    refused: list[WorkflowRefusal]
    more: bool


@takes(of=resolve.Redrive, seen_by=OPERATOR)
class RedriveWorkflowInput:
    """`version` is the workflow's as the operator saw it; `step` one of `mayRedriveFrom`."""

    workflow: Urn
    version: int
    step: str
    reason: str


@takes(of=resolve.Skip, seen_by=OPERATOR)
class SkipStepInput:
    """`version` is the workflow's as the operator saw it; `step` one of `maySkip`."""

    workflow: Urn
    version: int
    step: str
    reason: str


@takes(of=resolve.CallOff, seen_by=OPERATOR)
class CancelWorkflowInput:
    """`version` is the workflow's as the operator saw it."""

    workflow: Urn
    version: int
    reason: str


@takes(of=resolve.Outage, seen_by=OPERATOR)
class RedriveOutageInput:
    """The partner that was away, by its vendor's name, and since when."""

    partner: str
    since: datetime
    reason: str


DeclareDisruptionResult = Annotated[CaseDeclared | WrongVendor | OutsideAirports, outcome("DeclareDisruptionResult", seen_by=OPERATOR)]
PushDisruptionResult = Annotated[CaseDeclared | WrongVendor, outcome("PushDisruptionResult", seen_by=PARTNER)]
AcquireLockResult = Annotated[LockAcquired | SubCaseLocked | NotFound, outcome("AcquireLockResult", seen_by=OPERATOR)]
ReleaseLockResult = Annotated[LockReleased | LockLost | NotFound, outcome("ReleaseLockResult", seen_by=OPERATOR)]

ClaimReviewResult = Annotated[
    ReviewClaimed | ReviewTaken | ReviewOver | VersionConflict | NotFound, outcome("ClaimReviewResult", seen_by=OPERATOR)
]
ResolveReviewResult = Annotated[
    ReviewDecided | FindingNeeded | ReviewTaken | ReviewOver | VersionConflict | NotFound,
    outcome("ResolveReviewResult", seen_by=OPERATOR),
]

HAND = WorkflowChanged | StepNotPossible | WorkflowOvertaken | MoveRefused | SubCaseLocked | VersionConflict | NotFound
RedriveWorkflowResult = Annotated[HAND, outcome("RedriveWorkflowResult", seen_by=OPERATOR)]
SkipStepResult = Annotated[HAND, outcome("SkipStepResult", seen_by=OPERATOR)]
CancelWorkflowResult = Annotated[
    WorkflowChanged | StepNotPossible | SubCaseLocked | VersionConflict | NotFound, outcome("CancelWorkflowResult", seen_by=OPERATOR)
]


# the roots -------------------------------------------------------------------------------------------------------------------


@extend
class Query:
    cases: CaseConnection = bind(
        resolve.cases,
        seen_by=BOTH,
        args={"first": BOTH, "after": BOTH, "airport": OPERATOR, "status": OPERATOR},
        allow=(OPERATORS, "cases.read"),
    )
    case: Case | None = bind(resolve.case, seen_by=BOTH, args={"urn": BOTH}, allow=(OPERATORS, "cases.read"))
    sub_case: SubCase | None = bind(resolve.sub_case, seen_by=OPERATOR, args={"urn": OPERATOR}, allow=OPERATORS)
    reviews: ReviewConnection = bind(resolve.reviews, seen_by=OPERATOR, args=PAGED, allow=OPERATORS)


@extend
class Mutation:
    declare_disruption: DeclareDisruptionResult = bind(
        resolve.declare_disruption, seen_by=OPERATOR, args={"input": OPERATOR}, allow=Role.OPS_SUPERVISOR
    )
    push_disruption: PushDisruptionResult = bind(
        resolve.push_disruption, seen_by=PARTNER, args={"input": PARTNER}, allow="disruptions.write"
    )
    acquire_lock: AcquireLockResult = bind(resolve.acquire_lock, seen_by=OPERATOR, args={"sub_case": OPERATOR}, allow=OPERATORS)
    release_lock: ReleaseLockResult = bind(resolve.release_lock, seen_by=OPERATOR, args={"sub_case": OPERATOR}, allow=OPERATORS)
    issue_voucher: IssueVoucherResult = bind(resolve.issue_voucher, seen_by=OPERATOR, args={"input": OPERATOR}, allow=OPERATORS)
    claim_review: ClaimReviewResult = bind(
        resolve.claim_review, seen_by=OPERATOR, args={"review": OPERATOR, "version": OPERATOR}, allow=OPERATORS
    )
    resolve_review: ResolveReviewResult = bind(resolve.resolve_review, seen_by=OPERATOR, args={"input": OPERATOR}, allow=OPERATORS)
    redrive_workflow: RedriveWorkflowResult = bind(resolve.redrive_workflow, seen_by=OPERATOR, args={"input": OPERATOR}, allow=OPERATORS)
    skip_step: SkipStepResult = bind(resolve.skip_step, seen_by=OPERATOR, args={"input": OPERATOR}, allow=OPERATORS)
    cancel_workflow: CancelWorkflowResult = bind(resolve.cancel_workflow, seen_by=OPERATOR, args={"input": OPERATOR}, allow=OPERATORS)
    redrive_outage: RedriveOutageResult = bind(
        resolve.redrive_outage, seen_by=OPERATOR, args={"input": OPERATOR}, allow=Role.OPS_SUPERVISOR
    )
