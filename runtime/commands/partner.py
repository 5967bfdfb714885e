"""Show how the airlines' partners are, or set how many calls a second one of them is sent.

A limit that is set here is kept by every process from its next call on. It lies in the coordination store and is lost with it; what should
last belongs into NEXA_PARTNER_LIMITS.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.table import Table

from adapters.registry import SHEETS
from kernel import clock
from kernel.account import Accounts, AccountUnreachable, BreakerState
from kernel.database import Databases
from kernel.health import Health, PartnerHealth
from kernel.tenancy import Tenant
from runtime import site
from runtime.commands import CommandError
from runtime.settings import Settings, read

T = TypeVar("T")

_COLOURS: Final = {BreakerState.CLOSED: "green", BreakerState.OPEN: "red", BreakerState.PROBING: "yellow"}


def configure(parser: argparse.ArgumentParser) -> None:
    """`partner list` and `partner limit VENDOR CALLS`."""
    verbs = parser.add_subparsers(dest="verb", metavar="list|limit", required=True)
    listed = verbs.add_parser("list", help="breaker, limit, what is used of it and how calls go, by airline")
    listed.add_argument("--all", action="store_true", help="partners that nobody has called as well")
    listed.add_argument("--json", action="store_true", help="as a JSON array of everything there is, one object per airline and partner")
    limited = verbs.add_parser("limit", help="set how many calls a second a partner is sent; may be repeated")
    limited.add_argument("vendor", choices=sorted(SHEETS), metavar="VENDOR", help=f"one of {', '.join(sorted(SHEETS))}")
    limited.add_argument("calls", type=_calls, metavar="CALLS", help="a second, such as 25 or 0.5; `none` takes back what was set")
    for each in (listed, limited):
        each.add_argument("--tenant", type=Tenant, help="of this airline alone")


def run(arguments: argparse.Namespace) -> int:
    """List or set."""
    if arguments.verb == "limit":
        tenants = asyncio.run(_with_health(lambda health, known: _limit(health, known, arguments), arguments.tenant))
        said = "as before" if arguments.calls is None else f"{arguments.calls:g} calls a second"
        sys.stdout.write(f"{arguments.vendor}: {said}, for {', '.join(tenants) or 'nobody: there is no airline yet'}\n")
        return 0
    found = asyncio.run(_with_health(_all, arguments.tenant))
    if arguments.json:
        sys.stdout.write(json.dumps([_plain(*one) for one in found], default=str) + "\n")
    else:
        shown = [one for one in found if arguments.all or one[1].processes or one[1].last_good_at or one[1].limit_by_hand]
        Console(highlight=False).print(_table(shown) if shown else "no partner was called yet; `--all` shows every one")
    return 0


async def _with_health(act: Callable[[Health, Sequence[Tenant]], Awaitable[T]], tenant: Tenant | None) -> T:
    settings = read(site.here(os.environ))
    health = Health(Accounts.connect(settings.platform.reveal()), SHEETS, settings.partner_limits)
    try:
        return await act(health, [tenant] if tenant else await _tenants(settings))
    except AccountUnreachable as error:
        raise CommandError(f"the coordination store cannot be reached ({error})") from None
    finally:
        await health.close()


async def _tenants(settings: Settings) -> Sequence[Tenant]:
    databases = Databases({"cases": settings.database("cases").reveal()}, pool=1)
    try:
        return await databases["cases"].tenants()
    finally:
        await databases.close()


async def _all(health: Health, tenants: Sequence[Tenant]) -> list[tuple[Tenant, PartnerHealth]]:
    return [(tenant, each) for tenant in tenants for each in await health.of(tenant)]


async def _limit(health: Health, tenants: Sequence[Tenant], arguments: argparse.Namespace) -> Sequence[Tenant]:
    for tenant in tenants:
        await health.limit(tenant, arguments.vendor, arguments.calls)
    return tenants


def _table(found: Sequence[tuple[Tenant, PartnerHealth]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for head in ("airline", "partner", "breaker"):
        table.add_column(head)
    for head in ("limit", "pace", "used", "wait", "calls", "failed", "slow", "429s", "last good call"):
        table.add_column(head, justify="right")
    for tenant, one in found:
        by_hand = "*" if one.limit_by_hand else ""
        figures = (f"{one.limit:g}{by_hand}", f"{one.pace:g}", f"{one.used:g}", f"{one.queue_wait} ms")
        counts = (one.calls, one.failed, one.slow, one.throttled)
        table.add_row(tenant, one.vendor, _breaker(one), *figures, *map(str, counts), _ago(one.last_good_at))
    table.caption = "limit, pace and used in calls a second; counts of the last 30 s; * set while Nexa runs"
    return table


def _breaker(one: PartnerHealth) -> str:
    until = f" for {(one.open_until - clock.now()).total_seconds():.0f} s" if one.open_until else ""
    paused = f", paused for {(one.paused_until - clock.now()).total_seconds():.0f} s" if one.paused_until else ""
    return f"[{_COLOURS[one.breaker]}]{one.breaker.lower()}[/]{until}{paused}"


def _ago(at: datetime | None) -> str:
    return "never" if at is None else f"{max(0.0, (clock.now() - at).total_seconds()):.0f} s ago"


def _plain(tenant: Tenant, one: PartnerHealth) -> dict[str, Any]:
    told = asdict(one)
    instants = {name: value.isoformat() for name, value in told.items() if isinstance(value, datetime)}
    return {"tenant": tenant, **told, **instants}


def _calls(text: str) -> float | None:
    if text == "none":
        return None
    try:
        calls = float(text)
    except ValueError:
        calls = 0.0
    if not 0 < calls < float("inf"):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a number of calls a second")
    return calls
