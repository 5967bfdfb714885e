"""Where everything is, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypedDict

from rich.table import Table

from runtime.site import Ports

SANDBOXES: Final = ("hotelbeds", "amadeus", "pomelo", "twilio", "sendgrid", "whatsapp", "pss", "anthropic", "openai")
_SHOWN: Final = 3  # airlines in the table; all of them are in `status --json`


class Urls(TypedDict):
    """Addresses as a browser or a script on this machine uses them; `playground` is null until there is one."""

    operator: str
    operator_ws: str
    passenger: dict[str, str]
    partner: str
    console: str
    playground: str | None
    sandboxes: dict[str, str]


def urls(ports: Ports, told: Mapping[str, str], tenants: Iterable[str]) -> Urls:
    """The addresses of a site."""
    operator = told["NEXA_OPERATOR_URL"]
    sandbox = told["NEXA_SANDBOX_URL"]
    return Urls(
        operator=f"{operator}/graphql",
        operator_ws=f"{operator.replace('http', 'ws', 1)}/graphql",
        passenger={tenant: told["NEXA_PASSENGER_URL"].format(tenant=tenant) for tenant in tenants},
        partner=f"{told['NEXA_PARTNER_URL']}/partner/v1",
        console=f"{operator}/",
        playground=None,
        sandboxes={partner: f"{sandbox}/{partner}" for partner in SANDBOXES},
    )


def table(found: Mapping[str, object]) -> Table:
    """The same for eyes."""
    shown = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, address in found.items():
        if isinstance(address, dict):
            for part, one in list(address.items())[:_SHOWN]:
                shown.add_row(f"[bold]{name}[/] {part}", str(one))
            if len(address) > _SHOWN:
                shown.add_row("", f"[dim]and {len(address) - _SHOWN} more: ./nexa status[/]")
        elif address is not None:
            shown.add_row(f"[bold]{name}[/]", str(address))
    return shown
