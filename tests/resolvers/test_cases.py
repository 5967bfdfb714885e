"""The operators' and partners' fields over cases, on real databases."""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import text

from domains.cases import actions, queries, store
from domains.cases.commands import IssueVoucher
from domains.cases.model import Guests, ReviewKind
from kernel.identity import Role
from kernel.urn import Urn
from resolvers.context import Context
from tests.builders import a_draft
from tests.resolvers.conftest import Asker, open_case

ROW = "urn version status leadName needsNight nights checkIn checkOut lock { holderName } timeline { step } mayIssueVoucher { allowed why }"
CASE = f"""query ($urn: Urn!) {{ case(urn: $urn) {{ urn counts {{ status count }} needingNight
    subCases {{ totalCount edges {{ node {{ {ROW} }} }} }} }} }}"""
ISSUE = """mutation ($input: IssueVoucherInput!) { issueVoucher(input: $input) {
    replayed requested { urn version status workflow { plan } } refused { urn code message } } }"""
LOCK = """mutation ($urn: Urn!) { acquireLock(subCase: $urn) { __typename
    ... on LockAcquired { lock { fence holderName session } subCase { urn lock { holderName } } }
    ... on SubCaseLocked { message holderName } ... on NotFound { message } } }"""
RELEASE = "mutation ($urn: Urn!) { releaseLock(subCase: $urn) { __typename ... on LockReleased { lock { fence holder } } } }"
DECLARE = """mutation ($input: DeclareDisruptionInput!) { declareDisruption(input: $input) { __typename
    ... on CaseDeclared { replayed case { urn cause } } ... on WrongVendor { message } } }"""
PUSH = """mutation ($input: PushDisruptionInput!) { pushDisruption(input: $input) { __typename
    ... on CaseDeclared { replayed case { urn flightNumber departs } } ... on WrongVendor { message } } }"""


def notice(**changes: Any) -> dict[str, Any]:
    return {
        "externalEvent": "e-1",
        "flight": "urn:flight:B6900@20260208:vendor:custom",
        "airport": "JFK",
        "destination": "BOS",
        "departs": "2026-02-08T14:00:00-05:00",
        "cause": "blizzard",
    } | changes


def targets(*of: tuple[Urn, int]) -> list[dict[str, Any]]:
    return [{"urn": urn, "version": version} for urn, version in of]


CLAIM = """mutation ($urn: Urn!, $version: Int!) { claimReview(review: $urn, version: $version) { __typename
    ... on ReviewClaimed { review { version claimedName } } ... on ReviewTaken { message holderName }
    ... on VersionConflict { expected actual } ... on NotFound { message } } }"""
RESOLVE = """mutation ($input: ResolveReviewInput!) { resolveReview(input: $input) { __typename
    ... on ReviewDecided { replayed review { version resolvedAt decision { finding reason by } } }
    ... on FindingNeeded { message } ... on ReviewOver { message } ... on ReviewTaken { holderName }
    ... on VersionConflict { expected actual } ... on NotFound { message } } }"""


# reading ---------------------------------------------------------------------------------------------------------------------


async def test_a_case_shows_its_sub_cases_in_a_few_reads(ana: Asker) -> None:
    case, urns = await open_case(ana, *[a_draft() for _ in range(40)])
    answer = await ana.ask(CASE, urn=case)
    assert answer.codes == []
    found = answer["case"]["subCases"]
    assert (found["totalCount"], len(found["edges"])) == (40, 40)
    assert {edge["node"]["urn"] for edge in found["edges"]} == set(urns)
    node = found["edges"][0]["node"]
    assert (node["status"], node["leadName"], node["nights"]) == ("PENDING", "Ana Moreau", 1)
    assert (node["checkIn"], node["checkOut"]) == ("2026-02-08", "2026-02-09")
    assert node["mayIssueVoucher"] == {"allowed": True, "why": None}
    assert answer["case"]["counts"] == [{"status": "PENDING", "count": 40}]
    assert len(answer.reads) == 5  # the case, its page, and one batch each for names, locks and timelines


