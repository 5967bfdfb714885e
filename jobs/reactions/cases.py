"""What cases does when something happens: manifests are fetched, workflows started, offers shown, answers carried out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domains.booking.events import BookingReviewed, CancelRefused, RideCancelRefused, RideLost, RideReviewed, WaveCommitted
from domains.cases import actions, events, queries
from domains.cases.commands import AcceptOffer, DeclineOffer, PublishOffer, WithdrawOffer
from domains.cases.demand import vulnerable
from domains.cases.events import (
    AccommodationUnneeded,
    CaseOpened,
    DemandApproved,
    DemandRefused,
    DemandRequested,
    IntentOvertaken,
    LockChanged,
    ManifestProvisioned,
    ManifestUnusable,
    OfferDeclined,
    ReviewOpened,
    SubCaseChanged,
    SubCaseOpened,
    VoucherRequested,
)
from domains.cases.model import Finding, ReviewKind
from domains.notifications.events import LeadNotReached, MessageReviewed
from domains.policies import queries as policies
from domains.wallet.events import CardIssued, CardReviewed, CardVoided
from jobs.chores.publish_snapshots import publish_snapshots
from jobs.operations.fetch_manifest import FETCH_MANIFEST
from jobs.registry import Ports, on, on_many
from jobs.sagas import accommodate, release_accommodation
from kernel import clock, saga
from kernel.event import Envelope
from kernel.operation import intend
from kernel.refusal import Refusal
from kernel.turns import Share
from kernel.urn import Urn
from kernel.work import Work

# --- opening ------------------------------------------------------------------------------------------------------------------------


@on(CaseOpened)
async def fetch_manifest(work: Work, event: CaseOpened, envelope: Envelope, ports: Ports) -> None:
    """Asks the airline who was on board; at once where an operator opened the case and looks at it."""
    share = Share.INTERACTIVE if envelope.actor and envelope.actor.kind == "operator" else Share.FORWARD
    key, intent = f"manifest|{event.case}", {"flight": event.flight}
    await intend(work, FETCH_MANIFEST, subject=event.case, key=key, intent=intent, share=share)
    _show(work, ports, "cases", event.case, 1)


@on(ManifestProvisioned, ManifestUnusable)
async def show_manifest(work: Work, event: ManifestProvisioned | ManifestUnusable, envelope: Envelope, ports: Ports) -> None:
    """Puts the case's new figures on the board."""
    _show(work, ports, "cases", event.case, envelope.seq)


# --- the workflow -------------------------------------------------------------------------------------------------------------------


@on(VoucherRequested)
async def start_accommodation(work: Work, event: VoucherRequested, envelope: Envelope, ports: Ports) -> None:
    """Starts the saga under the airline's active policy; without one a person decides."""
    async with ports.databases["policies"].read(work.tenant) as connection:
        policy = await policies.active(connection, work.tenant)
    if policy is None:
        why = "The airline has no active policy."
        await actions.end_workflow(work, event.workflow, event.sub_case, step="choose", why=why, unknown=False, evidence={})
        return
    found = await queries.sub_cases_by_urn(work.connection, work.tenant, [event.sub_case])
    params = accommodate.params(found[event.sub_case], policy)  # a sub-case that is not there is a mistake of ours: its message is parked
    urgent = event.waited_for or vulnerable(found[event.sub_case])
    share = Share.INTERACTIVE if urgent else Share.FORWARD
    await saga.start(work, accommodate.ACCOMMODATE, params, workflow=event.workflow, subject=event.sub_case, share=share)


_UNPLACED = {"MIXED_TIER": ReviewKind.MIXED_TIER_GROUP}


@on(WaveCommitted)
async def place_wave(work: Work, event: WaveCommitted, envelope: Envelope, ports: Ports) -> None:
    """Vouchers for what was placed; what was not, a person places."""
    placed = [actions.Placed(each.group, tuple(zip(each.sub_cases, each.versions, strict=True))) for each in event.placed]
    unplaced = [
        actions.Unplaced(each.group, each.sub_cases, _UNPLACED.get(each.fate, ReviewKind.ALLOCATION_FAILED), each.why)
        for each in event.unplaced
    ]
    await actions.place_wave(work, event.wave, placed, unplaced)


