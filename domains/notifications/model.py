"""A message to a passenger and the moves it may make."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from domains.notifications.ports import DeliveryStatus
from kernel.urn import Urn


class Channel(StrEnum):
    SMS = "SMS"


class MessageState(StrEnum):
    QUEUED = "QUEUED"  # counts as possibly sent, from the moment it is written
    SENT = "SENT"  # the partner has it; what became of it there is its `delivery`
    NOT_SENT = "NOT_SENT"
    UNKNOWN = "UNKNOWN"  # could not be resolved; a person looks


_M = MessageState
MOVES: Final[dict[MessageState, frozenset[MessageState]]] = {
    _M.QUEUED: frozenset({_M.SENT, _M.NOT_SENT, _M.UNKNOWN}),
    _M.SENT: frozenset(),
    _M.NOT_SENT: frozenset({_M.QUEUED}),  # by another attempt
    _M.UNKNOWN: frozenset({_M.SENT, _M.NOT_SENT}),
}
UNRESOLVED: Final = frozenset({_M.QUEUED, _M.UNKNOWN})
MISSED: Final = frozenset({DeliveryStatus.UNDELIVERED, DeliveryStatus.FAILED})


@dataclass(frozen=True, slots=True)
class Message:
    """At most one per sub-case, trigger, channel and subject. `reply_to` is the newest question about it."""

    urn: Urn
    sub_case: Urn
    trigger: str
    channel: Channel
    subject: Urn
    state: MessageState
    delivery: DeliveryStatus | None = None
    vendor: str | None = None
    vendor_message: str | None = None
    reply_to: str | None = None
    reason: str | None = None
    evidence: dict[str, str] = field(default_factory=dict)
    version: int = 1

    def becomes(self, state: MessageState, **facts: Any) -> Message:
        """Itself in the next state. Raises: ValueError for a move that the table does not have."""
        if state not in MOVES[self.state]:
            raise ValueError(f"{self.urn} is {self.state} and cannot become {state}")
        return replace(self, state=state, **facts)
