"""A manifest with a family and somebody alone, and the way to put it into the twin."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from domains.airline.model import Contact, Manifest, ManifestEntry, Need, NextFlight, Tier, Traveller, TravellerKind
from kernel.sandbox.shell import Call
from kernel.urn import Urn
from tests.harness.partners import Partners

FLIGHT = Urn("urn:flight:B6123@20130208:vendor:custom")
PNR = Urn("urn:pnr:ABC123:vendor:custom")
ANA = Traveller(Urn("urn:passenger:p1:vendor:custom"), "Ana", "Doe", TravellerKind.ADULT, Tier.ECONOMY, frozenset({Need.WCHR}))
KID = Traveller(Urn("urn:passenger:p2:vendor:custom"), "Kid", "Doe", TravellerKind.CHILD, Tier.ECONOMY, age=8)
NEXT = NextFlight(
    Urn("urn:flight:B6125@20130209:vendor:custom"), datetime.fromisoformat("2026-11-23T10:00:00-05:00"), "JFK", "BOS", "America/New_York"
)
MANIFEST = Manifest(
    FLIGHT,
    "JFK",
    "BOS",
    datetime.fromisoformat("2026-11-22T18:30:00-05:00"),
    "America/New_York",
    (
        ManifestEntry(PNR, (ANA, KID), Contact("+12125550101", "ana@example.test", "es"), NEXT),
        ManifestEntry(
            Urn("urn:pnr:XYZ999:vendor:custom"), (replace(ANA, urn=Urn("urn:passenger:p3:vendor:custom"), tier=Tier.FIRST),), Contact()
        ),
    ),
)


async def put(world: Partners, body: object, path: str = "/t1/flights/B6123@20130208") -> int:
    said = await world.twin("pss").control(Call("", "PUT", path, {}, {}, {}, json.dumps(body).encode(), ""))
    return said.status if said else 404
