"""A message to a passenger, the moves it may make, and the chain of channels along which one thing is told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from domains.notifications.ports import DeliveryStatus
from kernel.urn import Urn


class Channel(StrEnum):
    SMS = "SMS"
    WHATSAPP = "WHATSAPP"
    EMAIL = "EMAIL"


# The order in which channels are tried: what reaches a phone before what reaches an inbox, and first the one whose unclear answers can be
# found out.
CHAIN: Final = (Channel.SMS, Channel.WHATSAPP, Channel.EMAIL)


class MessageState(StrEnum):
    QUEUED = "QUEUED"  # counts as possibly sent, from the moment it is written
    SENT = "SENT"  # the partner has it; what became of it there is its `delivery`
    NOT_SENT = "NOT_SENT"
    UNKNOWN = "UNKNOWN"  # could not be resolved; the next channel is tried, and this one never again


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
    """At most one per sub-case, trigger, channel and subject. `reply_to` is the newest question about it, `attempt` the number of that.

    `facts` are what its templates say, without personal data: with them the next channel of the chain says the same.
    """

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
    attempt: int = 1
    facts: dict[str, str] = field(default_factory=dict)
    airport: str | None = None  # where the lead is stranded

    @property
    def reached(self) -> bool:
        """Whether the partner has it, and nothing says that it did not arrive."""
        return self.state is MessageState.SENT and self.delivery not in MISSED

    def becomes(self, state: MessageState, **facts: Any) -> Message:
        """Itself in the next state. Raises: ValueError for a move that the table does not have."""
        if state not in MOVES[self.state]:
            raise ValueError(f"{self.urn} is {self.state} and cannot become {state}")
        return replace(self, state=state, **facts)


@dataclass(frozen=True, slots=True)
class Chain:
    """The messages by which one thing is told to one lead, at most one on each channel, in the order of the channels."""

    messages: tuple[Message, ...] = ()

    @property
    def reached(self) -> Message | None:
        """The message that did."""
        return next((each for each in self.messages if each.reached), None)

    @property
    def waiting(self) -> Message | None:
        """The message of which nobody knows yet."""
        return next((each for each in self.messages if each.state is MessageState.QUEUED), None)

    @property
    def last(self) -> Message:
        """The message of the channel furthest down. Raises: IndexError for a chain without any."""
        return self.messages[-1]

    @property
    def attempt(self) -> int:
        return max((each.attempt for each in self.messages), default=0)

    def of(self, urn: Urn) -> Message | None:
        return next((each for each in self.messages if each.urn == urn), None)

    def having(self, message: Message) -> Chain:
        """The chain with this message as it is now."""
        return Chain(tuple(message if each.urn == message.urn else each for each in self.messages))

    def next(self, attempt: int) -> Channel | Message | None:
        """Where this attempt goes on: a channel that was not tried yet, or a message that an earlier one certainly did not send.

        What may have been sent is never sent again, whatever the attempt.
        """
        tried = {each.channel: each for each in self.messages}
        for channel in CHAIN:
            message = tried.get(channel)
            if message is None:
                return channel
            if message.state is MessageState.NOT_SENT and message.attempt < attempt:
                return message
        return None
