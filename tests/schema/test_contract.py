"""What each audience sees of the toy, and what it is told of the rest."""

from __future__ import annotations

from typing import cast

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType, GraphQLUnionType
from strawberry.types import ExecutionResult

from kernel.identity import Identity
from schema.contract import Contract
from tests.schema.toy.graphs import AUDITOR, CLERK, DESK, OPERATORS, PARTNERS, PASSENGERS, STRANGER, SUPERVISOR, TRAVELLER
from tests.schema.toy.model import Toy


async def ask(schema: Contract, identity: Identity, query: str) -> ExecutionResult:
    return await schema.execute(query, context_value=Toy(identity))


def codes(answer: ExecutionResult) -> list[object]:
    return [(error.extensions or {}).get("code") for error in answer.errors or []]


def members(schema: Contract, name: str) -> list[str]:
    kind = schema.core.type_map[name]
    if isinstance(kind, GraphQLUnionType):
        return sorted(one.name for one in kind.types)
    if isinstance(kind, GraphQLEnumType):
        return sorted(kind.values)
    assert isinstance(kind, (GraphQLObjectType, GraphQLInputObjectType))
    return sorted(kind.fields)


def test_fields_show_to_those_who_were_named() -> None:
    assert members(OPERATORS, "SubCase") == ["case", "events", "history", "note", "reservations", "status", "urn"]
    assert members(PASSENGERS, "SubCase") == ["events", "history", "reservations", "status", "urn"]
    assert members(PARTNERS, "SubCase") == ["status", "urn"]


def test_arguments_input_fields_words_and_members_hide_too() -> None:
    history = cast(GraphQLObjectType, PASSENGERS.core.type_map["SubCase"]).fields["history"]
    assert list(history.args) == []
    assert "override" in members(OPERATORS, "AskInput")
    assert "override" not in members(PASSENGERS, "AskInput")
    assert members(OPERATORS, "Status") == ["CLOSED", "LEGAL_HOLD", "OPEN"]
    assert members(PASSENGERS, "Status") == ["CLOSED", "OPEN"]
    assert members(PASSENGERS, "AskResult") == ["SubCase"]


def test_what_nobody_sees_is_not_in_the_contract_at_all() -> None:
    assert {"Case", "Locked", "Penalty", "Subscription"}.isdisjoint(PASSENGERS.core.type_map)
    assert {"Reservation", "Mutation", "AskInput", "AskResult"}.isdisjoint(PARTNERS.core.type_map)


def test_a_resolvers_parameter_without_a_word_is_no_argument() -> None:
    sub_cases = OPERATORS.core.query_type.fields["subCases"] if OPERATORS.core.query_type else None
    assert sub_cases is not None
    assert list(sub_cases.args) == ["first"]


def test_printing_is_plain_and_sorted() -> None:
    printed = OPERATORS.printed()
    assert "@tag" not in printed
    assert "Not told" not in printed
    assert '"""One PNR of a disrupted flight, and everything done for it."""' in printed
    assert printed.index("type Case ") < printed.index("type SubCase ")


async def test_a_query_reads_rows_links_and_contributions() -> None:
    query = "{ subCases(first: 3) { urn status note case { name } reservations { hotel subCase { urn } } } }"
    context = Toy(CLERK)
    answer = await OPERATORS.execute(query, context_value=context)
    assert answer.errors is None
    rows = (answer.data or {})["subCases"]
    assert [row["status"] for row in rows] == ["OPEN", "LEGAL_HOLD", "OPEN"]
    assert rows[0]["reservations"] == [{"hotel": "Grand", "subCase": {"urn": "urn:sub-case:s1"}}]
    assert rows[0]["case"] == {"name": "JFK"}


async def test_a_batch_is_one_call_per_loader() -> None:
    context = Toy(CLERK)
    await OPERATORS.execute("{ subCases(first: 3) { case { name } reservations { subCase { urn } } } }", context_value=context)
    assert sorted(context.calls) == [("by_sub_case", 3), ("cases", 1), ("sub_cases", 3)]


async def test_a_hidden_word_reads_as_what_is_said_instead() -> None:
    answer = await ask(PASSENGERS, TRAVELLER, "{ subCases(first: 2) { status } }")
    assert answer.data == {"subCases": [{"status": "OPEN"}, {"status": "OPEN"}]}


async def test_a_hidden_member_falls_out_of_its_list() -> None:
    query = "{ subCases(first: 1) { events { __typename } } }"
    assert (await ask(OPERATORS, CLERK, query)).data == {
        "subCases": [{"events": [{"__typename": "Reservation"}, {"__typename": "Penalty"}]}]
    }
    assert (await ask(PASSENGERS, TRAVELLER, query)).data == {"subCases": [{"events": [{"__typename": "Reservation"}]}]}


