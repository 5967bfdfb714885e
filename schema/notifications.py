"""What notifications says: the calls to the channels, for the people who watch a sub-case."""

from __future__ import annotations

from resolvers import notifications
from schema.audience import OPERATOR
from schema.binding import bind, extend
from schema.common import Operation


@extend
class SubCase:
    """What the channels were asked for it."""

    message_operations: list[Operation] = bind(notifications.operations_of, seen_by=OPERATOR)
