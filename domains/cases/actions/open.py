"""Opening a case, and its sub-cases when the manifest has come."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from domains.cases import events, store
from domains.cases.actions.review import open_review
from domains.cases.commands import DeclareDisruption
from domains.cases.model import (
    Case,
    CaseStatus,
    Party,
    PnrDraft,
    ReviewKind,
    SubCase,
    SubCaseStatus,
    stay_until,
)
from domains.cases.refusals import WrongVendor
from kernel.refusal import BadInput
from kernel.urn import Urn
from kernel.work import Work

_AIRPORT: Final = re.compile(r"[A-Z]{3}")


async def declare_disruption(work: Work, command: DeclareDisruption, *, pss: str) -> tuple[Case, bool]:
    """Opens the case of a disrupted flight; the second value is True when it was open already (same event or same flight).

    `pss` is the vendor that holds this airline's manifests. Refuses: WrongVendor, BadInput. May be repeated.
    """
    if command.flight.kind != "flight" or "@" not in command.flight.id:
        raise BadInput(f"{command.flight} does not name a flight; expected urn:flight:<number>@<yyyymmdd>:vendor:{pss}")
    if command.flight.vendor != pss:
        raise WrongVendor(
            f"This airline's flights come from {pss!r}; the URN names {command.flight.vendor!r}.",
            vendor=command.flight.vendor,
            expected=pss,
        )
    _check_words(command)
    if command.departs.utcoffset() is None:
        raise BadInput("the scheduled departure needs an offset from UTC, such as 2026-02-08T14:05:00-05:00")
    case = Case(
        Urn.mint("case"),
        command.flight.bare,
        command.airport,
        command.destination,
        command.departs,
        command.cause,
        command.external_event,
        CaseStatus.OPEN,
        await work.now(),
        version=1,
    )
    if not await store.insert_case(work, case):
        known = await store.case_for_event(work, command.external_event, case.flight)
        assert known is not None  # the insert met it
        return known, True
    await work.record(events.CaseOpened(case.urn, case.flight, case.airport), aggregate=case.urn)
    await work.audit(action="case.open", entity=case.urn, reason=command.reason or command.cause, after={"flight": case.flight})
    return case, False


def _check_words(command: DeclareDisruption) -> None:
    for name, airport in (("airport", command.airport), ("destination", command.destination)):
        if not _AIRPORT.fullmatch(airport):
            raise BadInput(f"{name} is {airport[:20]!r}; expected the three capitals of an IATA code, such as JFK")
    for name, words, most in (("the external event id", command.external_event, 200), ("the cause", command.cause, 500)):
        if not 1 <= len(words.strip()) <= most or not words.isprintable():
            raise BadInput(f"{name} has {len(words)} characters; expected 1 to {most}, without control characters")


async def provision_manifest(work: Work, case_urn: Urn, drafts: Sequence[PnrDraft]) -> int:
    """Opens one sub-case per PNR, once: a second manifest of the same case is left alone. The number opened."""
    case = await store.case_by_urn(work, case_urn)
    if case is None or case.manifest_state == "PROVISIONED":
        return 0
    if not drafts:
        await manifest_unusable(work, case_urn, "EMPTY", "The airline's manifest for this flight has no passengers.")
        return 0
    now = await work.now()
    opened = [_sub_case(case, draft, now) for draft in drafts]
    parties = [
        Party(sub_case.urn, draft.travellers[0].passenger, draft.travellers, draft.phone, draft.email, draft.language)
        for sub_case, draft in zip(opened, drafts, strict=True)
    ]
    await store.insert_sub_cases(work, opened, parties)
    for sub_case in opened:
        await work.record(events.SubCaseOpened(sub_case.urn, case.urn, sub_case.status), aggregate=sub_case.urn)
        await _flag(work, sub_case)
    nights = sum(sub_case.needs_night for sub_case in opened)
    await store.save_case(work, case.urn, manifest_state="PROVISIONED", status=CaseStatus.OPEN if nights else CaseStatus.CLOSED)
    await work.record(events.ManifestProvisioned(case.urn, len(opened), nights), aggregate=case.urn)
    await work.audit(action="case.provision", entity=case.urn, after={"sub_cases": len(opened), "needing_night": nights})
    return len(opened)


async def manifest_unusable(work: Work, case_urn: Urn, state: str, why: str) -> None:
    """Leaves the case open with a review item: a person asks the airline. `state` is EMPTY or UNREACHABLE."""
    await store.save_case(work, case_urn, manifest_state=state)
    await open_review(work, ReviewKind.DATA_INCOMPLETE, case_urn, None, why, {"manifest": state}, subject=case_urn)
    await work.record(events.ManifestUnusable(case_urn, why), aggregate=case_urn)


def _sub_case(case: Case, draft: PnrDraft, now: datetime) -> SubCase:
    stay = stay_until(case.departs, draft.next_flight.departs if draft.next_flight else None)
    return SubCase(
        Urn.mint("sub-case"),
        case.urn,
        draft.pnr.bare,
        case.airport,
        draft.tier,
        draft.mixed_tier,
        draft.guests,
        draft.rooms or 0,
        draft.special_needs,
        draft.next_flight,
        stay,
        SubCaseStatus.PENDING if stay else SubCaseStatus.LOCAL_RESIDENT,
        None if stay else "The next flight leaves before a night is due.",
        bool(draft.phone),
        opened_at=now,
        changed_at=now,
        version=1,
        language=draft.language,
    )


async def _flag(work: Work, sub_case: SubCase) -> None:
    """Review items for what a person has to look at before or beside the voucher."""
    if sub_case.mixed_tier:
        summary = "The party holds tickets of different tiers: decide which one counts."
        await open_review(work, ReviewKind.MIXED_TIER_GROUP, sub_case.case, sub_case.urn, summary, {}, subject=sub_case.urn)
    if not sub_case.reachable:
        summary = "No phone number is known: tell the party at the desk."
        await open_review(
            work, ReviewKind.DATA_INCOMPLETE, sub_case.case, sub_case.urn, summary, {"missing": "contact"}, subject=sub_case.urn
        )
    if sub_case.rooms == 0:
        summary = "Minors travel alone: place them with a guardian."
        evidence = {"missing": "adult"}
        await open_review(
            work, ReviewKind.DATA_INCOMPLETE, sub_case.case, sub_case.urn, summary, evidence, subject=f"{sub_case.urn}|minors"
        )
