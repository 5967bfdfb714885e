"""What wallet says: the calls to the card issuer, for the people who watch a sub-case."""

from __future__ import annotations

from resolvers import wallet
from schema.audience import OPERATOR
from schema.binding import bind, extend
from schema.common import Operation


@extend
class SubCase:
    """What the card issuer was asked for it."""

    card_operations: list[Operation] = bind(wallet.operations_of, seen_by=OPERATOR)
