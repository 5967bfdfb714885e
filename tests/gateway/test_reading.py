"""What inputs may look like one day: lists, objects in objects, choices and defaults, read by the types alone."""

from __future__ import annotations

from typing import Any, cast

import pytest
from graphql import OperationDefinitionNode, build_schema, parse

from gateway.rest.reading import Unfit, Variable, read, variables_of

SCHEMA = build_schema("""
    enum Colour { RED GREEN }
    input Leg { from: String!, departs: String }
    input Trip { colour: Colour!, legs: [Leg!]!, size: Int! = 3, note: String }
    type Query { trip(input: Trip!, first: Int! = 50, wet: Boolean, id: String!): String }
""")
DOCUMENT = (
    "query ($input: Trip!, $first: Int! = 50, $wet: Boolean, $id: String!) { trip(input: $input, first: $first, wet: $wet, id: $id) }"
)


@pytest.fixture
def variables() -> tuple[Variable, ...]:
    operation = cast(OperationDefinitionNode, parse(DOCUMENT).definitions[0])
    return variables_of(SCHEMA, operation, frozenset({"id"}))


def a_trip(**changes: Any) -> dict[str, Any]:
    return {"colour": "RED", "legs": [{"from": "JFK", "scheduledDeparture": "noon"}]} | changes


def test_every_variable_has_its_place(variables: tuple[Variable, ...]) -> None:
    assert {one.name: (one.place, one.required) for one in variables} == {
        "input": ("body", True), "first": ("query", False), "wet": ("query", False), "id": ("path", True),
    }  # fmt: skip


def test_what_fits_becomes_variables_in_the_graphs_words(variables: tuple[Variable, ...]) -> None:
    assert read(variables, {"id": "x"}, {"first": "7", "wet": "true"}, a_trip()) == {
        "input": {"colour": "RED", "legs": [{"from": "JFK", "departs": "noon"}]}, "first": 7, "wet": True, "id": "x",
    }  # fmt: skip


def test_what_is_left_out_is_left_to_the_graph(variables: tuple[Variable, ...]) -> None:
    assert set(read(variables, {"id": "x"}, {}, a_trip(note=None))) == {"input", "id"}


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"colour": "BLUE"}, "colour", "one of GREEN, RED"),
        ({"colour": None}, "colour", "is missing; expected one of GREEN, RED"),
        ({"legs": {}}, "legs", "a list"),
        ({"legs": [1]}, "legs[0]", "an object"),
        ({"legs": [None]}, "legs[0]", "is missing"),
        ({"legs": [{"from": "JFK"}, {}]}, "legs[1].from", "is missing"),
        ({"legs": [{"from": "JFK", "departs": "noon"}]}, "legs[0].departs", "known are: from, scheduledDeparture"),
        ({"size": None}, "size", "is missing"),
        ({"size": "3"}, "size", "a whole number"),
        ({"size": True}, "size", "a whole number"),
    ],
)
def test_a_fault_is_told_where_it_is(variables: tuple[Variable, ...], change: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(Unfit) as refused:
        read(variables, {"id": "x"}, {}, a_trip(**change))
    (fault,) = refused.value.faults
    assert (refused.value.status, fault["in"], fault["field"]) == (422, "body", field)
    assert said in fault["detail"]


def test_a_fault_in_the_address_makes_it_a_bad_address(variables: tuple[Variable, ...]) -> None:
    with pytest.raises(Unfit) as refused:
        read(variables, {"id": "x"}, {"wet": "maybe"}, a_trip(colour="BLUE"))
    assert refused.value.status == 400
    assert {(fault["in"], fault["field"]) for fault in refused.value.faults} == {("body", "colour"), ("query", "wet")}
