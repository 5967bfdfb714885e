"""The only one who talks to Pomelo. Implements wallet's `Cards`.

A card is several requests: holder, card, account, load. Each has a key derived from the operation's, so the whole may be
repeated from the start after any answer and goes on where it stopped. Once a first request was executed, "the partner cannot
have acted" is no longer true of the whole: a throttle in the middle is waited out for a while and then reported as unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

from adapters.pomelo import SHEET, VENDOR, translate, wire
from domains.wallet.ports import CardRequest, IssuedCard, Loaded, Voided
from kernel import clock
from kernel.answer import Answer, Declined, NotSent, Ok, Unknown
from kernel.bearer import Token, Tokens, token
from kernel.http import Http, Reply, Request, json_request
from kernel.money import Money
from kernel.partner import Gate, OpenGate, PartnerClient, throttled
from kernel.secret import SecretMissingError, Secrets
from kernel.tenancy import Tenant
from kernel.wire import text

T = TypeVar("T")
PATIENCE: Final = timedelta(seconds=20)  # for throttles in the middle of one card; beyond it the engine's settle time is the better wait
_PAUSE: Final = timedelta(seconds=1)  # when a throttle does not say how long
_TOKEN_LIFE: Final = 86_400  # seconds; as published, where a reply does not say


class _Stopped(Exception):
    """A step of a card did not succeed; carries its answer."""

    def __init__(self, answer: Declined | NotSent | Unknown) -> None:
        super().__init__(type(answer).__name__)
        self.answer = answer


class Pomelo:
    """Prepaid cards from Pomelo, for every tenant that has a programme there."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._secrets = secrets
        self._tokens = Tokens(self._fetch_token)

    async def issue(self, tenant: Tenant, request: CardRequest) -> Answer[IssuedCard]:
        translate.credit("", request.amount)  # an impossible amount is refused before anything is made
        account = self._account(tenant)
        if account is None:
            return NotSent("no account with this partner")
        steps = _Steps(self, tenant, request.key)
        card: str | None = None
        try:
            country, group = account.get("country", "MEX"), account["affinity_group_id"]
            user = await steps.do(
                "user", "/users/v1/", translate.user_request(request, country, account["mail_domain"]), translate.identity
            )
            made = await steps.do("card", "/cards/v1/", translate.card_request(user, group), translate.card)
            card = text(made, "id")
            owned = translate.account_request(user, request, country)
            account_id = await steps.do("account", "/core/accounts/v1", owned, translate.identity)
            credit = await steps.do("load", "/core/transactions/v1", translate.credit(account_id, request.amount), _moved(request.amount))
        except _Stopped as stopped:
            return await self._leave_nothing(tenant, card, steps.whole(stopped.answer))
        return Ok(translate.issued(user, made, account_id, credit, request.amount))

    async def load(self, tenant: Tenant, card: IssuedCard, amount: Money, key: str) -> Answer[Loaded]:
        body = translate.credit(card.account, amount)
        answer = await self.post(tenant, "load", "/core/transactions/v1", body, translate.derived(key, "load"), _moved(amount))
        return Ok(translate.loaded(answer.value, amount)) if isinstance(answer, Ok) else answer

    async def void(self, tenant: Tenant, card: IssuedCard, key: str) -> Answer[Voided]:
        """Reverses the first load whole, unless the issuer refuses because part of it is spent, and takes back what is left then."""
        disabled = await self._disable(tenant, card.card)
        if not isinstance(disabled, Ok):
            return disabled
        steps = _Steps(self, tenant, key)
        steps.acted = True
        try:
            body = translate.reversal(card.account, card.balance, card.credit)
            await steps.do("reverse", "/core/transactions/v1", body, _moved(card.balance))
            returned: Money | None = card.balance
        except _Stopped as stopped:
            if not isinstance(stopped.answer, Declined):
                return steps.whole(stopped.answer)
            returned = None
        return await self._take_rest(tenant, card, steps, returned)

    async def probe(self, tenant: Tenant) -> None:
        """Asks for a card that nobody has."""
        await self.ask(tenant, "read_card", Request("GET", "/cards/v1/probe"), translate.card_status)

    async def _take_rest(self, tenant: Tenant, card: IssuedCard, steps: _Steps, returned: Money | None) -> Answer[Voided]:
        balance = partial(translate.balance, currency=card.balance.currency)
        left = await self.ask(tenant, "read_account", Request("GET", f"/core/accounts/v1/{card.account}"), balance)
        if not isinstance(left, Ok):
            return steps.whole(left)
        if left.value.amount <= 0:
            return Ok(Voided(card.card, returned))
        try:
            await steps.do("reverse", "/core/transactions/v1", translate.debit(card.account, left.value), _moved(left.value), "rest")
        except _Stopped as stopped:
            return steps.whole(stopped.answer)
        return Ok(Voided(card.card, left.value if returned is None else returned + left.value))

    async def _leave_nothing(self, tenant: Tenant, card: str | None, answer: Declined | NotSent | Unknown) -> Answer[IssuedCard]:
        """A refusal after the card was made must not leave it alive."""
        if card is None or not isinstance(answer, Declined):
            return answer
        disabled = await self._disable(tenant, card)
        if isinstance(disabled, Ok):
            return answer
        return Unknown(f"refused ({answer.code}), and its card could not be disabled", {"card": card})

    async def _disable(self, tenant: Tenant, card: str) -> Answer[str]:
        """Has no key and needs none: a card that is disabled stays so. A refusal is held against how the card stands."""
        body = wire.CardPatch(status="DISABLED", status_reason="CLIENT_INTERNAL_REASON")
        answer = await self.ask(tenant, "disable", json_request("PATCH", f"/cards/v1/{card}", body), translate.card_status)
        if isinstance(answer, Declined):
            status = await self.ask(tenant, "read_card", Request("GET", f"/cards/v1/{card}"), translate.card_status)
            return status if isinstance(status, Ok) and status.value == "DISABLED" else answer
        if isinstance(answer, Ok) and answer.value != "DISABLED":
            return Unknown("the card is not disabled", {"card": card})
        return answer

    async def post(
        self, tenant: Tenant, operation: str, path: str, body: object, key: str, understand: Callable[[Reply], T | Declined]
    ) -> Answer[T]:
        return await self.ask(tenant, operation, json_request("POST", path, body, {"x-idempotency-key": key}), understand)

    async def ask(self, tenant: Tenant, operation: str, request: Request, understand: Callable[[Reply], T | Declined]) -> Answer[T]:
        def understood(reply: Reply) -> T | Declined | NotSent | Unknown:
            return understand(reply) if reply.ok else wire.refusal(reply)

        request = request.with_headers({"accept": "application/json"})
        return await self._partner.ask(tenant, operation, request, understood, sign_in=self._tokens.of(tenant))

    async def _fetch_token(self, tenant: Tenant) -> Answer[Token]:
        account = self._account(tenant)
        if account is None:
            return NotSent("no account with this partner")
        body = wire.TokenRQ(
            client_id=account["client_id"],
            client_secret=account["client_secret"],
            audience=account["audience"],
            grant_type="client_credentials",
        )
        request = json_request("POST", "/oauth/token", body)
        return await self._partner.ask(tenant, "token", request, _token)

    def _account(self, tenant: Tenant) -> Mapping[str, str] | None:
        """What the tenant's programme consists of; None when something is missing."""
        try:
            account = {name: value.reveal() for name, value in self._secrets.vendor(tenant, VENDOR).items()}
        except SecretMissingError:
            return None
        account.setdefault("mail_domain", "cards.nexa.invalid")
        needed = ("client_id", "client_secret", "audience", "affinity_group_id")
        return account if all(name in account for name in needed) else None


