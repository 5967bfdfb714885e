"""What must hold when a block is over: the partners' book is held against every row of every database.

`OWNED`     what is live at a partner belongs to a step that is done and not undone, or a person was told of it by its reference
`ONCE`      of one step no two things are live that nobody was told of
`TOLD_ONCE` no message went out twice
`ANSWERED`  every saga has ended, and so has every operation; what is in review has its evidence; what is told as done is there
`ORDER`     every message was taken once by each that reacts to it, each aggregate's in order; every operation told its outcome once
`FENCE`     no reference of class C, and nothing of class D, left twice: whoever lost a claim did not act on it
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text

from kernel.event import name_of
from kernel.operation import Class, State
from kernel.saga.workflow import MOVING
from kernel.saga.workflow import State as SagaState
from runtime.faults.invariants import sent_too_soon
from runtime.faults.simulation.block import Played, workflow_of
from runtime.faults.simulation.partner import Deed
from runtime.faults.simulation.plan import OPERATIONS, TRADES, reactions
from runtime.faults.simulation.worker import TENANT
from runtime.faults.verdict import Invariant, Reviews, Violation

_WORKFLOWS: Final = "select urn, state, failure, cancel_reason from workflow where tenant = :tenant"
_STEPS: Final = "select workflow, step, undo, state, answer, evidence from workflow_step where tenant = :tenant order by workflow, entry"
_OPERATIONS: Final = "select urn, name, workflow, key, state, reference, given_up, sends, journal from operation where tenant = :tenant"
_OUTBOX: Final = """
    select urn, sender, receiver, aggregate, seq, name, asked, body, reply_to, published_at is not null as published
    from outbox where tenant = :tenant order by position
"""
_INBOX: Final = "select consumer, urn, cast(cast(xmin as text) as bigint) as transaction from inbox where tenant = :tenant"
_PARKED: Final = "select aggregate, name, error from parked where tenant = :tenant"
_DONE: Final = {name_of(trade.words.done) for trade in TRADES.values()}
_NOT_DONE: Final = {name_of(trade.words.not_done) for trade in TRADES.values()}
_FOR_PEOPLE: Final = _NOT_DONE | {name_of(word) for trade in TRADES.values() for word in (trade.words.not_undone, trade.words.ghost)}

Row = Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Broken:
    """A violation and the saga it befell; empty where it is nobody's alone."""

    saga: str
    violation: Violation