@on(PublishOffer)
async def publish_offer(work: Work, command: PublishOffer, envelope: Envelope, ports: Ports) -> None:
    answer: object
    try:
        answer = await actions.publish_offer(work, command)
    except Refusal as refusal:
        answer = events.OfferNotPublished(command.sub_case, refusal.message)
    await work.record(answer, aggregate=command.sub_case, reply_to=envelope.reply_to)


@on(WithdrawOffer)
async def withdraw_offer(work: Work, command: WithdrawOffer, envelope: Envelope, ports: Ports) -> None:
    answer = await actions.withdraw_offer(work, command)
    await work.record(answer, aggregate=command.sub_case, reply_to=envelope.reply_to)


@on(CardIssued)
async def show_card(work: Work, event: CardIssued, envelope: Envelope, ports: Ports) -> None:
    """Adds the card to the passenger's document."""
    await actions.attach_card(work, event.sub_case, event.card, event.last_four, event.amount)


@on(CardVoided)
async def hide_card(work: Work, event: CardVoided, envelope: Envelope, ports: Ports) -> None:
    await actions.detach_card(work, event.sub_case)


# --- the passenger's answer ---------------------------------------------------------------------------------------------------------


@on(AcceptOffer)
async def accept_offer(work: Work, command: AcceptOffer, envelope: Envelope, ports: Ports) -> None:
    await actions.accept_offer(work, command)


@on(DeclineOffer)
async def decline_offer(work: Work, command: DeclineOffer, envelope: Envelope, ports: Ports) -> None:
    await actions.decline_offer(work, command)


@on(OfferDeclined)
async def release_accommodation_of(work: Work, event: OfferDeclined, envelope: Envelope, ports: Ports) -> None:
    """Gives everything back: a workflow that still runs undoes itself, after one that is done a release follows."""
    if event.workflow is not None:
        await _give_back(work, event.sub_case, event.workflow, "The passenger declined the offer.")


@on(AccommodationUnneeded)
async def release_unneeded(work: Work, event: AccommodationUnneeded, envelope: Envelope, ports: Ports) -> None:
    await _give_back(work, event.sub_case, event.workflow, event.reason)


async def _give_back(work: Work, sub_case: Urn, workflow: Urn, reason: str) -> None:
    """A workflow that still runs undoes itself, after one that is done a release follows; one release, however often it is asked for."""
    if await saga.cancel(work, workflow, reason):
        return
    found = await queries.sub_cases_by_urn(work.connection, work.tenant, [sub_case])
    params = release_accommodation.params(found[sub_case], workflow, reason)
    release, plan = Urn.of("workflow", f"{workflow.id}-release"), release_accommodation.RELEASE_ACCOMMODATION
    await saga.start(work, plan, params, workflow=release, subject=sub_case, share=Share.UNDO)


# --- screens ------------------------------------------------------------------------------------------------------------------------


@on_many(SubCaseOpened, SubCaseChanged)
async def show_sub_cases(work: Work, taken: Sequence[tuple[SubCaseOpened | SubCaseChanged, Envelope]], ports: Ports) -> None:
    """Passengers' documents, the case's status and the operators' screens follow what changed."""
    changed = {event.case for event, _ in taken if isinstance(event, SubCaseChanged)}
    for case in sorted(changed):
        await actions.refresh_case(work, case)

    async def show() -> None:
        for event, envelope in taken:
            version = event.row_version if isinstance(event, SubCaseChanged) else 1
            ports.feed.publish(work.tenant, f"sub-cases:{event.case}", event.sub_case, version)
            ports.feed.publish(work.tenant, f"sub-case:{event.sub_case}", event.sub_case, version)
            ports.feed.publish(work.tenant, "cases", event.case, envelope.seq)
        for case in {event.case for event, _ in taken}:
            ports.feed.publish(work.tenant, "queue", case, int(clock.now().timestamp() * 1000))
        await publish_snapshots(ports, work.tenant)

    work.after_commit(show)


@on(DemandRequested, DemandApproved, DemandRefused)
async def show_demand(work: Work, event: DemandRequested | DemandApproved | DemandRefused, envelope: Envelope, ports: Ports) -> None:
    _show(work, ports, "demands", event.demand, envelope.seq)