async def test_pages_follow_one_another(ana: Asker) -> None:
    urns = [(await open_case(ana))[0] for _ in range(5)]
    page = (
        "query ($after: String) { cases(first: 2, after: $after) { totalCount pageInfo { hasNextPage endCursor } edges { node { urn } } } }"
    )
    seen, after, more = [], None, True
    while more:
        found = (await ana.ask(page, after=after))["cases"]
        seen += [edge["node"]["urn"] for edge in found["edges"]]
        assert found["totalCount"] == 5
        more, after = found["pageInfo"]["hasNextPage"], found["pageInfo"]["endCursor"]
    assert seen == urns[::-1]


async def test_a_page_is_neither_empty_nor_endless(ana: Asker) -> None:
    assert (await ana.ask("{ cases(first: 0) { totalCount } }")).codes == ["BAD_INPUT"]
    assert (await ana.ask("{ cases(first: 201) { totalCount } }")).codes == ["BAD_INPUT"]
    assert (await ana.ask('{ cases(after: "x") { totalCount } }')).codes == ["BAD_INPUT"]


async def test_cases_are_found_by_airport_and_status(ana: Asker) -> None:
    await open_case(ana)
    here, _ = await open_case(ana, airport="LGA")
    found = await ana.ask('{ cases(airport: "LGA", status: OPEN) { edges { node { urn } } } }')
    assert found["cases"]["edges"] == [{"node": {"urn": here}}]
    assert (await ana.ask("{ cases(status: CLOSED) { totalCount } }"))["cases"]["totalCount"] == 0


async def test_what_a_person_must_see_is_among_the_reviews(ana: Asker) -> None:
    case, (urn,) = await open_case(ana, a_draft(phone=None))
    found = await ana.ask(
        """query ($urn: Urn!) { reviews { edges { node { urn kind severity evidence { name value } } } }
            case(urn: $urn) { reviews { subCase } } }""",
        urn=case,
    )
    (edge,) = found["reviews"]["edges"]
    assert edge["node"] | {"urn": None} == {
        "urn": None, "kind": "DATA_INCOMPLETE", "severity": "LOW", "evidence": [{"name": "missing", "value": "contact"}],
    }  # fmt: skip
    assert found["case"]["reviews"] == [{"subCase": urn}]
    again = await ana.ask("query ($urn: Urn!) { node(urn: $urn) { __typename urn } }", urn=edge["node"]["urn"])
    assert again["node"]["__typename"] == "ReviewItem"


async def test_me_is_who_asks(bob: Asker) -> None:
    found = await bob.ask("{ me { name role airports session tenant } }")
    assert found["me"] == {
        "name": "Bob", "role": "AIRPORT_OPERATOR", "airports": ["LGA"], "session": "session-bob", "tenant": bob.identity.tenant,
    }  # fmt: skip


# who may ---------------------------------------------------------------------------------------------------------------------


async def test_another_airlines_urns_are_not_found(ana: Asker, stranger: Asker) -> None:
    case, (urn,) = await open_case(ana)
    read = "query ($c: Urn!, $s: Urn!) { case(urn: $c) { urn } subCase(urn: $s) { urn } a: node(urn: $c) { urn } b: node(urn: $s) { urn } }"
    assert await stranger.ask(read, c=case, s=urn) == {"case": None, "subCase": None, "a": None, "b": None}
    assert (await stranger.ask(LOCK, urn=urn))["acquireLock"]["__typename"] == "NotFound"
    assert (await stranger.ask(RELEASE, urn=urn))["releaseLock"]["__typename"] == "NotFound"
    issued = await stranger.ask(ISSUE, input={"subCases": targets((urn, 1)), "idempotencyKey": f"k-{urn}"})
    assert [(one["urn"], one["code"]) for one in issued["issueVoucher"]["refused"]] == [(urn, "NOT_FOUND")]
    for document in (
        "subscription ($of: Urn!) { subCases(case: $of) { seq } }",
        "subscription ($of: Urn!) { lockHolders(case: $of) { seq } }",
    ):
        assert [answer.codes async for answer in stranger.listen(document, of=case)] == [["NOT_FOUND"]]
    timeline = "subscription ($of: Urn!) { subCaseTimeline(subCase: $of) { seq } }"
    assert [answer.codes async for answer in stranger.listen(timeline, of=urn)] == [["NOT_FOUND"]]