class _Steps:
    """The requests of one operation, each under its own key; remembers whether one was executed."""

    def __init__(self, pomelo: Pomelo, tenant: Tenant, key: str) -> None:
        self._pomelo, self._tenant, self._key = pomelo, tenant, key
        self._deadline = clock.monotonic() + PATIENCE.total_seconds()
        self.acted = False

    async def do(self, step: str, path: str, body: object, understand: Callable[[Reply], T | Declined], name: str = "") -> T:
        """The step's value. Raises: _Stopped."""
        key = translate.derived(self._key, name or step)
        while True:
            answer = await self._pomelo.post(self._tenant, step, path, body, key, understand)
            if isinstance(answer, Ok):
                self.acted = True
                return answer.value
            if not (self.acted and isinstance(answer, NotSent) and await self._waited(answer)):
                raise _Stopped(answer)

    async def _waited(self, answer: NotSent) -> bool:
        pause = (answer.retry_after or _PAUSE).total_seconds()
        if clock.monotonic() + pause > self._deadline:
            return False
        await asyncio.sleep(pause)
        return True

    def whole(self, answer: Declined | NotSent | Unknown) -> Declined | NotSent | Unknown:
        """What the answer of one request means for all of them."""
        if isinstance(answer, NotSent) and self.acted:
            return Unknown(f"stopped half way: {answer.why}")
        return answer


def _moved(amount: Money) -> Callable[[Reply], str | Declined]:
    return partial(translate.movement, currency=amount.currency)


def _token(reply: Reply) -> Token | Declined | NotSent | Unknown:
    if reply.status == 429:
        return throttled(reply)
    if not reply.ok:
        return wire.refusal(reply)
    return token(reply, _TOKEN_LIFE)