@on(LockChanged)
async def show_lock(work: Work, event: LockChanged, envelope: Envelope, ports: Ports) -> None:
    _show(work, ports, "locks", event.sub_case, event.fence)
    _show(work, ports, f"sub-cases:{event.case}", event.sub_case, event.fence, urgent=True)
    _show(work, ports, "cases", event.case, event.fence)


@on(OfferDeclined, IntentOvertaken)
async def alert_answer(work: Work, event: OfferDeclined | IntentOvertaken, envelope: Envelope, ports: Ports) -> None:
    """Tells the operators at once."""
    found = (await queries.sub_cases_by_urn(work.connection, work.tenant, [event.sub_case])).get(event.sub_case)
    if found is not None:
        declined = isinstance(event, OfferDeclined)
        said = "The passenger declined the offer." if declined else "A passenger's answer came after the offer had changed."
        _alert(work, ports, envelope, "OFFER_DECLINED" if declined else "INTENT_OVERTAKEN", found.case, event.sub_case, said)


@on(ReviewOpened)
async def alert_review(work: Work, event: ReviewOpened, envelope: Envelope, ports: Ports) -> None:
    """Tells the operators that something waits for a person."""
    item = (await queries.reviews_by_urn(work.connection, work.tenant, [event.review])).get(event.review)
    if item is not None:
        _alert(work, ports, envelope, event.kind.value, event.case, event.sub_case, item.summary)


@on(LeadNotReached, CancelRefused, RideCancelRefused, RideLost)
async def review_afterwards(
    work: Work, event: LeadNotReached | CancelRefused | RideCancelRefused | RideLost, envelope: Envelope, ports: Ports
) -> None:  # fmt: skip
    """What goes wrong after its workflow was told that all is well: a text that comes back, a late booking that cannot be cancelled, a ride
    that does not come."""
    if envelope.reply_to is not None:
        return  # a workflow waits for this answer
    found = (await queries.sub_cases_by_urn(work.connection, work.tenant, [event.sub_case])).get(event.sub_case)
    if found is not None:
        evidence = event.evidence or {}
        kind = ReviewKind.BOOKING_FAILED if isinstance(event, CancelRefused) else ReviewKind.PARTIAL_FULFILLMENT
        named = None if isinstance(event, LeadNotReached) else evidence.get("operation")
        operation = Urn(named) if named else None
        await actions.open_review(work, kind, found.case, found.urn, event.why, evidence, subject=envelope.urn, operation=operation)


_IN_QUESTION = {
    BookingReviewed: ReviewKind.OUTCOME_UNKNOWN, CardReviewed: ReviewKind.PAYMENT_FAILED, MessageReviewed: ReviewKind.PARTIAL_FULFILLMENT,
    RideReviewed: ReviewKind.PARTIAL_FULFILLMENT,
}  # fmt: skip


@on(BookingReviewed, CardReviewed, MessageReviewed, RideReviewed)
async def follow_review(
    work: Work, event: BookingReviewed | CardReviewed | MessageReviewed | RideReviewed, envelope: Envelope, ports: Ports
) -> None:  # fmt: skip
    """Nobody can tell what a partner did: a person looks. Somebody could tell after all: nobody has to look any more."""
    if event.finding is not None:
        await actions.close_review(work, event.operation, Finding(event.finding), event.why)
        return
    if await actions.put_back_review(work, event.operation, event.why) or not event.opens:
        return
    found = (await queries.sub_cases_by_urn(work.connection, work.tenant, [event.sub_case])).get(event.sub_case)
    if found is not None:
        kind, subject = _IN_QUESTION[type(event)], event.operation
        await actions.open_review(work, kind, found.case, found.urn, event.why, event.evidence, subject=subject, operation=event.operation)


def _alert(work: Work, ports: Ports, envelope: Envelope, kind: str, case: Urn, sub_case: Urn | None, said: str) -> None:
    item = {"urn": envelope.urn, "at": envelope.at.isoformat(), "kind": kind, "case": case, "subCase": sub_case, "message": said}
    _show(work, ports, "alerts", envelope.urn, 1, item)


def _show(
    work: Work, ports: Ports, topic: str, urn: Urn, version: int, item: dict[str, Any] | None = None, *, urgent: bool = False
) -> None:
    async def publish() -> None:
        ports.feed.publish(work.tenant, topic, urn, version, item, urgent=urgent)

    work.after_commit(publish)
