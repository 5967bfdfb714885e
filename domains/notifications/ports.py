"""What notifications needs of a channel for short texts. Number and text are personal data: by argument only, never stored."""

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
    """`message` is the partner's id."""

    message: str
    status: DeliveryStatus


@dataclass(frozen=True, slots=True)
class Delivery:
    """A report about a message. Reports come late, twice and out of order: an end is final, and a lower rank changes nothing."""

    message: str
    status: DeliveryStatus
    error: str | None = None

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


class Links(Protocol):
    """Who makes the links that sign a passenger in."""

    def magic_link(self, tenant: Tenant, sub_case: Urn) -> str:
        """A link that may be used once, for this sub-case alone. It is a credential: it goes into a text and rests nowhere."""
        ...
