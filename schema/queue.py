"""Queue truth. No one domain owns it: who waits is cases', for what is booking's, and how fast it goes the partners'."""

from __future__ import annotations

from datetime import datetime

from kernel.identity import Role
from kernel.urn import Urn
from resolvers import queue
from schema.audience import OPERATOR
from schema.binding import bind, extend, field, view

OPERATORS = Role.AIRPORT_OPERATOR


@view(of=queue.QueuePlace, seen_by=OPERATOR)
class QueuePlace:
    """Where a party that waits for rooms stands."""

    sub_case: Urn
    source: str | None = field(description="Whose turn it waits for, by the vendor's name.")
    place: int | None = field(description="From 1: how many orders leave until it is its turn.")
    expected_at: datetime | None = field(description="By the pace that the source has been seen to bear.")
    why: str | None = field(description="What it is that nobody can tell, where one of the others is missing.")


@view(of=queue.QueueBatch, seen_by=OPERATOR)
class QueueBatch:
    """All places of the case each time: one that is served moves all the others."""

    seq: str
    snapshot: bool
    items: list[QueuePlace]


@extend
class Query:
    queue: list[QueuePlace] = bind(queue.queue, seen_by=OPERATOR, args={"case": OPERATOR}, allow=OPERATORS)


@extend
class Subscription:
    queue: QueueBatch = bind(queue.queue_changes, seen_by=OPERATOR, args={"case": OPERATOR, "after": OPERATOR}, allow=OPERATORS)
