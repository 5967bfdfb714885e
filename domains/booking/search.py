"""Asks all sources at once within a hard time-box; whatever answered counts, and who did not is named.

Parties of one storm ask the same question: same airport, same nights, same rooms. A source's answer is shared by those who ask within
`SHARED_FOR`, and by those who ask while it is under way. Without it three hundred vouchers would send three hundred equal searches, six
seconds of a partner's whole allowance of 50 calls a second, ahead of the bookings. Nothing is decided on a shared answer for good: our own
holds are counted after it was asked, and the rate is checked again before it is booked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domains.booking.ports import Hotels, Offer, Search
from kernel import clock
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.tenancy import Tenant

TIME_BOX: Final = timedelta(seconds=2)  # from the question to the ranking
WAIT: Final = TIME_BOX - timedelta(milliseconds=100)  # for the sources; the rest is for ranking what came, beside other work
SHARED_FOR: Final = timedelta(seconds=5)  # allotments move slowly against it, and a burst of vouchers arrives within it


@dataclass(frozen=True, slots=True)
class Found:
    """`asked_at` is before the first source was asked. `silent` says of each source that did not answer, why.

    `refused` is set when not one of them answered: what that comes to. `NotSent` where one that may answer could not be asked (a throttle,
    no connection), so that asking again is free; `Declined` where all of them say no.
    """

    offers: tuple[Offer, ...]
    asked_at: datetime
    answered: tuple[str, ...]
    silent: dict[str, str]
    refused: Declined | NotSent | Unknown | None = None


@dataclass(slots=True)
class _Asked:
    at: datetime
    started: float
    task: asyncio.Task[Answer[tuple[Offer, ...]]]

    def usable(self) -> bool:
        """Under way, or a fresh answer; anything else is asked again."""
        if not self.task.done():
            return True
        fresh = clock.monotonic() - self.started < SHARED_FOR.total_seconds()
        return fresh and not self.task.cancelled() and self.task.exception() is None and isinstance(self.task.result(), Ok)


class Sources:
    """The sources of hotels that one process knows, and what it has lately asked them."""

    def __init__(self, sources: Sequence[Hotels]) -> None:
        self._sources = tuple(sources)
        self._asked: dict[tuple[str, Tenant, Search], _Asked] = {}

    @property
    def vendors(self) -> tuple[str, ...]:
        """All there are."""
        return tuple(source.vendor for source in self._sources)

    def source(self, vendor: str) -> Hotels:
        """The source that a URN's vendor names. Raises: LookupError."""
        found = next((source for source in self._sources if source.vendor == vendor), None)
        if found is None:
            raise LookupError(f"no source of hotels is called {vendor!r}")
        return found

    def traceable(self, vendor: str) -> bool:
        """Whether a booking there can be looked up; not where the source is not there any more."""
        return any(source.vendor == vendor and source.traceable for source in self._sources)

    async def ask(self, tenant: Tenant, search: Search) -> Found:
        """Offers of all sources that answer within `search.within`. Never raises for a source, never takes longer."""
        asked = {source.vendor: self._ask(source, tenant, search) for source in self._sources}
        if asked:
            await asyncio.wait([each.task for each in asked.values()], timeout=search.within.total_seconds())
        asked_at = min((each.at for each in asked.values()), default=clock.now())
        return _found({vendor: _said(each.task) for vendor, each in asked.items()}, asked_at)

    def _ask(self, source: Hotels, tenant: Tenant, search: Search) -> _Asked:
        self._forget()
        key = (source.vendor, tenant, search)
        known = self._asked.get(key)
        if known is None or not known.usable():
            task = asyncio.ensure_future(source.search(tenant, search))
            known = self._asked[key] = _Asked(clock.now(), clock.monotonic(), task)
        return known

    def _forget(self) -> None:
        self._asked = {key: asked for key, asked in self._asked.items() if asked.usable()}


def _said(task: asyncio.Task[Answer[tuple[Offer, ...]]]) -> Answer[tuple[Offer, ...]]:
    """What a source has said so far; nothing is worse than unknown, because a search changes nothing."""
    if not task.done():
        return Unknown("too late")
    if task.cancelled():
        return Unknown("cancelled")
    if error := task.exception():
        return Unknown(f"failed: {type(error).__name__}")
    return task.result()


def _found(said: Mapping[str, Answer[tuple[Offer, ...]]], asked_at: datetime) -> Found:
    answers = {vendor: each.value for vendor, each in said.items() if isinstance(each, Ok)}
    silent = {vendor: each.reason if isinstance(each, Declined) else each.why for vendor, each in said.items() if not isinstance(each, Ok)}
    refused = None if answers else _refused(list(said.values()), silent)
    return Found(tuple(offer for offers in answers.values() for offer in offers), asked_at, tuple(answers), silent, refused)


def _refused(said: Sequence[Answer[tuple[Offer, ...]]], silent: dict[str, str]) -> Declined | NotSent | Unknown:
    """What it comes to that nobody answered: the least certain of it, because a search may always be asked again."""
    unsent = [each for each in said if isinstance(each, NotSent)]
    declined = [each for each in said if isinstance(each, Declined)]
    if not said or len(unsent) + len(declined) < len(said):
        return Unknown("no source of hotels answered", silent)
    if unsent:
        return max(unsent, key=lambda each: each.retry_after or timedelta(0))
    return Declined(declined[0].code, "; ".join(dict.fromkeys(each.reason for each in declined)))
