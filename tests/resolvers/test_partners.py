"""How partners are, over the real store: each airline its own, and pushed equals fetched."""

from __future__ import annotations

from dataclasses import replace

from kernel.account import Accounts, Key, Seen
from kernel.feed import Feed
from kernel.health import Health, urn_of
from kernel.identity import Role
from tests.resolvers.conftest import Asker
from tests.resolvers.test_live import watching

FIELDS = "urn vendor breaker openUntil pausedUntil limit limitByHand pace used queueWait calls failed slow throttled lastGoodAt processes"
ALL = f"{{ partnerHealth {{ {FIELDS} }} }}"
LIVE = f"subscription ($after: String) {{ partnerHealth(after: $after) {{ seq snapshot items {{ {FIELDS} }} }} }}"
NODE = "query ($urn: Urn!) { node(urn: $urn) { urn ... on PartnerHealth { vendor limit } } }"


async def test_every_partner_is_named_with_its_limit_and_nothing_is_wrong_at_first(ana: Asker) -> None:
    told = (await ana.ask(ALL))["partnerHealth"]
    assert [(row["vendor"], row["limit"], row["breaker"]) for row in told] == [("acme", 50, "CLOSED"), ("best", 10, "CLOSED")]
    assert told[0]["lastGoodAt"] is None
    assert told[0]["used"] == 0


async def test_it_is_the_askers_own_account_and_nobody_elses(ana: Asker, stranger: Asker, health: Health) -> None:
    key = Key("acme", ana.identity.tenant)
    await health.accounts.reserve(key, 50, 1, first=False, who="w", seen=Seen(calls=4, failed=2, slow=1), good=True)
    view, _ = await health.accounts.note(key, 50, Seen(throttled=1), good=False, pause=30)
    await health.accounts.trip(key, 50, view.turn)
    mine, theirs = [(await asker.ask(ALL))["partnerHealth"][0] for asker in (ana, stranger)]
    assert (mine["breaker"], mine["calls"], mine["failed"], mine["slow"], mine["throttled"]) == ("OPEN", 4, 2, 1, 1)
    assert mine["openUntil"] is not None
    assert mine["pausedUntil"] is not None
    assert mine["lastGoodAt"] is not None
    assert mine["pace"] == 35
    assert mine["processes"] == 1
    assert (theirs["breaker"], theirs["calls"], theirs["pausedUntil"]) == ("CLOSED", 0, None)


async def test_a_limit_set_by_hand_says_so(ana: Asker, health: Health) -> None:
    await health.limit(ana.identity.tenant, "best", 3)
    told = (await ana.ask(ALL))["partnerHealth"][1]
    assert (told["limit"], told["limitByHand"]) == (3, True)
    await health.limit(ana.identity.tenant, "best", None)
    assert (await ana.ask(ALL))["partnerHealth"][1]["limit"] == 10


async def test_what_is_pushed_is_what_would_be_fetched(ana: Asker, feed: Feed, health: Health) -> None:
    async with watching(ana, LIVE) as screen:
        first = await screen.next()
        assert first["snapshot"]
        assert first["items"] == (await ana.ask(ALL))["partnerHealth"]
        await health.accounts.note(Key("best", ana.identity.tenant), 10, Seen(calls=1), good=True)
        feed.publish(ana.identity.tenant, "partners", urn_of("best"), 1)
        second = await screen.next()
        assert not second["snapshot"]
        assert second["items"] == [(await ana.ask(ALL))["partnerHealth"][1]]


async def test_a_partner_is_a_node(ana: Asker) -> None:
    assert (await ana.ask(NODE, urn="urn:partner:best"))["node"] == {"urn": "urn:partner:best", "vendor": "best", "limit": 10}
    assert (await ana.ask(NODE, urn="urn:partner:nobody"))["node"] is None


async def test_those_who_watch_money_may_see_partners_too(ana: Asker) -> None:
    assert (await ana.who(role=Role.FINANCE_AUDIT).ask(ALL)).codes == []


async def test_a_store_that_is_away_is_an_error_and_no_picture(ana: Asker, health: Health) -> None:
    gone = replace(ana, doors=replace(ana.doors, health=Health(Accounts.connect("redis://127.0.0.1:1/0"), health.sheets)))
    assert (await gone.ask(ALL)).codes != []
