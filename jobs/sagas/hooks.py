"""What cases is told of its workflows: a step that failed, an end, and that there is something new to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domains.booking.events import CancelRefused, RideCancelRefused
from domains.cases import actions
from domains.cases.events import WorkflowEnded
from domains.wallet.events import VoidRefused
from jobs.registry import Ports
from kernel.event import name_of
from kernel.saga import State, Step, Workflow
from kernel.saga.entry import Entry, EntryState, current
from kernel.saga.runner import Hooks
from kernel.urn import Urn
from kernel.work import Work

_UNDO_REFUSALS = frozenset(map(name_of, (CancelRefused, RideCancelRefused, VoidRefused)))


def hooks(ports: Ports) -> Hooks:
    """The hooks of the engine, over these ports."""

    def moved(workflow: Workflow) -> None:
        ports.feed.publish(workflow.tenant, f"sub-case:{workflow.subject}", workflow.urn, workflow.version)

    return Hooks(step_refused=step_refused, ended=ended, moved=moved)


async def step_refused(work: Work, workflow: Workflow, step: Step, entry: Entry) -> None:
    """The workflow goes on; a person makes the step good."""
    facts, operation = _facts(entry), _operation(entry)
    await actions.step_refused(work, workflow.urn, workflow.subject, step.name, entry.summary, facts, operation, entry.attempt - 1)


async def ended(work: Work, workflow: Workflow, outcome: State, entries: Sequence[Entry]) -> None:
    """Nothing is asked any more. An undone workflow moves its sub-case; what could not be undone is a review of its own."""
    if outcome is State.DONE:
        await _tell(work, workflow, "DONE")
        return
    again = sum(entry.state is EntryState.REDRIVEN for entry in entries)
    lines = current(entries).values()
    in_question = {entry.step for entry in lines if not entry.undo and _unknown(entry)}
    for entry in lines:  # an undo that is refused because nobody knows what there is to undo is the same question
        if entry.state is EntryState.UNDO_REFUSED and entry.step not in in_question:
            step_name, operation = f"undo {entry.step}", _operation(entry)
            why, facts = entry.summary, _facts(entry)
            await actions.step_refused(work, workflow.urn, workflow.subject, step_name, why, facts, operation, entry.attempt - 1)
    failed = next((entry for entry in lines if entry.state is EntryState.REFUSED), None)
    step = failed.step if failed else workflow.step if outcome is State.QUARANTINED else None
    await actions.end_workflow(
        work,
        workflow.urn,
        workflow.subject,
        step=step,
        why=workflow.failure or workflow.cancel_reason or "The workflow was undone.",
        unknown=outcome is State.QUARANTINED or _unknown(failed),
        evidence=_facts(failed) if failed else {},
        operation=_operation(failed) if failed else None,
        again=again,
    )
    await _tell(work, workflow, "FAILED" if step else "COMPENSATED")


async def _tell(work: Work, workflow: Workflow, outcome: str) -> None:
    await work.record(WorkflowEnded(workflow.urn, workflow.subject, outcome), aggregate=workflow.subject)


def _unknown(entry: Entry | None) -> bool:
    return entry is not None and entry.answer is not None and bool(entry.answer.get("unknown"))


def _operation(entry: Entry) -> Urn | None:
    """The call to a partner that is in question: nobody can tell what it did, or it should have taken something back and did not."""
    named = entry.evidence.get("operation")
    return Urn(str(named)) if named and (_unknown(entry) or entry.answer_name in _UNDO_REFUSALS) else None


def _facts(entry: Entry) -> Mapping[str, str]:
    return {name: str(value) for name, value in entry.evidence.items()}
