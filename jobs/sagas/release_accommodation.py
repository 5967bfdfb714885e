"""Gives back what `accommodate` got, after the passenger said no: the offer, the ride, the card, the room.

Nothing here is undone: what a partner will not take back is a person's business, and the rest is given back all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from domains.booking.commands import CancelRide, CancelRooms
from domains.booking.events import CancelRefused, RideCancelled, RideCancelRefused, RoomsCancelled
from domains.cases.commands import WithdrawOffer
from domains.cases.events import OfferWithdrawn
from domains.cases.model import SubCase
from domains.wallet.commands import VoidCard
from domains.wallet.events import CardVoided, VoidRefused
from kernel.saga import CONTINUE_WITH_REVIEW, Answers, Saga, step
from kernel.urn import Urn


@dataclass(frozen=True, slots=True)
class Params:
    """`workflow` is the one whose doings are given back; `reservation` is None when no offer is shown."""

    sub_case: Urn
    workflow: Urn
    reservation: Urn | None
    reason: str


_WITHDRAW = step("withdraw", ask=WithdrawOffer, done=OfferWithdrawn, on_failure=CONTINUE_WITH_REVIEW)
_VOID = step("void", ask=VoidCard, done=CardVoided, refused=VoidRefused, on_failure=CONTINUE_WITH_REVIEW)
_CANCEL = step("cancel", ask=CancelRooms, done=RoomsCancelled, refused=CancelRefused, on_failure=CONTINUE_WITH_REVIEW)

WITHOUT_A_RIDE = Saga("release_accommodation", Params, _WITHDRAW, _VOID, _CANCEL)  # version 1: for those that were started with it
RELEASE_ACCOMMODATION = Saga(
    "release_accommodation",
    Params,
    _WITHDRAW,
    step("call_off", ask=CancelRide, done=RideCancelled, refused=RideCancelRefused, on_failure=CONTINUE_WITH_REVIEW),
    _VOID,
    _CANCEL,
    version=2,
)


def params(sub_case: SubCase, workflow: Urn, reason: str) -> Params:
    """For a sub-case whose accommodation by `workflow` is not wanted any more."""
    return Params(sub_case.urn, workflow, sub_case.offer.reservation if sub_case.offer else None, reason)


def withdraw(params: Params, answers: Answers) -> WithdrawOffer | None:
    return WithdrawOffer(params.sub_case, params.reservation) if params.reservation else None


def void(params: Params, answers: Answers) -> VoidCard:
    return VoidCard(params.sub_case, params.workflow, params.reason)


def cancel(params: Params, answers: Answers) -> CancelRooms:
    return CancelRooms(params.sub_case, params.workflow, params.reason)


def call_off(params: Params, answers: Answers) -> CancelRide:
    return CancelRide(params.sub_case, params.workflow, params.reason)
