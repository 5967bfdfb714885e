"""An operator's hand on a voucher's workflow: typed refusals, roles, reviews that end, and workflows that go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from domains.booking.events import RoomsRefused
from jobs.registry import Ports
from jobs.sagas.accommodate import ACCOMMODATE
from jobs.sagas.hooks import hooks
from kernel.database import Databases
from kernel.identity import Role
from kernel.saga import start
from kernel.tenancy import Tenant
from kernel.urn import Urn
from tests.builders import a_case
from tests.harness.saga import World, an_engine, running, until_asked_or_ended, until_ended
from tests.jobs.sagas.test_accommodate import ANSWERS, REFUSALS, some_params
from tests.jobs.sagas.test_hooks import Feed
from tests.resolvers.conftest import Asker

READ = """query ($urn: Urn!) { node(urn: $urn) { ... on Workflow {
    version state mayRedriveFrom maySkip mayCancel steps { name state attempt summary } } } }"""
SAID = """__typename ... on WorkflowChanged { workflow { state version } } ... on StepNotPossible { message possible }
    ... on WorkflowOvertaken { message } ... on SubCaseLocked { holderName } ... on VersionConflict { expected actual }
    ... on NotFound { message }"""
REDRIVE = f"mutation ($input: RedriveWorkflowInput!) {{ redriveWorkflow(input: $input) {{ {SAID} ... on MoveRefused {{ message }} }} }}"
SKIP = f"mutation ($input: SkipStepInput!) {{ skipStep(input: $input) {{ {SAID} }} }}"
CANCEL = """mutation ($input: CancelWorkflowInput!) { cancelWorkflow(input: $input) { __typename
    ... on WorkflowChanged { workflow { state mayCancel } } ... on StepNotPossible { message } ... on VersionConflict { actual } } }"""
OUTAGE = """mutation ($input: RedriveOutageInput!) { redriveOutage(input: $input) { redriven refused { urn code } more } }"""


async def _began(databases: Databases, tenant: Tenant, **refusals: Any) -> tuple[World, Urn, Urn]:
    """A sub-case of which a workflow has just been started, and a world that says no where told."""
    workflow = Urn.mint("workflow")
    async with databases["cases"].work(tenant) as work:
        _, [sub_case] = await a_case(work)
        await work.execute(
            text("update sub_case set status = 'PROCESSING', workflow = :workflow where tenant = :tenant and urn = :urn"),
            {"tenant": tenant, "urn": sub_case, "workflow": workflow},
        )
        params = replace(some_params(), workflow=workflow, sub_case=sub_case)
        await start(work, ACCOMMODATE, params, workflow=workflow, subject=sub_case)
    return World(databases, tenant, ACCOMMODATE, ANSWERS, REFUSALS | refusals, refuse=set(refusals)), sub_case, workflow


async def _ended(world: World, *workflows: Urn) -> str:
    """How they all ended. One engine sees them all to their end: each that is killed would count as a death of what it had."""
    ports = Ports(world.databases, feed=Feed())  # type: ignore[arg-type]  # only `publish` is asked for
    async with running(an_engine(world.databases, world.tenant, ACCOMMODATE, hooks=hooks(ports))) as hands:
        return " ".join({await until_ended(world, workflow, hands.engine): None for workflow in workflows})


def _full(command: Any, asked: object) -> RoomsRefused:
    return RoomsRefused(command.sub_case, "four hotels said no", 4)


def _away(command: Any, asked: object) -> RoomsRefused:
    return RoomsRefused(command.sub_case, "hotelbeds could not be reached", 4, evidence={"away": "hotelbeds"})


async def _reviews(databases: Databases, tenant: Tenant) -> Sequence[tuple[str, bool]]:
    async with databases["cases"].read(tenant) as connection:
        rows = await connection.execute(
            text("select kind, resolved_at is null from review where tenant = :tenant order by opened_at"), {"tenant": tenant}
        )
        return [(str(kind), bool(waits)) for kind, waits in rows]


async def test_a_workflow_goes_on_from_a_step_and_its_review_ends(ana: Asker, databases: Databases, tenant: Tenant) -> None:
    world, _, workflow = await _began(databases, tenant, book=_full)
    assert await _ended(world, workflow) == "COMPENSATED"
    read = (await ana.ask(READ, urn=workflow))["node"]
    assert (read["mayRedriveFrom"], read["maySkip"], read["mayCancel"]) == (["choose", "book"], [], False)
    said = {"workflow": workflow, "version": read["version"], "step": "choose", "reason": "the hotels have rooms again"}
    answer = await ana.ask(REDRIVE, input=said)
    assert answer["redriveWorkflow"] == {"__typename": "WorkflowChanged", "workflow": {"state": "RUNNING", "version": read["version"] + 1}}
    again = await ana.ask(REDRIVE, input=said)
    assert again["redriveWorkflow"] == {"__typename": "VersionConflict", "expected": read["version"], "actual": read["version"] + 1}
    assert await _reviews(databases, tenant) == [("BOOKING_FAILED", False)]
    world.refuse = set()
    assert await _ended(world, workflow) == "DONE"
    forward = ["choose", "book", "publish", "notify", "card", "card_message", "transport", "transport_message"]
    assert world.names(workflow) == ["choose", "book", *forward]
    lines = (await ana.ask(READ, urn=workflow))["node"]["steps"]
    assert {"name": "choose", "state": "REDRIVEN", "attempt": 2, "summary": "the hotels have rooms again"} in lines
    async with databases["cases"].read(tenant) as connection:
        entered = text("select body ->> 'action' from outbox where tenant = :tenant and body ->> 'entity' = :urn")
        audit = await connection.execute(entered, {"tenant": tenant, "urn": workflow})
        assert "workflow.redrive" in set(audit.scalars())


async def test_what_fails_anew_waits_for_a_person_anew(ana: Asker, databases: Databases, tenant: Tenant) -> None:
    world, _, workflow = await _began(databases, tenant, book=_full)
    await _ended(world, workflow)
    version = (await ana.ask(READ, urn=workflow))["node"]["version"]
    await ana.ask(REDRIVE, input={"workflow": workflow, "version": version, "step": "choose", "reason": "try"})
    assert await _ended(world, workflow) == "COMPENSATED"
    assert await _reviews(databases, tenant) == [("BOOKING_FAILED", False), ("BOOKING_FAILED", True)]


async def test_a_step_that_does_not_allow_it_says_which_would(ana: Asker, databases: Databases, tenant: Tenant) -> None:
    world, _, workflow = await _began(databases, tenant)
    assert await _ended(world, workflow) == "DONE"
    version = (await ana.ask(READ, urn=workflow))["node"]["version"]
    said = {"workflow": workflow, "version": version, "step": "book", "reason": "again"}
    assert (await ana.ask(REDRIVE, input=said))["redriveWorkflow"] == {
        "__typename": "StepNotPossible", "message": "Not with book: nothing is, as it stands.", "possible": [],
    }  # fmt: skip
    assert (await ana.ask(SKIP, input=said))["skipStep"]["__typename"] == "StepNotPossible"
    assert (await ana.ask(REDRIVE, input={**said, "reason": " "})).codes == ["BAD_INPUT"]


async def test_who_may_and_who_may_not(ana: Asker, bob: Asker, stranger: Asker, databases: Databases, tenant: Tenant) -> None:
    world, sub_case, workflow = await _began(databases, tenant, book=_full)
    await _ended(world, workflow)
    version = (await ana.ask(READ, urn=workflow))["node"]["version"]
    said = {"workflow": workflow, "version": version, "step": "choose", "reason": "again"}
    assert (await bob.ask(REDRIVE, input=said))["redriveWorkflow"]["__typename"] == "NotFound"  # he is at LGA
    assert (await stranger.ask(REDRIVE, input=said))["redriveWorkflow"]["__typename"] == "NotFound"
    since = datetime.now(UTC).isoformat()
    refused = await bob.ask(OUTAGE, input={"partner": "hotelbeds", "since": since, "reason": "back"})
    assert refused.codes == ["FORBIDDEN"]
    lock = "mutation ($urn: Urn!) { acquireLock(subCase: $urn) { __typename } }"
    await ana.who(session="session-cleo", name="Cleo").ask(lock, urn=sub_case)
    assert (await ana.ask(REDRIVE, input=said))["redriveWorkflow"] == {"__typename": "SubCaseLocked", "holderName": "Cleo"}
    assert (await ana.who(role=Role.FINANCE_AUDIT).ask(REDRIVE, input=said)).codes == ["FORBIDDEN"]


async def test_a_newer_voucher_is_not_overtaken_by_the_old_one(ana: Asker, databases: Databases, tenant: Tenant) -> None:
    world, sub_case, workflow = await _began(databases, tenant, book=_full)
    await _ended(world, workflow)
    async with databases["cases"].work(tenant) as work:
        newer = {"tenant": tenant, "urn": sub_case, "workflow": Urn.mint("workflow")}
        await work.execute(text("update sub_case set workflow = :workflow where tenant = :tenant and urn = :urn"), newer)
    version = (await ana.ask(READ, urn=workflow))["node"]["version"]
    said = {"workflow": workflow, "version": version, "step": "choose", "reason": "again"}
    assert (await ana.ask(REDRIVE, input=said))["redriveWorkflow"]["__typename"] == "WorkflowOvertaken"


async def test_a_running_workflow_is_called_off_and_undoes_itself(ana: Asker, databases: Databases, tenant: Tenant) -> None:
    world, _, workflow = await _began(databases, tenant)
    world.silent = {"publish"}
    ports = Ports(databases, feed=Feed())  # type: ignore[arg-type]  # only `publish` is asked for
    async with running(an_engine(databases, tenant, ACCOMMODATE, hooks=hooks(ports))) as hands:
        while "publish" not in world.names(workflow):
            await until_asked_or_ended(world, workflow)
        version = (await ana.ask(READ, urn=workflow))["node"]["version"]
        said = {"workflow": workflow, "version": version, "reason": "the flight flies after all"}
        answer = await ana.ask(CANCEL, input=said)
        assert answer["cancelWorkflow"]["workflow"] == {"state": "RUNNING", "mayCancel": False}
        await world.tell(world.asked[-1], ANSWERS["publish"](world.asked[-1].command, None))
        assert await until_ended(world, workflow, hands.engine) == "COMPENSATED"
    assert world.names(workflow)[-2:] == ["~publish", "~book"]


async def test_after_an_outage_all_that_it_stopped_go_on(ana: Asker, databases: Databases, tenant: Tenant) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    begun = [await _began(databases, tenant) for _ in range(4)]
    everybody, (_, sold_out, whole) = begun[0][0], begun[-1]
    everybody.refusals = {**REFUSALS, "book": lambda command, asked: (_full if command.sub_case == sold_out else _away)(command, asked)}
    everybody.refuse = {"book"}
    assert await _ended(everybody, *(workflow for _, _, workflow in begun)) == "COMPENSATED"
    said = {"partner": "hotelbeds", "since": began.isoformat(), "reason": "hotelbeds is back"}
    assert (await ana.ask(OUTAGE, input={**said, "partner": "pomelo"}))["redriveOutage"]["redriven"] == []
    answer = (await ana.ask(OUTAGE, input=said))["redriveOutage"]
    stopped = {workflow for _, _, workflow in begun} - {whole}
    assert (set(answer["redriven"]), answer["refused"], answer["more"]) == (stopped, [], False)
    assert (await ana.ask(OUTAGE, input=said))["redriveOutage"]["redriven"] == []
    everybody.refuse = set()
    assert await _ended(everybody, *stopped) == "DONE"
