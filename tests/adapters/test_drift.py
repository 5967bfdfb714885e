"""Contract drift: whatever a partner suddenly says in place of what it published is refused or read leniently, and never misread.

Every partner's own conversation (`contract.py`) is held once as published, and then again and again with one answer of it spoilt. What
changes something and was done there must never be told as a definite no, nor as never sent; what our domains are told must be what they
were told before, or less of it, and never that there is nothing; whatever is not understood is named in the log, without a word of what
was sent, and told to the breaker.

A partner joins by the `converse` of its contract.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from inspect import iscoroutinefunction
from itertools import islice
from typing import Any, Final, TypeVar

import pytest

from adapters.registry import SHEETS, Registry
from kernel import clock
from kernel.answer import Answer, Ok, Unknown
from kernel.http import ANSWER_LIMIT, ASGIApp, Scope
from kernel.operation import Class
from kernel.partner import Outcome, Passage, Verdict
from kernel.sandbox.shell import Receive, Send
from tests.harness.contracts import Contract, contracts
from tests.harness.partners import Partners, partners

T = TypeVar("T")
Body = Any
Spoil = Callable[[bytes], bytes]
Step = str | None  # of a path into an answer: a field's name, or any item of a list

STRANGE: Final = "TELEPORTED"
WORD: Final = re.compile(r"[A-Z]{2,}(_[A-Z]+)*|[a-z]{2,}(_[a-z]+)*")  # what a value of an enumeration looks like
CURRENCIES: Final = frozenset({"USD", "EUR", "MXN", "GBP"})
OTHER: Final = "JPY"
PRIVATE: Final = re.compile(r"\+?\d{10,}|[\w.]+@[\w.]+|\bMoreau\b|\bDOE\b", re.IGNORECASE)
AT: Final = datetime(2026, 2, 8, 15, 0, tzinfo=UTC)

_asking: ContextVar[str] = ContextVar("asking", default="")


@dataclass
class Lab:
    """A gate that knows which operation is under way, and somebody between adapter and twin who spoils its first answer."""

    operation: str = ""
    spoil: Spoil | None = None
    spoilt: bool = False

    def __post_init__(self) -> None:
        self.heard: dict[str, Outcome[Any]] = {}
        self.kinds: dict[str, Class] = {}
        self.said: dict[str, bytes] = {}
        self.told: dict[str, tuple[Any, Any]] = {}  # by question: what was asked, and answered

    def listening(self, registry: Registry, vendor: str) -> Registry:
        """The registry, with somebody who notes what this partner's adapter tells our domains."""
        ports = {each.name: kind for each in fields(registry) if isinstance(kind := getattr(registry, each.name), Mapping)}
        heard = {
            name: {each: _Listener(adapter, self.told) if each == vendor else adapter for each, adapter in kind.items()}
            for name, kind in ports.items()
        }
        return replace(registry, **heard)  # type: ignore[arg-type]  # a listener is whatever it listens to

    async def through(self, passage: Passage, exchange: Callable[[], Any]) -> Answer[Any]:
        token = _asking.set(passage.operation)
        try:
            outcome: Outcome[Any] = await exchange()
        finally:
            _asking.reset(token)
        self.heard.setdefault(passage.operation, outcome)
        self.kinds[passage.operation] = passage.kind
        return outcome.answer

    def before(self, twin: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            operation, start = _asking.get(), {}

            async def say(message: Scope) -> None:
                nonlocal start
                if message["type"] == "http.response.start":
                    start = dict(message)
                    return
                body = message.get("body", b"")
                self.said.setdefault(operation, body)
                if operation == self.operation and self.spoil is not None and not self.spoilt:
                    body, self.spoilt = self.spoil(body), True
                kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
                await send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
                await send({**message, "body": body})

            await twin(scope, receive, say)

        return app


class _Listener:
    """Passes every question on and notes the first answer to each."""

    def __init__(self, adapter: object, told: dict[str, tuple[Any, Any]]) -> None:
        self._adapter, self._told = adapter, told

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._adapter, name)
        if not iscoroutinefunction(method):
            return method

        async def ask(*asked: Any, **how: Any) -> Any:
            answer = await method(*asked, **how)
            self._told.setdefault(name, ((asked, how), answer))
            return answer

        return ask


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one conversation."""

    lab: Lab
    world: Partners
    crash: str | None


async def talk(contract: Contract, lab: Lab) -> Told:
    """The conversation, at one and the same instant each time; a partner's half of it that makes no sense may end it early."""
    world, crash = partners(gate=lab, before=lab.before), None
    world.registry = lab.listening(world.registry, contract.vendor)
    assert contract.converse is not None
    with clock.replaced(clock.Source(lambda: AT, lambda: 0.0)):
        try:
            await contract.converse(world)
        except Exception as error:
            crash = _in_the_product(error)
    for twin in world.sandbox.twins.values():
        twin.reset()
    await world.registry.close()
    return Told(lab, world, crash)


