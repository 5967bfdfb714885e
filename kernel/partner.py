"""How a partner is called: one exchange, one of the four kinds of answer, no retry.

Unreachable, throttled, refused sign-in    → NotSent    the partner cannot have acted
parsed, valid, definite                    → Ok | Declined, said by the adapter's `understand`
anything else after the first byte         → Unknown    time-out, reset, 5xx, a body that breaks the contract

Repeating is the engine's business, by the operation's declared class; the one thing repeated here is a sign-in token that a
partner calls expired (401), once, because a refused sign-in is a definite "nothing was done".

Everything passes a `Gate` before the first byte: it waits there for its slot (`kernel/traffic.py`), or is turned away, and is not sent.
What a worker has committed as in flight leaves within the second, or not at all (`kernel/departure.py`): the wait is never longer, and the
last look at the clock is taken here, after the wait, just before the first byte.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final, Generic, Protocol, TypeVar, runtime_checkable

from kernel import clock, departure
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.http import Broken, Http, Reply, Request, Unintelligible, Unreachable
from kernel.operation import Class
from kernel.tenancy import Tenant

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
log = logging.getLogger("nexa.partner")

THROTTLED: Final = "throttled"
UNAUTHORIZED: Final = "sign-in refused"
TOO_LATE: Final = "taken too long ago to be sent"
CHANGE_PATIENCE: Final = 1.0  # seconds that a change waits for its slot where nobody says less
READ_PATIENCE: Final = 5.0  # and a question
GRACE: Final = 0.25  # seconds that a change may be later than its patience: what the machine needs, and no pause of the process
LONGEST_PAUSE: Final = timedelta(minutes=10)  # a Retry-After beyond this is a mistake or an attack; we ask again sooner
_CODE: Final = re.compile(r"[A-Z][A-Z_]{1,39}(\d{3})?|\d{1,6}")  # nothing that has room for a name or a number of somebody


@dataclass(frozen=True, slots=True)
class PartnerOperation:
    """One line of a partner's sheet. `settle` is how long after an unclear answer a look-up means something.

    `undo` names the operation that takes back what this one did. What leaves something behind and has none says in `stays` why nothing can
    take it back, or nobody has to: its undo, where one is owed, is a person's, with the partner's references.
    `look_up`: it asks what the partner holds of ours, and goes before new work, as an undo does.
    """

    kind: Class
    time_out: timedelta
    settle: timedelta | None = None
    undo: str | None = None
    stays: str | None = None
    look_up: bool = False

    @property
    def slow_after(self) -> float:
        """Seconds from which an answer is a slow one: half of what is allowed."""
        return self.time_out.total_seconds() / 2


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a partner publishes about itself, as data. `limit` is requests a second of one account, `published` its own words about quota.

    Raises: ValueError for an operation whose undo is not on the sheet, or of which nobody can say what becomes of what it did.
    """

    vendor: str
    purpose: str
    documentation: str
    operations: Mapping[str, PartnerOperation]
    limit: float = 50
    published: str = ""

    def __post_init__(self) -> None:
        undone = {each.undo for each in self.operations.values()}
        for name, each in self.operations.items():
            if each.undo is not None and each.undo not in self.operations:
                raise ValueError(f"{self.vendor}: {name} is undone by {each.undo}, which is not on the sheet")
            lasting = each.kind is not Class.READ and name not in undone
            if lasting and each.undo is None and each.stays is None:
                raise ValueError(f"{self.vendor}: {name} says neither what takes it back nor why nothing does")

    def goes_first(self, operation: str) -> bool:
        """Look-ups and undos go before new work."""
        return self.operations[operation].look_up or any(each.undo == operation for each in self.operations.values())

    @property
    def can_look(self) -> bool:
        """Whether there is anything to ask that changes nothing."""
        return any(each.kind is Class.READ for each in self.operations.values())


