"""What may be asked of cases."""

from __future__ import annotations

from datetime import datetime

from domains.cases.model import Finding, Offer
from kernel.event import message
from kernel.urn import Urn


@message("cases")
class DeclareDisruption:
    """`external_event` makes a repetition harmless: the same id answers with the same case.

    `departs` is the scheduled departure with its offset.
    """

    external_event: str
    flight: Urn
    airport: str
    destination: str
    departs: datetime
    cause: str
    reason: str | None = None


@message("cases")
class AcquireLock:
    sub_case: Urn
    session: str
    holder_name: str


@message("cases")
class ReleaseLock:
    sub_case: Urn
    session: str


@message("cases")
class IssueVoucher:
    """`version` is the one the operator saw; `session` names the asking live session, so that its own lock does not stop it."""

    sub_case: Urn
    version: int
    session: str = ""
    fence: int | None = None


@message("cases")
class GroupSubCases:
    """Place these together, in one house or not at all; `session` is the asking live session."""

    sub_cases: tuple[Urn, ...]
    session: str = ""


@message("cases")
class UngroupSubCases:
    sub_cases: tuple[Urn, ...]
    session: str = ""


@message("cases")
class RequestDemand:
    """Rooms for every party of `cases` that may have a voucher, and for `sub_cases` with all of their groups."""

    cases: tuple[Urn, ...] = ()
    sub_cases: tuple[Urn, ...] = ()


@message("cases")
class DecideDemand:
    """`version` is the one the supervisor saw."""

    demand: Urn
    version: int
    approve: bool
    reason: str


@message("cases")
class AcceptOffer:
    """From the intake. `snapshot_version` is the one on the passenger's screen."""

    sub_case: Urn
    snapshot_version: int
    intent: str


@message("cases")
class DeclineOffer:
    sub_case: Urn
    snapshot_version: int
    intent: str


@message("cases")
class PublishOffer:
    sub_case: Urn
    offer: Offer


@message("cases")
class WithdrawOffer:
    sub_case: Urn
    reservation: Urn


@message("cases")
class ClaimReview:
    """`version` is the one the operator saw; `over` takes it out of another's hands, as a supervisor may."""

    review: Urn
    version: int
    name: str
    over: bool = False


@message("cases")
class ResolveReview:
    """`finding` is what the operator found out, where a partner's doing is in question; `reference` the partner's own name for it."""

    review: Urn
    version: int
    reason: str
    finding: Finding | None = None
    reference: str = ""
    over: bool = False


@message("cases")
class RedriveWorkflow:
    """`version` is the one the operator saw. `step` is where it shall go on, with `~` before it an undo that is tried again."""

    workflow: Urn
    version: int
    step: str
    reason: str
    session: str = ""


@message("cases")
class SkipStep:
    workflow: Urn
    version: int
    step: str
    reason: str
    session: str = ""


@message("cases")
class CancelWorkflow:
    workflow: Urn
    version: int
    reason: str
    session: str = ""


@message("cases")
class RedriveOutage:
    """Every workflow that ended since then because `partner`, by its vendor's name, was away."""

    partner: str
    since: datetime
    reason: str


@message("cases")
class ReinstateFlight:
    """The flight of this case goes after all."""

    case: Urn
    reason: str


@message("cases")
class ChangeNextFlight:
    """The airline has seated the booking `pnr` of the disrupted `flight` on `next_flight`. `departs` keeps the airport's offset."""

    flight: Urn
    pnr: Urn
    next_flight: Urn
    departs: datetime
    origin: str
    destination: str
