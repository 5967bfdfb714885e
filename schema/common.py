"""What belongs to no domain: the interface of everything with a URN, amounts, pages, and the refusals that any domain may give."""

from __future__ import annotations

from decimal import Decimal

from kernel import money, refusal
from kernel.urn import Urn
from resolvers import page
from schema.audience import EVERYONE, OPERATOR, PARTNER
from schema.binding import interface, view


@interface(seen_by=EVERYONE)
class Node:
    """Everything that has a name of its own."""

    urn: Urn


@view(of=money.Money, seen_by=EVERYONE, shared=True)
class Money:
    """`amount` in major units of the ISO 4217 `currency`."""

    amount: Decimal
    currency: str


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
