"""Cases, asked and changed: the operators' and the partners' fields over one domain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from domains.cases import actions, queries
from domains.cases.actions.issue import may_issue
from domains.cases.commands import (
    AcquireLock,
    CancelWorkflow,
    ClaimReview,
    DeclareDisruption,
    IssueVoucher,
    RedriveOutage,
    RedriveWorkflow,
    ReleaseLock,
    ResolveReview,
    SkipStep,
)
from domains.cases.model import Case, CaseStatus, Finding, Lock, ReviewItem, ReviewKind, SubCase, SubCaseStatus, TimelineEntry
from domains.cases.refusals import OutsideAirports
from domains.cases.timeline import Workflow
from domains.policies import queries as policies
from kernel.evidence import Fact, facts
from kernel.identity import Role
from kernel.patience import at_once
from kernel.refusal import BadInput, NotFound, Refusal
from kernel.urn import Urn
from kernel.work import Work
from resolvers import live, loaders
from resolvers.context import Context, Info
from resolvers.page import Page, moment, page_of, read_moment, read_urn, size

T = TypeVar("T")
MOST_VOUCHERS = 500  # of one request: the largest flight, in one transaction


@dataclass(frozen=True, slots=True)
class StatusCount:
    status: SubCaseStatus
    count: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something may be done now, and why not."""

    allowed: bool
    why: str | None


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a supervisor declares. `reason` is mandatory: a person acts."""

    external_event: str
    flight: Urn
    airport: str
    destination: str
    departs: datetime
    cause: str
    reason: str
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Push:
    """What a partner tells of a flight."""

    external_event: str
    flight: Urn
    airport: str
    destination: str
    departs: datetime
    cause: str


@dataclass(frozen=True, slots=True)
class CaseDeclared:
    case: Case
    replayed: bool


@dataclass(frozen=True, slots=True)
class LockAcquired:
    lock: Lock
    sub_case: SubCase


@dataclass(frozen=True, slots=True)
class LockReleased:
    lock: Lock


@dataclass(frozen=True, slots=True)
class Target:
    """A sub-case as the operator saw it; `fence` is that of the operator's own lock, when there is one."""

    urn: Urn
    version: int
    fence: int | None = None


@dataclass(frozen=True, slots=True)
class Vouchers:
    sub_cases: tuple[Target, ...]
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class VoucherRefusal:
    urn: Urn
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class VouchersRequested:
    requested: tuple[SubCase, ...]
    refused: tuple[VoucherRefusal, ...]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a person decides of a review; `finding` where a partner's doing is in question, `reference` the partner's own name for it."""

    review: Urn
    version: int
    reason: str
    idempotency_key: str
    finding: Finding | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewClaimed:
    review: ReviewItem


@dataclass(frozen=True, slots=True)
class ReviewDecided:
    """`review` is over when its `resolvedAt` says so; until then the partner is being asked."""

    review: ReviewItem
    replayed: bool


@dataclass(frozen=True, slots=True)
class Redrive:
    workflow: Urn
    version: int
    step: str
    reason: str


@dataclass(frozen=True, slots=True)
class Skip:
    workflow: Urn
    version: int
    step: str
    reason: str


@dataclass(frozen=True, slots=True)
class CallOff:
    workflow: Urn
    version: int
    reason: str


@dataclass(frozen=True, slots=True)
class Outage:
    """A partner that was away, by its vendor's name, and since when."""

    partner: str
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class WorkflowChanged:
    workflow: Workflow


@dataclass(frozen=True, slots=True)
class WorkflowRefusal:
    urn: Urn
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class OutageRedriven:
    redriven: tuple[Urn, ...]
    refused: tuple[WorkflowRefusal, ...]
    more: bool


# reading ---------------------------------------------------------------------------------------------------------------------


async def cases(
    info: Info, first: int = 50, after: str | None = None, airport: str | None = None, status: CaseStatus | None = None
) -> Page[Case]:
    """Newest first."""
    context, position = info.context, read_moment(after)
    async with context.read("cases") as connection:
        found = await queries.cases(
            connection, context.tenant, first=size(first), after=position, airport=airport, status=status, airports=context.airports
        )
    return page_of(found.items, found.total, found.more, lambda case: moment(case.opened_at, case.urn))


