"""A voucher on its way, as screens show it: the workflow and the lines of its journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kernel.urn import Urn


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """A line of the journal; an undo carries the name of the step it undoes."""

    name: str
    state: str
    attempt: int
    asked_at: datetime | None
    ended_at: datetime | None
    summary: str | None
    next_retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class Workflow:
    urn: Urn
    sub_case: Urn
    plan: str
    state: str
    steps: tuple[WorkflowStep, ...]
    version: int
