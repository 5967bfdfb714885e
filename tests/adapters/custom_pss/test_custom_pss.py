"""The neutral PSS: a manifest arrives as it was put in, and nobody on it is lost or invented."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.custom_pss import translate
from adapters.custom_pss.client import CustomPss, refusal
from adapters.registry import SandboxSecrets
from domains.airline.model import Contact, Need, Tier, TravellerKind
from kernel.answer import Declined, NotSent, Ok, Unknown
from kernel.http import Http, Reply, Unintelligible, write_json
from kernel.sandbox.faults import FaultKind
from kernel.secret import FileSecrets
from kernel.urn import Urn
from tests.adapters.custom_pss.manifests import ANA, FLIGHT, MANIFEST, NEXT, PNR, put
from tests.harness.partners import T1, T2, Partners, partners


@pytest.fixture
async def world() -> Partners:
    made = partners()
    assert await put(made, translate.written(MANIFEST)) == 204
    return made


async def test_a_manifest_arrives_as_it_was_written(world: Partners) -> None:
    answer = await world.registry.manifests.manifest(T1, FLIGHT)
    assert answer == Ok(MANIFEST)
    assert isinstance(answer, Ok)
    entry = answer.value.entries[0]
    assert (entry.lead.urn, entry.accessible, entry.tiers, entry.count(TravellerKind.CHILD)) == (
        ANA.urn,
        True,
        frozenset({Tier.ECONOMY}),
        1,
    )
    assert (answer.value.passengers, answer.value.entries[1].contact.reachable) == (3, False)
    assert answer.value.departure.utcoffset() == MANIFEST.departure.utcoffset()


async def test_the_next_flight_is_told_and_may_be_none_yet(world: Partners) -> None:
    manifests = world.registry.manifests
    assert await manifests.next_flight(T1, FLIGHT, PNR) == Ok(NEXT)
    assert await manifests.next_flight(T1, FLIGHT, Urn("urn:pnr:XYZ999:vendor:custom")) == Ok(None)
    missing = await manifests.next_flight(T1, FLIGHT, Urn("urn:pnr:NOBODY:vendor:custom"))
    assert isinstance(missing, Declined)
    assert missing.code == "PNR_NOT_FOUND"


async def test_one_pnr_of_a_manifest_may_be_asked_for(world: Partners) -> None:
    manifests = world.registry.manifests
    assert await manifests.entry(T1, FLIGHT, PNR) == Ok(MANIFEST.entries[0])
    for flight, pnr, code in (("B6123", "NOBODY", "PNR_NOT_FOUND"), ("XX1", PNR.id, "FLIGHT_NOT_FOUND")):
        missing = await manifests.entry(T1, Urn(f"urn:flight:{flight}@20130208:vendor:custom"), Urn(f"urn:pnr:{pnr}:vendor:custom"))
        assert isinstance(missing, Declined)
        assert missing.code == code


async def test_an_empty_flight_is_a_manifest_too(world: Partners) -> None:
    await put(world, translate.written(replace(MANIFEST, entries=())))
    assert await world.registry.manifests.manifest(T1, FLIGHT) == Ok(replace(MANIFEST, entries=()))


async def test_an_unknown_flight_or_another_airlines_is_declined(world: Partners) -> None:
    for tenant, flight in ((T1, "urn:flight:XX1@20130208"), (T2, FLIGHT)):
        answer = await world.registry.manifests.manifest(tenant, Urn(flight))
        assert isinstance(answer, Declined)
        assert answer.code == "FLIGHT_NOT_FOUND"


async def test_a_vendor_that_nobody_serves_is_declined_and_nobody_is_asked(world: Partners) -> None:
    answer = await world.registry.manifests.manifest(T1, Urn("urn:flight:B6123@20130208:vendor:acme"))
    assert isinstance(answer, Declined)
    assert answer.code == "UNKNOWN_VENDOR"
    assert world.said("custom") == []


async def test_a_refusal_is_told_in_our_words(world: Partners) -> None:
    theirs = {"error": {"code": "NO_SHOW", "message": "Ana Doe (+12125550101) has not checked in"}}
    assert refusal(Reply(404, {}, write_json(theirs))) == Declined("NO_SHOW", "The airline's system refused it (code NO_SHOW)")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (FaultKind.LOST_REQUEST, Unknown),
        (FaultKind.LOST_ANSWER, Unknown),
        (FaultKind.ERROR, Unknown),
        (FaultKind.GARBAGE, Unknown),
        (FaultKind.DRIFT, Unknown),
        (FaultKind.THROTTLE, NotSent),
        (FaultKind.REFUSE, Declined),
        (FaultKind.DELAY, Ok),
    ],
)
async def test_every_fault_is_told_as_what_it_is(world: Partners, kind: FaultKind, expected: type) -> None:
    world.order("pss", kind, "manifest", seconds=0.01)
    assert type(await world.registry.manifests.manifest(T1, FLIGHT)) is expected


WRITTEN: Any = translate.written(MANIFEST)


def broken(**changed: object) -> Any:
    body = copy.deepcopy(WRITTEN)
    booking, passenger = body["bookings"][0], body["bookings"][0]["passengers"][0]
    for name, value in changed.items():
        where = passenger if name in passenger else booking if name in booking else body
        where[name] = value
    return body


@pytest.mark.parametrize(
    "body",
    [
        broken(flight="B6999@20130208"),
        broken(origin="New York"),
        broken(departure="2026-11-22T18:30:00"),
        broken(departure="tonight"),
        broken(zone="Mars/Olympus"),
        broken(zone="/etc/passwd"),
        broken(passengers=[]),
        broken(kind="PET"),
        broken(tier="STEERAGE"),
        broken(family=None),
        broken(pnr="A B"),
        broken(bookings=None) | {"bookings": "none"},
        {key: value for key, value in WRITTEN.items() if key != "bookings"},
        [],
        None,
    ],
)
async def test_a_broken_manifest_is_unintelligible_and_cannot_be_put_in(body: Any) -> None:
    with pytest.raises(Unintelligible):
        translate.manifest(body, FLIGHT)
    assert await put(partners(), body) == 400


def test_what_is_not_known_does_no_harm() -> None:
    told = translate.manifest(broken(needs=["WCHC", "VGML", 7]) | {"new": 1}, FLIGHT)
    assert told.entries[0].lead.needs == {Need.WCHC}


@pytest.mark.parametrize("phone", ["12125550101", "+0123", "none", "+1212555010112345678", 5])
def test_a_number_that_cannot_be_right_is_no_contact(phone: object) -> None:
    assert translate.manifest(broken(phone=phone, email="nobody"), FLIGHT).entries[0].contact == Contact(None, None, "es")


def test_a_pnr_listed_in_parts_is_put_together() -> None:
    body = copy.deepcopy(WRITTEN)
    parts = [{**body["bookings"][0], "passengers": [passenger]} for passenger in body["bookings"][0]["passengers"]]
    body["bookings"] = [*parts, parts[0], body["bookings"][1]]
    assert translate.manifest(body, FLIGHT) == MANIFEST


async def test_an_airline_may_have_an_address_of_its_own(world: Partners, tmp_path: Path) -> None:
    (tmp_path / "t1" / "vendor").mkdir(parents=True)
    (tmp_path / "t1" / "vendor" / "custom").write_text('{"token": "x", "url": "http://127.0.0.1:1"}')
    source = CustomPss(Http("http://twin", app=world.twin("pss")), FileSecrets(tmp_path))
    assert isinstance(await source.manifest(T1, FLIGHT), NotSent)
    assert await source.manifest(T2, FLIGHT) == NotSent("no account with this partner")


async def test_a_wrong_token_is_refused(world: Partners, tmp_path: Path) -> None:
    (tmp_path / "t1" / "vendor").mkdir(parents=True)
    (tmp_path / "t1" / "vendor" / "custom").write_text('{"token": "x"}')
    source = CustomPss(Http("http://twin", app=world.twin("pss")), FileSecrets(tmp_path))
    assert await source.manifest(T1, FLIGHT) == NotSent("sign-in refused")
    assert await CustomPss(Http("http://twin", app=world.twin("pss")), SandboxSecrets()).manifest(T1, FLIGHT) == Ok(MANIFEST)
