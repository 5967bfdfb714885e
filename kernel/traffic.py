"""Traffic shaping: everything that goes out to a partner takes a slot first, one line of slots over all processes.

In this order, for each account (partner and airline, as partners count):
breaker          is it left alone at the moment (`kernel/breaker.py`)?
in flight        how many may be under way in this process: x 0.7 for a throttle or a slow answer, as every time-out is, never below
                 one; one more for each full round that went well while half was used. What fails at once is no sign of a crowd: that
                 is the breaker's. Look-ups and undos go first here too.
pace             aiolimiter lets this process ask for slots no faster than the ceiling allows them, what goes first beside the rest
slot             reserved in the shared line (`kernel/account.py`), and slept for
last look        the slot is given up and another taken when the sleeper woke too late (`kernel/lateness.py`) or the line was laid out anew
                 meanwhile (throttled, paused, another ceiling), and nobody leaves on news older than a quarter of a second

Send within a second: an operation is committed as in flight before it comes here, and must leave within a second of that commit or not at
all. So a slot is only reserved when it comes within what is left of the second (`Passage.patience`, by `kernel/departure.py`), and a longer
wait is answered NotSent at once, with the instant at which its turn would be; nothing is kept for it, and each is told another instant,
so that those who come back come no faster than slots do. The clock is looked at again after the sleep, here and just before the first byte:
who overslept is not sent. NotSent always means that the exchange was not begun.

A store that is away: the process goes on alone, with its share of the ceiling by the number of processes last seen, and tries the store
again each second. It never stops for good, and all together stay below the ceiling.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

from aiolimiter import AsyncLimiter

from kernel import clock
from kernel.account import WINDOW, Accounts, AccountUnreachable, Key, View
from kernel.answer import Answer, NotSent
from kernel.breaker import NEWS, Breaker, Changed
from kernel.lateness import Lateness
from kernel.partner import Exchange, Outcome, Passage, Probing, Verdict

T = TypeVar("T")
log = logging.getLogger("nexa.partner")

SHAPED: Final = "no slot in time"
PAUSED: Final = "it asked us to pause"
CROWDED: Final = "enough is under way there already"
AT_FIRST, AT_MOST = 64.0, 400.0  # in flight per process; the most is what one door has connections for
CROWD_UNSEEN: Final = 8  # processes that may share an account, where the store never said
AWAY_AGAIN: Final = 1.0  # seconds until a store that was away is asked again
LONGEST_QUEUE: Final = 60.0  # seconds; nobody is told to come back later than that
SHOWN_EVERY: Final = 2.0  # seconds between two pictures of a partner in use
ALONE: Final = 0.8  # of the share, while nobody can see the others


@dataclass(slots=True)
class InFlight:
    """How many calls of one account may be under way in this process. Whoever waits to leave counts, but is no reason to let more in."""

    limit: float = AT_FIRST
    inside: int = 0
    flying: int = 0
    _cut_at: float = -1.0
    _first: deque[asyncio.Future[None]] = field(default_factory=deque)
    _others: deque[asyncio.Future[None]] = field(default_factory=deque)

    async def enter(self, first: bool, patience: float) -> bool:
        """Waits for a place, at most so many seconds; whether there was one."""
        if self.inside < int(self.limit) and not self._first and (first or not self._others):
            self.inside += 1
            return True
        place = asyncio.get_running_loop().create_future()
        (self._first if first else self._others).append(place)
        try:
            async with asyncio.timeout(patience):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled():  # it came in the moment it was given up
                self.leave()
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def leave(self) -> None:
        self.inside -= 1
        while self.inside < int(self.limit) and (place := self._next()) is not None:
            self.inside += 1
            place.set_result(None)

    def came_back(self, began: float, well: bool) -> None:
        """What a call that began at this monotonic instant says about the limit. One cut for all that were under way together."""
        if not well and began > self._cut_at:
            self._cut_at = clock.monotonic()
            self.limit = max(1.0, self.limit * 0.7)
        elif well and self.flying * 2 >= self.limit:
            self.limit = min(AT_MOST, self.limit + 1 / self.limit)

    def _next(self) -> asyncio.Future[None] | None:
        for waiting in (self._first, self._others):
            while waiting:
                place = waiting.popleft()
                if not place.done():
                    return place
        return None


@dataclass(slots=True)
class Alone:
    """Slots of this process's own, while the store is away."""

    next_at: float = 0.0
    asked_at: float = float("-inf")

    def slot(self, share: float, patience: float, not_before: float) -> float | None:
        """Seconds until the next one; None when it is too far."""
        now = clock.monotonic()
        at = max(now, self.next_at, not_before)
        if at - now > patience:
            return None
        self.next_at = at + 1 / share
        return at - now


