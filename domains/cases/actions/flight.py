"""What the airline changes afterwards: the flight goes after all, or a party was seated on another one.

What was got for a party and is needed no longer is given back by its own workflow: one that still runs undoes itself, after one that is
done a release follows, in the order of an undo.
"""

from __future__ import annotations

from typing import Any

from domains.cases import events, store
from domains.cases.actions.review import open_review
from domains.cases.actions.settle import change
from domains.cases.commands import ChangeNextFlight, ReinstateFlight
from domains.cases.model import Case, Move, NextFlight, ReviewKind, StayPlan, SubCase, SubCaseStatus, moved, stay_until
from kernel.refusal import BadInput, NotFound
from kernel.urn import Urn
from kernel.work import Work

_UNHOUSED = frozenset({SubCaseStatus.PENDING, SubCaseStatus.MANUAL_REVIEW, SubCaseStatus.REJECTED_BY_PAX, SubCaseStatus.LOCAL_RESIDENT})


async def reinstate_flight(work: Work, command: ReinstateFlight, airports: frozenset[str] = frozenset()) -> tuple[Urn, ...]:
    """The flight goes after all: every party of its case is cancelled, and what was got for it given back. Who was cancelled by it.

    Refuses: BadInput (no reason), NotFound. May be repeated.
    """
    case = await store.case_by_urn(work, command.case)
    if case is None or (airports and case.airport not in airports):
        raise NotFound("There is no such case.")
    if not command.reason.strip():
        raise BadInput("A reason is needed: rooms will be given back.")
    parties = await store.sub_cases_for_update(work, await store.sub_cases_of_case(work, case.urn))
    cancelled = [urn for urn, (party, _) in parties.items() if await _stand_down(work, party, Move.CANCEL, command.reason.strip())]
    if cancelled:
        await work.audit(action="case.reinstate", entity=case.urn, reason=command.reason.strip(), after={"cancelled": len(cancelled)})
    return tuple(cancelled)


async def change_next_flight(work: Work, command: ChangeNextFlight) -> SubCase:
    """The airline has seated a party on another flight: its nights are counted anew. The same flight again changes nothing.

    Without a night left everything is given back (LOCAL_RESIDENT). Who has no room yet simply has other nights from now on; who has one, or
    is about to, keeps it, and a person decides what becomes of the nights that differ.

    Refuses: NotFound. May be repeated.
    """
    found = await store.party_on_flight(work, command.flight, command.pnr)
    if found is None:
        raise NotFound("Nobody of this booking is on that flight's case.")
    case, urn = found
    [(party, _)] = (await store.sub_cases_for_update(work, [urn])).values()
    onward = NextFlight(command.next_flight, command.departs, command.origin, command.destination)
    if party.next_flight == onward or party.status is SubCaseStatus.CANCELLED:
        return party
    stay = stay_until(case.departs, onward.departs)
    await _audit(work, party, onward, stay)
    facts: dict[str, Any] = {
        "next_flight": store.next_flight_row(onward),
        "check_in": stay and stay.check_in,
        "check_out": stay and stay.check_out,
    }
    if stay is None and party.status is not SubCaseStatus.LOCAL_RESIDENT:
        await _stand_down(work, party, Move.NEED_NO_NIGHT, "The next flight leaves before a night is due.", **facts)
    elif party.status in _UNHOUSED:
        status = moved(party.status, Move.NEED_A_NIGHT) if stay else None
        why = "The next flight leaves after a night." if status else party.reason
        await change(work, party, status=status or party.status, reason=why, **facts)
    else:
        await change(work, party, **facts)
        if stay != party.stay:
            await _ask_a_person(work, case, party, stay)
    [(changed, _)] = (await store.sub_cases_for_update(work, [urn])).values()
    return changed


async def _stand_down(work: Work, party: SubCase, move: Move, reason: str, **facts: Any) -> bool:
    """Whether there was anything to stand down from. The passenger sees no offer any more, from this on."""
    target = moved(party.status, move)
    if target is None:
        return False
    await change(work, party, status=target, reason=reason, offer=None, offer_since=None, **facts)
    if party.workflow is not None:
        await work.record(events.AccommodationUnneeded(party.urn, party.workflow, reason), aggregate=party.urn)
    await work.audit(
        action="sub-case.stand-down", entity=party.urn, root=party.case, reason=reason, before={"status": party.status},
        after={"status": target, "workflow": party.workflow},
    )  # fmt: skip
    return True


async def _ask_a_person(work: Work, case: Case, party: SubCase, stay: StayPlan | None) -> None:
    was = _nights(party.stay)
    now = _nights(stay)
    why = f"The airline has changed the next flight: the room is for {was}, needed is {now}. Ask the hotel, or book anew."
    evidence = {"booked": was, "needed": now}
    if party.offer is not None:
        evidence |= {"hotel": party.offer.hotel_name, "confirmation": party.offer.confirmation, "reservation": str(party.offer.reservation)}
    await open_review(work, ReviewKind.PARTIAL_FULFILLMENT, case.urn, party.urn, why, evidence, subject=f"{party.urn}|{now}")


async def _audit(work: Work, party: SubCase, onward: NextFlight, stay: StayPlan | None) -> None:
    before = {"next_flight": party.next_flight and party.next_flight.flight, "nights": _nights(party.stay)}
    after = {"next_flight": onward.flight, "nights": _nights(stay)}
    await work.audit(action="sub-case.next-flight", entity=party.urn, root=party.case, before=before, after=after)


def _nights(stay: StayPlan | None) -> str:
    return f"{stay.check_in} to {stay.check_out}" if stay else "no night"
