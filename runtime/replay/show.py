"""The replay on this machine's own site, with a progress bar."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gateway.signin.partners import partner_token
from gateway.signin.tokens import SigningKey
from kernel.http import Http
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.replay import contracts, play
from runtime.replay.storm import Storm
from runtime.settings import Settings, SettingsError
from runtime.wiring import databases

REPLAY = Urn("urn:partner:replay")
SCOPES = ("disruptions.write",)


async def play_here(settings: Settings, *, flights: int, speed: float, console: Console, contracted: bool = True) -> play.Progress:
    """Plays the storm into the site that `settings` tell of; `contracted` is whether hotels have promised rooms of their own.

    Raises: ReplayError; SettingsError in production or without sandboxes.
    """
    if settings.production or settings.sandbox_url is None:
        raise SettingsError("the replay invents passengers: it plays into sandboxes only")
    key = SigningKey.rsa(settings.need("partner_key").reveal())

    async def token(tenant: Tenant) -> str:
        return partner_token(key, settings.partner_url, tenant, REPLAY, SCOPES)

    if contracted:
        await _sign_contracts(settings)
    partner, pss = Http(f"{settings.partner_url}/partner/v1"), Http(f"{settings.sandbox_url}/_sandbox/pss")
    console.print(f"[bold]{Storm().label}[/]")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("flights"), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console, transient=not console.is_terminal) as bars:
            bar = bars.add_task("playing", total=None)

            def told(done: play.Progress) -> None:
                bars.update(bar, total=done.flights, completed=done.played, description=f"{done.last}, {done.parties} parties")

            return await play.play(partner, pss, token, flights=flights, speed=speed, told=told)
    finally:
        await partner.close()
        await pss.close()


async def _sign_contracts(settings: Settings) -> None:
    opened = databases(settings)
    try:
        booking = opened["booking"]
        await contracts.sign(booking, await booking.tenants())
    finally:
        await opened.close()
