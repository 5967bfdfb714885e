"""Measurements by hand: each prints ratios against a floor measured in the same run. They are not tests.

A bench is a module with `NAME`'s docstring, `configure(parser)` and `async def measure(arguments, console) -> Result`.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Result:
    """`ratios` are what is promised, `figures` what they were made of; milliseconds unless the name says otherwise."""

    ratios: dict[str, float]
    figures: dict[str, object] = field(default_factory=dict)
