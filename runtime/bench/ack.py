"""How fast *Issue voucher* is acknowledged, while the partners answer at once and while they take five seconds.

Five interleaved pairs of rounds on a site of its own. In each round vouchers are issued one by one at a fixed rate through the operators'
front door; after every acknowledgement one row is committed through SQLAlchemy on the same database, as the floor. Search answers at once
in both kinds of round. Between rounds the workflows run dry, so that no round pays for the one before.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import Progress

from kernel.clock import monotonic
from kernel.http import Http, Reply, Request, json_request
from runtime.bench import Result
from runtime.bench.floor import Floor
from runtime.bench.site import Site, a_site
from runtime.replay.storm import Storm

SLOW = 5.0  # seconds that a slow partner takes
DELAYED = (("hotelbeds", "book"), ("pomelo", "card"), ("twilio", "send"))
DRY_WITHIN = 300.0  # seconds that the workflows of one round may need to end

ISSUE = """mutation Issue($input: IssueVoucherInput!) {
  issueVoucher(input: $input) { requested { urn } refused { urn code } replayed }
}"""
CASES = "query Cases($after: String) { cases(first: 200, after: $after) { edges { node { urn } } pageInfo { hasNextPage endCursor } } }"
SUB_CASES = """query SubCases($case: Urn!) {
  case(urn: $case) { subCases(first: 200) { edges { node { urn version mayIssueVoucher { allowed } } } } }
}"""


@dataclass(slots=True)
class Round:
    """What one round measured, in seconds."""

    slow: bool
    acknowledged: list[float] = field(default_factory=list)
    committed: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Target:
    tenant: str
    urn: str
    version: int


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `bench ack`."""
    parser.add_argument("--pairs", type=int, default=5, metavar="N", help="interleaved pairs of rounds (default: 5)")
    parser.add_argument("--acks", type=int, default=1000, metavar="N", help="acknowledgements per round (default: 1000)")
    parser.add_argument("--rate", type=float, default=10.0, metavar="R", help="vouchers a second (default: 10)")
    parser.add_argument("--port", type=int, default=8900, metavar="BASE", help="first of the ports of the bench's own site (default: 8900)")


async def measure(arguments: argparse.Namespace, console: Console) -> Result:
    """Runs all rounds. Raises: BenchError when the site does not do what is measured."""
    wanted = 2 * arguments.pairs * arguments.acks
    async with a_site("ack", arguments.port, console) as site:
        storm = Storm()
        flights = _flights_for(storm, wanted)
        console.print(f"[dim]playing {flights} flights for {wanted} vouchers[/]")
        await site.play(flights)
        targets = await _targets(site, wanted)
        floor = await Floor.open(site)
        rounds: list[Round] = []
        with Progress(console=console, transient=True) as bars:
            bar = bars.add_task("acknowledging", total=wanted)
            for number in range(2 * arguments.pairs):
                slow = number % 4 in (1, 2)  # fast slow slow fast: neither kind always comes first
                await site.sign_in()
                await _order(site, slow)
                rounds.append(await _round(site, floor, targets, arguments, slow, lambda: bars.advance(bar)))
                took, kind = _ms(median(rounds[-1].acknowledged)), "slow" if slow else "fast"
                console.print(f"[dim]{number + 1:2}  partners {kind}: {took} ms at the median[/]")
                await _order(site, False)
                await _run_dry(site)
        await floor.close()
        return _result(rounds, arguments, await site.counts())


def _flights_for(storm: Storm, wanted: int) -> int:
    parties = itertools.accumulate(len(manifest.entries) for _, manifest in storm.manifests(len(storm.cancellations)))
    enough = next((number for number, total in enumerate(parties, start=1) if total > wanted * 1.05), None)
    return enough or len(storm.cancellations)