async def test_other_airports_are_not_found_either(ana: Asker, bob: Asker) -> None:
    case, (urn,) = await open_case(ana, a_draft(phone=None))
    here, (mine,) = await open_case(ana, airport="LGA")
    assert (await bob.ask("{ cases { totalCount edges { node { urn } } } reviews { totalCount } }")) == {
        "cases": {"totalCount": 1, "edges": [{"node": {"urn": here}}]},
        "reviews": {"totalCount": 0},
    }
    read = "query ($c: Urn!, $s: Urn!) { case(urn: $c) { urn } subCase(urn: $s) { urn } node(urn: $s) { urn } }"
    assert await bob.ask(read, c=case, s=urn) == {"case": None, "subCase": None, "node": None}
    assert (await bob.ask(LOCK, urn=urn))["acquireLock"]["__typename"] == "NotFound"
    issued = (await bob.ask(ISSUE, input={"subCases": targets((urn, 1), (mine, 1)), "idempotencyKey": "k"}))["issueVoucher"]
    assert [(one["urn"], one["code"]) for one in issued["refused"]] == [(urn, "NOT_FOUND")]
    assert [one["urn"] for one in issued["requested"]] == [mine]
    assert (await bob.ask('{ holdCounts(airport: "JFK") { urn } }')).codes == ["OUTSIDE_AIRPORTS"]
    assert (await bob.ask('{ holdCounts(airport: "LGA") { urn } }')) == {"holdCounts": []}


async def test_roles_bound_what_may_be_asked(ana: Asker, bob: Asker) -> None:
    assert (await bob.ask(DECLARE, input=notice(reason="why"))).codes == ["FORBIDDEN"]
    auditor = ana.who(role=Role.FINANCE_AUDIT)
    assert (await auditor.ask("{ cases { totalCount } }")).codes == ["FORBIDDEN"]
    assert (await auditor.ask("{ me { role } }"))["me"] == {"role": "FINANCE_AUDIT"}


# changing --------------------------------------------------------------------------------------------------------------------


async def test_a_declared_disruption_is_one_case_however_often(ana: Asker) -> None:
    first = (await ana.ask(DECLARE, input=notice(reason="the tower said so", idempotencyKey="k")))["declareDisruption"]
    again = (await ana.ask(DECLARE, input=notice(reason="the tower said so", idempotencyKey="k")))["declareDisruption"]
    other = (await ana.ask(DECLARE, input=notice(reason="and again")))["declareDisruption"]
    assert [one["replayed"] for one in (first, again, other)] == [False, True, True]
    assert first["case"] == again["case"] == other["case"]
    assert (await ana.ask(DECLARE, input=notice(reason="something else", idempotencyKey="k"))).codes == ["KEY_REUSED"]


async def test_a_declaration_needs_a_reason_and_the_right_vendor(ana: Asker) -> None:
    assert (await ana.ask(DECLARE, input=notice(reason=" "))).codes == ["BAD_INPUT"]
    wrong = await ana.ask(DECLARE, input=notice(reason="why", flight="urn:flight:B6900@20260208:vendor:sabre"))
    assert wrong["declareDisruption"]["__typename"] == "WrongVendor"


