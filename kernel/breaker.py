"""The breaker: a partner that is down is left alone by everybody, and comes back without a person.

aiobreaker is the state machine, behind this one door, because three things it does must not reach a caller:
- the call that trips it surfaces there as "breaker open", although it went out: here its own answer comes back, and only what was refused
  before the first byte is NotSent;
- half-open lets every caller through: here one probe is leased over all processes, and a probe is a look-up, never a booking;
- its state is one process's: here it is a view of the shared one (`kernel/account.py`), which every call that gets a slot brings along.

Opens at 50 % failed or 60 % slow of at least ten calls in thirty seconds, over all processes, and at once when the credential is refused.
Open for 15 s, twice as long after each probe that failed, at most five minutes. A business refusal is healthy; a throttle says nothing.
While it is open, who asks is told to come back when it is time to probe. The look-up that comes then is the probe; where somebody wants
something else, the adapter's own `probe` is run in the background, so that nobody has to look something up for a partner to come back.
With the store away each process judges by what it saw itself.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from aiobreaker import CircuitBreaker, CircuitBreakerError, CircuitBreakerState
from aiobreaker.storage.base import CircuitBreakerStorage

from kernel import clock
from kernel.account import WINDOW, Accounts, AccountUnreachable, BreakerState, Key, Seen, View
from kernel.answer import Answer, NotSent
from kernel.operation import Class
from kernel.partner import Exchange, Outcome, Passage, Verdict

T = TypeVar("T")
log = logging.getLogger("nexa.partner")

OPEN: Final = "left alone: its breaker is open"
FEWEST: Final = 10  # calls in the window before a share of them says anything
FAILED_SHARE: Final = 0.5
SLOW_SHARE: Final = 0.6
FIRST_OPEN: Final = 15.0  # seconds, when the store is away and does not say
NEWS: Final = 0.25  # seconds; nobody goes out on older news, nor is anything kept back for longer
PROBE_AGAIN: Final = timedelta(seconds=1)  # how soon to come back while a probe is under way
_NEVER: Final = timedelta(days=36_500)  # aiobreaker opens its own door by its own clock; ours is the shared state's
_SPOKEN: Final = (Verdict.HEALTHY, Verdict.UNAUTHORIZED, Verdict.UNREACHABLE, Verdict.FAILED, Verdict.EXPIRED)
_FAILURES: Final = (Verdict.UNREACHABLE, Verdict.FAILED)
_TO: Final = {
    BreakerState.CLOSED: CircuitBreakerState.CLOSED,
    BreakerState.OPEN: CircuitBreakerState.OPEN,
    BreakerState.PROBING: CircuitBreakerState.OPEN,  # open to all but the one who probes
}

Probe = Callable[[], Awaitable[object]]
Changed = Callable[[Key, bool], None]  # whether the screens should hear of it at once


def seen(outcome: Outcome[object], slow_after: float) -> Seen:
    """One call, as the window counts it."""
    spoken = outcome.verdict in _SPOKEN
    failed = outcome.verdict in _FAILURES
    slow = spoken and outcome.verdict is not Verdict.UNREACHABLE and outcome.took >= slow_after
    return Seen(0, int(spoken), int(failed), int(slow), int(outcome.verdict is Verdict.THROTTLED))


def unwell(window: Seen) -> bool:
    """Whether so many calls failed or were slow that the partner is better left alone."""
    if window.calls < FEWEST:
        return False
    return window.failed >= FAILED_SHARE * window.calls or window.slow >= SLOW_SHARE * window.calls


class _Unwell(Exception):
    """Carries what came back through aiobreaker, which only counts what is raised."""

    def __init__(self, outcome: Outcome[object]) -> None:
        super().__init__(outcome.verdict)
        self.outcome = outcome


class _Local(CircuitBreakerStorage):  # type: ignore[misc]  # aiobreaker says nothing of its types
    """aiobreaker's storage: this process's view of the shared state. `wish` is what its state machine decided and nobody was told yet."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._state = CircuitBreakerState.CLOSED
        self._opened_at = clock.now().replace(tzinfo=None)  # naive UTC, as aiobreaker compares it
        self.wish: CircuitBreakerState | None = None
        self.enough = False

    @property
    def state(self) -> CircuitBreakerState:
        return self._state

    @state.setter
    def state(self, state: CircuitBreakerState) -> None:
        self._state = self.wish = state

    def follow(self, state: CircuitBreakerState) -> None:
        """What the others have decided."""
        self._state, self.wish = state, None

    def take(self) -> CircuitBreakerState | None:
        wish, self.wish = self.wish, None
        return wish

    def increment_counter(self) -> None:
        """The window is counted elsewhere."""

    def reset_counter(self) -> None:
        """The window ends by itself."""

    @property
    def counter(self) -> int:
        """aiobreaker trips at one: when the window is full enough of failures."""
        return int(self.enough)

    @property
    def opened_at(self) -> datetime:
        return self._opened_at

    @opened_at.setter
    def opened_at(self, at: datetime) -> None:
        self._opened_at = at


