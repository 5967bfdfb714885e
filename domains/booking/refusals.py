"""The ways booking says no."""

from __future__ import annotations

from kernel.refusal import Refusal


class WaveNotReady(Refusal):
    """This wave is not a plan that could be committed or let go; facts carry `state`."""