async def case(info: Info, urn: Urn) -> Case | None:
    """Null when there is no such case here."""
    return await info.context.loader(loaders.load_cases).load(urn)


async def sub_case(info: Info, urn: Urn) -> SubCase | None:
    """Null when there is no such sub-case here."""
    return await info.context.loader(loaders.load_sub_cases).load(urn)


async def reviews(info: Info, first: int = 50, after: str | None = None) -> Page[ReviewItem]:
    """What waits for a person, oldest first."""
    context, position = info.context, read_moment(after)
    async with context.read("cases") as connection:
        found = await queries.reviews(connection, context.tenant, first=size(first), after=position, airports=context.airports)
    return page_of(found.items, found.total, found.more, lambda item: moment(item.opened_at, item.urn))


async def counts_of(root: Case, info: Info) -> list[StatusCount]:
    return [StatusCount(status, root.counts[status]) for status in SubCaseStatus if root.counts.get(status)]


async def sub_cases_of(root: Case, info: Info, first: int = 200, after: str | None = None) -> Page[SubCase]:
    """In a stable order."""
    wanted = loaders.Rows(root.urn, size(first), read_urn(after))
    found = await info.context.loader(loaders.load_pages_of_sub_cases).load(wanted)
    return page_of(found.items, found.total, found.more, lambda row: row.urn)


async def reviews_of(root: Case, info: Info) -> list[ReviewItem]:
    """Its open review items, oldest first."""
    return await info.context.loader(loaders.load_open_reviews).load(root.urn)


async def lead_name_of(root: SubCase, info: Info) -> str | None:
    """Personal data: the lead passenger's name, for operators only."""
    return await info.context.loader(loaders.load_lead_names).load(root.urn)


async def lock_of(root: SubCase, info: Info) -> Lock | None:
    """Null when it was never locked; without a holder when it is free now."""
    return await info.context.loader(loaders.load_locks).load(root.urn)


async def timeline_of(root: SubCase, info: Info) -> list[TimelineEntry]:
    """Everything that was done for it, oldest first."""
    return await info.context.loader(loaders.load_timelines).load(root.urn)


async def may_issue_voucher(root: SubCase, info: Info) -> Verdict:
    """Leaves the lock aside: whose it is, each screen knows for itself."""
    unknown = root.status is SubCaseStatus.MANUAL_REVIEW and any(
        review.sub_case == root.urn and review.kind is ReviewKind.OUTCOME_UNKNOWN
        for review in await info.context.loader(loaders.load_open_reviews).load(root.case)
    )
    objection = may_issue(root, unknown=unknown)
    return Verdict(objection is None, objection.message if objection else None)


def nights_of(root: SubCase, info: Info) -> int:
    return root.stay.nights if root.stay else 0


def evidence_of(root: TimelineEntry, info: Info) -> list[Fact]:
    return facts(root.evidence)


def evidence_of_review(root: ReviewItem, info: Info) -> list[Fact]:
    return facts(root.evidence)


async def may_redrive_from(root: Workflow, info: Info) -> list[str]:
    """The steps from which it may go on; with `~` before it, an undo that may be tried again."""
    return list((await info.context.loader(loaders.load_moves).load(root.urn)).redrive)


async def may_skip(root: Workflow, info: Info) -> list[str]:
    """What it may do without: a step the plan can go on without, or an undo that a person has seen to."""
    return list((await info.context.loader(loaders.load_moves).load(root.urn)).skip)


async def may_cancel(root: Workflow, info: Info) -> bool:
    """Whether it may be told to undo everything."""
    return (await info.context.loader(loaders.load_moves).load(root.urn)).cancel


# changing --------------------------------------------------------------------------------------------------------------------


async def declare_disruption(info: Info, input: Declaration) -> CaseDeclared:
    """Opens the case of a disrupted flight; the same event, or the same flight, answers with the same case."""
    if not input.reason.strip():
        raise BadInput("A reason is needed: a person declares this.")
    if not info.context.admits(input.airport):
        raise OutsideAirports()
    command = DeclareDisruption(
        input.external_event, input.flight, input.airport, input.destination, input.departs, input.cause, input.reason
    )
    return await _declare(info, command, input.idempotency_key)