ASK = 'mutation { ask(input: {subCase: "urn:sub-case:%s"}) { __typename ... on Locked { message code holder } } }'


async def test_a_named_refusal_is_data_with_its_facts() -> None:
    answer = await ask(OPERATORS, CLERK, ASK % "locked")
    assert answer.data == {"ask": {"__typename": "Locked", "message": "Somebody else is working on it.", "code": "LOCKED", "holder": "Ada"}}


async def test_a_refusal_nobody_named_is_an_error_with_a_code() -> None:
    assert codes(await ask(OPERATORS, CLERK, ASK % "gone")) == ["NOT_FOUND"]


async def test_a_hidden_refusal_loses_its_sentence_and_its_type() -> None:
    answer = await ask(PASSENGERS, TRAVELLER, 'mutation { ask(input: {subCase: "urn:sub-case:fraud"}) { __typename } }')
    assert codes(answer) == ["REFUSED"]
    assert "fraud" not in str(answer.errors).replace("urn:sub-case:fraud", "")


async def test_inputs_become_the_resolvers_own_dataclass() -> None:
    query = 'mutation { ask(input: {subCase: "urn:sub-case:x", %s}) { ... on SubCase { note } } }'
    full = await ask(OPERATORS, CLERK, query % 'rooms: 3, override: true, tags: ["a"]')
    assert full.data == {"ask": {"note": "3 True ('a',)"}}
    short = await ask(OPERATORS, CLERK, query % "")
    assert short.data == {"ask": {"note": "1 False ()"}}


async def test_roles_and_scopes_are_asked_before_the_resolver() -> None:
    history = "{ subCases(first: 1) { history(first: 2) } }"
    assert (await ask(OPERATORS, SUPERVISOR, history)).data == {"subCases": [{"history": ["opened", "moved"]}]}
    assert codes(await ask(OPERATORS, CLERK, history)) == ["FORBIDDEN"]
    assert codes(await ask(OPERATORS, AUDITOR, "{ subCases { urn } }")) == ["FORBIDDEN"]
    assert codes(await ask(PARTNERS, STRANGER, "{ subCases { urn } }")) == ["FORBIDDEN"]
    assert (await ask(PARTNERS, DESK, "{ subCases(first: 1) { urn } }")).data == {"subCases": [{"urn": "urn:sub-case:s1"}]}


@pytest.mark.parametrize(
    ("schema", "identity"), [(OPERATORS, TRAVELLER), (OPERATORS, DESK), (PASSENGERS, SUPERVISOR), (PARTNERS, TRAVELLER)]
)
async def test_a_contract_answers_its_own_audience_only(schema: Contract, identity: Identity) -> None:
    assert codes(await ask(schema, identity, "{ subCases { urn } }")) == ["FORBIDDEN"]


async def test_node_finds_by_urn_what_may_be_seen() -> None:
    found = await ask(OPERATORS, CLERK, '{ node(urn: "urn:sub-case:s1") { __typename urn } }')
    assert found.data == {"node": {"__typename": "SubCase", "urn": "urn:sub-case:s1"}}
    for urn in ("urn:case:other", "urn:hotel:1"):
        assert (await ask(OPERATORS, CLERK, f'{{ node(urn: "{urn}") {{ urn }} }}')).data == {"node": None}


async def test_a_urn_of_no_kind_is_a_clear_error() -> None:
    answer = await ask(OPERATORS, CLERK, '{ subCase(urn: "urn:spaceship:1") { urn } }')
    assert answer.errors is not None
    assert "is not a kind of URN" in answer.errors[0].message


async def test_a_subscription_reads_every_item_anew() -> None:
    context = Toy(CLERK)
    stream = await OPERATORS.subscribe('subscription { watch(urn: "urn:sub-case:s1") { urn case { name } } }', context_value=context)
    answers = [answer.data async for answer in stream]
    assert answers == [{"watch": {"urn": "urn:sub-case:s1", "case": {"name": "JFK"}}}] * 2
    assert context.calls.count(("sub_cases", 1)) == 2
    assert context.calls.count(("cases", 1)) == 2


async def test_a_refused_subscription_never_begins() -> None:
    stream = await OPERATORS.subscribe('subscription { watch(urn: "urn:sub-case:gone") { urn } }', context_value=Toy(CLERK))
    first = [answer async for answer in stream]
    assert codes(first[0]) == ["NOT_FOUND"]
