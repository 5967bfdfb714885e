"""`./nexa parked`: what waits, and asking for it to be played again."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from kernel.database import Databases
from kernel.tenancy import Tenant
from runtime import site
from tests.harness.servers import ROOT

AGGREGATE, MESSAGE = "urn:reservation:r-1", "urn:event:1"


@pytest.fixture
async def environ(tmp_path: Path, role_urls: dict[str, str], databases: Databases, tenant: Tenant) -> dict[str, str]:
    async with databases["wallet"].work(tenant) as work:
        await work.execute(
            text("""
                insert into parked (tenant, aggregate, urn, name, error, at)
                values (:tenant, :aggregate, :urn, 'IssueCard', 'KeyError', nexa_now())
            """),
            {"tenant": tenant, "aggregate": AGGREGATE, "urn": MESSAGE},
        )
    others = {name: value for name, value in os.environ.items() if not name.startswith("NEXA_")}
    return {**others, **site.store_names(role_urls), "NEXA_HOME": str(tmp_path)}


async def nexa(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runtime.command", "parked", *words]
    return await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


async def mine(environ: dict[str, str], tenant: Tenant) -> list[dict[str, str | None]]:
    done = await nexa(environ, "list", "--json")
    assert done.returncode == 0, done.stderr
    return [one for one in json.loads(done.stdout) if one["tenant"] == tenant]


async def test_what_is_parked_is_listed_and_asked_for(environ: dict[str, str], tenant: Tenant) -> None:
    (one,) = await mine(environ, tenant)
    assert (one["domain"], one["aggregate"], one["name"], one["error"]) == ("wallet", AGGREGATE, "IssueCard", "KeyError")
    assert one["redrive_at"] is None
    assert f"{tenant} wallet {AGGREGATE}: IssueCard" in (await nexa(environ, "list")).stdout
    words = ("redrive", AGGREGATE, "--tenant", tenant, "--domain", "wallet", "--reason", "the card's account is open again")
    assert (await nexa(environ, *words)).returncode == 0
    (one,) = await mine(environ, tenant)
    assert one["redrive_at"] is not None


async def test_what_is_not_parked_there_is_refused(environ: dict[str, str], tenant: Tenant) -> None:
    done = await nexa(environ, "redrive", AGGREGATE, "--tenant", tenant, "--domain", "cases", "--reason", "because")
    assert done.returncode == 1
    assert "is not parked in cases" in done.stderr
