"""One execution for all screens that look at the same thing: an event is executed once per distinct (document, variables, rights).

Rights are (tenant, role, airports) and nothing of the session, so the shared answer says nothing of who asked; what is *mine* is
decided in the console. The place a client comes back from (`after`) is not part of what it looks at: the first reader of a thing starts
its stream from its own place, later ones are brought up to it, from what the stream said lately or by a snapshot made once for all who
need one just then, and then hear the same text as the others.

A stream's answers carry `seq` and `snapshot` in their root field when the document asks for them; without them a late reader simply
joins.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson
from graphql import FieldNode, OperationDefinitionNode, VariableNode

from gateway.answer import INTERNAL, errors
from gateway.engine import Answer, Engine, Invalid, Prepared
from kernel.clock import monotonic
from kernel.feed import Seq
from kernel.identity import Identity, Operator
from kernel.urn import Urn
from resolvers.context import Context

log = logging.getLogger(__name__)

REMEMBERED: Final = 200  # answers of a stream that a returning client may have missed
FRESH_SECONDS: Final = 1.0  # how old a snapshot may be to serve another reader: a restart brings twenty at once
_ANYBODY: Final = Urn("urn:operator:anybody")

Rights = tuple[str, ...]
Answers = AsyncGenerator[Answer, None]
Key = tuple[int, str | None, bytes, Rights]


@dataclass(frozen=True, slots=True)
class Event:
    """An executed answer as text, with its place when it has one."""

    text: str
    seq: Seq | None
    snapshot: bool


class Reader:
    """One subscription of one socket. `deliver` must not wait; `end` is called once, with an error answer or None."""

    def __init__(self, deliver: Callable[[str], None], end: Callable[[Answer | None], None], after: str | None) -> None:
        self._deliver, self._end = deliver, end
        self.position = Seq.read(after)
        self._held: list[Event] | None = None  # what came while it was brought up to the stream
        self.ended = False

    def hear(self, event: Event) -> None:
        if self.ended:
            return
        if self._held is not None:
            self._held.append(event)
        elif not self._knows(event):
            self.position = event.seq or self.position
            self._deliver(event.text)

    def hold(self) -> None:
        self._held = []

    def catch_up(self, events: list[Event]) -> None:
        """Hears these, then what came meanwhile, then everything as it comes."""
        held, self._held = self._held or [], None
        for event in [*events, *held]:
            self.hear(event)

    def end(self, answer: Answer | None) -> None:
        if not self.ended:
            self.ended = True
            self._end(answer)

    def _knows(self, event: Event) -> bool:
        if event.seq is None or self.position is None or event.seq.epoch != self.position.epoch:
            return False
        return event.seq.n <= self.position.n


class Fanout:
    """The streams that are open in this process."""

    def __init__(self, engine: Engine, context: Callable[[Identity], Context]) -> None:
        self._engine, self._context = engine, context
        self._streams: dict[Key, _Stream] = {}

    def join(
        self, prepared: Prepared, name: str | None, variables: Mapping[str, Any], identity: Identity, reader: Callable[[str | None], Reader]
    ) -> Callable[[], None]:
        """Begins to follow; `reader` is made with the place the client names. Gives what ends the following."""
        place = _place_variable(prepared.operation(name))
        after = variables.get(place) if place else None
        rest = {key: value for key, value in variables.items() if key != place}
        key = (id(prepared), name, orjson.dumps(rest, option=orjson.OPT_SORT_KEYS), _rights(identity))
        stream = self._streams.get(key)
        if stream is None:

            def run(at: str | None) -> Answers:
                """Each run has a context of its own: what one has read must not be old news in the other's snapshot."""
                asked = {**rest, place: at} if place else rest
                return self._engine.listen(prepared, asked, name, self._context(_anybody(identity)))

            stream = self._streams[key] = _Stream(run, prepared, lambda: self._streams.pop(key, None))
        made = reader(after if isinstance(after, str) else None)
        stream.join(made)
        return lambda: stream.leave(made)

    async def close(self) -> None:
        for stream in list(self._streams.values()):
            await stream.close()

    def __len__(self) -> int:
        return len(self._streams)


