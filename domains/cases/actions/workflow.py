"""A person's hand on a voucher's workflow: going on from a step, doing without one, calling it off, and going on after a partner's outage.

The workflow is locked before its sub-case, as the engine does it, so that the two do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domains.cases import store
from domains.cases.actions.review import end_reviews
from domains.cases.actions.settle import change
from domains.cases.commands import CancelWorkflow, RedriveOutage, RedriveWorkflow, SkipStep
from domains.cases.model import Move, SubCase, moved
from domains.cases.refusals import MoveRefused, StepNotPossible, SubCaseLocked, WorkflowOvertaken
from kernel.refusal import BadInput, NotFound, Refusal, VersionConflict
from kernel.saga import Plans, Saga, State, desk, hand
from kernel.saga.desk import Dossier
from kernel.saga.hand import Hand, Turn
from kernel.turns import Share
from kernel.urn import Urn
from kernel.work import Work

MOST = 500  # workflows of one outage in one transaction; asked again, the next ones follow


@dataclass(frozen=True, slots=True)
class Redriven:
    """What goes on after an outage, and what does not with its reason; `more` when others wait behind them."""

    workflows: tuple[Urn, ...]
    refused: tuple[tuple[Urn, Refusal], ...]
    more: bool


@dataclass(frozen=True, slots=True)
class _Open:
    saga: Saga
    dossier: Dossier
    sub_case: SubCase


async def redrive_workflow(work: Work, command: RedriveWorkflow, plans: Plans, airports: frozenset[str] = frozenset()) -> None:
    """Goes on from the named step as a new attempt; named with `~`, its undo is tried again.

    Refuses: BadInput, NotFound, VersionConflict, SubCaseLocked, StepNotPossible, WorkflowOvertaken, MoveRefused.
    """
    at = await _open(work, command, plans, airports)
    possible = hand.redrivable(at.saga, at.dossier.workflow, at.dossier.journal)
    if command.step not in possible:
        raise _not_possible(command.step, possible)
    await _redrive(work, at, [command.step], command.reason, Share.INTERACTIVE)


async def skip_step(work: Work, command: SkipStep, plans: Plans, airports: frozenset[str] = frozenset()) -> None:
    """Does without a step that the plan can do without, or takes an undo for done because a person saw to it.

    Refuses: BadInput, NotFound, VersionConflict, SubCaseLocked, StepNotPossible, WorkflowOvertaken, MoveRefused.
    """
    at = await _open(work, command, plans, airports)
    workflow, journal = at.dossier.workflow, at.dossier.journal
    possible = hand.skippable(at.saga, workflow, journal)
    if command.step not in possible:
        raise _not_possible(command.step, possible)
    turn = hand.skip(at.saga, workflow, journal, command.step, Hand(work.actor, command.reason, await work.now()))
    await _write(work, at, turn, "workflow.skip", command.reason, Share.INTERACTIVE, {"step": command.step})


async def cancel_workflow(work: Work, command: CancelWorkflow, plans: Plans, airports: frozenset[str] = frozenset()) -> None:
    """Lets it end the step it is at, and then undo everything.

    Refuses: BadInput, NotFound, VersionConflict, SubCaseLocked, StepNotPossible.
    """
    at = await _open(work, command, plans, airports)
    workflow = at.dossier.workflow
    if not hand.cancellable(workflow):
        raise StepNotPossible(f"It is {workflow.state}: there is nothing to call off.", possible=())
    turn = hand.cancel(workflow, at.dossier.journal, Hand(work.actor, command.reason, await work.now()))
    await _write(work, at, turn, "workflow.cancel", command.reason, Share.UNDO, {})


async def redrive_outage(work: Work, command: RedriveOutage, plans: Plans) -> Redriven:
    """Goes on with every workflow that ended because this partner was away. One refusal stops no other; what was redriven is not again.

    Refuses: BadInput.
    """
    _check_reason(command.reason)
    waiting = await desk.stopped_by(work, command.partner, command.since)
    taken, more = waiting[:MOST], len(waiting) > MOST
    redriven: list[Urn] = []
    refused: list[tuple[Urn, Refusal]] = []
    dossiers = await desk.take(work, taken)
    found = await store.sub_cases_for_update(work, {dossier.workflow.subject for dossier in dossiers.values()})
    for urn in taken:
        dossier = dossiers[urn]
        saga, sub_case = plans.get(dossier.workflow.plan), found.get(dossier.workflow.subject)
        keys = hand.after_outage(saga, dossier.workflow, dossier.journal, command.partner) if saga else ()
        if saga is None or sub_case is None or not keys:
            continue
        try:
            await _redrive(work, _Open(saga, dossier, sub_case[0]), keys, command.reason, Share.FORWARD)
            redriven.append(urn)
        except Refusal as refusal:
            refused.append((urn, refusal))
    return Redriven(tuple(redriven), tuple(refused), more)


async def _open(
    work: Work, command: RedriveWorkflow | SkipStep | CancelWorkflow, plans: Plans, airports: frozenset[str]
) -> _Open:  # fmt: skip
    _check_reason(command.reason)
    dossier = (await desk.take(work, [command.workflow])).get(command.workflow)
    found = await store.sub_case_for_update(work, dossier.workflow.subject) if dossier else None
    if dossier is None or found is None or (airports and found[0].airport not in airports):
        raise NotFound("There is no such workflow.")
    sub_case, lock = found
    if lock and lock.held_by_other(command.session):
        raise SubCaseLocked(f"{lock.holder_name} is working on it.", holder_name=lock.holder_name, since=lock.since)
    version = dossier.workflow.version
    if version != command.version:
        said = f"It has changed since you looked: version {version}, you saw {command.version}."
        raise VersionConflict(said, expected=command.version, actual=version)
    saga = plans.get(dossier.workflow.plan)
    if saga is None:
        raise StepNotPossible(f"This version of Nexa does not know the plan {dossier.workflow.plan}.", possible=())
    return _Open(saga, dossier, sub_case)


async def _redrive(work: Work, at: _Open, keys: Sequence[str], reason: str, share: Share) -> None:
    workflow, journal = at.dossier.workflow, at.dossier.journal
    turn = hand.redrive(at.saga, workflow, journal, keys, Hand(work.actor, reason, await work.now()))
    await _write(work, at, turn, "workflow.redrive", reason, share, {"step": " ".join(keys)})


async def _write(work: Work, at: _Open, turn: Turn, action: str, reason: str, share: Share, facts: dict[str, str]) -> None:
    workflow = at.dossier.workflow
    if not turn.cancel_reason and turn.state is State.RUNNING and any(step.undo for step in at.saga.steps):
        await _go_on(work, at)
    await desk.put(work, workflow, turn, Share.UNDO if turn.state is State.COMPENSATING else share)
    await end_reviews(work, workflow.urn, reason)
    after = {"state": turn.state, "plan": workflow.plan, **facts}
    await work.audit(
        action=action, entity=workflow.urn, root=at.sub_case.case, reason=reason, before={"state": workflow.state, "step": workflow.step},
        after=after,
    )  # fmt: skip


async def _go_on(work: Work, at: _Open) -> None:
    """The sub-case is being worked on again. Of a plan that takes nothing it is not asked: giving back is always right.

    Refuses: WorkflowOvertaken, MoveRefused.
    """
    sub_case = at.sub_case
    if sub_case.workflow != at.dossier.workflow.urn:
        raise WorkflowOvertaken()
    target = moved(sub_case.status, Move.REDRIVE)
    if target is None:
        raise MoveRefused(f"It is {sub_case.status}: nothing is to be done for it.", status=sub_case.status, move=Move.REDRIVE)
    if target is not sub_case.status:
        await change(work, sub_case, status=target, reason=None)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise BadInput("A reason is needed: a person decides this.")


def _not_possible(step: str, possible: Sequence[str]) -> StepNotPossible:
    instead = f"possible are {', '.join(possible)}" if possible else "nothing is, as it stands"
    return StepNotPossible(f"Not with {step}: {instead}.", possible=tuple(possible))