@dataclass(frozen=True, slots=True)
class Passage:
    """Who wants to go out for what. `limit` is the account's, in calls a second; it waits `patience` seconds at most for its slot, and
    its answer comes within `seconds`."""

    vendor: str
    tenant: Tenant
    operation: str
    kind: Class
    first: bool = False
    can_look: bool = True
    limit: float = 50
    slow_after: float = 30.0
    seconds: float = 60.0
    patience: float = CHANGE_PATIENCE


class Verdict(StrEnum):
    """How a call ended, in what a breaker wants to know; a business refusal is healthy. `EXPIRED`: a new token is tried next."""

    HEALTHY = "HEALTHY"
    THROTTLED = "THROTTLED"
    EXPIRED = "EXPIRED"
    UNAUTHORIZED = "UNAUTHORIZED"
    UNREACHABLE = "UNREACHABLE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T_co]):
    """What an exchange came to: `verdict` is None when it was not begun after all; seconds it took, and the pause the partner asked for."""

    answer: Answer[T_co]
    verdict: Verdict | None
    took: float = 0.0
    pause: timedelta | None = None


Exchange = Callable[[], Awaitable[Outcome[T]]]


class Gate(Protocol):
    """Decides before the first byte whether a call may go out, and learns how it went."""

    async def through(self, passage: Passage, exchange: Exchange[T]) -> Answer[T]:
        """Waits for a slot and begins the exchange: its own answer. NotSent when it must not go out; it was not begun then."""
        ...


class OpenGate:
    """Lets everybody through; the partner's own limit is then the only one."""

    async def through(self, passage: Passage, exchange: Exchange[T]) -> Answer[T]:
        return (await exchange()).answer


Understand = Callable[[Reply], "T | Declined | NotSent | Unknown"]
SignIn = Callable[[bool], Awaitable["Mapping[str, str] | NotSent | Unknown"]]  # True asks for a fresh token


@runtime_checkable
class Probing(Protocol):
    """An adapter that can be asked whether its partner is there."""

    async def probe(self, tenant: Tenant) -> None:
        """The cheapest look-up there is; it changes nothing, and a definite no is as good as a yes."""
        ...


