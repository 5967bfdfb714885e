"""List the airlines that are served here, or add one: its partitions in every database."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys

from kernel.database import Database
from kernel.tenancy import Tenant, TenantError
from runtime import site
from runtime.commands import CommandError
from runtime.migrate import provision_tenant
from runtime.settings import Process, for_process, read


def configure(parser: argparse.ArgumentParser) -> None:
    """`tenant list` and `tenant add NAME`."""
    verbs = parser.add_subparsers(dest="verb", metavar="list|add", required=True)
    listed = verbs.add_parser("list", help="the airlines there are")
    listed.add_argument("--json", action="store_true", help="as a JSON array")
    added = verbs.add_parser("add", help="add an airline; may be repeated")
    added.add_argument("name", type=_tenant, help="its short lower-case name, such as b6")


def run(arguments: argparse.Namespace) -> int:
    """List or add."""
    told = site.here(os.environ)
    if arguments.verb == "add":
        settings = read({**told, **for_process(Process.MIGRATE, told)})
        asyncio.run(provision_tenant(arguments.name, settings.need("database_url").reveal()))
    tenants = asyncio.run(_tenants(read(told).database("cases").reveal()))
    if arguments.verb == "add" and arguments.name not in tenants:
        raise CommandError(f"{arguments.name} was not added")
    as_json = arguments.verb == "list" and arguments.json
    sys.stdout.write(json.dumps(tenants) + "\n" if as_json else "".join(f"{tenant}\n" for tenant in tenants))
    return 0


async def _tenants(url: str) -> list[Tenant]:
    database = Database("cases", url, pool=1)
    try:
        return await database.tenants()
    finally:
        await database.close()


def _tenant(name: str) -> Tenant:
    try:
        return Tenant(name)
    except TenantError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
