"""RankHotels: what was found is gated, scored and kept. The search itself is a partner operation and happens before."""

from __future__ import annotations

from domains.booking import store
from domains.booking.commands import RankHotels
from domains.booking.events import HotelsRanked, NoHotelFits
from domains.booking.model import Ranking
from domains.booking.ranking import rank
from domains.booking.search import Found
from kernel.urn import Urn
from kernel.work import Work


async def rank_hotels(work: Work, command: RankHotels, found: Found, reply_to: str) -> Ranking:
    """Ranks what was found and answers HotelsRanked or NoHotelFits."""
    made = await _rank(work, command, found, reply_to)
    await _tell(work, command, made, reply_to)
    return made


async def tell_again(work: Work, command: RankHotels, reply_to: str) -> bool:
    """Answers a repeated question with the ranking that was made for it; False when there is none yet."""
    known = await store.ranking_for(work, reply_to)
    if known is not None:
        await _tell(work, command, known, reply_to)
    return known is not None


async def nothing_found(
    work: Work, command: RankHotels, reply_to: str, why: str, excluded: dict[str, int], evidence: dict[str, str] | None = None
) -> None:
    """Answers NoHotelFits."""
    await work.record(NoHotelFits(command.sub_case, why, excluded, evidence), aggregate=command.sub_case, reply_to=reply_to)


async def _rank(work: Work, command: RankHotels, found: Found, reply_to: str) -> Ranking:
    hotels = {offer.hotel for offer in found.offers}
    standing = await store.standing(work, hotels, command.check_in, command.check_out, found.asked_at)
    ranked = rank(found.offers, command, standing, found.answered)
    made = Ranking(
        Urn.mint("ranking"), command.sub_case, command.airport, command.rooms, found.asked_at, ranked.candidates, ranked.excluded,
        found.answered, found.silent, ranked.left_out,
    )  # fmt: skip
    await store.add_ranking(work, made, reply_to)
    return made


async def _tell(work: Work, command: RankHotels, made: Ranking, reply_to: str) -> None:
    if not made.candidates:
        await nothing_found(work, command, reply_to, _why(made), made.excluded)
        return
    best = made.candidates[0].offer.name
    ranked = HotelsRanked(command.sub_case, made.urn, len(made.candidates), best, made.answered, made.silent)
    await work.record(ranked, aggregate=command.sub_case, reply_to=reply_to)


def _why(made: Ranking) -> str:
    if not made.excluded:
        return f"no hotel near {made.airport} has rooms for these nights"
    reasons = ", ".join(f"{count} {reason.lower().replace('_', ' ')}" for reason, count in made.excluded.items())
    return f"no hotel near {made.airport} fits the policy: {reasons}"
