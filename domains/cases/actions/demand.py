"""Groups, demand for rooms, and what a wave has placed: everything that is asked for many sub-cases at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from domains.cases import events, store
from domains.cases.actions.issue import issue_vouchers, may_issue
from domains.cases.actions.review import open_review
from domains.cases.commands import DecideDemand, GroupSubCases, IssueVoucher, RequestDemand, UngroupSubCases
from domains.cases.demand import MOST_PARTIES, Demand, DemandState, Group
from domains.cases.model import Lock, ReviewKind, SubCase, SubCaseStatus
from domains.cases.refusals import DemandDecided, MixedTierParty, MoveRefused, NothingDemanded, NotTogether, SubCaseLocked
from kernel.refusal import BadInput, NotFound, Refusal, VersionConflict
from kernel.urn import Urn
from kernel.work import Work

_Known = tuple[SubCase, Lock | None]


@dataclass(frozen=True, slots=True)
class Placed:
    """A group that a wave has placed: its sub-cases with the versions that the plan was made from."""

    group: Urn
    parties: tuple[tuple[Urn, int], ...]


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A group that a wave could not place, and why."""

    group: Urn
    sub_cases: tuple[Urn, ...]
    kind: ReviewKind
    why: str


async def group_sub_cases(work: Work, command: GroupSubCases, airports: frozenset[str] = frozenset()) -> Group:
    """Places these together from now on; who was in another group leaves it. Their tiers are looked at when they are placed.

    Refuses: BadInput (fewer than two), NotFound, SubCaseLocked, NotTogether.
    """
    found = await _take(work, command.sub_cases, command.session, airports)
    if len(found) < 2:
        raise BadInput("A group has two sub-cases or more, each named once.")
    stays = {(sub_case.airport, sub_case.stay) for sub_case, _ in found}
    if len(stays) > 1:
        raise NotTogether()
    group = Group(Urn.mint("group"), tuple(sub_case.urn for sub_case, _ in found))
    await store.put_together(work, group.urn, group.sub_cases)
    await work.record(events.GroupChanged(group.urn, group.sub_cases), aggregate=group.urn)
    after = {"sub_cases": group.sub_cases}
    await work.audit(action="group.make", entity=group.urn, root=found[0][0].case, after=after)
    return group


async def ungroup_sub_cases(work: Work, command: UngroupSubCases, airports: frozenset[str] = frozenset()) -> None:
    """Each is placed alone from now on. Refuses: BadInput, NotFound, SubCaseLocked. May be repeated."""
    found = await _take(work, command.sub_cases, command.session, airports)
    if not found:
        raise BadInput("Name at least one sub-case.")
    urns = tuple(sub_case.urn for sub_case, _ in found)
    await store.take_apart(work, urns)
    await work.record(events.GroupChanged(None, urns), aggregate=urns[0])
    for sub_case, _ in found:
        await work.audit(action="group.leave", entity=sub_case.urn, root=sub_case.case)


async def request_demand(
    work: Work, command: RequestDemand, gate: Callable[[int], bool], airports: frozenset[str] = frozenset()
) -> Demand:  # fmt: skip
    """Asks for rooms for all of these that may have one; `gate` says whether so many rooms need nobody's word.

    A group comes whole or not at all. Refuses: BadInput (too many), NothingDemanded.
    """
    named = set(command.sub_cases) | await store.sub_cases_waiting(work, command.cases)
    everybody = named | await store.grouped_with(work, named)
    if len(everybody) > MOST_PARTIES:
        raise BadInput(f"These are {len(everybody)} parties; ask for {MOST_PARTIES} at most at once.")
    found = await store.sub_cases_for_update(work, everybody)
    wanted = [sub_case for sub_case, _ in found.values() if _wants_a_room(sub_case, airports)]
    if not wanted:
        raise NothingDemanded()
    rooms = sum(sub_case.rooms for sub_case in wanted)
    automatic = gate(rooms)
    state = DemandState.APPROVED if automatic else DemandState.AWAITING
    where = tuple(sorted({sub_case.airport for sub_case in wanted}))
    urns = tuple(sorted(sub_case.urn for sub_case in wanted))
    demand = Demand(Urn.mint("demand"), state, rooms, where, urns, automatic, work.actor, await work.now())
    await store.insert_demand(work, demand)
    await work.audit(action="demand.request", entity=demand.urn, after={"rooms": rooms, "parties": len(urns), "automatic": automatic})
    if automatic:
        await work.record(events.DemandApproved(demand.urn, urns, rooms, automatic), aggregate=demand.urn)
    else:
        await work.record(events.DemandRequested(demand.urn, rooms), aggregate=demand.urn)
    return demand


