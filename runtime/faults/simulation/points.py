"""Failpoints: the places where a worker leaves itself, and what may happen to it there.

Every call of a partner, every transaction's begin and commit and every call of the bus passes one before and one after. There the dice say
whether it is delayed, its connection breaks, the worker is killed, or frozen for longer than the others wait for its heart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Protocol

import orjson

from runtime.faults.simulation.dice import Dice, Key

Message = tuple[str, str]  # the receiving domain, the payload

SUBJECT: ContextVar[Key] = ContextVar("subject", default=())  # the saga and step a task works on, once that is known


class Mortal(Protocol):
    """A worker."""

    def freeze(self, seconds: float) -> None:
        """Nothing of it runs for so long."""
        ...

    def kill(self) -> None:
        """Nothing of it runs ever again."""
        ...


class BrokenError(ConnectionError):
    """The connection broke; each port turns it into its driver's own error."""


class Points:
    """One worker's failpoints. `freeze(seconds)` and `kill()` are done to that worker."""

    def __init__(self, dice: Dice, worker: Mortal, name: str) -> None:
        self.dice, self.worker, self.name = dice, worker, name

    async def passed(self, place: str, what: str, *, partner: bool = False) -> None:
        """Returns when the worker goes on. Raises: BrokenError."""
        key = self.dice.count(*(SUBJECT.get() or (self.name,)), place, what)
        loop = asyncio.get_running_loop()
        happens = self.dice.strike(self.dice.odds.point(partner=partner), key, loop.time())
        if happens == "delay":
            await asyncio.sleep(self.dice.between(0.01, 1.0, *key, "delay") ** 2)
        elif happens == "error":
            raise BrokenError(f"the connection broke at {place} {what}")
        elif happens == "pause":
            self.worker.freeze(self.dice.between(4.0, 20.0, *key, "pause"))  # its heart counts as dead after six
            await asyncio.sleep(0)
        elif happens == "kill":
            self.worker.kill()
            await loop.create_future()

    def stirred(self, database: str, messages: Sequence[Message]) -> Sequence[Message]:
        """A batch as the bus gets it: sometimes twice, sometimes with aggregates in another order; each aggregate's own order stays."""
        key = self.dice.count(self.name, "bus", "batch", database)
        now = asyncio.get_running_loop().time()
        happens = self.dice.strike({"duplicate": self.dice.odds.duplicate, "reorder": self.dice.odds.reorder}, key, now)
        if happens == "duplicate":
            return [*messages, *messages]
        if happens == "reorder":
            return _by_aggregate(messages, self.dice, key)
        return messages


def _by_aggregate(messages: Sequence[Message], dice: Dice, key: Key) -> Sequence[Message]:
    places = {aggregate: dice.roll(*key, aggregate) for aggregate in {_aggregate(payload) for _, payload in messages}}
    return sorted(messages, key=lambda message: places[_aggregate(message[1])])


def _aggregate(payload: str) -> str:
    return str(orjson.loads(payload)["aggregate"])
