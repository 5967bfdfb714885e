"""A wave of the storm: what its plans cost against the cheapest there could be, and whether booking breaks what they promise.

On a site of its own the first flights of the storm are played. Each airline's supervisor groups some of the stranded, demands rooms for
all of them, looks at the plan, at which nothing may be booked yet, and commits it. When every saga has ended, what stands is held against
what was promised: no group in two houses, no group of two tiers placed, every booked offer within its policy's gates. `bound` is what no
placing of the same groups could cost less than, summed over the waves; `cost_vs_bound` is the plans' cost to it.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from rich.console import Console

from domains.policies.model import Constraints
from kernel.clock import monotonic
from runtime.bench import Result
from runtime.bench.site import Site, a_site

PLANNED_WITHIN: Final = 600.0  # seconds
BOOKED_WITHIN: Final = 1800.0
GROUPS_OF_A_CASE: Final = 2  # pairs that are placed together, and one pair of two tiers where there is one

CASES = "query Cases($after: String) { cases(first: 200, after: $after) { edges { node { urn } } pageInfo { hasNextPage endCursor } } }"
ROWS = """query Rows($case: Urn!, $after: String) { case(urn: $case) { subCases(first: 200, after: $after) {
    edges { node { urn status reason tier mixedTier rooms checkIn checkOut pnr offer { reservation hotel hotelName total { amount } } } }
    pageInfo { hasNextPage endCursor } } } }"""
GROUP = "mutation Group($subCases: [Urn!]!) { groupSubCases(subCases: $subCases) { __typename ... on Grouped { group { urn } } } }"
REQUEST = """mutation Request($input: RequestDemandInput!) { requestDemand(input: $input) { __typename
    ... on Demanded { demand { urn version state rooms } } } }"""
DECIDE = "mutation Decide($input: DecideDemandInput!) { decideDemand(input: $input) { __typename } }"
STATE = "query State($urn: Urn!) { demand(urn: $urn) { wave { urn version state searches answered why } } }"
PLAN = """query Plan($urn: Urn!) { wave(urn: $urn) { rooms cost { amount } market { amount } bound { amount }
    questions { offers answered silences { vendor why } }
    groups { urn tier fate why subCases house rooms cost { amount } } } }"""
COMMIT = """mutation Commit($wave: Urn!, $version: Int!) { commitWave(wave: $wave, version: $version) { __typename } }"""
RANKED = """query Ranked($urn: Urn!) { subCase(urn: $urn) { rankings { candidates {
    offer { hotel vendor stars distanceKm nightly { amount currency } } } } } }"""

Row = dict[str, Any]


@dataclass(slots=True)
class _Wave:
    """One airline's, from the demand to what stands at the end."""

    tenant: str
    rows: list[Row]
    groups: list[list[str]] = field(default_factory=list)  # sub-cases of those that were made
    demand: str = ""
    urn: str = ""
    plan: Row = field(default_factory=dict)
    booked_early: int = 0
    automatic: bool = False

    @property
    def placed(self) -> set[str]:
        return {urn for group in self.plan["groups"] if group["fate"] == "PLACED" for urn in group["subCases"]}


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `bench wave`."""
    parser.add_argument("--flights", type=int, default=20, metavar="N", help="flights of the storm (default: 20)")
    parser.add_argument("--port", type=int, default=8950, metavar="BASE", help="first of the ports of the bench's own site (default: 8950)")


async def measure(arguments: argparse.Namespace, console: Console) -> Result:
    """Plays, plans, commits and looks. Raises: BenchError."""
    async with a_site("wave", arguments.port, console) as site:
        console.print(f"[dim]playing {arguments.flights} flights[/]")
        await site.replay(arguments.flights)
        began = monotonic()
        waves = [wave for tenant in site.tenants if (wave := await _demanded(site, tenant)).rows]
        for wave in waves:
            await _planned(site, wave)
        planning = monotonic() - began
        console.print(f"[dim]{len(waves)} waves are planned; committing them[/]")
        began = monotonic()
        for wave in waves:
            await _commit(site, wave)
        for wave in waves:
            await _booked(site, wave)
        booking = monotonic() - began
        broken = [await _broken(site, wave) for wave in waves]
    return _result(waves, broken, planning, booking)


async def _demanded(site: Site, tenant: str) -> _Wave:
    """Groups some, and demands rooms for all."""
    cases = await _cases(site, tenant)
    by_case = {case: await _rows(site, tenant, case) for case in cases}
    wave = _Wave(tenant, [row for rows in by_case.values() for row in rows if row["status"] == "PENDING" and row["rooms"]])
    if not wave.rows:
        return wave
    for rows in by_case.values():
        for pair in _pairs(rows):
            told = await site.ask(tenant, GROUP, {"subCases": pair})
            if told["groupSubCases"]["__typename"] != "Grouped":
                raise site.failed(f"{tenant} could not group {pair}: {told}")
            wave.groups.append(pair)
    asked = {"cases": cases, "subCases": [], "idempotencyKey": "the-wave"}
    demand = (await site.ask(tenant, REQUEST, {"input": asked}))["requestDemand"]["demand"]
    wave.demand, wave.automatic = demand["urn"], demand["state"] == "APPROVED"
    if not wave.automatic:
        word = {"demand": demand["urn"], "version": demand["version"], "approve": True, "reason": "the hub is closed"}
        told = (await site.ask(tenant, DECIDE, {"input": word}))["decideDemand"]
        if told["__typename"] != "Demanded":
            raise site.failed(f"the demand of {tenant} was not approved: {told}")
    return wave


def _pairs(rows: Iterable[Row]) -> list[list[str]]:
    """Pairs of one tier and stay, and one of the same stay and two tiers."""
    alike: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["status"] == "PENDING" and row["rooms"] and not row["mixedTier"]:
            alike[row["checkIn"], row["checkOut"]].append(row)
    made: list[list[str]] = []
    mixed: list[list[str]] = []
    for stay in alike.values():
        of_tier: dict[str, list[Row]] = defaultdict(list)
        for row in stay:
            of_tier[row["tier"]].append(row)
        for same in of_tier.values():
            made += [[first["urn"], second["urn"]] for first, second in zip(same[::2], same[1::2], strict=False)]
        lone = [same[-1]["urn"] for same in of_tier.values() if len(same) % 2]
        mixed += [lone[:2]] if len(lone) > 1 else []
    return made[:GROUPS_OF_A_CASE] + mixed[:1]


async def _planned(site: Site, wave: _Wave) -> None:
    """Waits for the plan; until it is committed nothing may be booked."""
    until = monotonic() + PLANNED_WITHIN
    while True:
        found = (await site.ask(wave.tenant, STATE, {"urn": wave.demand}))["demand"]["wave"]
        if found and found["state"] == "DRAFT":
            break
        if (found and found["state"] == "FAILED") or monotonic() > until:
            raise site.failed(f"the wave of {wave.tenant} was not planned: {found}")
        await asyncio.sleep(0.5)
    wave.urn = found["urn"]
    wave.plan = (await site.ask(wave.tenant, PLAN, {"urn": wave.urn}))["wave"]
    wave.booked_early = sum(row["status"] != "PENDING" for row in await _again(site, wave))


async def _commit(site: Site, wave: _Wave) -> None:
    version = (await site.ask(wave.tenant, STATE, {"urn": wave.demand}))["demand"]["wave"]["version"]
    told = (await site.ask(wave.tenant, COMMIT, {"wave": wave.urn, "version": version}))["commitWave"]
    if told["__typename"] != "WaveMoved":
        raise site.failed(f"the wave of {wave.tenant} was not committed: {told}")


async def _booked(site: Site, wave: _Wave) -> None:
    """Waits until everything placed has ended, one way or the other."""
    until = monotonic() + BOOKED_WITHIN
    while True:
        wave.rows = await _again(site, wave)
        waiting = [row for row in wave.rows if row["urn"] in wave.placed and row["status"] in ("PENDING", "PROCESSING")]
        if not waiting:
            return
        if monotonic() > until:
            raise site.failed(f"{len(waiting)} parties of {wave.tenant} are not booked")
        await site.sign_in()
        await asyncio.sleep(2)


async def _broken(site: Site, wave: _Wave) -> Counter[str]:
    """How often what the plan promised does not hold of what stands."""
    rows, found, limits = {row["urn"]: row for row in wave.rows}, Counter[str](), Constraints()
    booked = {urn: row["offer"] for urn, row in rows.items() if row["offer"]}
    for group in wave.plan["groups"]:
        tiers = {rows[urn]["tier"] for urn in group["subCases"]} | {"MIXED" for urn in group["subCases"] if rows[urn]["mixedTier"]}
        placed = [booked[urn] for urn in group["subCases"] if urn in booked]
        found["tiers_mixed"] += bool(placed) and len(tiers) > 1
        found["groups_split"] += len({offer["hotelName"] for offer in placed}) > 1
        found["groups_of_several"] += len(group["subCases"]) > 1 and len(placed) == len(group["subCases"])
    for urn, offer in booked.items():
        rankings = (await site.ask(wave.tenant, RANKED, {"urn": urn}))["subCase"]["rankings"]
        candidates = [each["offer"] for ranking in rankings for each in ranking["candidates"] if each["offer"]["hotel"] == offer["hotel"]]
        found["gates_broken"] += not any(_within(each, limits) for each in candidates)
        found[f"booked at {candidates[0]['vendor'] if candidates else 'nobody'}"] += 1
        found["searched_anew"] += len(rankings) > 1
    found["not_booked"] += len(wave.placed - booked.keys())
    return found


def _within(offer: Mapping[str, Any], limits: Constraints) -> bool:
    nightly = offer["nightly"]
    return (
        offer["stars"] >= limits.min_stars
        and Decimal(str(offer["distanceKm"])) <= limits.max_distance_km
        and nightly["currency"] == limits.max_nightly_rate.currency
        and Decimal(nightly["amount"]) <= limits.max_nightly_rate.amount
    )


def _result(waves: list[_Wave], broken: list[Counter[str]], planning: float, booking: float) -> Result:
    total: Counter[str] = sum(broken, Counter())
    cost, market, bound = (_sum(wave.plan[name] for wave in waves) for name in ("cost", "market", "bound"))
    fates = Counter(group["fate"] for wave in waves for group in wave.plan["groups"])
    questions = [question for wave in waves for question in wave.plan["questions"]]
    silences = Counter(f"{each['vendor']}: {each['why'][:60]}" for question in questions for each in question["silences"])
    left = Counter((row["reason"] or "")[:80] for wave in waves for row in wave.rows if row["urn"] in wave.placed and not row["offer"])
    offers = [row["offer"] for wave in waves for row in wave.rows if row["offer"]]
    return Result(
        {"cost_vs_bound": round(float(cost / bound), 4) if bound else 0.0},
        {
            "groups_split": total["groups_split"],
            "tiers_mixed": total["tiers_mixed"],
            "gates_broken": total["gates_broken"],
            "booked_before_commit": sum(wave.booked_early for wave in waves),
            "cost": float(cost),
            "bound": float(bound),
            "market": float(market),
            "saved_share": round(float(1 - cost / market), 4) if market else 0.0,
            "booked_cost": float(_sum(offer["total"] for offer in offers)),
            "waves": len(waves),
            "waves_past_a_supervisor": sum(not wave.automatic for wave in waves),
            "parties": sum(len(wave.rows) for wave in waves),
            "parties_booked": len(offers),
            "parties_not_booked": total["not_booked"],
            **({"not_booked_why": dict(left.most_common(5))} if left else {}),
            "groups": dict(fates.most_common()),
            "groups_of_several_booked": total["groups_of_several"],
            "booked_at": {name.removeprefix("booked at "): count for name, count in total.items() if name.startswith("booked at ")},
            "searched_anew": total["searched_anew"],
            "searches": len(questions),
            "silent": dict(silences.most_common()),
            "planned_in_s": round(planning, 1),
            "booked_in_s": round(booking, 1),
        },
    )


def _sum(amounts: Iterable[Mapping[str, Any] | None]) -> Decimal:
    return sum((Decimal(each["amount"]) for each in amounts if each), Decimal(0))


async def _again(site: Site, wave: _Wave) -> list[Row]:
    """The wave's rows as they are now."""
    known = {row["urn"] for row in wave.rows}
    found = [await _rows(site, wave.tenant, case) for case in await _cases(site, wave.tenant)]
    return [row for rows in found for row in rows if row["urn"] in known]


async def _cases(site: Site, tenant: str) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page = (await site.ask(tenant, CASES, {"after": after}))["cases"]
        found += [edge["node"]["urn"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def _rows(site: Site, tenant: str, case: str) -> list[Row]:
    found: list[Row] = []
    after = None
    while True:
        page = (await site.ask(tenant, ROWS, {"case": case, "after": after}))["case"]["subCases"]
        found += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]