async def push_disruption(info: Info, input: Push) -> CaseDeclared:
    """Tells that a flight is disrupted; the same event answers with the same case and `replayed`."""
    command = DeclareDisruption(input.external_event, input.flight, input.airport, input.destination, input.departs, input.cause)
    return await _declare(info, command, None)


async def _declare(info: Info, command: DeclareDisruption, key: str | None) -> CaseDeclared:
    context = info.context

    async def declare(work: Work) -> tuple[Urn, bool]:
        if key is not None and (known := await actions.answer_of(work, key, command)) is not None:
            return Urn(known["case"]), True
        opened, replayed = await actions.declare_disruption(work, command, pss=context.doors.pss)
        if key is not None:
            await actions.keep_answer(work, key, {"case": opened.urn})
        return opened.urn, replayed

    urn, replayed = await _commit(context, declare)
    row = await context.loader(loaders.load_cases).load(urn)
    if row is None:
        raise NotFound("There is no such case.")
    live.case_changed(context, row)
    return CaseDeclared(row, replayed)


async def acquire_lock(info: Info, sub_case: Urn) -> LockAcquired:
    """Takes the sub-case into the hands of this session."""
    context = info.context
    row = await _visible(info, sub_case)
    command = AcquireLock(row.urn, context.operator.session, context.operator.name)
    lock = await _commit(context, lambda work: actions.acquire_lock(work, command, context.doors.alive))
    live.lock_changed(context, lock)
    return LockAcquired(lock, row)


async def release_lock(info: Info, sub_case: Urn) -> LockReleased:
    """Lets go of it."""
    context = info.context
    row = await _visible(info, sub_case)
    command = ReleaseLock(row.urn, context.operator.session)
    lock = await _commit(context, lambda work: actions.release_lock(work, command))
    live.lock_changed(context, lock)
    return LockReleased(lock)


async def _visible(info: Info, urn: Urn) -> SubCase:
    row = await info.context.loader(loaders.load_sub_cases).load(urn)
    if row is None:
        raise NotFound("There is no such sub-case.")
    return row


async def issue_voucher(info: Info, input: Vouchers) -> VouchersRequested:
    """Requests vouchers, one or many: acknowledged once it is durable, carried out by a workflow. One refusal stops no other."""
    context = info.context
    if not 1 <= len(input.sub_cases) <= MOST_VOUCHERS or len({target.urn for target in input.sub_cases}) < len(input.sub_cases):
        raise BadInput(f"Name 1 to {MOST_VOUCHERS} sub-cases, each once.")
    session = context.operator.session
    commands = [IssueVoucher(target.urn, target.version, session, target.fence) for target in input.sub_cases]
    gate = await _gate(context)

    async def issue(work: Work) -> VouchersRequested:
        known = await actions.answer_of(work, input.idempotency_key, input.sub_cases)
        if known is not None:
            rows = await queries.sub_cases_by_urn(work.connection, context.tenant, [Urn(urn) for urn in known["requested"]])
            told = tuple(VoucherRefusal(Urn(urn), code, Refusal.sentence_of(code)) for urn, code, *_ in known["refused"])
            return VouchersRequested(tuple(rows.values()), told, replayed=True)
        done = await actions.issue_vouchers(work, commands, context.airports, gate)
        kept = [[urn, refusal.code] for urn, refusal in done.refused]  # not the sentence: it may name an operator
        await actions.keep_answer(work, input.idempotency_key, {"requested": [row.urn for row in done.requested], "refused": kept})
        refused = tuple(VoucherRefusal(urn, refusal.code, refusal.message) for urn, refusal in done.refused)
        return VouchersRequested(done.requested, refused, replayed=False)

    answer = await _commit(context, issue)
    live.sub_cases_changed(context, answer.requested)
    return answer