@dataclass(frozen=True, slots=True)
class Findings:
    """What a block comes to."""

    looked_at: Mapping[Invariant, int]
    broken: Sequence[Broken]
    reviews: Reviews
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything in the databases. Operations are by workflow and name, what people were told by workflow."""

    workflows: Mapping[str, Row]
    steps: Mapping[str, Sequence[Row]]
    operations: Sequence[Row]
    messages: Sequence[Row]
    inbox: Mapping[tuple[str, str], int]
    parked: Sequence[Row]

    @classmethod
    async def read(cls, played: Played) -> Rows:
        tables: dict[str, list[Row]] = defaultdict(list)
        for domain in played.databases:
            wanted = {"outbox": _OUTBOX, "inbox": _INBOX, "parked": _PARKED}
            wanted |= {"workflow": _WORKFLOWS, "step": _STEPS} if domain == "cases" else {"operation": _OPERATIONS}
            async with played.databases[domain].read(TENANT) as connection:
                for name, statement in wanted.items():
                    tables[name].extend((await connection.execute(text(statement), {"tenant": TENANT})).mappings().all())
        return cls(
            {row["urn"]: row for row in tables["workflow"]},
            _by(tables["step"], "workflow"),
            tables["operation"],
            tables["outbox"],
            {(row["consumer"], row["urn"]): row["transaction"] for row in tables["inbox"]},
            tables["parked"],
        )


async def check(played: Played) -> Findings:
    """Holds everything against everything."""
    rows = await Rows.read(played)
    judge = _Judge(played, rows)
    broken = [*judge.sagas(), *judge.operations(), *judge.deeds(), *judge.messages()]
    return Findings(judge.looked_at, broken, judge.reviews(), judge.counts())


class _Judge:
    def __init__(self, played: Played, rows: Rows) -> None:
        self.played, self.rows = played, rows
        self.looked_at: Counter[Invariant] = Counter()
        self.of = {(row["workflow"], row["name"]): row for row in rows.operations if row["name"] in TRADES}
        self.outcomes = _by(
            ({"operation": row["body"].get("operation"), "row": row} for row in rows.messages if row["name"] in _DONE | _NOT_DONE),
            "operation",
        )
        self.told = {reference for row in rows.messages if row["name"] in _FOR_PEOPLE for reference in row["body"].get("references", ())}

    def sagas(self) -> Iterator[Broken]:
        for name in self.played.sagas:
            self.looked_at[Invariant.ANSWERED] += 1
            row = self.rows.workflows.get(workflow_of(name))
            if row is None or row["state"] in MOVING:
                yield self._broken(name, Invariant.ANSWERED, f"has not ended: {row and row['state']}")
                continue
            steps = self.rows.steps.get(row["urn"], ())
            if row["state"] == SagaState.REVIEW and not any(each["state"] == "UNDO_REFUSED" and each["evidence"] for each in steps):
                yield self._broken(name, Invariant.ANSWERED, "is in review without evidence")
            if row["state"] == SagaState.QUARANTINED and not row["failure"]:
                yield self._broken(name, Invariant.ANSWERED, "is quarantined and does not say why")
            done, undone = ([each["step"] for each in steps if each["undo"] is undo] for undo in (False, True))
            if undone != sorted(undone, key=done.index, reverse=True):
                yield self._broken(name, Invariant.ORDER, f"was undone in the order {', '.join(undone)}")
            if row["state"] == SagaState.DONE:
                yield from self._done(name, row["urn"], steps)

    def _done(self, name: str, workflow: str, steps: Sequence[Row]) -> Iterator[Broken]:
        for each in steps:
            if each["state"] != "DONE":
                continue
            for reference in each["answer"]["references"]:
                self.looked_at[Invariant.ANSWERED] += 1
                if self.played.book.live(each["step"], reference) is None:
                    yield self._broken(name, Invariant.ANSWERED, f"says that {each['step']} is done, and the partner holds nothing")

    def operations(self) -> Iterator[Broken]:
        for row in self.rows.operations:
            name, state = _saga(row["workflow"]), State(row["state"])
            self.looked_at[Invariant.ANSWERED] += 1
            if state in (State.INTENT, State.SENT, State.UNKNOWN):
                yield self._broken(name, Invariant.ANSWERED, f"operation {row['name']} has not ended: {state}")
                continue
            for reference in sent_too_soon(row["journal"]):
                yield self._broken(name, Invariant.ONCE, f"{row['name']} went out as {reference} before the one before was proven absent")
            if row["name"] not in TRADES:
                continue
            yield from self._outcome(name, row, state)

    def _outcome(self, name: str, row: Row, state: State) -> Iterator[Broken]:
        """One outcome each; a second where nobody could tell at first."""
        self.looked_at[Invariant.ORDER] += 1
        told = [each["row"] for each in self.outcomes.get(row["urn"], ())]
        done, refused = [each for each in told if each["name"] in _DONE], [each for each in told if each["name"] in _NOT_DONE]
        unknown = any(each["body"]["unknown"] for each in refused)
        expected = {State.OK: done, State.WITHDRAWN: [None]}.get(state, refused)
        if len(done) > 1 or len(refused) > 1 or not expected or (done and refused and not unknown):
            yield self._broken(
                name, Invariant.ORDER, f"operation {row['name']} is {state} and told {len(done)} times yes, {len(refused)} no"
            )
        if state is State.REVIEW and not any(each["body"]["unknown"] and each["body"]["evidence"] for each in refused):
            yield self._broken(name, Invariant.ANSWERED, f"operation {row['name']} is in review, and nobody was told with evidence")
        if row["name"] == "tell" and (name, "tell") in self.played.book.unsure and state in (State.OK, State.DECLINED):
            yield self._broken(name, Invariant.ANSWERED, f"the message's outcome {state} was never heard from the partner")

    def deeds(self) -> Iterator[Broken]:
        book, live = self.played.book, Counter[tuple[str, str]]()
        for deed in book.deeds:
            if deed.step == "tell":
                continue
            self.looked_at[Invariant.OWNED] += 1
            if deed.cancelled is not None:
                continue
            owned = self._owned(deed)
            if owned or deed.reference not in self.told:
                live[deed.saga, deed.step] += 1
            if not owned and deed.reference not in self.told:
                yield self._broken(deed.saga, Invariant.OWNED, f"{deed.reference} of {deed.step} is live and nobody's")
        self.looked_at[Invariant.ONCE] += len({(deed.saga, deed.step) for deed in book.deeds if deed.step != "tell"})
        for (saga, step), count in live.items():
            if count > 1:
                yield self._broken(saga, Invariant.ONCE, f"{count} of {step} are live")
        messages = Counter(deed.saga for deed in book.deeds if deed.step == "tell")
        self.looked_at[Invariant.TOLD_ONCE] += len(messages)
        for saga, count in messages.items():
            if count > 1:
                yield self._broken(saga, Invariant.TOLD_ONCE, f"was told {count} times")
        yield from self._sent()

    def _sent(self) -> Iterator[Broken]:
        for (step, reference), count in self.played.book.sent.items():
            if step in TRADES and TRADES[step].kind in (Class.C, Class.D):
                self.looked_at[Invariant.FENCE] += 1
                if count > 1:
                    saga = next((deed.saga for deed in self.played.book.by_reference[step, reference]), "")
                    yield self._broken(saga, Invariant.FENCE, f"{reference} of {step} left {count} times")

    def _owned(self, deed: Deed) -> bool:
        workflow = workflow_of(deed.saga)
        row, flow = self.of.get((workflow, deed.step)), self.rows.workflows.get(workflow)
        if row is None or flow is None or flow["state"] != SagaState.DONE:
            return False
        return bool(row["state"] == State.OK and deed.reference == (row["reference"] or row["key"]))

    def messages(self) -> Iterator[Broken]:
        """Taken by everyone who reacts, and in order: a consumer's transactions are numbered as they began to write."""
        registry, last = reactions(), dict[tuple[str, str, str, str], tuple[int, int]]()
        for row in sorted(self.rows.messages, key=lambda each: each["seq"]):
            for reaction in registry.reactions(row["name"], row["reply_to"] is not None and not row["asked"]):
                self.looked_at[Invariant.ORDER] += 1
                taken = self.rows.inbox.get((reaction.consumer, row["urn"]))
                saga = _saga(row["aggregate"])
                if taken is None:
                    yield self._broken(saga, Invariant.ORDER, f"{row['name']} was never taken by {reaction.consumer}")
                    continue
                key = (reaction.consumer, row["sender"], row["receiver"], row["aggregate"])
                if key in last and last[key][1] > taken:
                    yield self._broken(saga, Invariant.ORDER, f"{row['name']} was taken by {reaction.consumer} before its predecessor")
                last[key] = row["seq"], taken
        for row in self.rows.parked:
            yield self._broken(_saga(row["aggregate"]), Invariant.ORDER, f"{row['name']} is parked: {row['error']}")

    def reviews(self) -> Reviews:
        steps = reviewed = unknown_d = reviewed_d = 0
        for row in self.rows.operations:
            in_review = row["state"] == State.REVIEW
            if OPERATIONS[row["name"]].kind is Class.D:
                unknown_d += _nobody_knows(row["journal"])
                reviewed_d += in_review
            else:
                steps, reviewed = steps + 1, reviewed + in_review
        return Reviews(steps, reviewed, unknown_d, reviewed_d)

    def counts(self) -> dict[str, int]:
        counts = Counter(f"saga_{row['state'].lower()}" for row in self.rows.workflows.values())
        counts.update(f"fault_{struck.what}" for struck in self.played.dice.struck)
        counts["takeovers"] += sum(line.get("did") == "death" for row in self.rows.operations for line in row["journal"])
        counts["ghosts"] += sum(len(row["given_up"]) for row in self.rows.operations)
        counts["messages"] += len(self.rows.messages)
        counts["virtual_seconds"] += round(self.played.seconds)
        return dict(counts)

    def _broken(self, saga: str, invariant: Invariant, what: str) -> Broken:
        return Broken(saga, Violation(invariant, f"{workflow_of(saga) if saga else 'somebody'} {what}"))


def _by(rows: Iterable[Row], column: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[column]].append(row)
    return found


def _saga(urn: str | None) -> str:
    return (urn or "").rpartition(":")[2].partition("-")[2]


def _nobody_knows(journal: Sequence[Row]) -> bool:
    """Whether the last thing done with it had no clear end."""
    tried = [line for line in journal if line["did"] in ("send", "death", "stumble")]
    return bool(tried) and tried[-1].get("answer") in (None, "Unknown")