async def test_a_lock_has_one_holder(ana: Asker, bob: Asker) -> None:
    _, (urn,) = await open_case(ana, airport="LGA")
    taken = (await ana.ask(LOCK, urn=urn))["acquireLock"]
    assert taken["lock"] == {"fence": 1, "holderName": "Ana", "session": "session-ana"}
    assert taken["subCase"] == {"urn": urn, "lock": {"holderName": "Ana"}}
    assert (await bob.ask(LOCK, urn=urn))["acquireLock"] == {
        "__typename": "SubCaseLocked", "message": "Ana is working on it.", "holderName": "Ana",
    }  # fmt: skip
    assert (await bob.ask(RELEASE, urn=urn))["releaseLock"] == {"__typename": "LockLost"}
    assert (await ana.ask(RELEASE, urn=urn))["releaseLock"]["lock"] == {"fence": 2, "holder": None}
    assert (await bob.ask(LOCK, urn=urn))["acquireLock"]["lock"]["fence"] == 3


async def test_vouchers_are_requested_and_refused_one_by_one(ana: Asker) -> None:
    mixed = a_draft(mixed_tier=True)
    _, (good, bad, old) = await open_case(ana, a_draft(), mixed, a_draft())
    request = {"subCases": targets((good, 1), (bad, 1), (old, 7)), "idempotencyKey": "k"}
    issued = (await ana.ask(ISSUE, input=request))["issueVoucher"]
    assert [(one["urn"], one["status"]) for one in issued["requested"]] == [(good, "PROCESSING")]
    assert {one["urn"]: one["code"] for one in issued["refused"]} == {bad: "MIXED_TIER_PARTY", old: "VERSION_CONFLICT"}

    again = (await ana.ask(ISSUE, input=request))["issueVoucher"]
    assert again["replayed"] is True
    assert [(one["urn"], one["code"]) for one in again["refused"]] == [(one["urn"], one["code"]) for one in issued["refused"]]
    assert again["refused"][1]["message"] == "Somebody changed it meanwhile."
    assert [one["urn"] for one in again["requested"]] == [good]
    assert (await ana.ask(ISSUE, input=request | {"subCases": targets((old, 1))})).codes == ["KEY_REUSED"]

    verdict = "query ($urn: Urn!) { subCase(urn: $urn) { mayIssueVoucher { allowed why } } }"
    assert (await ana.ask(verdict, urn=good))["subCase"]["mayIssueVoucher"]["allowed"] is False


async def test_an_answer_that_is_kept_names_nobody(ana: Asker, bob: Asker) -> None:
    _, (urn,) = await open_case(ana, airport="LGA")
    await ana.ask(LOCK, urn=urn)
    request = {"subCases": targets((urn, 1)), "idempotencyKey": "k"}
    told = [(await bob.ask(ISSUE, input=request))["issueVoucher"]["refused"][0] for _ in range(2)]
    assert [one["code"] for one in told] == ["SUB_CASE_LOCKED"] * 2
    assert [one["message"] for one in told] == ["Ana is working on it.", "Another operator is working on this sub-case."]


async def test_two_who_want_each_others_rows_are_both_served(ana: Asker) -> None:
    _, urns = await open_case(ana, a_draft(), a_draft())
    first, last = sorted(urns)
    async with Context(ana.identity, ana.doors).work("cases") as work:
        await store.sub_cases_for_update(work, [last])
        asking = asyncio.create_task(ana.ask(ISSUE, input={"subCases": targets((first, 1), (last, 1)), "idempotencyKey": "k"}))
        async with asyncio.timeout(30):
            while True:
                if (await work.execute(text("select exists (select from pg_locks where not granted)"))).scalar_one():
                    break
                await asyncio.sleep(0.02)
        await store.sub_cases_for_update(work, [first])  # who waited first, is ended by Postgres
    answer = await asking
    assert answer.codes == []
    assert {one["urn"] for one in answer["issueVoucher"]["requested"]} == {first, last}


