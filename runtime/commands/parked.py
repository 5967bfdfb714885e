"""List the aggregates that wait behind a message nobody could take, or ask for one to be played again.

A message that failed five times is set aside with everything behind it of its aggregate; all others flow on. When the cause is mended,
`redrive` has it played again, in order: a worker does so within two seconds, and parks it again should it fail again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kernel.database import Databases
from kernel.parked import Parked, ask, parked
from kernel.tenancy import Tenant
from kernel.urn import Urn, UrnError
from runtime import site
from runtime.settings import DOMAINS, read

T = TypeVar("T")


def configure(parser: argparse.ArgumentParser) -> None:
    """`parked list` and `parked redrive AGGREGATE`."""
    verbs = parser.add_subparsers(dest="verb", metavar="list|redrive", required=True)
    listed = verbs.add_parser("list", help="what is parked, and why")
    listed.add_argument(
        "--json", action="store_true", help="as a JSON array of {tenant, domain, aggregate, urn, name, error, at, redrive_at}"
    )
    played = verbs.add_parser("redrive", help="ask for it to be played again; may be repeated")
    played.add_argument("aggregate", type=_urn, help="the URN of the aggregate")
    played.add_argument("--tenant", type=Tenant, required=True, help="whose it is")
    played.add_argument("--domain", choices=DOMAINS, required=True, help="where it is parked")
    played.add_argument("--reason", required=True, help="why it will succeed now; for the audit")


def run(arguments: argparse.Namespace) -> int:
    """List or ask."""
    if arguments.verb == "redrive":
        asyncio.run(with_databases(lambda databases: _redrive(databases, arguments)))
        return 0
    found = asyncio.run(with_databases(all_parked))
    if arguments.json:
        sys.stdout.write(json.dumps([_plain(*one) for one in found]) + "\n")
    else:
        sys.stdout.write("".join(f"{line(*one)}\n" for one in found) or "nothing is parked\n")
    return 0


async def with_databases(act: Callable[[Databases], Awaitable[T]]) -> T:
    """Acts on the site's databases, as their app roles."""
    settings = read(site.here(os.environ))
    databases = Databases({name: settings.database(name).reveal() for name in DOMAINS}, pool=1)
    try:
        return await act(databases)
    finally:
        await databases.close()


async def all_parked(databases: Databases) -> list[tuple[Tenant, str, Parked]]:
    """What is parked, of every tenant and in every domain."""
    found: list[tuple[Tenant, str, Parked]] = []
    for tenant in await databases["cases"].tenants():
        for name, database in databases.items():
            async with database.read(tenant) as connection:
                found += [(tenant, name, each) for each in await parked(connection, tenant)]
    return found


def line(tenant: Tenant, domain: str, one: Parked) -> str:
    """For eyes."""
    asked = "; will be played again" if one.redrive_at else ""
    return f"{tenant} {domain} {one.aggregate}: {one.name} of {one.at:%Y-%m-%d %H:%M} failed with {one.error}{asked}"


async def _redrive(databases: Databases, arguments: argparse.Namespace) -> None:
    async with databases[arguments.domain].work(arguments.tenant) as work:
        await ask(work, arguments.aggregate, arguments.reason)


def _plain(tenant: Tenant, domain: str, one: Parked) -> dict[str, str | None]:
    return {
        "tenant": tenant,
        "domain": domain,
        "aggregate": one.aggregate,
        "urn": one.urn,
        "name": one.name,
        "error": one.error,
        "at": one.at.isoformat(),
        "redrive_at": one.redrive_at.isoformat() if one.redrive_at else None,
    }


def _urn(text: str) -> Urn:
    try:
        return Urn(text)
    except UrnError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
