"""Partner operations: the rule that a partner is never asked twice for one thing.

Idea: the intent is committed before anything is sent, and the outcome after. Whatever lies between is *unknown*, also when the process
that knew is gone; an unknown is resolved by the means the operation's class allows and never by trying again and hoping.

    INTENT ──claim──▶ SENT ──▶ OK · DECLINED
       ▲                │ anything after the first byte, or the death of the worker
       │ not sent       ▼
       └── absent ── UNKNOWN ──▶ OK · DECLINED · REVIEW ──▶ OK · DECLINED · EXHAUSTED      (REVIEW ends by what a person finds out)
                                                            (absent: three empty look-ups, and then a new reference)

Where nobody can wait for an unknown, something else is done in its place and it is *watched*: looked up to its end, never sent again,
and whatever appears is taken back.

Guarantees: at most one send is unresolved at any time; every write is made under the claim's fence, so that a worker which was taken for
dead cannot finish what another has resolved; an operation always ends, in an outcome or in a review with its evidence.
"""

from kernel.backoff import Backoff
from kernel.operation.declaration import Class, Finding, Operation, OperationRow, Operations, State, fresh_reference
from kernel.operation.intent import Intent, intend, intend_many, operations_of, pending_for, withdraw
from kernel.operation.review import resolve
from kernel.operation.stop import Line, Stop
from kernel.operation.tables import operation_table

__all__ = [
    "Backoff",
    "Class",
    "Finding",
    "Intent",
    "Line",
    "Operation",
    "OperationRow",
    "Operations",
    "State",
    "Stop",
    "fresh_reference",
    "intend",
    "intend_many",
    "operation_table",
    "operations_of",
    "pending_for",
    "resolve",
    "withdraw",
]
