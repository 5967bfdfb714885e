"""Asking the airline's PSS who sat on the flight, and opening a sub-case for each PNR."""

from __future__ import annotations

from datetime import timedelta

from domains.airline.model import Manifest, ManifestEntry, Tier, TravellerKind
from domains.cases import actions
from domains.cases.model import Guests, NextFlight, PnrDraft, Traveller
from domains.cases.model import Tier as CaseTier
from domains.policies.model import rooms_for
from jobs.registry import Ports
from kernel.answer import Answer, Declined, Ok
from kernel.operation import Class, Operation, OperationRow
from kernel.urn import Urn
from kernel.work import Work

_RANK = {Tier.CREW: -1, Tier.ECONOMY: 0, Tier.PREMIUM_ECONOMY: 1, Tier.BUSINESS: 2, Tier.FIRST: 3}


async def _send(ports: Ports, row: OperationRow) -> Answer[Manifest]:
    return await ports.manifests.manifest(row.tenant, Urn(row.intent["flight"]))


async def _outcome(work: Work, row: OperationRow, answer: Answer[Manifest], ports: Ports) -> None:
    if isinstance(answer, Ok):
        await actions.provision_manifest(work, row.subject, drafts_of(answer.value))
    elif isinstance(answer, Declined):
        await actions.manifest_unusable(work, row.subject, "UNREACHABLE", f"The airline's system says: {answer.reason}")
    else:
        await actions.manifest_unusable(work, row.subject, "UNREACHABLE", f"The airline's system gave no manifest: {answer.why}")


FETCH_MANIFEST: Operation[Ports, Manifest] = Operation(
    name="fetch_manifest",
    domain="cases",
    kind=Class.READ,
    send=_send,
    outcome=_outcome,
    time_out=timedelta(seconds=15),
    budget=60,  # a read costs the airline nothing; a manifest that comes late is better than none
    patience=timedelta(hours=6),
)


def drafts_of(manifest: Manifest) -> list[PnrDraft]:
    """One draft per PNR, in the manifest's order; a PNR that the airline lists twice is taken once."""
    unique = {entry.pnr.bare: entry for entry in manifest.entries if entry.travellers}
    return [_draft(entry) for entry in unique.values()]


def _draft(entry: ManifestEntry) -> PnrDraft:
    guests = Guests(*(entry.count(kind) for kind in (TravellerKind.ADULT, TravellerKind.CHILD, TravellerKind.INFANT)))
    onward = entry.next_flight
    return PnrDraft(
        pnr=entry.pnr,
        tier=CaseTier(max(entry.tiers, key=_RANK.__getitem__)),
        mixed_tier=len(entry.tiers) > 1,
        guests=guests,
        rooms=rooms_for(guests.adults, guests.children, guests.infants),
        special_needs=tuple(sorted({need.value for traveller in entry.travellers for need in traveller.needs})),
        next_flight=NextFlight(onward.flight, onward.departure, onward.origin, onward.destination) if onward else None,
        travellers=tuple(Traveller(each.urn, each.given_name, each.family_name, each.kind.value) for each in entry.travellers),
        phone=entry.contact.phone,
        email=entry.contact.email,
        language=entry.contact.language,
    )