async def test_the_screen_knows_that_an_outcome_is_unknown(ana: Asker) -> None:
    _, (urn,) = await open_case(ana)
    async with Context(ana.identity, ana.doors).work("cases") as work:
        (asked,) = (await actions.issue_vouchers(work, [IssueVoucher(urn, 1)])).requested
        assert asked.workflow is not None
        await actions.end_workflow(work, asked.workflow, urn, step="book", why="No answer.", unknown=True, evidence={})
    verdict = await ana.ask("query ($urn: Urn!) { subCase(urn: $urn) { mayIssueVoucher { allowed why } } }", urn=urn)
    assert verdict["subCase"]["mayIssueVoucher"] == {
        "allowed": False, "why": "A booking's outcome is still unknown; resolve its review first.",
    }  # fmt: skip


async def test_a_voucher_needs_the_lock_when_somebody_holds_it(ana: Asker, bob: Asker) -> None:
    _, (urn,) = await open_case(ana, airport="LGA")
    await ana.ask(LOCK, urn=urn)
    refused = (await bob.ask(ISSUE, input={"subCases": targets((urn, 1)), "idempotencyKey": "b"}))["issueVoucher"]["refused"]
    assert [one["code"] for one in refused] == ["SUB_CASE_LOCKED"]
    stale = {"subCases": [{"urn": urn, "version": 1, "fence": 9}], "idempotencyKey": "a"}
    assert [one["code"] for one in (await ana.ask(ISSUE, input=stale))["issueVoucher"]["refused"]] == ["LOCK_LOST"]
    own = {"subCases": [{"urn": urn, "version": 1, "fence": 1}], "idempotencyKey": "c"}
    assert (await ana.ask(ISSUE, input=own))["issueVoucher"]["refused"] == []


async def test_a_request_names_each_sub_case_once(ana: Asker) -> None:
    _, (urn,) = await open_case(ana)
    for wanted in ([], targets((urn, 1), (urn, 1))):
        assert (await ana.ask(ISSUE, input={"subCases": wanted, "idempotencyKey": "k"})).codes == ["BAD_INPUT"]


async def test_a_party_of_minors_gets_no_voucher(ana: Asker) -> None:
    _, (urn,) = await open_case(ana, a_draft(guests=Guests(0, 2), rooms=None))
    refused = (await ana.ask(ISSUE, input={"subCases": targets((urn, 1)), "idempotencyKey": "k"}))["issueVoucher"]["refused"]
    assert [one["code"] for one in refused] == ["MINORS_ALONE"]


# partners --------------------------------------------------------------------------------------------------------------------


async def test_a_partner_pushes_and_reads_cases(desk: Asker) -> None:
    pushed = (await desk.ask(PUSH, input=notice()))["pushDisruption"]
    assert (pushed["replayed"], pushed["case"]["flightNumber"]) == (False, "B6900")
    assert pushed["case"]["departs"] == "2026-02-08T14:00:00-05:00"
    assert (await desk.ask(PUSH, input=notice()))["pushDisruption"]["replayed"] is True
    urn = pushed["case"]["urn"]
    assert (await desk.ask("query ($urn: Urn!) { case(urn: $urn) { urn subCasesTotal } }", urn=urn))["case"] == {
        "urn": urn,
        "subCasesTotal": 0,
    }
    assert (await desk.ask("{ cases { totalCount } }"))["cases"]["totalCount"] == 1


async def test_a_partner_needs_the_scope(desk: Asker) -> None:
    reader = desk.who(scopes=frozenset({"cases.read"}))
    assert (await reader.ask(PUSH, input=notice())).codes == ["FORBIDDEN"]
    writer = desk.who(scopes=frozenset({"disruptions.write"}))
    assert (await writer.ask("{ cases { totalCount } }")).codes == ["FORBIDDEN"]


