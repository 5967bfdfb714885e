"""Issuing vouchers: one durable step, acknowledged at once; the workflow is a reaction to its event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from domains.cases import events, store
from domains.cases.commands import IssueVoucher
from domains.cases.model import Lock, Move, SubCase, SubCaseStatus, moved
from domains.cases.refusals import (
    DemandNeeded,
    LockLost,
    MinorsAlone,
    MixedTierParty,
    MoveRefused,
    NoNightNeeded,
    OutcomeUnknown,
    SubCaseLocked,
)
from kernel.refusal import NotFound, Refusal, VersionConflict
from kernel.urn import Urn
from kernel.work import Work

WAITED_FOR: Final = 5  # vouchers of one request: so many a person looks at, more are bulk work


@dataclass(frozen=True, slots=True)
class Vouchers:
    """What was requested, and what was refused with its reason; one never stops the other."""

    requested: tuple[SubCase, ...]
    refused: tuple[tuple[Urn, Refusal], ...]


def _open(rooms: int) -> bool:
    """The gate of whoever needs nobody's word."""
    return True


async def issue_vouchers(
    work: Work, commands: Sequence[IssueVoucher], airports: frozenset[str] = frozenset(), gate: Callable[[int], bool] = _open
) -> Vouchers:  # fmt: skip
    """Requests a voucher for each target that may have one. `airports` bounds the operator; empty means everywhere.

    `gate` says whether so many rooms at once need nobody's word; where they do, none is requested.
    Refuses, per target: NotFound, VersionConflict, SubCaseLocked, LockLost, MoveRefused, NoNightNeeded, MixedTierParty, MinorsAlone,
    OutcomeUnknown, DemandNeeded.
    """
    found = await store.sub_cases_for_update(work, {command.sub_case for command in commands})
    reviewed = [urn for urn, (sub_case, _) in found.items() if sub_case.status is SubCaseStatus.MANUAL_REVIEW]
    unknown = await store.outcomes_unknown(work, reviewed) if reviewed else set()
    refused: list[tuple[Urn, Refusal]] = []
    workflows: dict[Urn, Urn] = {}
    for command in commands:
        known = found.get(command.sub_case)
        if known is None or (airports and known[0].airport not in airports):
            refused.append((command.sub_case, NotFound("There is no such sub-case.")))
        elif refusal := _objection(command, *known, unknown=command.sub_case in unknown):
            refused.append((command.sub_case, refusal))
        else:
            workflows[command.sub_case] = Urn.mint("workflow")
    if workflows and not gate(rooms := sum(found[urn][0].rooms for urn in workflows)):
        said = f"{rooms} rooms at once need a supervisor's word: demand them."
        refused += [(urn, DemandNeeded(said, rooms=rooms)) for urn in workflows]
        workflows = {}
    requested = await store.request_vouchers(work, workflows, SubCaseStatus.PROCESSING) if workflows else {}
    waited_for = len(requested) <= WAITED_FOR
    for urn, sub_case in requested.items():
        await _tell(work, sub_case, workflows[urn], found[urn][0].status, waited_for)
    return Vouchers(tuple(requested.values()), tuple(refused))


def may_issue(sub_case: SubCase, *, unknown: bool) -> Refusal | None:
    """Why a voucher may not be issued now, whoever holds its lock and whatever version is on the screen; None when it may.

    `unknown`: an earlier booking may stand, and a second one beside it would be paid twice.
    """
    if sub_case.stay is None:
        return NoNightNeeded()
    if sub_case.mixed_tier:
        return MixedTierParty()
    if sub_case.rooms == 0:
        return MinorsAlone()
    if moved(sub_case.status, Move.REQUEST_VOUCHER) is None:
        return MoveRefused(f"It is {sub_case.status}: nothing is to be issued.", status=sub_case.status, move=Move.REQUEST_VOUCHER)
    return OutcomeUnknown() if unknown else None


def _objection(command: IssueVoucher, sub_case: SubCase, lock: Lock | None, *, unknown: bool) -> Refusal | None:
    if lock and lock.held_by_other(command.session):
        return SubCaseLocked(f"{lock.holder_name} is working on it.", holder_name=lock.holder_name, since=lock.since)
    if command.fence is not None and (lock is None or lock.fence != command.fence):
        return LockLost("The lock has changed hands since you took it.", fence=lock.fence if lock else 0)
    if command.version != sub_case.version:
        return VersionConflict(
            f"It has changed since you looked: version {sub_case.version}, you saw {command.version}.",
            expected=command.version,
            actual=sub_case.version,
        )
    return may_issue(sub_case, unknown=unknown)


async def _tell(work: Work, sub_case: SubCase, workflow: Urn, was: SubCaseStatus, waited_for: bool) -> None:
    assert sub_case.stay is not None  # `may_issue` refused it otherwise
    requested = events.VoucherRequested(
        sub_case.urn, sub_case.case, workflow, sub_case.rooms, sub_case.stay.check_in, sub_case.stay.check_out, waited_for
    )
    await work.record(requested, aggregate=sub_case.urn)
    await work.record(events.SubCaseChanged(sub_case.urn, sub_case.case, sub_case.status, sub_case.version), aggregate=sub_case.urn)
    await work.audit(
        action="voucher.request",
        entity=sub_case.urn,
        root=sub_case.case,
        before={"status": was},
        after={"status": sub_case.status, "workflow": workflow},
    )
