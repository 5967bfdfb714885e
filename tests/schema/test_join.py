"""Every mistake the domains' files can make together is found at import."""

from collections.abc import Sequence
from types import ModuleType
from typing import Annotated

import pytest

from kernel.identity import Role
from kernel.urn import Urn
from resolvers.context import Info
from schema import common
from schema.audience import EVERYONE, NOBODY, OPERATOR, PARTNER, PASSENGER
from schema.binding import bind, extend, field, link, outcome, takes, view
from schema.contract import contract
from schema.join import Graph, join
from schema.said import GraphMistake
from tests.schema.toy import model
from tests.schema.toy.graphs import GRAPH


def a_file(*said: object) -> ModuleType:
    """A domain's file with these classes in it."""
    module = ModuleType(__name__)
    for number, one in enumerate(said):
        setattr(module, f"said_{number}", one)
    return module


def joined(*said: object) -> Graph:
    return join(common, a_file(*said))


async def five(info: Info) -> int:
    return 5


async def ask(info: Info, input: model.Ask) -> int:
    return 5


async def of_row(root: model.Case, info: Info) -> int:
    return 5


def a_case() -> type:
    @view(of=model.Case, key="urn", seen_by=OPERATOR)
    class Case:
        urn: Urn

    return Case


def test_a_type_has_one_owner() -> None:
    with pytest.raises(GraphMistake, match="Case has 2 owners"):
        joined(a_case(), a_case())


def test_a_mentioned_type_has_an_owner() -> None:
    @extend
    class Case:
        five: int = bind(five, seen_by=OPERATOR)

    with pytest.raises(GraphMistake, match="Case has 0 owners"):
        joined(Case)


def test_a_field_is_said_once() -> None:
    @extend
    class Case:
        urn: int = bind(five, seen_by=OPERATOR)

    with pytest.raises(GraphMistake, match=r"Case\.urn is said twice"):
        joined(a_case(), Case)


def test_a_plain_field_is_a_column() -> None:
    @view(of=model.Case, seen_by=OPERATOR)
    class Case:
        colour: str

    with pytest.raises(GraphMistake, match="Case has no colour"):
        joined(Case)


def test_only_the_owner_reads_a_row() -> None:
    @extend
    class Case:
        name: str

    with pytest.raises(GraphMistake, match="only the owner"):
        joined(a_case(), Case)

    @extend
    class Other:
        five: int = bind(of_row, seen_by=OPERATOR)

    Other.__name__ = "Case"
    with pytest.raises(GraphMistake, match="gets only the key"):
        joined(a_case(), Other)


def test_a_resolver_answers_what_the_field_says() -> None:
    @view(of=model.Case, seen_by=OPERATOR)
    class Case:
        text: str = bind(five, seen_by=OPERATOR)

    with pytest.raises(GraphMistake, match="its resolver answers"):
        joined(Case)

    @view(of=model.Case, seen_by=OPERATOR)
    class Other:
        many: list[int] = bind(five, seen_by=OPERATOR)

    with pytest.raises(GraphMistake, match="its resolver answers"):
        joined(Other)


def test_required_arguments_are_said() -> None:
    @view(of=model.Case, seen_by=OPERATOR)
    class Case:
        asked: int = bind(ask, seen_by=OPERATOR)

    with pytest.raises(GraphMistake, match="its arguments are"):
        joined(Case)


def test_a_root_says_who_may_ask() -> None:
    for seen_by, allow in ((OPERATOR, ()), (PARTNER, (Role.ADMIN,)), (OPERATOR | PARTNER, ("cases.read",))):

        @extend
        class Query:
            five: int = bind(five, seen_by=seen_by, allow=allow)

        with pytest.raises(GraphMistake, match="which role or scope"):
            joined(Query)


def test_an_input_fits_its_dataclass() -> None:
    @takes(of=model.Ask, seen_by=OPERATOR)
    class AskInput:
        rooms: int

    with pytest.raises(GraphMistake, match="AskInput does not fit Ask"):
        joined(AskInput)


def test_a_union_has_a_name_and_the_same_members_everywhere() -> None:
    case = a_case()

    @view(of=model.Penalty, seen_by=OPERATOR)
    class Penalty:
        amount: int

    async def either(info: Info) -> model.Case | model.Penalty:
        return model.Penalty(1)

    @view(of=model.Reservation, seen_by=OPERATOR)
    class Unnamed:
        one: case | Penalty = bind(either, seen_by=OPERATOR)  # type: ignore[valid-type]  # made by a function

    with pytest.raises(GraphMistake, match="has no name"):
        joined(case, Penalty, Unnamed)

    @view(of=model.Reservation, seen_by=OPERATOR)
    class Third:
        hotel: str

    @view(of=model.SubCase, seen_by=OPERATOR)
    class Twice:
        one: Annotated[case | Penalty, outcome("Either", seen_by=OPERATOR)] = bind(either, seen_by=OPERATOR)  # type: ignore[valid-type]
        two: Annotated[case | Penalty | Third, outcome("Either", seen_by=OPERATOR)] = bind(either, seen_by=OPERATOR)  # type: ignore[valid-type]

    with pytest.raises(GraphMistake, match="Either is"):
        joined(case, Penalty, Third, Twice)


def test_an_enum_is_shown_by_words() -> None:
    @view(of=model.SubCase, seen_by=OPERATOR)
    class SubCase:
        status: model.Status

    with pytest.raises(GraphMistake, match="nothing in the graph shows"):
        joined(SubCase)


def test_a_link_leads_to_a_type() -> None:
    @view(of=model.SubCase, seen_by=OPERATOR)
    class SubCase:
        case: Urn = link("case")

    with pytest.raises(GraphMistake, match="leads to a type"):
        joined(SubCase)


def test_what_is_required_must_be_visible() -> None:
    @takes(of=model.Ask, seen_by=OPERATOR | PASSENGER)
    class AskInput:
        sub_case: Urn = field(seen_by=OPERATOR)
        rooms: int

    @extend
    class Query:
        ask: int = bind(ask, seen_by=EVERYONE, args={"input": EVERYONE}, allow=(Role.ADMIN, "x"))

    graph = joined(AskInput, Query)
    contract(OPERATOR, graph)
    with pytest.raises(GraphMistake, match="AskInput needs fields"):
        contract(PASSENGER, graph)

    with pytest.raises(GraphMistake, match=r"Query\.ask needs an input"):
        contract(PARTNER, graph)


def silent(graph: Graph) -> list[str]:
    """Fields and arguments that nobody sees: somebody forgot to say for whom they are."""
    fields = [(name, one) for name in graph.classes for one in graph.fields(name)]
    said: list[tuple[str, Sequence[object]]] = [(f"{name}.{one.python_name}", one.directives) for name, one in fields]
    said += [
        (f"{name}.{one.python_name}({argument.python_name})", argument.directives) for name, one in fields for argument in one.arguments
    ]
    return [where for where, directives in said if not directives]


def test_nothing_is_left_unsaid() -> None:
    assert silent(GRAPH) == []

    @view(of=model.Case, seen_by=NOBODY)
    class Case:
        name: str
        five: int = bind(five, seen_by=OPERATOR)

    assert silent(joined(Case)) == ["Case.name"]