async def test_a_partner_never_sees_another_airlines_case(ana: Asker, desk: Asker, stranger: Asker) -> None:
    elsewhere, _ = await open_case(stranger)
    assert (await desk.ask("query ($urn: Urn!) { case(urn: $urn) { urn } }", urn=elsewhere)) == {"case": None}


# reviews ---------------------------------------------------------------------------------------------------------------------


async def open_review(ana: Asker, operation: Urn | None) -> tuple[Urn, int]:
    """A review about nothing in particular, or about an operation: (urn, version)."""
    case, (urn,) = await open_case(ana)
    async with Context(ana.identity, ana.doors).work("cases") as work:
        kind = ReviewKind.OUTCOME_UNKNOWN
        await actions.open_review(work, kind, case, urn, "nobody can tell", {"references": "abc"}, subject=urn, operation=operation)
        found = await queries.reviews(work.connection, work.tenant, case_urn=case)
    return found.items[0].urn, found.items[0].version


async def test_a_review_is_claimed_and_resolved(ana: Asker, bob: Asker) -> None:
    urn, version = await open_review(ana, None)
    ben = bob.who(airports=frozenset())
    taken = (await ben.ask(CLAIM, urn=urn, version=version))["claimReview"]
    assert taken["review"]["claimedName"] == "Bob"
    carl = ben.who(urn=Urn("urn:operator:carl"), name="Carl")
    assert (await carl.ask(CLAIM, urn=urn, version=taken["review"]["version"]))["claimReview"]["holderName"] == "Bob"
    decide = {"review": urn, "version": version, "reason": "seen to", "idempotencyKey": "k-1"}
    stale = (await ben.ask(RESOLVE, input=decide))["resolveReview"]
    assert stale == {"__typename": "VersionConflict", "expected": version, "actual": version + 1}
    done = [(await ben.ask(RESOLVE, input=decide | {"version": version + 1}))["resolveReview"] for _ in range(2)]
    assert [each["replayed"] for each in done] == [False, True]
    assert done[0]["review"] == done[1]["review"]
    assert done[0]["review"]["decision"] == {"finding": None, "reason": "seen to", "by": "urn:operator:bob"}
    over = await ben.ask(RESOLVE, input=decide | {"version": version + 2, "idempotencyKey": "k-2"})
    assert over["resolveReview"]["__typename"] == "ReviewOver"


async def test_a_partners_doing_takes_a_finding(ana: Asker) -> None:
    urn, version = await open_review(ana, Urn("urn:operation:o-1"))
    decide = {"review": urn, "version": version, "reason": "I rang them up", "idempotencyKey": "k-1"}
    assert (await ana.ask(RESOLVE, input=decide))["resolveReview"]["__typename"] == "FindingNeeded"
    decided = (await ana.ask(RESOLVE, input=decide | {"finding": "FOUND", "reference": "1-100"}))["resolveReview"]["review"]
    assert (decided["resolvedAt"], decided["decision"]["finding"]) == (None, "FOUND")
    assert (await ana.ask(RESOLVE, input=decide | {"reason": ""})).codes == ["KEY_REUSED"]
    assert (await ana.ask(RESOLVE, input=decide | {"reason": "", "idempotencyKey": "k-2"})).codes == ["BAD_INPUT"]


async def test_a_supervisor_takes_a_review_over_and_a_stranger_does_not_see_it(ana: Asker, bob: Asker, stranger: Asker) -> None:
    urn, version = await open_review(ana, None)
    await bob.who(airports=frozenset()).ask(CLAIM, urn=urn, version=version)
    assert (await ana.ask(CLAIM, urn=urn, version=version + 1))["claimReview"]["review"]["claimedName"] == "Ana"
    for nobody in (stranger, bob):
        assert (await nobody.ask(CLAIM, urn=urn, version=version))["claimReview"]["__typename"] == "NotFound"
    auditor = ana.who(role=Role.FINANCE_AUDIT)
    assert (await auditor.ask(CLAIM, urn=urn, version=version)).codes == ["FORBIDDEN"]