def _in_the_product(error: Exception) -> str | None:
    """Where it was raised, unless the conversation itself gave up on what it got."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = trace.tb_frame.f_code.co_filename if trace is not None else ""
    return None if "/tests/" in place else "".join(traceback.format_exception(error))[-1500:]


# --- what may go wrong with an answer -----------------------------------------------------------------------------------------------------


def renamed(body: bytes) -> Iterator[tuple[str, Spoil]]:
    for path in _paths(body, lambda value: True):
        if path and path[-1] is not None:
            yield _name(path), _edit(path, rename=True)


def strange(body: bytes) -> Iterator[tuple[str, Spoil]]:
    for path in _paths(body, lambda value: isinstance(value, str) and WORD.fullmatch(value) is not None):
        yield _name(path), _edit(path, lambda value: STRANGE if isinstance(value, str) else value)


def retyped(body: bytes) -> Iterator[tuple[str, Spoil]]:
    for path in _paths(body, _is_number):
        yield _name(path), _edit(path, _other_type)


def in_another_currency(body: bytes) -> Iterator[tuple[str, Spoil]]:
    if any(f'"{code}"'.encode() in body for code in CURRENCIES):
        yield "", lambda said: re.sub(rb'"(' + b"|".join(code.encode() for code in CURRENCIES) + rb')"', f'"{OTHER}"'.encode(), said)


def nothing_of_it(body: bytes) -> Iterator[tuple[str, Spoil]]:
    kinds = {
        "nothing": b"",
        "null": b"null",
        "a list": b"[]",
        "an object": b"{}",
        "a word": b'"ok"',
        "not text": b"\xff\xfe",
    }
    for name, said in kinds.items():
        if not (name == "a list" and body.startswith(b"[")):  # where a list is published, an empty one is no drift
            yield name, partial(_instead, said)


DRIFTS: Final[Mapping[str, Callable[[bytes], Iterator[tuple[str, Spoil]]]]] = {
    "a field is renamed": renamed,
    "a word is new": strange,
    "numbers are texts, and texts numbers": retyped,
    "another currency": in_another_currency,
    "HTML": lambda body: iter([("", lambda said: b"<!doctype html><title>Maintenance</title>")]),
    "cut short": lambda body: iter([("", lambda said: said[: len(said) // 2])]),
    "30 MB": lambda body: iter([("", lambda said: said + b" " * (30 * 1024 * 1024))]),
    "nothing of it": nothing_of_it,
}
WHOLE: Final = frozenset({"HTML", "cut short", "30 MB", "nothing of it"})  # nothing can be read out of these


def _paths(body: bytes, wanted: Callable[[Any], bool]) -> list[tuple[Step, ...]]:
    """Every kind of place in the answer whose first value is wanted; the items of a list are one place."""
    found: dict[tuple[Step, ...], bool] = {}

    def walk(node: Any, path: tuple[Step, ...]) -> None:
        if path not in found and not isinstance(node, (dict, list)):
            found[path] = wanted(node)
        elif path not in found:
            found[path] = wanted(node) and wanted is not _is_number
        for step, value in node.items() if isinstance(node, dict) else [(None, item) for item in node] if isinstance(node, list) else ():
            walk(value, (*path, step))

    walk(json.loads(body), ())
    return [path for path, good in found.items() if good]


def _edit(path: tuple[Step, ...], change: Callable[[Any], Any] = lambda value: value, *, rename: bool = False) -> Spoil:
    """The answer with every value at this place changed, or under another name."""

    def edited(node: Any, rest: tuple[Step, ...]) -> Any:
        if not rest:
            return change(node)
        step, further = rest[0], rest[1:]
        if step is None:
            return [edited(item, further) for item in node] if isinstance(node, list) else node
        if not isinstance(node, dict) or step not in node:
            return node
        name = f"{step}V2" if rename and not further else step
        return {(name if key == step else key): edited(value, further) if key == step else value for key, value in node.items()}

    return lambda said: json.dumps(edited(json.loads(said), path)).encode()


def _name(path: tuple[Step, ...]) -> str:
    return ".".join("*" if step is None else step for step in path)


def _is_number(value: Any) -> bool:
    return _numeric(value) or (isinstance(value, str) and re.fullmatch(r"-?\d{1,15}(\.\d+)?", value) is not None)


def _instead(said: bytes, _: bytes) -> bytes:
    return said


def _other_type(value: Any) -> Any:
    if _numeric(value):
        return str(value)
    return _number(value) if isinstance(value, str) and _is_number(value) else value


def _numeric(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


# --- what may be made of it ---------------------------------------------------------------------------------------------------------------


def misread(known: Any, value: Any, place: str = "it") -> Iterator[str]:
    """What the value says that the one before did not. Less of it is no misreading."""
    if value == known or _gone(value):
        return
    if isinstance(value, Enum) or type(value) is not type(known):
        yield f"{place} is {value!r}, and was {known!r}"
    elif isinstance(value, str):
        if STRANGE not in value and not _words(value) <= _words(known):
            yield f"{place} is {value!r}, and was {known!r}"
    elif is_dataclass(value):
        for each in fields(value):
            yield from misread(getattr(known, each.name), getattr(value, each.name), f"{place}.{each.name}")
    elif isinstance(value, Mapping):
        for name in value:
            yield from misread(known.get(name), value[name], f"{place}.{name}")
    elif isinstance(value, (tuple, list)):
        yield from _misread_items(known, value, place)
    else:
        yield f"{place} is {value!r}, and was {known!r}"


def _gone(value: Any) -> bool:
    """Whether there is nothing where something was. A price of nothing is a price, and False an answer."""
    return not isinstance(value, (bool, Decimal)) and value in (None, 0, "", (), [], {}, frozenset())


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w+.@-]+", text))


def _misread_items(known: Sequence[Any], value: Sequence[Any], place: str) -> Iterator[str]:
    for number, item in enumerate(value):
        if not any(not list(misread(other, item)) for other in known):
            yield f"{place}[{number}] is {str(item)[:200]}, and there was no such thing"


@dataclass(frozen=True, slots=True)
class Case:
    vendor: str
    operation: str
    drift: str
    where: str

    def __str__(self) -> str:
        return f"{self.vendor} {self.operation}, {self.drift} {self.where}".strip()


def judge(case: Case, good: Lab, told: Told, log: str) -> Iterator[str]:
    """What must not have happened."""
    if told.crash is not None:
        yield f"it crashed: {told.crash}"
    if not told.lab.spoilt:
        yield "it was never asked"
        return
    outcome = told.lab.heard.get(case.operation)
    if outcome is None:
        return  # the crash has said it
    answer, verdict = outcome.answer, outcome.verdict
    yield from _judged_as_told(case, good, told.lab)
    if isinstance(answer, Ok):
        pass  # by what was made of it, above
    elif told.lab.kinds[case.operation] is not Class.READ and not isinstance(answer, Unknown):
        yield f"what was done is told as {answer}"
    elif case.drift in WHOLE and not isinstance(answer, Unknown):
        yield f"what nobody can read is told as {answer}"
    if verdict is not Verdict.HEALTHY and not (case.vendor in log and case.operation in log):
        yield f"nobody wrote it down: {log!r}"
    if isinstance(answer, Unknown) and verdict is Verdict.HEALTHY:
        yield "the breaker was told that all is well"
    sent = b" ".join(exchange.sent for exchange in told.world.said(case.vendor)).decode("latin-1")
    for private in {*PRIVATE.findall(sent)}:
        if private in f"{log} {answer if not isinstance(answer, Ok) else ''}":
            yield f"{private!r} was written down"


def _judged_as_told(case: Case, good: Lab, drifted: Lab) -> Iterator[str]:
    """By what our domains heard, question by question."""
    for question, (asked, answer) in drifted.told.items():
        asked_before, known = good.told[question]
        if not isinstance(answer, Ok) or not isinstance(known, Ok) or asked != asked_before:
            continue
        if case.drift == "another currency" and question in SPEAKS_OF_MONEY.get((case.vendor, case.operation), ()):
            if answer.value == known.value:
                yield f"{question}: an amount in another currency is told as one in ours"
            continue
        if case.drift != "another currency":
            yield from (f"{question}: {what}" for what in islice(_unexplained(case, misread(known.value, answer.value)), 1))
        if known.value and not answer.value and _must_be_told(case):
            yield f"{question}: nothing is told where there was {str(known.value)[:200]}"


def _must_be_told(case: Case) -> bool:
    return (case.vendor, case.where.rpartition(".")[2]) not in NOTHING_WITHOUT and (case.vendor, case.where) not in SAYS_NOTHING


def _unexplained(case: Case, found: Iterator[str]) -> Iterator[str]:
    field = case.where.rpartition(".")[2]
    yield from (what for what in found if (case.vendor, field) not in INSTEAD)


# What stands in the place of a field that is gone, by partner and field, and why that is no misreading.
INSTEAD: Final[Mapping[tuple[str, str], str]] = {
    ("amadeus", "boardType"): "the room alone: what they do not speak of is not promised",
    ("amadeus", "description"): "a room without a name is called by its kind",
    ("amadeus", "text"): "a room without a name is called by its kind",
    ("hotelbeds", "name"): "a room without a name is called by its kind",
    ("sabre", "emails"): "the booking's own contact",
    ("sabre", "phones"): "the booking's own contact",
    ("sabre", "number"): "the booking's own contact",
    ("noaa", "vertVis"): "how high the clouds are is then told by the clouds alone",
    ("uber", "display_name"): "a vehicle without a name is called by the vendor's",
    ("anthropic", "stars"): "a form is held against its schema by whoever asked",
    ("anthropic", "nightly"): "a form is held against its schema by whoever asked",
    ("custom", "language"): "English, which everybody is told in who says nothing else",
    ("amadeus_pss", "contact"): "the order's own contact",
    ("amadeus_pss", "phones"): "the order's own contact",
    ("amadeus_pss", "countryCallingCode"): "the order's own contact",
    ("amadeus_pss", "number"): "the order's own contact",
    ("amadeus_pss", "emailAddress"): "the order's own contact",
}

# Without this field, or with another word in it, there is nothing to tell, and why nobody misreads that.
NOTHING_WITHOUT: Final[Mapping[tuple[str, str], str]] = {
    ("hotelbeds", "allotment"): "a rate of which no room is left",
    ("hotelbeds", "children"): "a rate that is for others",
    ("uber", "fare"): "where they name no fare, they do not drive",
    ("aeroapi", "origin"): "a flight whose day at its origin nobody can tell is another one",
    ("aeroapi", "timezone"): "a flight whose day at its origin nobody can tell is another one",
    ("noaa", "icaoId"): "a report of another station",
    ("aviationstack", "flight_date"): "a record of another day",
    ("aviationstack", "flight"): "a record of another flight",
    ("aviationstack", "iata"): "a record of another flight",
}

# What looks like drift and is a way of theirs to say that there is nothing.
SAYS_NOTHING: Final[Mapping[tuple[str, str], str]] = {
    ("uber", "a list"): "rides may come as a bare list (UNCONFIRMED)",
    ("noaa", "nothing"): "no report, no body",
}

# Which answers to our domains name the amount that this operation's answer names.
SPEAKS_OF_MONEY: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("hotelbeds", "search"): ("search",),
    ("hotelbeds", "check"): ("check",),
    ("hotelbeds", "book"): ("book",),
    ("hotelbeds", "find"): ("find",),
    ("amadeus", "offers"): ("search",),
    ("amadeus", "price"): ("check",),
    ("amadeus", "order"): ("book",),
    ("uber", "quote"): ("quotes",),
    ("pomelo", "load"): ("issue", "load"),
}

CONVERSING: Final = sorted(vendor for vendor, (contract, _) in contracts().items() if contract.converse is not None)


@pytest.fixture(scope="module")
async def baselines() -> dict[str, Lab]:
    return {}


async def baseline(vendor: str, known: dict[str, Lab]) -> Lab:
    """The conversation as published: every operation it needs, answered."""
    if vendor not in known:
        told = await talk(contracts()[vendor][0], Lab())
        assert told.crash is None
        assert all(isinstance(outcome.answer, Ok) for outcome in told.lab.heard.values())
        known[vendor] = told.lab
    return known[vendor]


@pytest.mark.parametrize("vendor", sorted(SHEETS))
async def test_every_partner_has_a_conversation_about_all_it_can_do(vendor: str) -> None:
    contract, _ = contracts()[vendor]
    assert contract.converse is not None, f"{vendor} has no conversation: nobody knows what becomes of its answers when they drift"
    lab = await baseline(vendor, {})
    silent = set(SHEETS[vendor].operations) - set(lab.heard) - SILENT.get(vendor, frozenset())
    assert silent == set(), f"{vendor}'s conversation never comes to {silent}"


# What no conversation comes to, because it is only asked when something went wrong before.
SILENT: Final[Mapping[str, frozenset[str]]] = {"pomelo": frozenset({"read_card"})}


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("vendor", CONVERSING)
async def test_drift_is_refused_or_read_leniently(
    vendor: str, drift: str, baselines: dict[str, Lab], caplog: pytest.LogCaptureFixture
) -> None:
    contract, _ = contracts()[vendor]
    good = await baseline(vendor, baselines)
    wrong: list[str] = []
    for operation, body in good.said.items():
        if operation not in good.heard or (not body and drift not in WHOLE):
            continue
        for where, spoil in DRIFTS[drift](body):
            caplog.clear()
            with caplog.at_level(logging.WARNING, "nexa.partner"):
                told = await talk(contract, Lab(operation, spoil))
            case = Case(vendor, operation, drift, where)
            wrong += [f"{case}: {what}" for what in judge(case, good, told, caplog.text)]
    assert not wrong, "\n".join(wrong)


def test_the_answer_of_30_mb_is_larger_than_any_that_is_read() -> None:
    assert ANSWER_LIMIT < 30 * 1024 * 1024


@pytest.mark.parametrize(
    ("value", "fine"),
    [
        (("a", None), True),
        (("a",), True),
        (("a", Decimal("1.5")), True),
        (("a", Decimal("1.6")), False),
        (("b", Decimal("1.5")), False),
        (("a", Decimal(0)), False),
        (("a", "1.5"), False),
    ],
)
def test_less_is_no_misreading_and_anything_else_is(value: tuple[Any, ...], fine: bool) -> None:
    assert (list(misread({"x": ("a", Decimal("1.5"))}, {"x": value})) == []) is fine
