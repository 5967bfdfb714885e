"""`./nexa partner`: how the airlines' partners are, and what they are sent at most."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kernel.account import Accounts, Key, Seen
from kernel.tenancy import Tenant
from runtime import site
from runtime.embedded.valkey import ValkeyUrls
from tests.harness.servers import ROOT


@pytest.fixture
def environ(tmp_path: Path, role_urls: dict[str, str], valkey_urls: ValkeyUrls) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("NEXA_")}
    told = {"NEXA_HOME": str(tmp_path), "NEXA_PLATFORM_URL": valkey_urls.platform, "COLUMNS": "200"}
    return {**others, **site.store_names(role_urls), **told}


async def nexa(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runtime.command", "partner", *words]
    return await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


async def hotelbeds(environ: dict[str, str], tenant: Tenant) -> dict[str, Any]:
    done = await nexa(environ, "list", "--tenant", tenant, "--json")
    assert done.returncode == 0, done.stderr
    (found,) = [one for one in json.loads(done.stdout) if one["vendor"] == "hotelbeds"]
    return dict(found)


async def test_a_limit_is_set_for_one_airline_and_taken_back(environ: dict[str, str], tenant: Tenant) -> None:
    before = await hotelbeds(environ, tenant)
    assert (before["limit"], before["limit_by_hand"], before["breaker"]) == (50, False, "CLOSED")
    assert "25 calls a second" in (await nexa(environ, "limit", "hotelbeds", "25", "--tenant", tenant)).stdout
    after = await hotelbeds(environ, tenant)
    assert (after["tenant"], after["limit"], after["pace"], after["limit_by_hand"]) == (tenant, 25, 25, True)
    assert (await nexa(environ, "limit", "hotelbeds", "none", "--tenant", tenant)).returncode == 0
    assert (await hotelbeds(environ, tenant))["limit"] == 50


async def test_what_was_called_is_shown_for_eyes(environ: dict[str, str], tenant: Tenant, valkey_urls: ValkeyUrls) -> None:
    assert "no partner was called yet" in (await nexa(environ, "list", "--tenant", tenant)).stdout
    accounts = Accounts.connect(valkey_urls.platform)
    view, _ = await accounts.note(Key("hotelbeds", tenant), 50, Seen(calls=12, failed=11), good=True)
    await accounts.trip(Key("hotelbeds", tenant), 50, view.turn)
    await accounts.close()
    shown = (await nexa(environ, "list", "--tenant", tenant)).stdout
    assert "open for 1" in shown
    assert f"{tenant}" in shown
    assert "pomelo" not in shown
    assert "pomelo" in (await nexa(environ, "list", "--tenant", tenant, "--all")).stdout


@pytest.mark.parametrize("words", [("limit", "hotelbeds", "0"), ("limit", "hotelbeds", "many"), ("limit", "nobody", "5")])
async def test_nonsense_is_refused(environ: dict[str, str], words: tuple[str, ...]) -> None:
    assert (await nexa(environ, *words)).returncode == 2


async def test_a_store_that_is_away_is_named(environ: dict[str, str], tenant: Tenant) -> None:
    done = await nexa({**environ, "NEXA_PLATFORM_URL": "redis://127.0.0.1:1/0"}, "list", "--tenant", tenant)
    assert (done.returncode, "coordination store cannot be reached" in done.stderr) == (1, True)
