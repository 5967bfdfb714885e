"""A passenger's own trip: read from the snapshot, answered through the intake, with no database in reach."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from domains.cases import actions, queries
from domains.cases.commands import IssueVoucher, PublishOffer
from domains.cases.snapshot import compile_snapshot
from kernel.database import Databases
from kernel.identity import Passenger
from kernel.intake import Intake
from kernel.snapshot import Snapshots
from kernel.urn import Urn
from resolvers.context import Context, Doors
from runtime.embedded.valkey import ValkeyUrls
from schema.audience import PASSENGER
from schema.printing import HOME
from tests.builders import an_offer
from tests.resolvers.conftest import CONTRACTS, Asker, open_case

DOCUMENTS = {home.stem: home.read_text() for home in (HOME.parent / "documents" / "passenger").glob("*.graphql")}


@pytest.fixture
async def phone_doors(valkey_urls: ValkeyUrls, role_urls: dict[str, str]) -> AsyncIterator[Doors]:
    snapshots, intake = Snapshots.connect(valkey_urls.snapshots), Intake(role_urls["intake"])
    yield Doors(snapshots=snapshots, intake=intake)
    await intake.close()
    await snapshots.close()


@pytest.fixture
async def phone(ana: Asker, phone_doors: Doors) -> Asker:
    """The phone of a party whose offer is on the screen."""
    case, (urn,) = await open_case(ana)
    async with Context(ana.identity, ana.doors).work("cases") as work:
        await actions.issue_vouchers(work, [IssueVoucher(urn, 1)])
        await actions.publish_offer(work, PublishOffer(urn, an_offer()))
    phone = Asker(Passenger(ana.identity.tenant, urn, case), phone_doors, CONTRACTS[PASSENGER])
    await publish(ana, phone)
    return phone


async def publish(ana: Asker, phone: Asker, **changes: Any) -> None:
    async with Context(ana.identity, ana.doors).read("cases") as connection:
        (facts,) = await queries.snapshot_facts(connection, ana.identity.tenant, [sub_case(phone)])
    document = compile_snapshot(facts.case, facts.sub_case, facts.party) | changes
    snapshots = phone.doors.snapshots
    assert snapshots is not None
    await snapshots.publish(ana.identity.tenant, sub_case(phone), document["version"], document)


def sub_case(phone: Asker) -> Urn:
    assert isinstance(phone.identity, Passenger)
    return phone.identity.sub_case


async def kept(databases: Databases, phone: Asker) -> list[str]:
    """What the intake holds of this sub-case, as the relay reads it: the phone's own process cannot."""
    async with databases.relay("intake").connect() as connection:
        found = await connection.execute(text("select name from intake where aggregate = :urn order by name"), {"urn": sub_case(phone)})
        return [row[0] for row in found]


async def test_the_trip_is_the_snapshot(phone: Asker) -> None:
    trip = (await phone.ask(DOCUMENTS["offer"]))["myTrip"]
    assert (trip["urn"], trip["status"], trip["mayAnswer"], trip["leadName"]) == (sub_case(phone), "OFFER_READY", True, "Ana Moreau")
    assert trip["offer"]["hotelName"] == "Harbour Inn"
    assert trip["offer"]["qr"].startswith("M")
    assert trip["scheduledDeparture"] == "2026-02-08T14:00:00-05:00"


async def test_an_answer_is_kept_once_and_has_one_name(databases: Databases, phone: Asker) -> None:
    version = (await phone.ask(DOCUMENTS["offer"]))["myTrip"]["version"]
    first = (await phone.ask(DOCUMENTS["accept"], snapshotVersion=version))["acceptOffer"]
    again = (await phone.ask(DOCUMENTS["accept"], snapshotVersion=version))["acceptOffer"]
    other = (await phone.ask(DOCUMENTS["decline"], snapshotVersion=version))["declineOffer"]
    assert {one["__typename"] for one in (first, again, other)} == {"AnswerAcknowledged"}
    assert first["intent"] == again["intent"] != other["intent"]
    assert await kept(databases, phone) == ["AcceptOffer", "DeclineOffer"]


async def test_an_answer_to_what_has_changed_is_refused(phone: Asker) -> None:
    version = (await phone.ask(DOCUMENTS["offer"]))["myTrip"]["version"]
    for seen in (version - 1, version + 1, -5):
        refused = (await phone.ask(DOCUMENTS["decline"], snapshotVersion=seen))["declineOffer"]
        assert (refused["__typename"], refused["seen"], refused["current"]) == ("OfferChanged", seen, version)


async def test_an_answer_given_already_is_acknowledged_again_and_no_other_one(ana: Asker, phone: Asker) -> None:
    version = (await phone.ask(DOCUMENTS["offer"]))["myTrip"]["version"]
    first = (await phone.ask(DOCUMENTS["accept"], snapshotVersion=version))["acceptOffer"]
    await publish(ana, phone, version=version + 1, status="RESOLVED", mayAnswer=False)
    assert (await phone.ask(DOCUMENTS["accept"], snapshotVersion=version))["acceptOffer"]["intent"] == first["intent"]
    assert (await phone.ask(DOCUMENTS["decline"], snapshotVersion=version))["declineOffer"]["__typename"] == "OfferChanged"


async def test_no_answer_is_judged_by_a_store_that_is_being_rebuilt(phone: Asker) -> None:
    snapshots = phone.doors.snapshots
    assert snapshots is not None
    async with snapshots.rebuild(phone.identity.tenant):
        assert (await phone.ask(DOCUMENTS["accept"], snapshotVersion=2)).codes == ["REBUILDING"]


async def test_another_sub_case_is_not_found(phone: Asker) -> None:
    nobody = phone.who(sub_case=Urn("urn:sub-case:other"))
    assert (await nobody.ask(DOCUMENTS["offer"])).codes == ["NOT_FOUND"]
    assert (await nobody.ask(DOCUMENTS["accept"], snapshotVersion=2)).codes == ["NOT_FOUND"]


async def test_an_operator_has_no_trip(ana: Asker) -> None:
    disguised = replace(ana, contract=CONTRACTS[PASSENGER])
    assert (await disguised.ask(DOCUMENTS["offer"])).codes == ["FORBIDDEN"]
