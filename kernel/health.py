"""How an airline's partners are, for people: what every process knows together of each account, beside what its sheet says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kernel import clock
from kernel.account import WINDOW, Accounts, BreakerState, Key, Told
from kernel.partner import Sheet
from kernel.tenancy import Tenant
from kernel.urn import Urn


@dataclass(frozen=True, slots=True)
class PartnerHealth:
    """One account. `limit`, `pace` and `used` are calls a second; counts are of the last thirty seconds, over all processes.

    `pace` is what the partner has been seen to bear, never more than `limit`. `queue_wait` is how long a call waits for its slot, in
    milliseconds. `limit_by_hand`: somebody set it while Nexa runs.
    """

    urn: Urn
    version: int
    vendor: str
    purpose: str
    breaker: BreakerState
    open_until: datetime | None
    opened_at: datetime | None
    paused_until: datetime | None
    limit: float
    limit_by_hand: bool
    pace: float
    used: float
    queue_wait: int
    calls: int
    failed: int
    slow: int
    throttled: int
    last_good_at: datetime | None
    processes: int


class Health:
    """Reads accounts in the coordination store. `ceilings` is by vendor, or `vendor:tenant`, where the sheet does not say it."""

    def __init__(self, accounts: Accounts, sheets: Mapping[str, Sheet], ceilings: Mapping[str, float] | None = None) -> None:
        self.accounts, self.sheets = accounts, sheets
        self._ceilings = ceilings or {}

    async def close(self) -> None:
        await self.accounts.close()

    async def of(self, tenant: Tenant, vendors: Sequence[str] | None = None) -> list[PartnerHealth]:
        """The airline's partners by name, or those of `vendors` that there are. Raises: AccountUnreachable."""
        sheets = [self.sheets[name] for name in sorted(self.sheets) if vendors is None or name in vendors]
        told = await self.accounts.told([(Key(sheet.vendor, tenant), self.ceiling(sheet.vendor, tenant)) for sheet in sheets])
        return [_health(sheet, each) for sheet, each in zip(sheets, told, strict=True)]

    async def limit(self, tenant: Tenant, vendor: str, calls: float | None) -> None:
        """Sets an account's limit for all processes, from their next call on; None takes it back.

        Raises: KeyError for a partner there is not, AccountUnreachable.
        """
        ceiling = self.ceiling(self.sheets[vendor].vendor, tenant)
        await self.accounts.limit(Key(vendor, tenant), ceiling, calls)

    def ceiling(self, vendor: str, tenant: Tenant) -> float:
        """Calls a second where nobody has set another."""
        return self._ceilings.get(f"{vendor}:{tenant}") or self._ceilings.get(vendor) or self.sheets[vendor].limit


def urn_of(vendor: str) -> Urn:
    """Every airline has the same partners under the same names."""
    return Urn.of("partner", vendor)


def _health(sheet: Sheet, told: Told) -> PartnerHealth:
    view, now = told.view, clock.now()
    resting = view.breaker is not BreakerState.CLOSED
    return PartnerHealth(
        urn=urn_of(sheet.vendor),
        version=int(now.timestamp() * 1000),
        vendor=sheet.vendor,
        purpose=sheet.purpose,
        breaker=view.breaker,
        open_until=now + timedelta(seconds=view.open_for) if view.breaker is BreakerState.OPEN else None,
        opened_at=told.opened_at if resting else None,
        paused_until=now + timedelta(seconds=view.paused) if view.paused else None,
        limit=round(view.ceiling, 3),
        limit_by_hand=told.by_hand,
        pace=round(view.pace, 3),
        used=round(told.seen.grants / WINDOW.total_seconds(), 2),
        queue_wait=round(told.wait / timedelta(milliseconds=1)) if told.seen.grants else 0,
        calls=told.seen.calls,
        failed=told.seen.failed,
        slow=told.seen.slow,
        throttled=told.seen.throttled,
        last_good_at=told.good_at,
        processes=view.crowd,
    )
