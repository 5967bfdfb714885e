"""Two airlines on one site: whatever is asked with the other one's URN is answered as if there were no such thing.

The fields, routes and documents that take a URN are read from what the doors publish, so a new one without a case here fails.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pytest
from graphql import (
    DocumentNode,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    get_named_type,
    parse,
    type_from_ast,
)

from adapters.twilio.sandbox import credentials
from adapters.twilio.webhook import signature
from domains.airline.model import Tier
from kernel.http import Request, form_request, json_request
from kernel.urn import Urn
from runtime.faults.callers import DOCUMENTS, PassengerCaller
from runtime.faults.flights import a_flight, a_party
from runtime.faults.twins import Held
from tests.harness.airline import Airline, Airlines, Opened, Row, all_of
from tests.harness.running import RunningSite, eventually
from tests.harness.servers import ROOT

_SEQ: Final = re.compile(r'"seq": "[^"]*"')

# Every operator field with a URN among its arguments, and how it is asked. `$urn` is the foreign one.
OPERATOR: Final[Mapping[str, str]] = {
    "Query.case": "query($urn: Urn!) { case(urn: $urn) { urn version subCases { edges { node { urn } } } } }",
    "Query.subCase": "query($urn: Urn!) { subCase(urn: $urn) { urn version leadName timeline { step } } }",
    "Query.queue": "query($urn: Urn!) { queue(case: $urn) { subCase source place } }",
    "Query.node": "query($urn: Urn!) { node(urn: $urn) { __typename urn } }",
    "Mutation.acquireLock": "mutation($urn: Urn!) { acquireLock(subCase: $urn) { __typename ... on NotFound { message } } }",
    "Mutation.releaseLock": "mutation($urn: Urn!) { releaseLock(subCase: $urn) { __typename ... on NotFound { message } } }",
    "Mutation.issueVoucher": """mutation($urn: Urn!, $key: String!) {
        issueVoucher(input: { subCases: [{ urn: $urn, version: 1 }], idempotencyKey: $key }) {
            requested { urn } refused { urn code message } } }""",
    "Query.demand": "query($urn: Urn!) { demand(urn: $urn) { urn state rooms subCases } }",
    "Query.wave": "query($urn: Urn!) { wave(urn: $urn) { urn rooms groups { urn subCases } } }",
    "Query.contract": "query($urn: Urn!) { contract(urn: $urn) { urn hotelName version } }",
    "Mutation.editContractNights": """mutation($urn: Urn!) {
        editContractNights(input: {
            contract: $urn, version: 0, roomType: "DBL", first: "2026-02-08", last: "2026-02-08", stopped: true, reason: "seen"
        }) { __typename ... on NotFound { message } } }""",
    "Mutation.groupSubCases": """mutation($urn: Urn!) {
        groupSubCases(subCases: [$urn]) { __typename ... on NotFound { message } } }""",
    "Mutation.ungroupSubCases": """mutation($urn: Urn!) {
        ungroupSubCases(subCases: [$urn]) { __typename ... on NotFound { message } } }""",
    "Mutation.requestDemand": """mutation($urn: Urn!, $key: String!) {
        requestDemand(input: { cases: [$urn], subCases: [], idempotencyKey: $key }) {
            __typename ... on NothingDemanded { message } } }""",
    "Mutation.decideDemand": """mutation($urn: Urn!) {
        decideDemand(input: { demand: $urn, version: 0, approve: true, reason: "seen" }) {
            __typename ... on NotFound { message } } }""",
    "Mutation.commitWave": "mutation($urn: Urn!) { commitWave(wave: $urn, version: 0) { __typename ... on NotFound { message } } }",
    "Mutation.discardWave": """mutation($urn: Urn!) {
        discardWave(wave: $urn, version: 0, reason: "seen") { __typename ... on NotFound { message } } }""",
    "Mutation.claimReview": """mutation($urn: Urn!) {
        claimReview(review: $urn, version: 0) { __typename ... on NotFound { message } } }""",
    "Mutation.resolveReview": """mutation($urn: Urn!, $key: String!) {
        resolveReview(input: { review: $urn, version: 0, reason: "seen", idempotencyKey: $key }) {
            __typename ... on NotFound { message } } }""",
    "Mutation.redriveWorkflow": """mutation($urn: Urn!) {
        redriveWorkflow(input: { workflow: $urn, version: 0, step: "choose", reason: "again" }) {
            __typename ... on NotFound { message } } }""",
    "Mutation.skipStep": """mutation($urn: Urn!) {
        skipStep(input: { workflow: $urn, version: 0, step: "card", reason: "seen to" }) { __typename ... on NotFound { message } } }""",
    "Mutation.cancelWorkflow": """mutation($urn: Urn!) {
        cancelWorkflow(input: { workflow: $urn, version: 0, reason: "called off" }) { __typename ... on NotFound { message } } }""",
    "Mutation.resumeLine": """mutation($urn: Urn!) {
        resumeLine(input: { line: MESSAGES, stop: $urn, reason: " " }) { __typename ... on NotFound { message } } }""",
    "Mutation.reinstateFlight": """mutation($urn: Urn!) {
        reinstateFlight(input: { case: $urn, reason: " " }) { __typename ... on NotFound { message } } }""",
    "Subscription.queue": "subscription($urn: Urn!) { queue(case: $urn) { seq snapshot items { subCase source place } } }",
    "Subscription.subCases": "subscription($urn: Urn!) { subCases(case: $urn) { seq snapshot items { urn } } }",
    "Subscription.subCaseTimeline": "subscription($urn: Urn!) { subCaseTimeline(subCase: $urn) { seq snapshot subCase { urn } } }",
    "Subscription.lockHolders": "subscription($urn: Urn!) { lockHolders(case: $urn) { seq snapshot items { subCase } } }",
}
DEMAND: Final = "mutation($input: RequestDemandInput!) { requestDemand(input: $input) { ... on Demanded { demand { urn } } } }"
# These name what the airline's own systems call a flight: the same words mean a flight of its own to each airline.
NAMES_ITS_OWN: Final = {"Mutation.changeNextFlight", "Mutation.declareDisruption", "Mutation.pushDisruption"}
KIND: Final = {
    "acquireLock": "sub-case",
    "releaseLock": "sub-case",
    "issueVoucher": "sub-case",
    "groupSubCases": "sub-case",
    "ungroupSubCases": "sub-case",
    "demand": "demand",
    "decideDemand": "demand",
    "wave": "wave",
    "commitWave": "wave",
    "contract": "contract",
    "editContractNights": "contract",
    "discardWave": "wave",
    "subCase": "sub-case",
    "subCaseTimeline": "sub-case",
    "claimReview": "review",
    "resolveReview": "review",
    "redriveWorkflow": "workflow",
    "skipStep": "workflow",
    "cancelWorkflow": "workflow",
    "resumeLine": "stop",
}
SIGN: Final = "mutation($input: CreateContractInput!) { createContract(input: $input) { contract { urn } } }"
CONTRACT: Final[Mapping[str, Any]] = {
    "hotelName": "Hangar Inn", "address": "1 Apron Road", "stars": 3, "latitude": 40.77, "longitude": -73.87, "airports": ["LGA"],
    "amenities": [], "tiers": [], "first": "2026-02-08", "last": "2026-02-09", "reason": "signed", "idempotencyKey": "hangar",
    "rooms": [{"board": "RO", "code": "DBL", "currency": "USD", "name": "Double", "nightly": "90.00", "rooms": 5, "sleeps": 2}],
}  # fmt: skip
STOP: Final = 'mutation { stopLine(input: { line: MESSAGES, airport: "XYZ", reason: "a drill" }) { stop { urn } } }'


@dataclass
class World:
    """Both airlines with a case each: a party with an offer, one without, and one that waits for a person."""

    ours: Airline
    theirs: Airline
    our_case: Opened
    their_case: Opened
    their_demand: str
    their_stop: str
    their_contract: str

    @property
    def foreign(self) -> dict[str, str]:
        """One URN of every kind that the other airline has."""
        row = next(row for row in self.their_case.rows if row["offer"])
        offer = row["offer"]
        urns = [self.their_case.case, row["urn"], row["workflow"]["urn"], offer["reservation"], offer["card"], row["pnr"]]
        urns += [self.their_stop, self.their_contract, self.their_demand, Urn.of("wave", Urn(self.their_demand).id)]
        return {Urn(urn).kind: urn for urn in [*urns, self.their_case.reviews[0]["urn"]]}

    async def state(self) -> tuple[Opened, Opened, Held, Held]:
        """Everything that must not move."""
        looks = await all_of(
            self.ours.look(self.our_case.case), self.theirs.look(self.their_case.case), self.ours.held(), self.theirs.held()
        )
        return looks[0], looks[1], looks[2], looks[3]


@pytest.fixture(scope="module")
async def world(airlines: Airlines) -> World:
    ours, theirs = airlines["t1"], airlines["t2"]

    async def begin(airline: Airline) -> Opened:
        mixed = a_party(2)
        first, *others = mixed.travellers
        upgraded = type(first)(first.urn, first.given_name, first.family_name, first.kind, Tier.FIRST)
        mixed = type(mixed)(mixed.pnr, (upgraded, *others), mixed.contact, mixed.next_flight)
        opened = await airline.open(a_flight(airline.tenant, [a_party(2, 1), a_party(1), mixed], airport="LGA"))
        wanted = [row for row in opened.rows if not row["mixedTier"]][:1]
        await airline.issue(wanted)
        return await airline.ended(opened.case, {row["urn"] for row in wanted})

    our_case, their_case = await all_of(begin(ours), begin(theirs))
    asked = {"cases": [their_case.case], "subCases": [], "idempotencyKey": "for-all"}
    demand = (await (await theirs.operator()).ask(DEMAND, input=asked))["requestDemand"]["demand"]["urn"]

    async def begun() -> bool:
        return bool(
            (await (await theirs.operator()).ask("query($urn: Urn!) { demand(urn: $urn) { wave { urn } } }", urn=demand))["demand"]["wave"]
        )

    assert await eventually(begun, "their wave")
    stopped = await (await theirs.operator("ADMIN")).ask(STOP)
    signed = await (await theirs.operator("ADMIN")).ask(SIGN, input=CONTRACT)
    stop, contract = stopped["stopLine"]["stop"]["urn"], signed["createContract"]["contract"]["urn"]
    return World(ours, theirs, our_case, their_case, demand, stop, contract)


# --- the operators' door ------------------------------------------------------------------------------------------------------------


def _schema(audience: str) -> GraphQLSchema:
    return build_schema((ROOT / "schema" / "printed" / f"{audience}.graphql").read_text())


def _takes_urn(kind: Any) -> bool:
    named = get_named_type(kind)
    if isinstance(named, GraphQLInputObjectType):
        return any(_takes_urn(field.type) for field in named.fields.values())
    return bool(named.name == "Urn")


def _fields_with_urns(schema: GraphQLSchema) -> set[str]:
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    return {f"{root.name}.{name}" for root in roots if root for name in _with_urns(root)}


def _with_urns(root: GraphQLObjectType) -> Iterator[str]:
    for name, field in root.fields.items():
        if any(_takes_urn(argument.type) for argument in field.args.values()):
            yield name


def test_every_operator_field_that_takes_a_urn_has_a_case_here() -> None:
    assert _fields_with_urns(_schema("operator")) - NAMES_ITS_OWN == set(OPERATOR)


async def _answers(airline: Airline, field: str, urn: str, role: str) -> str:
    """What the door says, the asked URN taken out."""
    root = field.partition(".")[0]
    variables = {"urn": urn, **({"key": secrets.token_hex(8)} if "$key" in OPERATOR[field] else {})}
    operator = await airline.operator(role)
    async with operator.socket() as console:
        stream = await console.listen(OPERATOR[field], **variables)
        message = await stream.message()
        if root != "Subscription":
            reply = await operator.said(OPERATOR[field], **variables)
            message = {"over the socket": message, "status": reply.status, "over HTTP": json.loads(reply.body)}
    return _SEQ.sub('"seq": ""', json.dumps(message).replace(urn, "URN"))


def _kind(field: str) -> str:
    return KIND.get(field.partition(".")[2], "case")


@pytest.mark.parametrize("field", sorted(OPERATOR))
async def test_another_airlines_urn_is_answered_as_one_that_never_was(world: World, field: str) -> None:
    kind, before = _kind(field), await world.state()
    foreign = await _answers(world.ours, field, world.foreign[kind], "ADMIN")
    assert foreign == await _answers(world.ours, field, str(Urn.mint(kind)), "ADMIN")
    assert "INTERNAL" not in foreign
    assert await _answers(world.theirs, field, world.foreign[kind], "ADMIN") != foreign  # it is there, for those it belongs to
    assert_same(before, await world.state())


@pytest.mark.parametrize("field", sorted(OPERATOR))
async def test_a_case_of_another_airport_is_answered_as_one_that_never_was(world: World, field: str) -> None:
    kind = _kind(field)
    elsewhere = await _answers(world.theirs, field, world.foreign[kind], "AIRPORT_OPERATOR")  # works at JFK; the case is at LGA
    assert elsewhere == await _answers(world.theirs, field, str(Urn.mint(kind)), "AIRPORT_OPERATOR")


async def test_no_kind_of_urn_opens_another_airlines_node(world: World) -> None:
    foreign = world.foreign
    assert len(foreign) >= 9
    for urn in foreign.values():
        assert '"node": null' in await _answers(world.ours, "Query.node", urn, "ADMIN"), urn


def assert_same(before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
    """Locks aside: those who may take one do."""

    def plain(case: Opened) -> list[Row]:
        return [{name: value for name, value in row.items() if name != "lock"} for row in case.rows]

    for was, now in zip(before, after, strict=True):
        assert (plain(was) == plain(now)) if isinstance(was, Opened) else (was == now)


async def test_lists_hold_ones_own_alone(world: World) -> None:
    lists = "{ cases(first: 100) { totalCount edges { node { urn } } } reviews(first: 100) { edges { node { case } } } me { tenant } }"
    said = await (await world.ours.operator()).ask(lists)
    assert said["me"]["tenant"] == world.ours.tenant
    assert [edge["node"]["urn"] for edge in said["cases"]["edges"]] == [world.our_case.case]
    assert {edge["node"]["case"] for edge in said["reviews"]["edges"]} == {world.our_case.case}


async def test_each_airline_counts_its_own_rooms(world: World) -> None:
    for airline in (world.ours, world.theirs):
        counts = (await (await airline.operator()).ask('{ holdCounts(airport: "LGA") { confirmed } }'))["holdCounts"]
        assert sum(count["confirmed"] for count in counts) == sum(one["rooms"] for one in (await airline.held()).confirmed.values()) > 0


async def test_one_key_is_two_keys_at_two_airlines(world: World) -> None:
    for airline, opened in ((world.ours, world.our_case), (world.theirs, world.their_case)):
        (mixed,) = (row for row in opened.rows if row["mixedTier"])
        answer = await airline.issue([mixed], key="the-same-key")
        assert ([one["urn"] for one in answer["refused"]], answer["replayed"]) == ([mixed["urn"]], False)


async def test_nobody_sees_who_works_at_another_airline(world: World) -> None:
    holders = "subscription { lockHolders { seq snapshot items { subCase holderName } } }"
    acquire = "mutation($urn: Urn!) { acquireLock(subCase: $urn) { __typename } }"
    mine, foreign = (next(row["urn"] for row in case.rows if row["mixedTier"]) for case in (world.our_case, world.their_case))
    async with (await world.ours.operator()).socket() as here, (await world.theirs.operator()).socket() as there:
        screen = await here.listen(holders)
        assert foreign not in {item["subCase"] for item in (await screen.next())["items"]}
        assert (await there.ask(acquire, urn=foreign))["acquireLock"]["__typename"] == "LockAcquired"
        assert (await here.ask(acquire, urn=mine))["acquireLock"]["__typename"] == "LockAcquired"
        seen = set[str]()

        def arrived(batch: Row) -> bool:
            seen.update(item["subCase"] for item in batch["items"])
            return mine in seen

        assert await screen.until(arrived)
        assert foreign not in seen


async def test_a_foreign_cursor_opens_nothing(world: World) -> None:
    page = "query($after: String) { cases(first: 100, after: $after) { edges { cursor node { urn } } } }"
    theirs = await (await world.theirs.operator()).ask(page)
    cursor = theirs["cases"]["edges"][0]["cursor"]
    ours = await (await world.ours.operator()).ask(page, after=cursor)
    assert {edge["node"]["urn"] for edge in ours["cases"]["edges"]} <= {world.our_case.case}


async def test_nothing_of_the_other_airline_is_pushed(world: World) -> None:
    boards = [f"subscription {{ {field} {{ seq snapshot items {{ urn }} }} }}" for field in ("caseBoard", "alerts")]
    async with (await world.ours.operator()).socket() as console:
        streams = [await console.listen(board) for board in boards]
        assert {item["urn"] for item in (await streams[0].next())["items"]} == {world.our_case.case}
        assert (await streams[1].next())["items"] == []
        theirs = await world.theirs.open(a_flight("t2", [a_party()]))
        own = await world.ours.open(a_flight("t1", [a_party()]))
        seen = set[str]()

        def arrived(batch: Row) -> bool:
            seen.update(item["urn"] for item in batch["items"])
            return own.case in seen

        assert await streams[0].until(arrived)
        assert theirs.case not in seen


# --- the partners' door -------------------------------------------------------------------------------------------------------------


def _variables_with_urns(schema: GraphQLSchema, document: DocumentNode) -> list[str]:
    (operation,) = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    found = []
    for variable in operation.variable_definitions or ():
        kind = type_from_ast(schema, variable.type)
        if kind is not None and _takes_urn(kind):
            found.append(variable.variable.name.value)
    return found


def test_every_partner_field_and_document_that_takes_a_urn_has_a_case_here() -> None:
    schema = _schema("partner")
    assert _fields_with_urns(schema) - NAMES_ITS_OWN == {"Query.case"}
    documents = {path.stem: _variables_with_urns(schema, parse(path.read_text())) for path in (DOCUMENTS / "partner").glob("*.graphql")}
    assert {name for name, variables in documents.items() if variables} == {"case", "push_disruption"}


async def test_every_partner_route_that_takes_a_urn_has_a_case_here(world: World) -> None:
    published = json.loads((await (await world.ours.partner()).get("/openapi/partner/v1.json")).body)
    assert {path for path in published["paths"] if "{" in path} == {"/partner/v1/cases/{urn}"}


async def test_a_partner_never_meets_another_airlines_case(world: World) -> None:
    partner, never = await world.ours.partner(), str(Urn.mint("case"))
    by_route = [await partner.case(urn) for urn in (world.their_case.case, never)]
    assert [reply.status for reply in by_route] == [404, 404]
    assert _without(by_route[0].body, world.their_case.case) == _without(by_route[1].body, never)
    by_document = [await partner.trusted("case", {"urn": urn}) for urn in (world.their_case.case, never)]
    assert [reply.status for reply in by_document] == [200, 200]
    assert by_document[0].body == by_document[1].body
    listed = json.loads((await partner.cases(first="100")).body)
    assert world.their_case.case not in {case["urn"] for case in listed["items"]}


async def test_the_same_flight_is_another_case_at_another_airline(world: World) -> None:
    flight = a_flight("t1", [a_party()])
    first = json.loads((await world.ours.push(flight)).body)
    twin = await (await world.theirs.partner()).push(flight.push())
    assert (twin.status, twin.headers.get("x-nexa-replayed")) == (202, None)
    assert json.loads(twin.body)["urn"] != first["urn"]
    assert (await world.theirs.provisioned(json.loads(twin.body)["urn"])).rows == []


async def test_a_partners_token_serves_no_other_door(world: World) -> None:
    partner, operator = await world.ours.partner(), await world.ours.operator()
    phone = world.ours.phone()
    phone.token = partner.token
    assert (await phone.trusted("offer")).status == 401
    phone.token = operator.token
    assert (await phone.trusted("offer")).status == 401
    assert (await operator.send(_bearing(partner.token))).status == 401
    assert (await partner.get("/partner/v1/cases", None, authorization=f"Bearer {operator.token}")).status == 401


def _bearing(token: str) -> Request:
    return json_request("POST", "/graphql", {"query": "{ me { urn } }"}, {"authorization": f"Bearer {token}"})


def _without(body: bytes, urn: str) -> bytes:
    return body.replace(urn.encode(), b"URN")


async def test_a_vendors_report_counts_for_the_airline_whose_secret_signed_it(world: World, site: RunningSite) -> None:
    partner, form = await world.ours.partner(), {"MessageSid": "SM" + "0" * 32, "MessageStatus": "delivered"}
    statuses = []
    for signer in (world.ours, world.theirs):
        url = f"http://localhost:{site.ports.gateways['partner']}/webhooks/{world.ours.tenant}/twilio"
        signed = {"x-twilio-signature": signature(credentials(signer.tenant)["auth_token"], url, form)}
        reply = await partner.send(form_request(f"/webhooks/{world.ours.tenant}/twilio", form, signed))
        statuses.append(reply.status)
    assert statuses == [204, 401]


# --- the passengers' door -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def phones(world: World) -> tuple[PassengerCaller, PassengerCaller]:
    """The passenger with an offer at each airline."""

    async def sign_in(airline: Airline) -> PassengerCaller:
        ((number, _),) = (await airline.held()).texts.items()
        return await airline.passenger(number)

    ours, theirs = await all_of(sign_in(world.ours), sign_in(world.theirs))
    return ours, theirs


def test_no_passenger_document_takes_a_urn() -> None:
    schema = _schema("passenger")
    assert _fields_with_urns(schema) == set()
    paths = list((DOCUMENTS / "passenger").glob("*.graphql"))
    assert len(paths) >= 3
    assert [path.stem for path in paths if _variables_with_urns(schema, parse(path.read_text()))] == []


@pytest.mark.parametrize("document", sorted(path.stem for path in (DOCUMENTS / "passenger").glob("*.graphql")))
async def test_a_passenger_is_not_known_at_another_airlines_host(
    world: World, phones: tuple[PassengerCaller, PassengerCaller], document: str
) -> None:
    mine, _ = phones
    stranger = world.theirs.phone()
    stranger.token = mine.token
    before = await world.state()
    reply = await stranger.trusted(document, snapshotVersion=(await mine.trip())["version"])
    stranger.token = mine.token[:-6] + "AAAAAA"
    forged = await stranger.trusted(document, snapshotVersion=1)
    assert (reply.status, forged.status) == (401, 401)
    assert json.loads(reply.body).keys() == json.loads(forged.body).keys()
    assert_same(before, await world.state())


async def test_a_link_of_one_airline_opens_nothing_at_another(world: World) -> None:
    ((number, _),) = (await world.ours.held()).texts.items()
    link = (await world.ours.link(number)).replace("//t1.", "//t2.")
    reply = await world.theirs.phone().open(link)
    assert reply.status == 401


async def test_a_passenger_sees_and_answers_for_one_sub_case_alone(world: World, phones: tuple[PassengerCaller, PassengerCaller]) -> None:
    mine, _ = phones
    own = next(row["urn"] for row in world.our_case.rows if row["offer"])
    others = [row["urn"] for row in world.our_case.rows if row["urn"] != own] + [world.foreign["sub-case"]]
    before = await world.state()
    for other in others:
        for name in ("urn", "subCase", "sub_case"):
            reply = await mine.trusted("offer", **{name: other})
            assert reply.status in (200, 400)
            assert other.encode() not in reply.body
        query = {"query": f'{{ subCase(urn: "{other}") {{ urn leadName }} }}'}
        assert (await mine.post("/graphql", query)).status in (400, 403)
    assert (await mine.trip())["urn"] == own
    assert_same(before, await world.state())


async def test_an_answer_moves_ones_own_sub_case_alone(world: World, phones: tuple[PassengerCaller, PassengerCaller]) -> None:
    mine, theirs = phones
    _, their_before, _, their_held = await world.state()
    version = (await mine.trip())["version"]
    reply = await mine.trusted("decline", snapshotVersion=version, subCase=world.foreign["sub-case"])
    assert reply.status == 200
    own = (await mine.trip())["urn"]
    after = await world.ours.ended(world.our_case.case, {own}, moving=("PROCESSING", "OFFER_READY"))
    rows = after.by_urn()
    assert rows[own]["status"] == "REJECTED_BY_PAX"
    assert {urn: row["version"] for urn, row in rows.items() if urn != own} == {
        row["urn"]: row["version"] for row in world.our_case.rows if row["urn"] != own
    }
    _, their_after, _, their_held_after = await world.state()
    assert_same((their_before, their_held), (their_after, their_held_after))
    assert (await theirs.trip())["mayAnswer"]
