"""What belongs to no domain: everything with a URN, amounts, pages, calls to partners, and the refusals that any domain may give."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from kernel import evidence, money, refusal
from kernel.operation import trail
from kernel.urn import Urn
from resolvers import page
from schema.audience import EVERYONE, OPERATOR, PARTNER
from schema.binding import field, interface, view


@interface(seen_by=EVERYONE)
class Node:
    """Everything that has a name of its own."""

    urn: Urn


@view(of=money.Money, seen_by=EVERYONE, shared=True)
class Money:
    """`amount` in major units of the ISO 4217 `currency`."""

    amount: Decimal
    currency: str


@view(of=evidence.Fact, seen_by=OPERATOR, shared=True)
class Fact:
    """A piece of evidence."""

    name: str
    value: str


@view(of=trail.TrailLine, seen_by=OPERATOR, shared=True)
class OperationLine:
    """One thing that was done about a call to a partner, and what was said to it."""

    at: datetime
    did: str = field(description="send, look-up, verify, watch, review, death or stumble.")
    reference: str | None
    answer: str | None
    why: str | None
    evidence: list[Fact]


@view(of=trail.Trail, seen_by=OPERATOR, shared=True)
class Operation:
    """A call to a partner that must happen exactly as often as it was intended, and everything done about it."""

    urn: Urn
    workflow: Urn | None
    name: str
    state: str = field(description="INTENT, SENT, UNKNOWN while it is under way; OK, DECLINED, EXHAUSTED, WITHDRAWN, REVIEW at its end.")
    references: list[str] = field(description="Ours, in the order they went out; the last is that of the last send.")
    sends: int
    intended_at: datetime
    ended_at: datetime | None
    watched_at: datetime | None = field(description="Since when something else is done in its place.")
    next_at: datetime | None = field(description="When it is looked at again.")
    lines: list[OperationLine]


@view(of=page.PageInfo, seen_by=OPERATOR | PARTNER, shared=True)
class PageInfo:
    """Where a page ends, and whether another follows."""

    has_next_page: bool
    end_cursor: str | None


@view(of=refusal.VersionConflict, seen_by=OPERATOR, shared=True)
class VersionConflict:
    """Somebody changed it meanwhile: `expected` is the version that was seen, `actual` the one there is."""

    message: str
    expected: int
    actual: int


@view(of=refusal.NotFound, seen_by=EVERYONE, shared=True)
class NotFound:
    """There is no such thing here; so answers what belongs to another airline, too."""

    message: str
