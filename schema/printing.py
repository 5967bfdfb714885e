"""The schemas as text: committed under `schema/printed/`, so that a change of what anyone sees shows in its review."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from schema.audience import OPERATOR, PARTNER, PASSENGER
from schema.contract import contract
from schema.graph import GRAPH
from schema.subgraph import subgraph

HOME: Final = Path(__file__).parent / "printed"
AUDIENCES: Final = {"operator": OPERATOR, "passenger": PASSENGER, "partner": PARTNER}
SUBGRAPHS: Final = tuple(name for name in GRAPH.domains if name not in ("common", "node"))
"""Those who own something; what nobody owns is said by each."""


def names() -> list[str]:
    return [*AUDIENCES, *SUBGRAPHS]


def text_of(name: str) -> str:
    """The schema of an audience, or of a domain for a router. Raises: KeyError."""
    if name in AUDIENCES:
        return contract(AUDIENCES[name]).printed()
    if name in SUBGRAPHS:
        return subgraph(name).printed()
    raise KeyError(name)


def file_of(name: str) -> Path:
    return HOME / f"{name}.graphql" if name in AUDIENCES else HOME / "subgraphs" / f"{name}.graphql"
