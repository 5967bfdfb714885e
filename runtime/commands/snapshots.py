"""Compile every passenger's document anew, after the snapshot store was wiped; passengers' answers wait meanwhile."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys

from jobs.chores.rebuild_snapshots import rebuild_snapshots
from kernel.database import Database
from kernel.snapshot import Snapshots
from kernel.tenancy import Tenant
from runtime import site
from runtime.settings import Settings, read


def configure(parser: argparse.ArgumentParser) -> None:
    """`snapshots rebuild`."""
    verbs = parser.add_subparsers(dest="verb", metavar="rebuild", required=True)
    rebuilding = verbs.add_parser("rebuild", help="compile every document anew; may be repeated, drops nothing")
    rebuilding.add_argument("--tenant", action="append", type=Tenant, help="only this airline; may be given again")
    rebuilding.add_argument("--json", action="store_true", help="for scripts: documents by airline")


def run(arguments: argparse.Namespace) -> int:
    """Rebuild."""
    done = asyncio.run(_rebuild(read(site.here(os.environ)), arguments.tenant))
    told = json.dumps(done) if arguments.json else "\n".join(f"{tenant}: {count} documents" for tenant, count in done.items())
    sys.stdout.write(told + "\n")
    return 0


async def _rebuild(settings: Settings, tenants: list[Tenant] | None) -> dict[str, int]:
    cases = Database("cases", settings.database("cases").reveal(), pool=2)
    snapshots = Snapshots.connect(settings.need("snapshot_url").reveal())
    try:
        named = tenants or list(settings.tenants) or await cases.tenants()
        return {tenant: await rebuild_snapshots(cases, snapshots, tenant) for tenant in named}
    finally:
        await snapshots.close()
        await cases.close()
