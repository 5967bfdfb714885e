"""The passenger's answer, relayed from the intake. It was acknowledged already: it is carried out, or the next snapshot says why not."""

from __future__ import annotations

from domains.cases import events, store
from domains.cases.actions.settle import change
from domains.cases.commands import AcceptOffer, DeclineOffer
from domains.cases.model import Move, SubCase, SubCaseStatus, moved
from kernel.work import Work


async def accept_offer(work: Work, command: AcceptOffer) -> None:
    """Resolves the sub-case. An acceptance of what is already accepted changes nothing."""
    found = await store.sub_case_for_update(work, command.sub_case)
    if found is None or found[0].status == SubCaseStatus.RESOLVED:
        return
    sub_case, _ = found
    if await _overtaken(work, sub_case, command, Move.ACCEPT):
        return
    await change(work, sub_case, status=moved(sub_case.status, Move.ACCEPT), reason=None)
    await work.record(events.OfferAccepted(sub_case.urn, command.intent), aggregate=sub_case.urn)
    await _audit(work, sub_case, command, "offer.accept", SubCaseStatus.RESOLVED)


async def decline_offer(work: Work, command: DeclineOffer) -> None:
    """Rejects the offer: operators are told, what was booked is released by a workflow. A second refusal changes nothing."""
    found = await store.sub_case_for_update(work, command.sub_case)
    if found is None or found[0].status == SubCaseStatus.REJECTED_BY_PAX:
        return
    sub_case, _ = found
    if await _overtaken(work, sub_case, command, Move.DECLINE):
        return
    await change(work, sub_case, status=moved(sub_case.status, Move.DECLINE), reason="The passenger declined the offer.")
    await work.record(events.OfferDeclined(sub_case.urn, sub_case.workflow, command.intent), aggregate=sub_case.urn)
    await _audit(work, sub_case, command, "offer.decline", SubCaseStatus.REJECTED_BY_PAX)


async def _overtaken(work: Work, sub_case: SubCase, command: AcceptOffer | DeclineOffer, move: Move) -> bool:
    """True when the offer the passenger saw is not the present one any more; a later amendment of the same offer is no obstacle."""
    seen = command.snapshot_version
    current = sub_case.offer_since is not None and sub_case.offer_since <= seen <= sub_case.snapshot_version
    if current and moved(sub_case.status, move):
        return False
    why = f"The offer had changed: version {sub_case.snapshot_version}, the answer was to {seen}."
    await change(work, sub_case, reason=why)
    await work.record(events.IntentOvertaken(sub_case.urn, command.intent, why), aggregate=sub_case.urn)
    await _audit(work, sub_case, command, "intent.overtaken", sub_case.status)
    return True


async def _audit(work: Work, sub_case: SubCase, command: AcceptOffer | DeclineOffer, action: str, status: SubCaseStatus) -> None:
    await work.audit(
        action=action,
        entity=sub_case.urn,
        root=sub_case.case,
        reason=f"the passenger's own answer {command.intent}",
        before={"status": sub_case.status},
        after={"status": status, "seen": command.snapshot_version},
    )
