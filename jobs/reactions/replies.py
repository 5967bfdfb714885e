"""Answers to sagas: any event that carries a `reply_to` becomes a signal for the workflow that waits for it."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.registry import Ports, on_reply
from kernel import saga
from kernel.event import Envelope
from kernel.work import Work


@on_reply
async def signal_workflows(work: Work, answers: Sequence[Envelope], ports: Ports) -> None:
    """Wakes the workflows, all of a batch at once; a second answer to the same question changes nothing."""
    await saga.signal(work, answers)