async def _targets(site: Site, wanted: int) -> deque[Target]:
    """Sub-cases that may have a voucher, the airlines mixed."""
    found: list[list[Target]] = []
    for tenant in site.tenants:
        after, of_tenant = None, list[Target]()
        while True:
            page = (await site.ask(tenant, CASES, {"after": after}))["cases"]
            for edge in page["edges"]:
                case = (await site.ask(tenant, SUB_CASES, {"case": edge["node"]["urn"]}))["case"]
                rows = [sub_case["node"] for sub_case in case["subCases"]["edges"]]
                of_tenant += [Target(tenant, row["urn"], row["version"]) for row in rows if row["mayIssueVoucher"]["allowed"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        found.append(of_tenant)
    mixed = [target for row in itertools.zip_longest(*found) for target in row if target]
    if len(mixed) < wanted:
        raise site.failed(f"{len(mixed)} sub-cases may have a voucher, {wanted} are needed")
    return deque(mixed[:wanted])


async def _round(
    site: Site, floor: Floor, targets: deque[Target], arguments: argparse.Namespace, slow: bool, told: Callable[[], None]
) -> Round:
    """Each acknowledgement starts at its own time, whatever the one before took; they never overlap."""
    done, began = Round(slow), monotonic()
    for number in range(arguments.acks):
        await asyncio.sleep(max(0.0, began + number / arguments.rate - monotonic()))
        target = targets.popleft()
        variables = {"input": {"subCases": [{"urn": target.urn, "version": target.version}], "idempotencyKey": f"bench-{target.urn}"}}
        answer, taken = await _timed(site.ask(target.tenant, ISSUE, variables))
        if len(answer["issueVoucher"]["requested"]) != 1:
            raise site.failed(f"a voucher was refused: {answer['issueVoucher']['refused']}")
        done.acknowledged.append(taken)
        done.committed.append((await _timed(floor.commit()))[1])
        told()
    return done


async def _timed(doing: Awaitable[Any]) -> tuple[Any, float]:
    began = monotonic()
    answer = await doing
    return answer, monotonic() - began


async def _order(site: Site, slow: bool) -> None:
    await _control(site.sandbox, Request("DELETE", "/_sandbox/faults"))
    if slow:
        orders = [{"partner": partner, "operation": operation, "kind": "delay", "seconds": SLOW} for partner, operation in DELAYED]
        await _control(site.sandbox, json_request("POST", "/_sandbox/faults", orders))


async def _control(sandbox: Http, request: Request) -> Reply:
    reply = await sandbox.send(request, 10)
    if not reply.ok:
        raise RuntimeError(f"the sandbox answered {reply.status} to {request.path}")
    return reply


async def _run_dry(site: Site) -> None:
    until = monotonic() + DRY_WITHIN
    while (await site.counts()).get("workflows_running", 0):
        if monotonic() > until:
            raise site.failed("the workflows of the last round did not end")
        await asyncio.sleep(1)


def _result(rounds: list[Round], arguments: argparse.Namespace, counts: dict[str, int]) -> Result:
    fast = [median(one.acknowledged) for one in rounds if not one.slow]
    slow = [median(one.acknowledged) for one in rounds if one.slow]
    pairs = [behind / before for before, behind in zip(fast, slow, strict=True)]
    commit = median(median(one.committed) for one in rounds)
    every = sorted(taken for one in rounds for taken in one.acknowledged)
    return Result(
        ratios={"slow_vs_fast": round(median(pairs), 3), "p50_vs_commit": round(median(fast + slow) / commit, 2)},
        figures={
            "fast_p50_ms": _ms(median(fast)),
            "slow_p50_ms": _ms(median(slow)),
            "p99_ms": _ms(every[int(len(every) * 0.99)]),
            "commit_p50_ms": _ms(commit),
            "pairs": [round(pair, 3) for pair in pairs],
            "acks": len(every),
            "rate_per_s": arguments.rate,
            "slow_seconds": SLOW,
            "sub_cases": counts.get("sub_cases", 0),
            "offer_ready": counts.get("offer_ready", 0),
            "manual_review": counts.get("manual_review", 0),
        },
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
