"""Who a part of the graph is for. Nothing is visible to anyone unless it is said."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Flag, auto
from typing import Final

from kernel.identity import Identity, Operator, Partner, Passenger


class Audience(Flag):
    """Combined with `|`. The lower-case name of each is its `@tag`."""

    OPERATOR = auto()
    PASSENGER = auto()
    PARTNER = auto()

    @property
    def tags(self) -> list[str]:
        return [str(one.name).lower() for one in EACH if one in self]

    @classmethod
    def from_tags(cls, tags: Iterable[str]) -> Audience:
        """The audiences these tags name; tags that name none are somebody else's and are passed over."""
        seen, wanted = NOBODY, set(tags)
        for one in EACH:
            if str(one.name).lower() in wanted:
                seen |= one
        return seen

    @classmethod
    def of(cls, identity: Identity) -> Audience:
        """The audience this identity belongs to; nobody for Nexa itself, which does not use the graph."""
        return _OF_IDENTITY.get(type(identity), NOBODY)


OPERATOR: Final = Audience.OPERATOR
PASSENGER: Final = Audience.PASSENGER
PARTNER: Final = Audience.PARTNER
NOBODY: Final = Audience(0)
EVERYONE: Final = OPERATOR | PASSENGER | PARTNER
EACH: Final = (OPERATOR, PASSENGER, PARTNER)
_OF_IDENTITY: Final[dict[type, Audience]] = {Operator: OPERATOR, Passenger: PASSENGER, Partner: PARTNER}