@dataclass(slots=True)
class _Recent:
    """What this process saw itself, for when the store is away: second by second, so that a busy partner costs no more."""

    seconds: deque[tuple[int, Seen]] = field(default_factory=deque)

    def add(self, one: Seen) -> None:
        now = int(clock.monotonic())
        if self.seconds and self.seconds[-1][0] == now:
            self.seconds[-1] = (now, self.seconds[-1][1] + one)
            return
        self.seconds.append((now, one))
        while self.seconds[0][0] < now - WINDOW.total_seconds():
            self.seconds.popleft()

    def sums(self) -> Seen:
        return sum((each for _, each in self.seconds), Seen())

    def forget(self) -> None:
        self.seconds.clear()


class Breaker:
    """One account's, in this process."""

    def __init__(
        self, key: Key, ceiling: float, accounts: Accounts, who: str, *, probe: Probe | None = None,
        changed: Changed | None = None,
    ) -> None:  # fmt: skip
        self.key, self.ceiling, self.accounts, self.who = key, ceiling, accounts, who
        self.probe, self.changed = probe, changed
        self._local = _Local(str(key))
        self._breaker = CircuitBreaker(fail_max=1, timeout_duration=_NEVER, state_storage=self._local, name=str(key))
        self._recent = _Recent()
        self._turn = 0
        self._until = 0.0
        self._state = BreakerState.CLOSED
        self._unsaid = Seen()
        self._probing: asyncio.Task[None] | None = None
        self._saying: asyncio.Task[None] | None = None

    @property
    def state(self) -> BreakerState:
        """As this process last heard."""
        return self._state

    def hear(self, view: View) -> None:
        """What came along with a step in the store."""
        before, self._state, self._turn = self._state, view.breaker, view.turn
        probing = PROBE_AGAIN.total_seconds() if view.breaker is BreakerState.PROBING else 0.0
        self._until = clock.monotonic() + max(view.open_for, probing)
        if before is not view.breaker:
            self._local.follow(_TO[view.breaker])
            if view.breaker is BreakerState.CLOSED:
                self._recent.forget()
            level = logging.INFO if view.breaker is BreakerState.CLOSED else logging.WARNING
            log.log(level, "the breaker of %s is %s", self.key, view.breaker)
            if self.changed is not None:
                self.changed(self.key, True)

    async def refusal(self, passage: Passage) -> NotSent | str | None:
        """None: go. A name: go, as the probe that was leased under it. NotSent: leave it alone."""
        if self._state is BreakerState.CLOSED:
            return None
        left = self._until - clock.monotonic()
        if left > 0:
            return NotSent(OPEN, timedelta(seconds=left))
        if passage.kind is Class.READ or not passage.can_look:  # a partner without any look-up is probed by what it has
            return await self._lease(passage.seconds + passage.patience)
        self._probe_soon()
        return NotSent(OPEN, PROBE_AGAIN)

    def closed_to_others(self) -> NotSent | None:
        """What everybody but the probe is told, as this process last heard."""
        if self._state is BreakerState.CLOSED:
            return None
        return NotSent(OPEN, max(timedelta(seconds=self._until - clock.monotonic()), PROBE_AGAIN))

    async def call(self, passage: Passage, exchange: Exchange[T], lease: str | None = None) -> Answer[T]:
        """The exchange's own answer, whatever it does to the breaker; `lease` when it is the probe."""
        turn = self._turn

        async def watched() -> Outcome[T]:
            outcome = await exchange()
            if await self._enough(outcome, passage) or (lease is not None and outcome.verdict is not Verdict.HEALTHY):
                self._local.enough = True
                raise _Unwell(outcome)
            return outcome

        if lease is not None:
            self._local.follow(CircuitBreakerState.HALF_OPEN)
        try:
            outcome: Outcome[T] = await self._breaker.call_async(watched)
        except CircuitBreakerError as error:
            if not isinstance(error.__cause__, _Unwell):  # it opened in the moment between
                return NotSent(OPEN, PROBE_AGAIN)
            outcome = error.__cause__.outcome  # type: ignore[assignment]  # an exception cannot be generic
        except _Unwell as error:
            outcome = error.outcome  # type: ignore[assignment]  # an exception cannot be generic
        finally:
            self._local.enough = False
            wish = self._local.take()
        if lease is not None:
            await self.settle(lease, _came_to(outcome, wish))
        elif wish is CircuitBreakerState.OPEN:
            await self._trip(turn)
        return outcome.answer

    async def settle(self, lease: str, came_to: str) -> None:
        """The end of a probe; `nothing` when it never went out."""
        try:
            self.hear(await self.accounts.settle(self.key, self.ceiling, lease, came_to))
        except AccountUnreachable:
            self._decide(BreakerState.CLOSED if came_to == "healthy" else BreakerState.OPEN)

    def unsaid(self) -> Seen:
        """What went well and was not told yet; whoever takes it tells it."""
        said, self._unsaid = self._unsaid, Seen()
        return said

    async def close(self) -> None:
        """Ends what runs beside the calls, and tells what was not told yet."""
        for task in (self._probing, self._saying):
            if task is not None and not task.done():
                task.cancel()
        await self._tell()

    def _say_soon(self) -> None:
        if self._saying is None or self._saying.done():
            self._saying = asyncio.create_task(self._say(), name=f"news of {self.key}", context=Context())

    async def _say(self) -> None:
        """Where no slot is taken soon, it is told by itself."""
        await asyncio.sleep(NEWS)
        await self._tell()

    async def _tell(self) -> None:
        said = self.unsaid()
        if said.calls:
            with suppress(AccountUnreachable):
                view, _ = await self.accounts.note(self.key, self.ceiling, said, good=True)
                self.hear(view)

    async def _enough(self, outcome: Outcome[T], passage: Passage) -> bool:
        """Whether the window, with this call, is reason to open. A call that went well is told with the next slot, and costs nothing."""
        if outcome.verdict is None:
            return False
        one = seen(outcome, passage.slow_after)
        self._recent.add(one)
        if not one.failed and not one.slow and not one.throttled and outcome.verdict is not Verdict.UNAUTHORIZED:
            self._unsaid += one
            self._say_soon()
            return False
        said, window = self.unsaid() + one, self._recent.sums()
        try:
            pause = outcome.pause.total_seconds() if outcome.pause is not None else None
            view, window = await self.accounts.note(self.key, self.ceiling, said, good=said.calls > said.failed, pause=pause)
            self.hear(view)
        except AccountUnreachable:
            log.debug("the store is away; %s is judged by what this process saw", self.key)
        return outcome.verdict is Verdict.UNAUTHORIZED or ((one.failed or one.slow) > 0 and unwell(window))

    async def _trip(self, turn: int) -> None:
        try:
            self.hear(await self.accounts.trip(self.key, self.ceiling, turn))
        except AccountUnreachable:
            self._decide(BreakerState.OPEN)

    def _decide(self, state: BreakerState) -> None:
        """Alone, while the store is away."""
        self.hear(View(0, 0.0, self.ceiling, self.ceiling, state, FIRST_OPEN if state is BreakerState.OPEN else 0.0, self._turn, 1))

    async def _lease(self, length: float) -> NotSent | str | None:
        name = f"{self.who}:{random.getrandbits(48):x}"
        try:
            view, mine = await self.accounts.lease(self.key, self.ceiling, name, length)
        except AccountUnreachable:
            self._decide(BreakerState.PROBING)
            return name
        self.hear(view)
        if mine:
            return name
        if view.breaker is BreakerState.CLOSED:
            return None
        return NotSent(OPEN, timedelta(seconds=view.open_for) or PROBE_AGAIN)

    def _probe_soon(self) -> None:
        if self.probe is not None and (self._probing is None or self._probing.done()):
            self._probing = asyncio.create_task(self._probe(self.probe), name=f"probe of {self.key}", context=Context())

    async def _probe(self, probe: Probe) -> None:
        try:
            await probe()
        except Exception:
            log.exception("the probe of %s broke off", self.key)


def _came_to(outcome: Outcome[object], wish: CircuitBreakerState | None) -> str:
    if outcome.verdict in (None, Verdict.THROTTLED, Verdict.EXPIRED):
        return "nothing"
    return "healthy" if wish is CircuitBreakerState.CLOSED else "unwell"
