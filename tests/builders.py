"""Things to begin with, each with sensible parts: `a_disruption()`, `a_draft()`; say only what your test is about."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from domains.cases import actions, queries
from domains.cases.commands import DeclareDisruption
from domains.cases.model import Guests, NextFlight, Offer, PnrDraft, Tier, Traveller
from kernel.money import Money
from kernel.urn import Urn
from kernel.work import Work

_count = itertools.count(1)
DEPARTS = datetime.fromisoformat("2026-02-08T14:00:00-05:00")
PSS = "custom"


def a_disruption(**changes: Any) -> DeclareDisruption:
    number = next(_count)
    flight = Urn.of("flight", f"B6{number}@20260208", PSS)
    return replace(DeclareDisruption(f"event-{number}", flight, "JFK", "BOS", DEPARTS, "blizzard"), **changes)


def a_draft(**changes: Any) -> PnrDraft:
    number = next(_count)
    onward = NextFlight(Urn.of("flight", f"B6{number}@20260209", PSS), DEPARTS + timedelta(hours=20), "JFK", "BOS")
    lead = Traveller(Urn.of("passenger", f"p{number}", "b6"), "Ana", "Moreau", "ADULT")
    draft = PnrDraft(
        Urn.of("pnr", f"ABC{number}", PSS), Tier.ECONOMY, False, Guests(1), 1, (), onward, (lead,), f"+1212555{number:04d}", None, "en"
    )  # fmt: skip
    return replace(draft, **changes)


def an_offer(**changes: Any) -> Offer:
    number = next(_count)
    offer = Offer(
        Urn.mint("reservation"), f"CNF{number}", Urn.of("hotel", str(900000 + number), "hotelbeds"), "Harbour Inn", "1 Quay Street, Queens",
        "+17185550100", date(2026, 2, 8), date(2026, 2, 9), 1, "ROOM ONLY", Money(Decimal("120.00"), "USD"),
    )  # fmt: skip
    return replace(offer, **changes)


async def a_case(work: Work, *drafts: PnrDraft, **changes: Any) -> tuple[Urn, list[Urn]]:
    """An open case with its sub-cases, one for each draft (one plain one when none is said); their URNs in the drafts' order."""
    case, _ = await actions.declare_disruption(work, a_disruption(**changes), pss=PSS)
    wanted = drafts or (a_draft(),)
    await actions.provision_manifest(work, case.urn, wanted)
    from_pnr = await _urns(work, case.urn)
    return case.urn, [from_pnr[draft.pnr] for draft in wanted]


async def _urns(work: Work, case: Urn) -> dict[Urn, Urn]:
    page = await queries.sub_cases_of(work.connection, work.tenant, case)
    return {sub_case.pnr: sub_case.urn for sub_case in page.items}


async def everyone_alive(session: str) -> bool:
    return True


async def nobody_alive(session: str) -> bool:
    return False
