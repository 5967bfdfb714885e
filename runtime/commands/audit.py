"""Verify the audit: every chain from its beginning, and what the outboxes of the last seven days told it.

Exit code 0 when nothing is wrong, 1 when something is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from dataclasses import asdict
from datetime import timedelta

from domains.audit.model import Fault
from kernel.database import Databases
from kernel.tenancy import Tenant
from runtime import site
from runtime.settings import read
from runtime.verify_audit import verify
from runtime.wiring import databases

IN_FLIGHT = timedelta(minutes=1)  # what was told more recently may still be under way


def configure(parser: argparse.ArgumentParser) -> None:
    """`audit verify`."""
    verbs = parser.add_subparsers(dest="verb", metavar="verify", required=True)
    verifying = verbs.add_parser("verify", help="recompute every chain and compare it with what was told")
    verifying.add_argument("--tenant", action="append", type=Tenant, help="only this airline; may be given again")
    verifying.add_argument("--all-told", action="store_true", help="count what was told in the last minute too")
    verifying.add_argument("--json", action="store_true", help="for scripts: {entries, faults}")


def run(arguments: argparse.Namespace) -> int:
    """Verify."""
    opened = databases(read(site.here(os.environ)))
    entries, faults = asyncio.run(_verify(opened, arguments.tenant, timedelta(0) if arguments.all_told else IN_FLIGHT))
    if arguments.json:
        sys.stdout.write(json.dumps({"entries": entries, "faults": [asdict(fault) for fault in faults]}) + "\n")
    else:
        for fault in faults:
            sys.stdout.write(f"{fault.tenant}: {fault.kind} {fault.root} number {fault.number}, told by {fault.urn}\n")
        sys.stdout.write(f"{entries} entries, {len(faults)} faults\n")
    return 1 if faults else 0


async def _verify(opened: Databases, tenants: list[Tenant] | None, in_flight: timedelta) -> tuple[int, list[Fault]]:
    try:
        found = [await verify(opened, tenant, in_flight) for tenant in tenants or await opened["audit"].tenants()]
    finally:
        await opened.close()
    return sum(entries for entries, _ in found), [fault for _, faults in found for fault in faults]
