"""The ways cases says no."""

from __future__ import annotations

from kernel.refusal import Refusal


class SubCaseLocked(Refusal):
    """Another operator is working on this sub-case; facts carry `holder` and `since`."""


class NoSession(Refusal):
    """A lock lives with an open console; ask for it over the socket, or name the session of yours."""


class LockLost(Refusal):
    """Your lock has passed to somebody else; facts carry `holder` and `fence`."""


class MoveRefused(Refusal):
    """The sub-case is not in a state that allows this; facts carry `status` and `move`."""


class NoNightNeeded(Refusal):
    """The party flies before a night is due: there is nothing to book."""


class MixedTierParty(Refusal):
    """The party holds tickets of different tiers; a person decides its tier first."""


class MinorsAlone(Refusal):
    """The party has no adult; a person places it."""


class OutcomeUnknown(Refusal):
    """A booking's outcome is still unknown; resolve its review first."""


class ReviewTaken(Refusal):
    """Another operator has taken this review; facts carry `holder_name` and `since`."""


class ReviewOver(Refusal):
    """This review is resolved already."""


class FindingNeeded(Refusal):
    """Nobody knows what the partner did: say what you found."""


class StepNotPossible(Refusal):
    """The workflow cannot go on like that as it stands; facts carry `possible`."""


class WorkflowOvertaken(Refusal):
    """A newer voucher is being worked on for this party."""


class NotTogether(Refusal):
    """These cannot be placed in one house: they are stranded at different airports, or for different nights."""


class NothingDemanded(Refusal):
    """No party of these needs a room, or may have one."""


class DemandNeeded(Refusal):
    """So many rooms at once need a supervisor's word; facts carry `rooms`."""


class DemandDecided(Refusal):
    """This demand has been decided already."""


class OfferChanged(Refusal):
    """The offer changed after the passenger saw it; facts carry both versions."""


class WrongVendor(Refusal):
    """The flight's URN names a vendor that this airline does not use; facts carry `vendor` and `expected`."""


class OutsideAirports(Refusal):
    """The airport is outside the ones this operator works at."""


class KeyReused(Refusal):
    """This idempotency key was used for another request."""
