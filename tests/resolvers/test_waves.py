"""Groups, demand and waves, as operators ask for them: who may, what is shown of a plan, and what is said no to."""

from __future__ import annotations

from typing import Any

from domains.booking import actions
from domains.booking.wave import WaveGroup, WaveParty
from domains.policies.actions import adopt_default
from kernel.identity import Role
from kernel.urn import Urn
from resolvers.context import Context
from tests.builders import a_draft
from tests.domains.booking.rooms import a_wish, an_offer, found, usd
from tests.resolvers.conftest import Asker, open_case

GROUP = """mutation ($subCases: [Urn!]!) { groupSubCases(subCases: $subCases) { __typename
    ... on Grouped { group { urn subCases } } ... on NotFound { message } } }"""
UNGROUP = "mutation ($subCases: [Urn!]!) { ungroupSubCases(subCases: $subCases) { ... on Ungrouped { subCases } } }"
GROUPS = "query ($urn: Urn!) { case(urn: $urn) { subCases { edges { node { urn group } } } } }"
REQUEST = """mutation ($input: RequestDemandInput!) { requestDemand(input: $input) { __typename
    ... on Demanded { replayed demand { urn version state automatic rooms airports subCases wave { urn } } }
    ... on NothingDemanded { message } } }"""
DECIDE = """mutation ($input: DecideDemandInput!) { decideDemand(input: $input) { __typename
    ... on Demanded { demand { state reason decidedBy } } ... on DemandDecided { message } ... on VersionConflict { actual } } }"""
DEMANDS = "{ demands { urn state } }"
WAVE = """query ($urn: Urn!) { wave(urn: $urn) { urn version state rooms searches answered
    cost { amount } savings { amount } bound { amount }
    questions { airport parties offers answered silences { vendor why } }
    groups { urn place tier vulnerable fate why subCases rooms houseName cost { amount } market { amount }
        fallen { reason offers }
        rankings { candidates { place offer { name } score { total } } leftOut { name reason } } } } }"""
COMMIT = """mutation ($wave: Urn!, $version: Int!) { commitWave(wave: $wave, version: $version) { __typename
    ... on WaveMoved { wave { state } } ... on VersionConflict { actual } ... on WaveNotReady { message } } }"""
DISCARD = """mutation ($wave: Urn!, $version: Int!, $reason: String!) { discardWave(wave: $wave, version: $version, reason: $reason) {
    __typename ... on WaveMoved { wave { state } } ... on WaveNotReady { message } } }"""


async def planned(asker: Asker) -> Urn:
    """A wave of two groups: one is placed, of the other no tier is known."""
    demand = Urn.mint("demand")
    parties = [WaveParty(a_wish(), 1) for _ in range(2)]
    groups = [
        WaveGroup(Urn("urn:group:a"), "ECONOMY", True, (parties[0],)), WaveGroup(Urn("urn:group:b"), None, False, (parties[1],))
    ]  # fmt: skip
    offers = [an_offer("quay"), an_offer("rest", nightly=usd(140)), an_offer("rich", nightly=usd(900))]
    async with Context(asker.identity, asker.doors).work("booking") as work:
        ((wave, place, _),) = await actions.begin_wave(work, demand, groups)
        await actions.wave_searched(work, wave, place, found(*offers, silent={"amadeus": "too late"}), ["hotelbeds", "amadeus"])
    return wave


def wanting(key: str, **named: Any) -> dict[str, Any]:
    return {"cases": [], "subCases": [], "idempotencyKey": key, **named}


async def test_parties_are_grouped_and_taken_apart(ana: Asker, bob: Asker) -> None:
    case, urns = await open_case(ana, a_draft(), a_draft(), a_draft())
    made = (await ana.ask(GROUP, subCases=urns[:2]))["groupSubCases"]["group"]
    assert set(made["subCases"]) == set(urns[:2])
    edges = (await ana.ask(GROUPS, urn=case))["case"]["subCases"]["edges"]
    assert {edge["node"]["urn"]: edge["node"]["group"] for edge in edges} == {**dict.fromkeys(urns[:2], made["urn"]), urns[2]: None}
    assert (await bob.ask(GROUP, subCases=urns[:2]))["groupSubCases"]["__typename"] == "NotFound"  # hers are at JFK
    assert (await ana.ask(UNGROUP, subCases=urns[:1]))["ungroupSubCases"] == {"subCases": urns[:1]}


async def test_a_demand_waits_for_a_supervisor_where_no_policy_opens_the_gate(ana: Asker, bob: Asker) -> None:
    case, urns = await open_case(ana, a_draft(), a_draft())
    asked = (await ana.ask(REQUEST, input=wanting("k", cases=[case])))["requestDemand"]
    demand = asked["demand"]
    assert (demand["state"], demand["automatic"], demand["rooms"], demand["airports"]) == ("AWAITING", False, 2, ["JFK"])
    assert set(demand["subCases"]) == set(urns)
    again = (await ana.ask(REQUEST, input=wanting("k", cases=[case])))["requestDemand"]
    assert (again["replayed"], again["demand"]["urn"]) == (True, demand["urn"])
    assert (await bob.ask(DEMANDS))["demands"] == []  # it is not for his airport
    yes = {"demand": demand["urn"], "version": demand["version"], "approve": True, "reason": "they need beds"}
    clerk = ana.who(role=Role.AIRPORT_OPERATOR)
    assert (await clerk.ask(DECIDE, input=yes)).codes == ["FORBIDDEN"]
    decided = (await ana.ask(DECIDE, input=yes))["decideDemand"]["demand"]
    assert decided == {"state": "APPROVED", "reason": "they need beds", "decidedBy": "urn:operator:ana"}
    assert (await ana.ask(DECIDE, input=yes))["decideDemand"]["__typename"] == "DemandDecided"
    assert (await ana.ask(DEMANDS))["demands"] == [{"urn": demand["urn"], "state": "APPROVED"}]