@dataclass(frozen=True)
class PartnerClient:
    """The calls of one partner, for all tenants, through one door."""

    sheet: Sheet
    http: Http
    gate: Gate = field(default_factory=OpenGate)

    async def ask(
        self,
        tenant: Tenant,
        operation: str,
        request: Request,
        understand: Understand[T],
        *,
        sign_in: SignIn | None = None,
        within: timedelta | None = None,
    ) -> Answer[T]:
        """One exchange, as an answer. `understand` sees every reply but throttles and refused sign-ins, and may raise
        Unintelligible (or any error of reading a value). `within` is for all of it, the wait for a slot and the answer; without it the
        operation's published time-out counts from the first byte."""
        answer = await self._once(tenant, operation, request, understand, sign_in, False, within)
        if sign_in is not None and isinstance(answer, NotSent) and answer.why == UNAUTHORIZED:
            answer = await self._once(tenant, operation, request, understand, sign_in, True, within)
        return answer

    def _passage(self, tenant: Tenant, operation: str, within: timedelta | None) -> Passage:
        line = self.sheet.operations[operation]
        seconds = min(within or line.time_out, line.time_out).total_seconds()
        left = departure.left()
        patience = CHANGE_PATIENCE if line.kind is not Class.READ else min(READ_PATIENCE, seconds)
        return Passage(
            self.sheet.vendor, tenant, operation, line.kind, self.sheet.goes_first(operation), self.sheet.can_look,
            self.sheet.limit, line.slow_after, seconds, patience if left is None else min(left, patience),
        )  # fmt: skip

    async def _once(
        self, tenant: Tenant, operation: str, request: Request, understand: Understand[T], sign_in: SignIn | None, fresh: bool,
        within: timedelta | None,
    ) -> Answer[T]:  # fmt: skip
        asked = clock.monotonic()
        if sign_in is not None:
            with departure.apart():  # a token that took its time is there for the next try; this one is then too late
                head = await sign_in(fresh)
            if isinstance(head, (NotSent, Unknown)):
                return NotSent(f"no sign-in: {head.why}", head.retry_after if isinstance(head, NotSent) else None)
            request = request.with_headers(head)
        passage, entered = self._passage(tenant, operation, within), clock.monotonic()

        async def exchange() -> Outcome[T]:
            began = clock.monotonic()
            seconds = passage.seconds if within is None else passage.seconds - (began - asked)
            overslept = passage.kind is not Class.READ and began - entered > passage.patience + GRACE
            if departure.too_late() or overslept or seconds <= 0:
                return Outcome(NotSent(TOO_LATE), None)
            answer, verdict = await self._exchange(request, understand, seconds)
            departure.begun()
            if verdict is Verdict.UNAUTHORIZED and sign_in is not None and not fresh:
                verdict = Verdict.EXPIRED
            took = clock.monotonic() - began
            if verdict is not Verdict.HEALTHY:
                told = (passage.vendor, passage.operation, passage.tenant, verdict, took, _why(answer))
                log.warning("%s %s for %s: %s after %.2f s: %s", *told)
            return Outcome(answer, verdict, took, answer.retry_after if isinstance(answer, NotSent) else None)

        return await self.gate.through(passage, exchange)

    async def _exchange(self, request: Request, understand: Understand[T], seconds: float) -> tuple[Answer[T], Verdict]:
        try:
            reply = await self.http.send(request, seconds)
        except Unreachable as error:
            return NotSent(f"unreachable: {error}"), Verdict.UNREACHABLE
        except Broken as error:
            return Unknown(f"no complete answer: {error}"), Verdict.FAILED
        if reply.status == 429:
            return throttled(reply), Verdict.THROTTLED
        if reply.status == 401:
            return unauthorized(), Verdict.UNAUTHORIZED
        return self._understood(reply, understand)

    def _understood(self, reply: Reply, understand: Understand[T]) -> tuple[Answer[T], Verdict]:
        try:
            said = understand(reply)
        except (Unintelligible, LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            # The partner has acted, or not, and its words do not say which; a bug of ours in reading them is no better.
            # Ours name a field and never its value; what Python says of a value quotes it.
            named = error if isinstance(error, Unintelligible) else type(error).__name__
            return Unknown(f"unintelligible: {named}", reply.evidence()), Verdict.FAILED
        if isinstance(said, NotSent):
            return said, Verdict.THROTTLED if said.why == THROTTLED else Verdict.UNAUTHORIZED
        if isinstance(said, Unknown):
            return Unknown(said.why, {**reply.evidence(), **said.evidence}), Verdict.FAILED
        return said if isinstance(said, Declined) else Ok(said), Verdict.HEALTHY


def throttled(reply: Reply) -> NotSent:
    """For partners that throttle with another status than 429."""
    return NotSent(THROTTLED, retry_after(reply))


def unauthorized() -> NotSent:
    """For partners that refuse the credential with another status than 401."""
    return NotSent(UNAUTHORIZED)


def declined(partner: str, code: str, known: Mapping[str, str]) -> Declined:
    """Their refusal by its code, in a sentence of ours. Their own text is not kept: it quotes what was sent, a phone number for one."""
    plain = code if _CODE.fullmatch(code) else "REFUSED"
    return Declined(plain, known.get(plain) or f"{partner} refused it (code {plain})")


def retry_after(reply: Reply) -> timedelta | None:
    """The Retry-After of a reply, seconds or HTTP date; None when absent or unreadable."""
    text = reply.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        wait = timedelta(seconds=float(text)) if text[:1].isdigit() and " " not in text else _until(text)
    except (ValueError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_PAUSE)


def _until(text: str) -> timedelta:
    at = parsedate_to_datetime(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - clock.now()


def _why(answer: object) -> str:
    return getattr(answer, "why", None) or type(answer).__name__
