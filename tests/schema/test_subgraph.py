"""What one domain says to a router."""

from __future__ import annotations

from strawberry.types import ExecutionResult

from kernel.identity import Identity
from schema.subgraph import Subgraph
from tests.schema.toy.graphs import BOOKING, CASES, CLERK, DESK, TRAVELLER
from tests.schema.toy.model import Toy

ENTITIES = "query ($of: [_Any!]!) { _entities(representations: $of) { __typename %s } }"


async def entities(schema: Subgraph, context: Toy, of: list[object], selected: str = "") -> ExecutionResult:
    return await schema.execute(ENTITIES % selected, {"of": of}, context_value=context)


def sub_case(urn: object) -> object:
    return {"__typename": "SubCase", "urn": urn}


def test_a_subgraph_says_its_own_fields_and_the_keys_of_the_rest() -> None:
    printed = BOOKING.printed()
    assert 'type SubCase implements Node @key(fields: "urn")' in printed
    assert "reservations: [Reservation!]!" in printed
    assert "note" not in printed
    assert "federation/v2.9" in printed
    assert "reservations" not in CASES.printed()


async def test_a_contribution_answers_a_key_without_reading_a_row() -> None:
    context = Toy(CLERK)
    answer = await entities(
        BOOKING, context, [sub_case(f"urn:sub-case:s{n}") for n in range(50)], "... on SubCase { reservations { urn } }"
    )
    assert answer.errors is None
    assert len((answer.data or {})["_entities"]) == 50
    assert context.calls == [("by_sub_case", 50)]


async def test_own_entities_are_one_load() -> None:
    context = Toy(CLERK)
    answer = await entities(CASES, context, [sub_case("urn:sub-case:s1"), sub_case("urn:sub-case:s3")], "... on SubCase { note }")
    assert answer.data == {"_entities": [{"__typename": "SubCase", "note": "secret note"}] * 2}
    assert context.calls == [("sub_cases", 2)]


async def test_one_bad_representation_spoils_its_own_place_only() -> None:
    bad = [sub_case(None), sub_case("urn:case:c1"), sub_case("nonsense"), {"__typename": "Penalty"}, {}, 7, sub_case("urn:sub-case:none")]
    answer = await entities(CASES, Toy(CLERK), [*bad, sub_case("urn:sub-case:s1")])
    assert answer.data == {"_entities": [None] * len(bad) + [{"__typename": "SubCase"}]}
    assert len(answer.errors or []) == len(bad) - 1  # the last of the bad is merely not there


async def test_too_many_representations_are_refused() -> None:
    answer = await entities(CASES, Toy(CLERK), [sub_case("urn:sub-case:s1")] * 1_001)
    assert [(error.extensions or {}).get("code") for error in answer.errors or []] == ["TOO_COMPLEX"]


async def test_seen_by_is_checked_when_asked() -> None:
    async def note(identity: Identity) -> object:
        answer = await entities(CASES, Toy(identity), [sub_case("urn:sub-case:s1")], "... on SubCase { note }")
        return [(error.extensions or {}).get("code") for error in answer.errors or []]

    assert await note(CLERK) == []
    assert await note(TRAVELLER) == ["FORBIDDEN"]
    assert await note(DESK) == ["FORBIDDEN"]


async def test_a_link_to_a_foreign_type_is_its_key() -> None:
    of: list[object] = [{"__typename": "Reservation", "urn": "urn:reservation:r1"}]
    answer = await entities(BOOKING, Toy(CLERK), of, "... on Reservation { subCase { __typename urn } }")
    assert answer.data == {"_entities": [{"__typename": "Reservation", "subCase": {"__typename": "SubCase", "urn": "urn:sub-case:s1"}}]}
