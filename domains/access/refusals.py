"""The ways access says no."""

from __future__ import annotations

from kernel.refusal import Refusal


class SessionEnded(Refusal):
    """This sign-in is over; sign in again."""


class UnknownScope(Refusal):
    """There is no such scope; facts carry `scopes`."""
