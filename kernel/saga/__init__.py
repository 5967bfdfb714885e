"""Sagas: a plan as data, a workflow that walks it, and the journal of what was asked, answered and undone.

Idea: a workflow never calls anybody. A step sends a command through the outbox with `reply_to`, the domain that owns the partner answers
with an event that carries it back, the answer becomes a `signal` row, and whoever claims the workflow takes the signals and moves on.
All moves are decided by one pure function (`transition.decide`) and written under the claim's fence in one transaction.

Guarantees: a step is asked until it is answered, with the same `reply_to`, so receivers can tell a repetition, or until its deadline; what
is put off because a partner was away is asked anew as another attempt, a bounded number of times; an answer is taken once;
steps are undone in reverse order, one at a time, as soon as a step that must not fail is refused or the workflow is cancelled; a step
whose outcome nobody knows is undone too; three deaths on one step stop the workflow for a person to look at.
"""

from kernel.saga.plan import COMPENSATE, CONTINUE_WITH_REVIEW, Answers, OnFailure, Plans, ReplyTo, Saga, Step, attempt_of, step, wait
from kernel.saga.tables import workflow_tables
from kernel.saga.workflow import State, Workflow, cancel, notify, signal, start

__all__ = [
    "COMPENSATE",
    "CONTINUE_WITH_REVIEW",
    "Answers",
    "OnFailure",
    "Plans",
    "ReplyTo",
    "Saga",
    "State",
    "Step",
    "Workflow",
    "attempt_of",
    "cancel",
    "notify",
    "signal",
    "start",
    "step",
    "wait",
    "workflow_tables",
]
