"""The airline's own contracted carriers: taxis and buses that have no system, only a desk with a telephone.

A dispatch is an order of few words with a reference, sent to the carrier's desk as a text; the passenger shows the reference. It names
nobody: a desk needs to know when, where from, where to and for how many. So a dispatch is as good as the text that carries it: class C,
found again by number and words. Nobody tells how a ride goes on, so it can be called off but not asked about. There is no twin, because
there is no system; what a desk was told is in the book of whoever carries texts.

The contracts are the account `contracted` of the tenant: `carriers` is a JSON list of `{"name", "desk", "airports", "radiusKm", "seats",
"base", "perKm", "currency", "waitMinutes"}`.
"""

from __future__ import annotations

from typing import Final

VENDOR: Final = "contracted"
