"""What a partner operation is: how it is sent, how an unclear answer is resolved, and what its outcome does.

Declared once in `jobs/operations/<name>.py`; `P` is what plugs in the world, `T` what the partner answers with.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from kernel.answer import Answer
from kernel.backoff import Backoff
from kernel.operation.stop import Line
from kernel.tenancy import Tenant
from kernel.turns import Share
from kernel.urn import Urn, fresh_token
from kernel.work import Work

P = TypeVar("P")
T = TypeVar("T")

REFERENCE_LENGTH: Final = 20  # characters; the shortest limit among the partners


class Class(StrEnum):
    """How an unclear answer is resolved. `READ` changes nothing at the partner and is simply asked again."""

    READ = "READ"
    A = "A"  # an idempotency key: the same is sent again
    B = "B"  # a unique client reference: looked up, then the same is sent again
    C = "C"  # look-up only: three empty ones, then a new reference
    D = "D"  # neither: never again without a person


RESENT: Final = frozenset({Class.A, Class.B})  # of these an unclear one is asked again


class State(StrEnum):
    """`INTENT` waits to be sent and may be withdrawn for free; `SENT` is in flight; `UNKNOWN` is being resolved. The others have ended.

    `EXHAUSTED` and `WITHDRAWN` are certain to have had no effect; of `REVIEW` nobody knows, until a person has found out.
    """

    INTENT = "INTENT"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    OK = "OK"
    DECLINED = "DECLINED"
    EXHAUSTED = "EXHAUSTED"
    WITHDRAWN = "WITHDRAWN"
    REVIEW = "REVIEW"


PENDING: Final = (State.INTENT, State.SENT, State.UNKNOWN)


class Finding(StrEnum):
    """What a person has found out about something of which nobody knew whether it was done."""

    FOUND = "FOUND"  # the partner holds it; of an undo: what was to be undone still stands
    ABSENT = "ABSENT"  # the partner holds nothing
    CANCELLED = "CANCELLED"  # the partner had it, and holds it no longer


@dataclass(frozen=True, slots=True)
class OperationRow:
    """A row of `operation` as its functions see it. `reference` is the client reference to send or to look for.

    `watched_at`: since when something else is done in its place; it is never sent again and what it comes to is nobody's wish any more.
    `told` is set while it is looked for because a person says that it is there: the partner's reference as they gave it, maybe empty.
    """

    tenant: Tenant
    urn: Urn
    name: str
    subject: Urn
    workflow: Urn | None
    key: str
    reference: str | None
    given_up: tuple[str, ...]
    intent: Mapping[str, Any]
    reply_to: str | None
    withdrawn_by: str | None
    actor: Urn | None
    correlation: str
    state: State
    sends: int
    waits: int
    looks: int
    verified: int
    intended_at: datetime
    deadline: datetime
    sent_at: datetime | None
    unknown_at: datetime | None
    journal: tuple[Mapping[str, Any], ...]
    deaths: int
    fence: int
    watched_at: datetime | None = None
    told: str | None = None
    version: int = 1

    @property
    def client_reference(self) -> str:
        """The reference of an operation that has one. Raises: ValueError."""
        if self.reference is None:
            raise ValueError(f"operation {self.name} has no client reference")
        return self.reference

    @property
    def unwanted(self) -> bool:
        """Whether it is to be resolved, and not to be sent any more."""
        return self.withdrawn_by is not None or self.watched_at is not None

    @property
    def evidence(self) -> dict[str, str]:
        """What a person needs to find it at the partner: references, counts, and what the last tries answered."""
        facts = {"operation": str(self.urn), "state": self.state.value, "sends": str(self.sends), "looks": str(self.looks)}
        references = [*self.given_up, *([self.reference] if self.reference else [])]
        if references:
            facts["references"] = " ".join(references)
        for number, line in enumerate(self.journal[-3:], start=1):
            facts[f"last_{number}"] = f"{line.get('at')} {line.get('did')} {line.get('answer')} {line.get('why', '')}".strip()
            facts = {**line.get("evidence", {}), **facts}
        return facts


def fresh_reference() -> str:
    """A client reference that no one else can have: 20 symbols, 100 bits."""
    return fresh_token(REFERENCE_LENGTH)


Send = Callable[[P, OperationRow], Awaitable[Answer[T]]]
LookUp = Callable[[P, OperationRow], Awaitable["Answer[T | None]"]]
Outcome = Callable[[Work, OperationRow, Answer[T], P], Awaitable[None]]
Resolved = Callable[[Work, OperationRow, str, P], Awaitable[None]]
Verify = Callable[[Work, OperationRow, str, "T | None", P], Awaitable[None]]
Instead = Callable[[Work, OperationRow, P], Awaitable[bool]]
Reviewed = Callable[[Work, OperationRow, "Finding | None", str], Awaitable[None]]
KnownAs = Callable[[P, OperationRow, str], Awaitable["Answer[T | None]"]]
ByHand = Callable[[OperationRow, str], T]


@dataclass(frozen=True)
class Operation(Generic[P, T]):
    """One kind of call to a partner that must happen exactly as often as it was intended.

    `send(ports, row)` and `look_up(ports, row)` run outside any transaction and may take `time_out`; look-ups use `row.reference`.
    `outcome(work, row, answer, ports)` writes what follows, in the transaction that ends the operation: `Ok` and `Declined` are the
    partner's word · `NotSent` means that nothing was done there: budget or deadline ran out, it was withdrawn, or proven absent ·
    `Unknown` that nobody can tell: a person has to look, with `row.evidence`. It is called once per operation, and once more when what
    nobody could tell was found out after all.
    `resolved(work, row, reply_to, ports)` follows it in the same transaction when an undo waits (`withdraw`) and nothing else is pending.
    `verify(work, row, reference, found, ports)` is told what is really held after the settle time and after a day, for the own
    reference and for each one that was given up: something found there is a ghost and nobody's.
    `instead(work, row, ports)` is asked when it has been unknown for `wait`: can whoever waits be served otherwise? Once it says so the
    operation is watched: looked up to its end, never sent again, and its outcome must take back what it finds.
    `reviewed(work, row, finding, why)` follows the outcome when it went into review (`finding` None), came out of it, or was put back.
    `known_as(ports, row, reference)` is the look-up by the partner's own reference, as a person gives it.
    `by_hand(row, reference)` is for operations that take something back: what `outcome` is told when a person has seen to it. A refused
    one may then be settled as one in review is.
    """

    name: str
    domain: str
    kind: Class
    send: Send[P, T]
    outcome: Outcome[T, P]
    look_up: LookUp[P, T] | None = None
    resolved: Resolved[P] | None = None
    verify: Verify[T, P] | None = None
    instead: Instead[P] | None = None
    reviewed: Reviewed | None = None
    known_as: KnownAs[P, T] | None = None
    by_hand: ByHand[T] | None = None
    settle: timedelta = timedelta(seconds=60)  # until the partner has made up its mind; scaled by NEXA_SETTLE_SCALE
    time_out: timedelta = timedelta(seconds=30)
    budget: int = 5  # sends, not counting those that never left; classes A and B go on under the same key, within `resolve_within`
    backoff: Backoff = Backoff()
    patience: timedelta = timedelta(hours=1)  # for free retries
    resolve_within: timedelta = timedelta(hours=1)  # for look-ups, or the same send again, that get no clear answer
    wait: timedelta = timedelta(minutes=4)  # unknown for so long, `instead` is told; scaled by NEXA_SETTLE_SCALE
    conflicts: frozenset[str] = frozenset()  # class B: codes of `Declined` that mean "I have this reference already"
    at_once: int = 64  # in flight per worker
    records_only: bool = False  # its outcome writes no row of a domain, only messages: outcomes that come together share a commit
    line: Line | None = None  # by whose stops it is held; see `kernel.operation.stop`
    share: Share = Share.FORWARD  # of the claims, where the question it belongs to does not say
    reference: Callable[[], str] | None = None  # makes the next client reference; class B and C have one unless they say otherwise

    def __post_init__(self) -> None:
        if self.kind is Class.C and self.look_up is None:
            raise ValueError(f"operation {self.name}: class C needs a look-up")
        if self.instead is not None and self.kind is not Class.C:
            raise ValueError(f"operation {self.name}: only what can be looked up without being sent again can be watched")

    def next_reference(self) -> str | None:
        """A new client reference, for operations that carry one."""
        if self.reference is not None:
            return self.reference()
        return fresh_reference() if self.kind in (Class.B, Class.C) else None


class Operations(Mapping[str, "Operation[Any, Any]"]):
    """Every operation this process can perform, by name. Raises: ValueError when two share one."""

    def __init__(self, *operations: Operation[Any, Any]) -> None:
        self._operations = {each.name: each for each in operations}
        if len(self._operations) != len(operations):
            raise ValueError("two operations have the same name")

    def __getitem__(self, name: str) -> Operation[Any, Any]:
        return self._operations[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._operations)

    def __len__(self) -> int:
        return len(self._operations)

    def of(self, domain: str) -> Operations:
        """Those whose rows lie in this domain's database."""
        return Operations(*(each for each in self.values() if each.domain == domain))

    @property
    def domains(self) -> tuple[str, ...]:
        return tuple(sorted({each.domain for each in self.values()}))
