"""Stopped lines: a supervisor's word that nothing of a kind leaves. No one domain owns them: each line lies where its calls do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from kernel.identity import Role
from kernel.operation import stop
from kernel.urn import Urn
from resolvers import lines
from schema.audience import OPERATOR
from schema.binding import bind, extend, field, outcome, takes, view, words
from schema.common import NotFound

LINE = words(stop.Line, seen_by=OPERATOR)
EVERYBODY = (Role.AIRPORT_OPERATOR, Role.FINANCE_AUDIT)


@view(of=stop.Stop, seen_by=OPERATOR)
class Stop:
    """Nothing of this line leaves, for this partner and airport, or for all. What is given back is never stopped."""

    urn: Urn
    version: int
    line: stop.Line
    partner: str | None
    airport: str | None
    reason: str
    by: Urn | None
    at: datetime
    resumed_at: datetime | None
    waiting: int = field(description="Calls that would leave if it were resumed, as this was read; not every change of it is told.")


@view(of=lines.StopBatch, seen_by=OPERATOR)
class StopBatch:
    """With `snapshot`, the items replace everything the screen has."""

    seq: str
    snapshot: bool
    items: list[Stop]


@view(of=lines.LineStopped, seen_by=OPERATOR)
class LineStopped:
    """It stands still."""

    stop: Stop


@view(of=lines.LineResumed, seen_by=OPERATOR)
class LineResumed:
    """It goes on."""

    stop: Stop


@takes(of=lines.StopOrder, seen_by=OPERATOR)
class StopLineInput:
    """`partner` by its vendor's name, `airport` by its code; left out, all of them. The reason is shown to everybody."""

    line: stop.Line
    reason: str
    partner: str | None
    airport: str | None


@takes(of=lines.ResumeOrder, seen_by=OPERATOR)
class ResumeLineInput:
    """The stop, as `stoppedLines` tells it."""

    line: stop.Line
    stop: Urn
    reason: str


ResumeLineResult = Annotated[LineResumed | NotFound, outcome("ResumeLineResult", seen_by=OPERATOR)]


@extend
class Query:
    stopped_lines: list[Stop] = bind(lines.stopped_lines, seen_by=OPERATOR, allow=EVERYBODY)


@extend
class Mutation:
    stop_line: LineStopped = bind(lines.stop_line, seen_by=OPERATOR, args={"input": OPERATOR}, allow=Role.OPS_SUPERVISOR)
    resume_line: ResumeLineResult = bind(lines.resume_line, seen_by=OPERATOR, args={"input": OPERATOR}, allow=Role.OPS_SUPERVISOR)


@extend
class Subscription:
    stopped_lines: StopBatch = bind(lines.stopped_line_changes, seen_by=OPERATOR, args={"after": OPERATOR}, allow=EVERYBODY)
