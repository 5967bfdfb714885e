"""A partner inside the process: it executes what reaches it, keeps a book of everything with its time, and loses and mangles answers.

What is on its way is on its way: a request arrives whatever becomes of the worker that sent it, and a late execution comes when it comes.
An identity is executed once where the class promises so (A the key, B the reference); under C and D every request that arrives counts.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.operation import Class
from runtime.faults.simulation.dice import Dice, Key
from runtime.faults.simulation.loop import NOBODY
from runtime.faults.simulation.points import SUBJECT, BrokenError, Points

CONFLICT: Final = "REFERENCE_IN_USE"
_TRAVEL: Final = (0.02, 0.4)  # virtual seconds there and back
_SLOW: Final = (2.0, 14.0)  # some of it beyond the caller's time-out
_LATE_SHARE: Final = 0.2  # of late executions come after all three look-ups
_LATE: Final = ((0.5, 6.0), (20.0, 40.0))
_LAG: Final = 2.0  # an index lags by less than the settle time

Act = Callable[[], Answer[str]]


@dataclass(slots=True)
class Deed:
    """Something the partner did. `cancelled` when it was taken back."""

    saga: str
    step: str
    reference: str
    at: float
    cancelled: float | None = None


@dataclass(slots=True)
class Book:
    """Everything the partners did, and what they were asked."""

    deeds: list[Deed] = field(default_factory=list)
    by_reference: dict[tuple[str, str], list[Deed]] = field(default_factory=lambda: defaultdict(list))
    sent: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))  # requests by step and reference
    refused: set[tuple[str, str]] = field(default_factory=set)  # a no is final: what of this identity is still on its way does nothing
    unsure: set[tuple[str, str]] = field(default_factory=set)  # saga and step of sendings whose sender never got a clear answer

    def write(self, deed: Deed) -> None:
        self.deeds.append(deed)
        self.by_reference[deed.step, deed.reference].append(deed)

    def live(self, step: str, reference: str) -> Deed | None:
        return next((deed for deed in self.by_reference[step, reference] if deed.cancelled is None), None)


@dataclass(frozen=True, slots=True)
class Partner:
    """The partners as one worker reaches them."""

    book: Book
    dice: Dice
    points: Points

    async def order(self, saga: str, step: str, kind: Class, reference: str) -> Answer[str]:
        """Does it, under this reference or key."""
        return await self._send(saga, step, reference, lambda: self._execute(saga, step, kind, reference))

    async def cancel(self, saga: str, step: str, reference: str) -> Answer[str]:
        """Takes it back; doing so twice is as good as once, and what is not there may still come."""
        return await self._send(saga, f"undo-{step}", reference, lambda: self._take_back(step, reference))

    async def find(self, saga: str, step: str, reference: str) -> Answer[str | None]:
        """What is held under it; what came a moment ago may not be in the index yet."""
        key = self._begin(saga, step, "look-up")
        loop = asyncio.get_running_loop()
        try:
            await self.points.passed("partner", "look-up:before", partner=True)
            fault = self.dice.strike(self.dice.odds.looking, key, loop.time())
            await asyncio.sleep(self.dice.between(*_TRAVEL, *key, "travel"))
            await self.points.passed("partner", "look-up:after", partner=True)
        except BrokenError as error:
            return Unknown(str(error))
        if fault == "look_up_lost":
            return Unknown("no answer")
        deed = self.book.live(step, reference)
        if deed is not None and fault == "look_up_lag" and loop.time() - deed.at < _LAG:
            return Ok(None)
        return Ok(reference if deed else None)

    async def _send(self, saga: str, step: str, reference: str, act: Act) -> Answer[str]:
        key = self._begin(saga, step, "send")
        loop = asyncio.get_running_loop()
        try:
            await self.points.passed("partner", "send:before", partner=True)
        except BrokenError as error:
            return NotSent(str(error))
        fault = self.dice.strike(self.dice.odds.sending, key, loop.time())
        if fault == "throttle":
            return NotSent("429")
        self.book.sent[step, reference] += 1
        self.book.unsure.add((saga, step))  # until its sender has a clear answer in hand
        answer: asyncio.Future[Answer[str]] = loop.create_future()
        travel = self.dice.between(*(_SLOW if fault == "slow" else _TRAVEL), *key, "travel")
        loop.call_later(travel / 2, lambda: self._arrive(fault, key, (step, reference), act, answer, travel / 2), context=NOBODY)
        said = await answer
        try:
            await self.points.passed("partner", "send:after", partner=True)
        except BrokenError as error:
            return Unknown(str(error))
        if not isinstance(said, Unknown):
            self.book.unsure.discard((saga, step))
        return said

    def _begin(self, saga: str, step: str, what: str) -> Key:
        SUBJECT.set((saga, step))  # this task works for that saga from here on, its transactions too
        return self.dice.count(saga, step, what)

    def _arrive(
        self, fault: str | None, key: Key, identity: tuple[str, str], act: Act, answer: asyncio.Future[Answer[str]], travel: float
    ) -> None:
        loop = asyncio.get_running_loop()
        said: Answer[str] = Unknown(fault or "")
        if fault == "late":
            times = _LATE[self.dice.roll(*key, "how late") < _LATE_SHARE]
            loop.call_later(self.dice.between(*times, *key, "late"), act, context=NOBODY)
        elif fault == "refuse" and not self.book.by_reference[identity]:  # a known identity is answered as it was before
            self.book.refused.add(identity)
            said = Declined("REFUSED", "the partner refuses")
        elif fault not in ("lost_request", "error"):
            done = act()
            said = done if fault in (None, "slow", "refuse") else said
        loop.call_later(travel, lambda: None if answer.done() else answer.set_result(said), context=NOBODY)

    def _execute(self, saga: str, step: str, kind: Class, reference: str) -> Answer[str]:
        known = self.book.by_reference[step, reference]
        if (step, reference) in self.book.refused:
            return Declined("REFUSED", "the partner refuses")
        if known and kind is Class.B:
            return Declined(CONFLICT, "this reference is known already")
        if not known or kind in (Class.C, Class.D):
            self.book.write(Deed(saga, step, reference, asyncio.get_running_loop().time()))
        return Ok(reference)

    def _take_back(self, step: str, reference: str) -> Answer[str]:
        deed = self.book.live(step, reference)
        if deed is not None:
            deed.cancelled = asyncio.get_running_loop().time()
        elif not self.book.by_reference[step, reference]:
            return Declined("NOT_FOUND", "nothing is known under this reference; it may still appear")
        return Ok(reference)