async def decide_demand(work: Work, command: DecideDemand) -> Demand:
    """A supervisor's yes or no. Refuses: BadInput (no reason), NotFound, DemandDecided, VersionConflict."""
    if not command.reason.strip():
        raise BadInput("A reason is needed: a person decides this.")
    demand = await store.demand_for_update(work, command.demand)
    if demand is None:
        raise NotFound("There is no such demand.")
    if demand.state is not DemandState.AWAITING:
        raise DemandDecided(f"It is {demand.state} already.")
    if demand.version != command.version:
        said = f"It has changed since you looked: version {demand.version}, you saw {command.version}."
        raise VersionConflict(said, expected=command.version, actual=demand.version)
    state = DemandState.APPROVED if command.approve else DemandState.REFUSED
    decided = replace(demand, state=state, decided_by=work.actor, decided_at=await work.now(), reason=command.reason)
    decided = await store.save_demand(work, decided)
    if command.approve:
        await work.record(events.DemandApproved(demand.urn, demand.sub_cases, demand.rooms, False), aggregate=demand.urn)
    else:
        await work.record(events.DemandRefused(demand.urn, command.reason), aggregate=demand.urn)
    action = "demand.approve" if command.approve else "demand.refuse"
    await work.audit(action=action, entity=demand.urn, reason=command.reason, before={"state": demand.state}, after={"state": state})
    return decided


async def place_wave(work: Work, wave: Urn, placed: Sequence[Placed], unplaced: Sequence[Unplaced]) -> int:
    """Requests a voucher for every party of the placed groups and hands the others to a person; how many were requested.

    A group of which one party may have none any more is left alone as a whole: the rest would be placed without it. Where that is because
    the party is served already, nothing is left to do for it. May be repeated.
    """
    wanted = {urn for group in placed for urn, _ in group.parties}
    found = await store.sub_cases_for_update(work, wanted)
    commands: list[IssueVoucher] = []
    for group in placed:
        objections = {urn: objection for urn, version in group.parties if (objection := _objection(found.get(urn), version))}
        if not objections:
            commands += [IssueVoucher(urn, version) for urn, version in group.parties]
        elif len(group.parties) > 1 or not all(isinstance(each, MoveRefused) for each in objections.values()):
            why = "; ".join(sorted({objection.message for objection in objections.values()}))
            await _hand_over(work, wave, group.group, [urn for urn, _ in group.parties], ReviewKind.ALLOCATION_FAILED, why)
    done = await issue_vouchers(work, commands) if commands else None
    for each in unplaced:
        await _hand_over(work, wave, each.group, each.sub_cases, each.kind, each.why)
    return len(done.requested) if done else 0


async def _take(work: Work, sub_cases: Iterable[Urn], session: str, airports: frozenset[str]) -> list[_Known]:
    """The sub-cases, locked in one order. Refuses: NotFound, SubCaseLocked."""
    wanted = set(sub_cases)
    found = await store.sub_cases_for_update(work, wanted)
    if len(found) < len(wanted) or any(airports and sub_case.airport not in airports for sub_case, _ in found.values()):
        raise NotFound("There is no such sub-case.")
    for _, lock in found.values():
        if lock and lock.held_by_other(session):
            raise SubCaseLocked(f"{lock.holder_name} is working on one of them.", holder_name=lock.holder_name, since=lock.since)
    return list(found.values())


def _wants_a_room(sub_case: SubCase, airports: frozenset[str]) -> bool:
    """A party of mixed tiers wants one too: the wave says so to a person. Who waits for a person already is that person's."""
    if sub_case.status is not SubCaseStatus.PENDING or (airports and sub_case.airport not in airports):
        return False
    objection = may_issue(sub_case, unknown=False)
    return objection is None or isinstance(objection, MixedTierParty)


def _objection(known: _Known | None, version: int) -> Refusal | None:
    """Why a voucher may not be requested of what the wave has planned."""
    if known is None:
        return NotFound("There is no such sub-case.")
    sub_case, lock = known
    if objection := may_issue(sub_case, unknown=False):
        return objection
    if lock and lock.session is not None:
        return SubCaseLocked(f"{lock.holder_name} is working on it.", holder_name=lock.holder_name, since=lock.since)
    if sub_case.version != version:
        said = "It has changed since the wave was planned."
        return VersionConflict(said, expected=version, actual=sub_case.version)
    return None


async def _hand_over(work: Work, wave: Urn, group: Urn, sub_cases: Sequence[Urn], kind: ReviewKind, why: str) -> None:
    """Each of its parties waits for a person, once."""
    found = await store.sub_cases_for_update(work, sub_cases)
    for sub_case, _ in found.values():
        about = sub_case.urn if sub_case.mixed_tier else f"{wave}|{sub_case.urn}"  # of a mixed party its case's opening told already
        evidence = {"wave": wave, "group": group}
        await open_review(work, kind, sub_case.case, sub_case.urn, why, evidence, subject=about)
