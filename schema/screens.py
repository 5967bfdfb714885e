"""What cases says to open screens: the same rows, pushed as they change."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from kernel.identity import Role
from kernel.urn import Urn
from resolvers import live
from schema.audience import OPERATOR
from schema.binding import bind, extend, view

DOMAIN: Final = "cases"
OPERATORS = Role.AIRPORT_OPERATOR


@extend
class Case:
    """A line of the board."""


@extend
class SubCase:
    """A row of a case."""


@extend
class Lock:
    """Whose hands it is in."""


@extend
class TimelineEntry:
    """A line of what was done."""


@view(of=live.CaseBatch, seen_by=OPERATOR)
class CaseBatch:
    """With `snapshot`, the items replace everything the screen has."""

    seq: str
    snapshot: bool
    items: list[Case]


@view(of=live.SubCaseBatch, seen_by=OPERATOR)
class SubCaseBatch:
    """With `snapshot`, the items replace everything the screen has."""

    seq: str
    snapshot: bool
    items: list[SubCase]


@view(of=live.TimelineBatch, seen_by=OPERATOR)
class TimelineBatch:
    """The whole timeline each time: it is short, and its lines change as they end."""

    seq: str
    snapshot: bool
    sub_case: SubCase
    entries: list[TimelineEntry]


@view(of=live.LockBatch, seen_by=OPERATOR)
class LockBatch:
    """With `snapshot`, the items replace everything the screen has."""

    seq: str
    snapshot: bool
    items: list[Lock]


@view(of=live.Alert, seen_by=OPERATOR)
class Alert:
    """Something a person should see now."""

    urn: Urn
    at: datetime
    kind: str
    case: Urn
    sub_case: Urn | None
    message: str


@view(of=live.AlertBatch, seen_by=OPERATOR)
class AlertBatch:
    """Alerts are not kept: a snapshot has none, and what must be done is among the reviews."""

    seq: str
    snapshot: bool
    items: list[Alert]


@extend
class Subscription:
    case_board: CaseBatch = bind(live.case_board, seen_by=OPERATOR, args={"airport": OPERATOR, "after": OPERATOR}, allow=OPERATORS)
    sub_cases: SubCaseBatch = bind(live.sub_cases, seen_by=OPERATOR, args={"case": OPERATOR, "after": OPERATOR}, allow=OPERATORS)
    sub_case_timeline: TimelineBatch = bind(
        live.sub_case_timeline, seen_by=OPERATOR, args={"sub_case": OPERATOR, "after": OPERATOR}, allow=OPERATORS
    )
    lock_holders: LockBatch = bind(live.lock_holders, seen_by=OPERATOR, args={"case": OPERATOR, "after": OPERATOR}, allow=OPERATORS)
    alerts: AlertBatch = bind(live.alerts, seen_by=OPERATOR, args={"after": OPERATOR}, allow=OPERATORS)
