"""Who comes next: tenants take turns, and within a tenant's turn every kind of work has a share that no other can take from it.

Idea: virtual time, twice. Of tenants, who was served least comes first; of a tenant's shares, the one that got least for its weight. An
idle one gathers no credit: when it has something to do again it starts level with the busy ones. Who is busy divides what there is, the
others are asked for one, to show that they are there. So nothing is kept for nobody, and a flood of one kind costs the others one round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Final, Generic, NamedTuple, TypeVar

from kernel.tenancy import Tenant

Key = TypeVar("Key", bound=Hashable)


class Share(IntEnum):
    """What a piece of work is for. `INTERACTIVE`: somebody waits who has just caused it, or cannot wait. `UNDO`: to give back."""

    FORWARD = 0
    UNDO = 1
    INTERACTIVE = 2


WEIGHTS: Final[Mapping[Share, int]] = {Share.FORWARD: 2, Share.UNDO: 1, Share.INTERACTIVE: 1}


class Portion(NamedTuple):
    """What may be taken of one tenant's work of one kind and share; `kind` is the plan of a workflow, the name of an operation."""

    tenant: Tenant
    kind: str
    share: Share
    most: int


class Line(Generic[Key]):
    """Those who wait for their turn, by least virtual time."""

    def __init__(self, weight: Callable[[Key], float] = lambda key: 1.0) -> None:
        self.busy: set[Key] = set()
        self._weight = weight
        self._served: dict[Key, float] = {}

    def order(self, keys: Iterable[Key]) -> list[Key]:
        """Who was served least comes first."""
        return sorted(keys, key=lambda key: (self._served.get(key, 0.0), key))

    def divide(self, count: int) -> dict[Key, int]:
        """`count` among the busy ones, each by what it was served for its weight."""
        if len(self.busy) == 1:
            return dict.fromkeys(self.busy, count)
        given = dict.fromkeys(self.order(self.busy), 0)
        for _ in range(count if given else 0):
            given[min(given, key=lambda key: self._served.get(key, 0.0) + (given[key] + 1) / self._weight(key))] += 1
        return given

    def expect(self, key: Key) -> None:
        """There is something to do for it."""
        if key not in self.busy:
            self._served[key] = max(self._served.get(key, 0.0), self._level())
            self.busy.add(key)

    def charge(self, asked: Collection[Key], served: Mapping[Key, int], idle: Collection[Key]) -> None:
        """Tells who was served how often; for the `idle` nothing more waits."""
        for key in self.busy.intersection(asked):
            self._served[key] = self._served.get(key, 0.0) + served.get(key, 0) / self._weight(key)
        level = self._level()
        for key in asked:
            if key not in self.busy:  # a newcomer starts where the others are now
                self._served[key] = max(self._served.get(key, 0.0), level) + served.get(key, 0) / self._weight(key)
        self.busy = (self.busy | set(asked)) - set(idle)

    def _level(self) -> float:
        return min((self._served.get(key, 0.0) for key in self.busy), default=0.0)


_ORDINARY: Final[Line[Share]] = Line()  # where nothing is known of a kind, it is taken for forward work
_ORDINARY.expect(Share.FORWARD)


class Turns:
    """Divides each round of claims among tenants, and a tenant's part among its shares."""

    def __init__(self) -> None:
        self._tenants: Line[Tenant] = Line()
        self._shares: dict[tuple[Tenant, str], Line[Share]] = {}

    def portions(self, tenants: Iterable[Tenant], kinds: Sequence[str], limit: int) -> list[Portion]:
        """How many each may take, in the order they shall be asked: those of whom nothing is known first, since they mostly have nothing;
        of a tenant's shares forward work last, so that what cuts a round short cuts no other.
        """
        order = self._tenants.order(tenants)
        busy = [tenant for tenant in order if tenant in self._tenants.busy]
        idle = [tenant for tenant in order if tenant not in self._tenants.busy]
        each = max(1, (limit - min(len(idle), limit // 2)) // max(1, len(busy)))
        return [
            Portion(tenant, kind, share, most)
            for several, some in ((idle, 1), (busy, each))
            for tenant in several
            for kind in kinds
            for share, most in self._divided(tenant, kind, some)
        ]

    def expect(self, tenant: Tenant | None) -> None:
        """There is something to do for this tenant."""
        if tenant is not None:
            self._tenants.expect(tenant)

    def charge(self, asked: Sequence[Portion], taken: Counter[tuple[Tenant, str, Share]], limit: int) -> None:
        """Tells what was taken of what was asked for, in this order and up to `limit`.

        What had less than it might have taken has nothing left that waits, unless the limit cut it off.
        """
        tried, cut = _tried(asked, taken, limit)
        counts: Counter[Tenant] = Counter()
        for (tenant, _, _), count in taken.items():
            counts[tenant] += count
        tenants = {portion.tenant for portion in tried}
        self._tenants.charge(tenants, counts, tenants - counts.keys())
        of: dict[tuple[Tenant, str], list[Portion]] = {}
        for portion in tried:
            of.setdefault((portion.tenant, portion.kind), []).append(portion)
        for (tenant, kind), portions in of.items():
            served = {portion.share: taken[tenant, kind, portion.share] for portion in portions}
            if (tenant, kind) in self._shares or any(served.values()):
                idle = {portion.share for portion in portions if served[portion.share] < portion.most and portion is not cut}
                self._line(tenant, kind).charge(served, served, idle)

    def _divided(self, tenant: Tenant, kind: str, count: int) -> list[tuple[Share, int]]:
        known = self._shares.get((tenant, kind))
        line = known if known and known.busy else _ORDINARY
        given = line.divide(max(1, count - (len(Share) - len(line.busy))))  # less the one that each of the others is asked for
        return [(share, given.get(share) or 1) for share in sorted(Share, reverse=True)]

    def _line(self, tenant: Tenant, kind: str) -> Line[Share]:
        if (tenant, kind) not in self._shares:
            self._shares[tenant, kind] = Line(WEIGHTS.__getitem__)
        return self._shares[tenant, kind]


def _tried(asked: Sequence[Portion], taken: Counter[tuple[Tenant, str, Share]], limit: int) -> tuple[Sequence[Portion], Portion | None]:
    """The portions that were really asked for, and the one that the limit may have cut short."""
    if taken.total() < limit:
        return asked, None
    last = max(number for number, (tenant, kind, share, _) in enumerate(asked) if taken[tenant, kind, share])
    return asked[: last + 1], asked[last]
