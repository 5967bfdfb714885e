"""What notifications needs of its channels. Numbers, addresses and texts are personal data: by argument only, never stored."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from kernel.answer import Answer
from kernel.tenancy import Tenant
from kernel.urn import Urn


def digest(body: str) -> str:
    """What is kept of a text, and by which `Sms.find` knows it again: hex SHA-256 of its UTF-8 form."""
    return hashlib.sha256(body.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Text:
    """`to` in E.164; `callback` is where the partner reports delivery (absolute URL), None for no reports."""

    to: str
    body: str
    callback: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """An e-mail in plain text. Every report about it carries `reference`, our own name for the message."""

    to: str
    title: str
    body: str
    reference: Urn


@dataclass(frozen=True, slots=True)
class Note:
    """A chat message by a template that the airline had approved: `to` in E.164, `parameters` in the template's order.

    Every report about it carries `reference`, our own name for the message.
    """

    to: str
    template: str
    language: str
    parameters: tuple[str, ...]
    reference: Urn


class DeliveryStatus(StrEnum):
    """`ACCEPTED` by the partner, `SENT` to the carrier, then one of the three ends."""

    ACCEPTED = "ACCEPTED"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    UNDELIVERED = "UNDELIVERED"
    FAILED = "FAILED"


RANK = {status: rank for rank, status in enumerate(DeliveryStatus)}


@dataclass(frozen=True, slots=True)
class SentText:
    """What the partner has taken, on any channel; `message` is the partner's id."""

    message: str
    status: DeliveryStatus


@dataclass(frozen=True, slots=True)
class Delivery:
    """A report about a message. Reports come late, twice and out of order: an end is final, and a lower rank changes nothing.

    `reference` is our own name for the message, where the partner carries it along.
    """

    message: str
    status: DeliveryStatus
    error: str | None = None
    reference: Urn | None = None

    def changes(self, known: DeliveryStatus) -> bool:
        """Whether this report says more than what is `known`."""
        ended = known in (DeliveryStatus.DELIVERED, DeliveryStatus.UNDELIVERED, DeliveryStatus.FAILED)
        return not ended and RANK[self.status] > RANK[known]


class Sms(Protocol):
    """A channel for short texts."""

    @property
    def vendor(self) -> str: ...

    async def send(self, tenant: Tenant, text: Text) -> Answer[SentText]:
        """Sends; class C. `Declined` when the number is impossible, unsubscribed or out of reach. After `Unknown` only `find` follows."""
        ...

    async def find(self, tenant: Tenant, to: str, body_digest: str, since: datetime) -> Answer[SentText | None]:
        """The newest text to this number with this digest that was created at `since` or later.

        `Ok(None)` means *not found*, which is not *absent*. May be repeated.
        """
        ...


class Mail(Protocol):
    """A channel for e-mail."""

    @property
    def vendor(self) -> str: ...

    async def send(self, tenant: Tenant, letter: Letter) -> Answer[SentText]:
        """Sends; class D: after `Unknown` nothing can be asked, and only a report that carries the reference tells what became of it."""
        ...


class Chat(Protocol):
    """A channel for chat messages."""

    @property
    def vendor(self) -> str: ...

    async def send(self, tenant: Tenant, note: Note) -> Answer[SentText]:
        """Sends; class D, as `Mail.send`."""
        ...


class Links(Protocol):
    """Who makes the links that sign a passenger in."""

    def magic_link(self, tenant: Tenant, sub_case: Urn) -> str:
        """A link that may be used once, for this sub-case alone. It is a credential: it goes into a text and rests nowhere."""
        ...
