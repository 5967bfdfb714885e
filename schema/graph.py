"""The one graph of all domains, and the only list of them."""

from __future__ import annotations

from typing import Final

from schema import (
    access,
    booking,
    cases,
    common,
    contracts,
    demand,
    flights,
    lines,
    node,
    notifications,
    partners,
    queue,
    screens,
    trip,
    wallet,
    waves,
)
from schema.join import Graph, join

GRAPH: Final[Graph] = join(
    common,
    node,
    cases,
    screens,
    flights,
    demand,
    booking,
    contracts,
    waves,
    wallet,
    notifications,
    partners,
    lines,
    queue,
    trip,
    access,
)
