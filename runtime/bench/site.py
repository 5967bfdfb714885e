"""A site of the bench's own: started as a user would, below `.nexa/bench/`, empty before and gone after."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from kernel.clock import monotonic
from kernel.http import Http, json_request
from kernel.tenancy import Tenant
from runtime import site as sites
from runtime.replay import play
from runtime.replay.storm import Storm
from runtime.settings import read
from runtime.wiring import unhurried

ROOT = Path(__file__).resolve().parents[2]
QUICKLY = 1e9  # the replay does not wait between two pushes
READY_WITHIN = 600.0
# What nobody knows is looked up within seconds and partners do not throttle: a round need not wait for the one before it to settle.
_BRISK = {"NEXA_SETTLE_SCALE": "0.02", **unhurried(500)}
TOKENS_FOR = 600.0  # seconds; an operator's is good for fifteen minutes


class BenchError(RuntimeError):
    """The site did not do what was to be measured."""


@dataclass
class Site:
    """The running site, asked as scripts ask it: `./nexa status --json`, `./nexa token … --json` and the front doors."""

    home: Path
    environ: Mapping[str, str]
    status: dict[str, Any]
    operator: Http
    partner: Http
    pss: Http
    sandbox: Http
    base: int
    _tokens: dict[tuple[str, str], tuple[float, dict[str, str]]] = field(default_factory=dict)

    @property
    def tenants(self) -> list[str]:
        return sorted(self.status["urls"]["passenger"])

    def database(self, domain: str) -> str:
        """The app role's address of a domain's database."""
        return read(sites.of_running(self.home, self.base, self.environ)).database(domain).reveal()

    def failed(self, why: str) -> BenchError:
        return BenchError(f"{why}; logs are in {self.home / 'logs'}")

    async def ask(self, tenant: str, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """A GraphQL operation of this airline's supervisor. Raises: BenchError."""
        reply = await self.operator.send(
            json_request("POST", "", {"query": query, "variables": variables}, await self._operator(tenant)), 30
        )
        told = reply.json()
        if not reply.ok or told.get("errors"):
            raise self.failed(f"the operators' door answered {reply.status} {told.get('errors')}")
        data: dict[str, Any] = told["data"]
        return data

    async def sign_in(self) -> None:
        """Renews what will soon end, so that no measured call has to."""
        for tenant in self.tenants:
            await self._operator(tenant)

    async def _operator(self, tenant: str) -> dict[str, str]:
        return await self._headers("operator", tenant, "--role", "OPS_SUPERVISOR")

    async def counts(self) -> dict[str, int]:
        counts: dict[str, int] = (await _nexa(self.environ, "status", "--json"))["counts"]
        return counts

    async def play(self, flights: int) -> None:
        """Plays the storm at once, and waits until every manifest has come."""

        async def token(tenant: Tenant) -> str:
            headers = await self._headers("partner", tenant, "--scopes", "disruptions.write")
            return next(value for name, value in headers.items() if name.lower() == "authorization").removeprefix("Bearer ")

        done = await play.play(self.partner, self.pss, token, flights=flights, speed=QUICKLY)
        await self._provisioned(done.parties)

    async def replay(self, flights: int) -> None:
        """The same by the command that a user gives, with everything that it brings beside the flights."""
        await _run(self.environ, "replay", "--flights", str(flights), "--speed", str(int(QUICKLY)))
        await self._provisioned(sum(len(manifest.entries) for _, manifest in Storm().manifests(flights)))

    async def _provisioned(self, parties: int) -> None:
        for _ in range(int(READY_WITHIN)):
            if (await self.counts())["sub_cases"] >= parties:
                return
            await asyncio.sleep(1)
        raise self.failed("not every manifest was provisioned")

    async def _headers(self, audience: str, tenant: str, *more: str) -> dict[str, str]:
        at, headers = self._tokens.get((audience, tenant), (float("-inf"), {}))
        if monotonic() - at > TOKENS_FOR:
            headers = (await _nexa(self.environ, "token", audience, "--tenant", tenant, *more, "--json"))["headers"]
            self._tokens[audience, tenant] = (monotonic(), headers)
        return headers


@asynccontextmanager
async def a_site(name: str, base: int, console: Console) -> AsyncIterator[Site]:
    """Starts one and takes it down again. Raises: BenchError."""
    home = ROOT / ".nexa" / "bench" / name
    shutil.rmtree(home, ignore_errors=True)
    environ = {**os.environ, "NEXA_HOME": str(home), **_BRISK}
    console.print("[dim]starting a site of its own[/]")
    await _run(environ, "up", "--quiet", "--detach", "--no-pages", "--port", str(base))
    try:
        status = await _nexa(environ, "status", "--json")
        urls = status["urls"]
        sandbox = urls["sandboxes"]["pss"].rpartition("/")[0]
        doors = [Http(url) for url in (urls["operator"], urls["partner"], f"{sandbox}/_sandbox/pss", sandbox)]
        operator, partner, pss, control = doors
        yield Site(home, environ, status, operator, partner, pss, control, base)
        for door in doors:
            await door.close()
    finally:
        await _run(environ, "down")


async def _nexa(environ: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(await _run(environ, *arguments))
    return told


async def _run(environ: Mapping[str, str], *arguments: str) -> bytes:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runtime.command", *arguments, cwd=ROOT, env=dict(environ), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await child.communicate()
    if child.returncode:
        raise BenchError(f"nexa {' '.join(arguments)} ended with {child.returncode}")
    return said
