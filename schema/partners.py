"""How the airline's partners are. No domain owns it: it is what the processes that call them know together."""

from __future__ import annotations

from datetime import datetime

from kernel import account, health
from kernel.identity import Role
from kernel.urn import Urn
from resolvers import partners
from schema.audience import OPERATOR
from schema.binding import bind, extend, field, view, words
from schema.common import Node

BREAKER_STATE = words(account.BreakerState, seen_by=OPERATOR)
EVERYBODY = (Role.AIRPORT_OPERATOR, Role.FINANCE_AUDIT)


@view(of=health.PartnerHealth, key="urn", kind="partner", seen_by=OPERATOR, load=partners.load_partners, allow=EVERYBODY)
class PartnerHealth(Node):
    """The airline's account at one partner. Counts are of the last thirty seconds, over all processes."""

    urn: Urn
    version: int
    vendor: str
    purpose: str
    breaker: account.BreakerState = field(description="CLOSED: it is called. OPEN: it is left alone. PROBING: one look-up decides.")
    open_until: datetime | None = field(description="When it is probed.")
    opened_at: datetime | None
    paused_until: datetime | None = field(description="The partner asked for it.")
    limit: float = field(description="Calls a second that are allowed.")
    limit_by_hand: bool = field(description="Somebody set it while Nexa runs.")
    pace: float = field(description="Calls a second that the partner has been seen to bear; falls when it throttles, and comes back.")
    used: float = field(description="Calls a second.")
    queue_wait: int = field(description="Milliseconds that a call waits for its turn.")
    calls: int
    failed: int
    slow: int
    throttled: int
    last_good_at: datetime | None
    processes: int = field(description="How many share the account at the moment.")


@view(of=partners.PartnerHealthBatch, seen_by=OPERATOR)
class PartnerHealthBatch:
    """With `snapshot`, the items replace everything the screen has."""

    seq: str
    snapshot: bool
    items: list[PartnerHealth]


@extend
class Query:
    partner_health: list[PartnerHealth] = bind(partners.partner_health, seen_by=OPERATOR, allow=EVERYBODY)


@extend
class Subscription:
    partner_health: PartnerHealthBatch = bind(partners.partner_health_changes, seen_by=OPERATOR, args={"after": OPERATOR}, allow=EVERYBODY)