class _Paces:
    """How fast this process may ask for slots: one limiter for what goes first, so that it does not queue behind the rest."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._limiters = (AsyncLimiter(1, 1 / rate), AsyncLimiter(1, 1 / rate))
        self._waiting = [0, 0]
        self._later = [0.0, 0.0]

    async def keep(self, first: bool, patience: float) -> float | None:
        """Waits its turn, at most `patience` seconds; else the seconds until it is worth asking again, for each caller another instant."""
        limiter = self._limiters[first]
        if limiter.has_capacity():
            await limiter.acquire()
            return None
        if (self._waiting[first] + 1) / self.rate > patience:
            return self._come_back(first)
        self._waiting[first] += 1
        try:
            async with asyncio.timeout(patience):
                await limiter.acquire()
        except TimeoutError:
            return self._come_back(first)
        finally:
            self._waiting[first] -= 1
        return None

    def _come_back(self, first: bool) -> float:
        now = clock.monotonic()
        at = max(self._later[first], now + self._waiting[first] / self.rate) + 1 / self.rate
        self._later[first] = min(at, now + LONGEST_QUEUE)
        return at - now


class Lane:
    """One account, in this process."""

    def __init__(self, key: Key, ceiling: float, accounts: Accounts, who: str, breaker: Breaker) -> None:
        self.key, self.ceiling, self.accounts, self.who, self.breaker = key, ceiling, accounts, who, breaker
        self.in_flight, self.lateness = InFlight(), Lateness()
        self._alone = Alone()
        self._paces = _Paces(ceiling)
        self._view: View | None = None
        self._heard_at = float("-inf")
        self._paused_until = float("-inf")
        self._used_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    async def through(self, passage: Passage, exchange: Exchange[T]) -> Answer[T]:
        """As `Gate.through`."""
        until = clock.monotonic() + passage.patience
        lease = await self.breaker.refusal(passage)
        if isinstance(lease, NotSent):
            return lease
        try:
            if not await self.in_flight.enter(passage.first, until - clock.monotonic()):
                return NotSent(CROWDED, timedelta(seconds=1))
            try:
                refused = await self._slot(passage, until, lease is not None)
                if refused is not None:
                    return refused
                held, lease = lease, None
                return await self.breaker.call(passage, self._watched(passage, exchange), held)
            finally:
                self.in_flight.leave()
        finally:
            if lease is not None:
                await self.breaker.settle(lease, "nothing")

    def _watched(self, passage: Passage, exchange: Exchange[T]) -> Exchange[T]:
        async def watched() -> Outcome[T]:
            began = clock.monotonic()
            self.in_flight.flying += 1
            try:
                outcome = await exchange()
            finally:
                self.in_flight.flying -= 1
            if outcome.verdict is Verdict.THROTTLED:
                pause = outcome.pause.total_seconds() if outcome.pause is not None else 1 / self.ceiling
                self._paused_until = max(self._paused_until, clock.monotonic() + pause)
            if outcome.verdict is not None:
                bad = outcome.verdict is Verdict.THROTTLED or outcome.took >= passage.slow_after
                self.in_flight.came_back(began, not bad)
            return outcome

        return watched

    async def _slot(self, passage: Passage, until: float, probing: bool) -> NotSent | None:
        """Sleeps until the slot of this call has come; NotSent when it does not come in time."""
        while True:
            refused = self._left_alone(probing) or await self._paced(passage, until)
            if refused is not None:
                return refused
            slot = await self._reserve(passage, until)
            if isinstance(slot, NotSent):
                return slot
            at, layout = slot
            wait = at - clock.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            if layout is None:  # alone
                return self._left_alone(probing)
            if clock.monotonic() - self._heard_at > NEWS:
                await self._look()
            refused = self._left_alone(probing)
            if refused is not None:
                return refused
            late = clock.monotonic() - at
            self.lateness.woke(late)
            if late <= self.lateness.allowed and self._view is not None and self._view.layout == layout:
                return None

    async def _paced(self, passage: Passage, until: float) -> NotSent | None:
        behind = await self._paces.keep(passage.first, until - clock.monotonic())
        return None if behind is None else NotSent(SHAPED, timedelta(seconds=behind))

    async def _reserve(self, passage: Passage, until: float) -> NotSent | tuple[float, int | None]:
        """The monotonic instant of the slot, and under which layout; None: this process is alone."""
        asked = clock.monotonic()
        if asked - self._alone.asked_at > AWAY_AGAIN:
            seen = self.breaker.unsaid()
            try:
                view, slot = await self.accounts.reserve(
                    self.key, self.ceiling, until - asked, first=passage.first, who=self.who, seen=seen, good=seen.calls > 0,
                    late=self.lateness.told,
                )  # fmt: skip
            except AccountUnreachable as error:
                self._alone.asked_at = clock.monotonic()
                log.warning("the slots of %s are out of reach (%s); this process keeps to its share", self.key, error)
            else:
                self._hear(view)
                self._show()
                if not slot.granted:
                    return NotSent(PAUSED if view.paused else SHAPED, timedelta(seconds=max(slot.wait, view.paused)))
                # It was given between asking and now. Were that long, nobody could say when it comes, and it is taken for late.
                return min(clock.monotonic(), asked + self.lateness.allowed / 2) + slot.wait, view.layout
        wait = self._alone.slot(self._share(), until - clock.monotonic(), self._paused_until)
        return NotSent(SHAPED, timedelta(seconds=1 / self._share())) if wait is None else (clock.monotonic() + wait, None)

    def _show(self) -> None:
        """Tells the screens how it goes, every so often while it is used and until nothing of it is left in the window."""
        self._used_at = clock.monotonic()
        if self.breaker.changed is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SHOWN_EVERY, self._shown)

    def _shown(self) -> None:
        self._timer = None
        if self.breaker.changed is not None:
            self.breaker.changed(self.key, False)
            if clock.monotonic() - self._used_at < WINDOW.total_seconds() + SHOWN_EVERY:
                self._timer = asyncio.get_running_loop().call_later(SHOWN_EVERY, self._shown)

    async def close(self) -> None:
        """Ends what runs beside the calls, and tells what was not told yet."""
        if self._timer is not None:
            self._timer.cancel()
        await self.breaker.close()

    def _share(self) -> float:
        pace = self._view.pace if self._view is not None else self.ceiling
        crowd = self._view.crowd if self._view is not None else CROWD_UNSEEN
        return ALONE * pace / max(1, crowd)

    def _left_alone(self, probing: bool) -> NotSent | None:
        """What was heard while waiting: a breaker that opened, a pause."""
        return None if probing else self.breaker.closed_to_others()

    async def _look(self) -> None:
        try:
            self._hear(await self.accounts.look(self.key, self.ceiling))
        except AccountUnreachable:
            self._alone.asked_at = clock.monotonic()

    def _hear(self, view: View) -> None:
        self._view, self._heard_at = view, clock.monotonic()
        if view.paused:
            self._paused_until = self._heard_at + view.paused
        if view.ceiling != self._paces.rate:
            self._paces = _Paces(view.ceiling)
        self.breaker.hear(view)


class Traffic:
    """The gate of a process: every account has a lane of its own, made at its first call. Nothing runs while nobody calls."""

    def __init__(
        self, accounts: Accounts, who: str, *, ceilings: Mapping[str, float] | None = None, changed: Changed | None = None
    ) -> None:  # fmt: skip
        self.accounts, self.who = accounts, f"{who}:{secrets.token_hex(4)}"
        self._ceilings = ceilings or {}
        self._changed = changed
        self._probes: dict[str, Probing] = {}
        self._lanes: dict[Key, Lane] = {}

    def probe_with(self, probes: Mapping[str, Probing]) -> None:
        """By vendor: who finds out whether a partner is back."""
        self._probes.update(probes)

    async def through(self, passage: Passage, exchange: Exchange[T]) -> Answer[T]:
        """As `Gate.through`."""
        return await self.lane(passage).through(passage, exchange)

    def lane(self, passage: Passage) -> Lane:
        """The account's, in this process."""
        key = Key(passage.vendor, passage.tenant)
        return self._lanes.get(key) or self._lanes.setdefault(key, self._open(key, passage))

    async def close(self) -> None:
        """Tells what was not told yet."""
        for lane in self._lanes.values():
            await lane.close()
        await self.accounts.close()

    def _open(self, key: Key, passage: Passage) -> Lane:
        ceiling = self._ceilings.get(str(key)) or self._ceilings.get(key.vendor) or passage.limit
        probe, tenant = self._probes.get(key.vendor), passage.tenant
        breaker = Breaker(
            key, ceiling, self.accounts, self.who,
            probe=None if probe is None else lambda: probe.probe(tenant), changed=self._changed,
        )  # fmt: skip
        return Lane(key, ceiling, self.accounts, self.who, breaker)