async def _gate(context: Context) -> Callable[[int], bool]:
    """Up to how many rooms nobody has to be asked. A supervisor's own word is enough; without a policy the workflow tells a person."""
    if not context.operator.role.includes(Role.OPS_SUPERVISOR):
        async with context.read("policies") as connection:
            policy = await policies.active(connection, context.tenant)
        if policy is not None:
            return policy.gate.opens
    return lambda rooms: True


async def claim_review(info: Info, review: Urn, version: int) -> ReviewClaimed:
    """Takes a review into one's hands; a supervisor may take it out of another's."""
    context = info.context
    seen = await _review(info, review)
    command = ClaimReview(seen.urn, version, context.operator.name, over=_may_take_over(context))
    return ReviewClaimed(await _commit(context, lambda work: actions.claim_review(work, command)))


async def resolve_review(info: Info, input: Resolution) -> ReviewDecided:
    """Ends a review with a reason, or by what was found out about a partner's doing."""
    context = info.context
    seen = await _review(info, input.review)
    command = ResolveReview(seen.urn, input.version, input.reason, input.finding, input.reference or "", over=_may_take_over(context))

    async def resolve(work: Work) -> ReviewDecided:
        if await actions.answer_of(work, input.idempotency_key, command) is not None:
            rows = await queries.reviews_by_urn(work.connection, context.tenant, [seen.urn])
            return ReviewDecided(rows[seen.urn], replayed=True)
        decided = await actions.resolve_review(work, command)
        await actions.keep_answer(work, input.idempotency_key, {"review": decided.urn})
        return ReviewDecided(decided, replayed=False)

    return await _commit(context, resolve)


async def _review(info: Info, urn: Urn) -> ReviewItem:
    row = await info.context.loader(loaders.load_reviews).load(urn)
    if row is None:
        raise NotFound("There is no such review.")
    return row


def _may_take_over(context: Context) -> bool:
    return context.operator.role.includes(Role.OPS_SUPERVISOR)


async def redrive_workflow(info: Info, input: Redrive) -> WorkflowChanged:
    """Goes on with a workflow from the named step, as a new attempt. What stands is not asked for again."""
    context = info.context
    command = RedriveWorkflow(input.workflow, input.version, input.step, input.reason, context.operator.session)
    return await _moved(info, input.workflow, lambda work: actions.redrive_workflow(work, command, context.doors.plans, context.airports))


async def skip_step(info: Info, input: Skip) -> WorkflowChanged:
    """Does without a step, or takes an undo for done because a person saw to it."""
    context = info.context
    command = SkipStep(input.workflow, input.version, input.step, input.reason, context.operator.session)
    return await _moved(info, input.workflow, lambda work: actions.skip_step(work, command, context.doors.plans, context.airports))


async def cancel_workflow(info: Info, input: CallOff) -> WorkflowChanged:
    """Lets a workflow end the step it is at, and then undo everything."""
    context = info.context
    command = CancelWorkflow(input.workflow, input.version, input.reason, context.operator.session)
    return await _moved(info, input.workflow, lambda work: actions.cancel_workflow(work, command, context.doors.plans, context.airports))


async def redrive_outage(info: Info, input: Outage) -> OutageRedriven:
    """Goes on with every workflow that ended because a partner was away; `more` asks to be called again."""
    context = info.context
    command = RedriveOutage(input.partner, input.since, input.reason)
    done = await _commit(context, lambda work: actions.redrive_outage(work, command, context.doors.plans))
    refused = tuple(WorkflowRefusal(urn, refusal.code, refusal.message) for urn, refusal in done.refused)
    return OutageRedriven(done.workflows, refused, done.more)


async def _moved(info: Info, urn: Urn, act: Callable[[Work], Awaitable[None]]) -> WorkflowChanged:
    await _commit(info.context, act)
    workflow = await info.context.loader(loaders.load_workflows).load(urn)
    if workflow is None:
        raise NotFound("There is no such workflow.")
    return WorkflowChanged(workflow)


async def _commit(context: Context, act: Callable[[Work], Awaitable[T]]) -> T:
    """What `act` comes to in one transaction of cases, which is begun anew when it collided with another one."""

    async def attempt() -> T:
        async with context.work("cases") as work:
            return await act(work)

    return await at_once(attempt)