async def test_nothing_is_demanded_for_nobody(ana: Asker, stranger: Asker) -> None:
    case, _ = await open_case(ana)
    asked = (await stranger.ask(REQUEST, input=wanting("k", cases=[case])))["requestDemand"]
    assert asked["__typename"] == "NothingDemanded"
    assert (await ana.ask(REQUEST, input=wanting("k2"))).codes == ["BAD_INPUT"]


async def test_a_plan_is_shown_with_what_was_asked_where_each_goes_and_why(ana: Asker, stranger: Asker) -> None:
    urn = await planned(ana)
    shown = (await ana.ask(WAVE, urn=urn))["wave"]
    assert (shown["state"], shown["rooms"], shown["searches"], shown["answered"]) == ("DRAFT", 2, 1, 1)
    assert (shown["cost"], shown["savings"], shown["bound"]) == ({"amount": "100"}, {"amount": "40"}, {"amount": "100.00"})
    (question,) = shown["questions"]
    assert (question["parties"], question["offers"], question["silences"]) == (2, 3, [{"vendor": "amadeus", "why": "too late"}])
    first, second = shown["groups"]
    assert (first["place"], first["vulnerable"], first["fate"], first["houseName"]) == (1, True, "PLACED", "Hotel quay")
    assert (first["cost"], first["market"], first["fallen"]) == (
        {"amount": "100"}, {"amount": "140"}, [{"reason": "TOO_DEAR", "offers": 1}],
    )  # fmt: skip
    (ranking,) = first["rankings"]
    assert [(each["place"], each["offer"]["name"]) for each in ranking["candidates"]] == [(1, "Hotel quay"), (2, "Hotel rest")]
    assert ranking["leftOut"] == [{"name": "Hotel rich", "reason": "TOO_DEAR"}]
    assert (second["fate"], second["tier"], second["rankings"]) == ("MIXED_TIER", None, [])
    assert (await stranger.ask(WAVE, urn=urn))["wave"] is None


async def test_a_supervisor_commits_what_was_seen_and_nothing_else(ana: Asker) -> None:
    urn = await planned(ana)
    version = (await ana.ask(WAVE, urn=urn))["wave"]["version"]
    assert (await ana.who(role=Role.AIRPORT_OPERATOR).ask(COMMIT, wave=urn, version=version)).codes == ["FORBIDDEN"]
    assert (await ana.ask(COMMIT, wave=urn, version=version - 1))["commitWave"] == {"__typename": "VersionConflict", "actual": version}
    assert (await ana.ask(COMMIT, wave=urn, version=version))["commitWave"]["wave"] == {"state": "COMMITTED"}
    assert (await ana.ask(COMMIT, wave=urn, version=version))["commitWave"]["wave"] == {"state": "COMMITTED"}
    gone = await ana.ask(DISCARD, wave=urn, version=version + 1, reason="changed my mind")
    assert gone["discardWave"]["__typename"] == "WaveNotReady"


async def test_a_plan_is_let_go_with_a_reason(ana: Asker) -> None:
    urn = await planned(ana)
    version = (await ana.ask(WAVE, urn=urn))["wave"]["version"]
    assert (await ana.ask(DISCARD, wave=urn, version=version, reason=" ")).codes == ["BAD_INPUT"]
    assert (await ana.ask(DISCARD, wave=urn, version=version, reason="too dear"))["discardWave"]["wave"] == {"state": "DISCARDED"}
    assert (await ana.ask(COMMIT, wave=urn, version=version + 1))["commitWave"]["__typename"] == "WaveNotReady"


async def test_a_wave_is_followed_on_screen(ana: Asker) -> None:
    urn = await planned(ana)
    async for batch in ana.listen("subscription { waves { snapshot items { urn state } } }"):
        assert batch["waves"] == {"snapshot": True, "items": [{"urn": urn, "state": "DRAFT"}]}
        break


async def test_an_operator_issues_what_the_gate_lets_pass_and_a_supervisor_whatever_it_takes(ana: Asker) -> None:
    async with Context(ana.identity, ana.doors).work("policies") as work:
        await adopt_default(work)
    _, urns = await open_case(ana, *(a_draft(rooms=9) for _ in range(5)))
    issue = "mutation ($input: IssueVoucherInput!) { issueVoucher(input: $input) { requested { urn } refused { code message } } }"
    targets = [{"urn": urn, "version": 1} for urn in urns]
    told = (await ana.who(role=Role.AIRPORT_OPERATOR).ask(issue, input={"subCases": targets, "idempotencyKey": "a"}))["issueVoucher"]
    assert told["requested"] == []
    assert told["refused"] == [{"code": "DEMAND_NEEDED", "message": "45 rooms at once need a supervisor's word: demand them."}] * 5
    told = (await ana.ask(issue, input={"subCases": targets, "idempotencyKey": "b"}))["issueVoucher"]
    assert len(told["requested"]) == 5
