"""What a search came to, as operators see it: who answered, what fits with its score, and why the rest does not."""

from __future__ import annotations

from datetime import UTC, datetime

from domains.booking import store
from domains.booking.model import Ranking
from domains.booking.ranking import rank
from kernel.urn import Urn
from resolvers import loaders
from resolvers.context import Context
from tests.builders import a_draft
from tests.domains.booking.rooms import a_wish, an_offer, usd
from tests.resolvers.conftest import Asker, open_case

ASK = """query ($urn: Urn!) { case(urn: $urn) { subCases { edges { node { urn rankings { urn airport rooms answered
    silences { vendor why } candidates { place offer { name vendor stars nightly { amount currency } } score { cost distance total } }
    leftOut { name vendor reason total { amount } } fallen { reason offers } } } } } } }"""


async def searched(asker: Asker, sub_case: Urn) -> Urn:
    """A search that one of two sources answered."""
    offers = [an_offer("near"), an_offer("far", distance_km=40.0), an_offer("dear", nightly=usd(900)), an_offer("near", nightly=usd(120))]
    made = Ranking(
        Urn.mint("ranking"), sub_case, "JFK", 1, datetime.now(UTC), *rank(offers, a_wish())[:2], ("hotelbeds",), {"amadeus": "too late"},
        rank(offers, a_wish()).left_out,
    )  # fmt: skip
    async with Context(asker.identity, asker.doors).work("booking") as work:
        await store.add_ranking(work, made, None)
    return made.urn


async def test_a_search_is_shown_with_who_answered_what_fits_and_why_the_rest_does_not(ana: Asker) -> None:
    case, (urn,) = await open_case(ana)
    ranking = await searched(ana, urn)
    [edge] = (await ana.ask(ASK, urn=case))["case"]["subCases"]["edges"]
    [shown] = edge["node"]["rankings"]
    assert (shown["urn"], shown["answered"], shown["silences"]) == (ranking, ["hotelbeds"], [{"vendor": "amadeus", "why": "too late"}])
    [candidate] = shown["candidates"]
    assert (candidate["place"], candidate["offer"]["name"], candidate["offer"]["vendor"]) == (1, "Hotel near", "hotelbeds")
    assert candidate["score"] == {"cost": "1.0000", "distance": "0.8000", "total": "0.8000"}
    assert [(each["name"], each["reason"]) for each in shown["leftOut"]] == [("Hotel far", "TOO_FAR"), ("Hotel dear", "TOO_DEAR")]
    assert shown["fallen"] == [
        {"reason": "DEARER_ROOM", "offers": 1}, {"reason": "TOO_DEAR", "offers": 1}, {"reason": "TOO_FAR", "offers": 1},
    ]  # fmt: skip


async def test_many_sub_cases_are_one_read_and_one_without_a_search_has_none(ana: Asker) -> None:
    case, urns = await open_case(ana, *[a_draft() for _ in range(3)])
    for _ in range(2):
        await searched(ana, urns[0])
    answer = await ana.ask(ASK, urn=case)
    assert sorted(len(edge["node"]["rankings"]) for edge in answer["case"]["subCases"]["edges"]) == [0, 0, 2]
    assert answer.reads.count("booking") == 1


async def test_what_lies_outside_an_operators_airports_is_empty(ana: Asker, bob: Asker, stranger: Asker) -> None:
    _, (urn,) = await open_case(ana)
    await searched(ana, urn)
    for asker, seen in ((ana, 1), (bob, 0), (stranger, 0)):
        [found] = await loaders.load_rankings(Context(asker.identity, asker.doors), [urn])
        assert len(found) == seen