class _Stream:
    """One running subscription and its readers. Keeps its `prepared` alive, so that its identity stays its own."""

    def __init__(self, run: Callable[[str | None], Answers], prepared: Prepared, gone: Callable[[], object]) -> None:
        self._run, self._prepared, self._gone = run, prepared, gone
        self._readers: set[Reader] = set()
        self._history: deque[Event] = deque(maxlen=REMEMBERED)
        self._pump: asyncio.Task[None] | None = None
        self._snapshot: asyncio.Task[Event | None] | None = None
        self._snapshot_at = 0.0
        self._joining: set[asyncio.Task[None]] = set()

    def join(self, reader: Reader) -> None:
        self._readers.add(reader)
        if self._pump is None:
            after = str(reader.position) if reader.position else None
            self._pump = asyncio.get_running_loop().create_task(self._follow(after))
        elif (missed := self._missed(reader.position)) is not None:
            reader.catch_up(missed)
        else:
            reader.hold()
            task = asyncio.get_running_loop().create_task(self._bring_up(reader))
            self._joining.add(task)
            task.add_done_callback(self._joining.discard)

    def leave(self, reader: Reader) -> None:
        reader.ended = True
        self._readers.discard(reader)
        if not self._readers and self._pump is not None:
            self._stop()

    async def close(self) -> None:
        pump = self._pump
        self._stop()
        if pump is not None:
            with suppress(asyncio.CancelledError):
                await pump

    def _stop(self) -> None:
        self._gone()
        for task in [self._pump, self._snapshot, *self._joining]:
            if task is not None:
                task.cancel()

    async def _follow(self, after: str | None) -> None:
        said: Answer | None = None
        try:
            async with aclosing(self._run(after)) as answers:
                async for answer in answers:
                    event = _event(answer)
                    self._history.append(event)
                    for reader in tuple(self._readers):
                        reader.hear(event)
        except Invalid as invalid:
            said = invalid.answer
        except Exception as error:
            log.error("a subscription broke", exc_info=error)
            said = errors(INTERNAL, "INTERNAL")
        self._gone()
        for reader in tuple(self._readers):
            reader.end(said)

    def _missed(self, position: Seq | None) -> list[Event] | None:
        """What the stream said after `position`, when it remembers all of that."""
        known = [event for event in self._history if event.seq is not None]
        if not known:
            return None if position is not None or not self._history else []
        last = known[-1].seq
        if position is None or last is None or last.epoch != position.epoch or position.n > last.n:
            return None
        later = [event for event in known if event.seq is not None and event.seq.epoch == position.epoch and event.seq.n > position.n]
        first = later[0] if later else None
        whole = first is None or first.snapshot or (first.seq is not None and first.seq.n == position.n + 1)
        return later if whole else None

    async def _bring_up(self, reader: Reader) -> None:
        """By a snapshot, and what the stream said since."""
        try:
            event = await asyncio.shield(self._fresh_snapshot())
        except Invalid as invalid:
            self._readers.discard(reader)
            reader.end(invalid.answer)
            return
        except Exception as error:
            log.error("a snapshot broke", exc_info=error)
            self._readers.discard(reader)
            reader.end(errors(INTERNAL, "INTERNAL"))
            return
        reader.catch_up([event, *(one for one in self._history if _same_epoch(one, event))] if event is not None else [])

    def _fresh_snapshot(self) -> asyncio.Task[Event | None]:
        if self._snapshot is None or monotonic() - self._snapshot_at > FRESH_SECONDS:
            self._snapshot_at = monotonic()
            self._snapshot = asyncio.get_running_loop().create_task(self._take_snapshot())
        return self._snapshot

    async def _take_snapshot(self) -> Event | None:
        async with aclosing(self._run(None)) as answers:
            async for answer in answers:
                return _event(answer)
        return None


def _same_epoch(one: Event, other: Event) -> bool:
    """What was said before the store forgot everything does not follow a snapshot that was taken after."""
    return one.seq is None or other.seq is None or one.seq.epoch == other.seq.epoch


def _event(answer: Answer) -> Event:
    text = orjson.dumps(answer).decode()
    data = answer.get("data")
    root = next(iter(data.values()), None) if isinstance(data, dict) else None
    if not isinstance(root, dict):
        return Event(text, None, False)
    return Event(text, Seq.read(root.get("seq")), root.get("snapshot") is True)


def _place_variable(operation: OperationDefinitionNode) -> str | None:
    """The variable that says where the client comes back from: what is given as `after` to the root field."""
    for field in operation.selection_set.selections:
        if isinstance(field, FieldNode):
            for argument in field.arguments or ():
                if argument.name.value == "after" and isinstance(argument.value, VariableNode):
                    return argument.value.name.value
    return None


def _rights(identity: Identity) -> Rights:
    if isinstance(identity, Operator):
        return (identity.tenant, identity.role, *sorted(identity.airports))
    return (identity.tenant, identity.urn)


def _anybody(identity: Identity) -> Identity:
    return replace(identity, urn=_ANYBODY, name="", session="") if isinstance(identity, Operator) else identity
