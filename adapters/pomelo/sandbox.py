"""Pomelo's twin: token, holders, cards, accounts, movements, each create under an idempotency key.

A replay answers what was answered; another body under a known key is a 409 (their own reply to that is UNCONFIRMED). The error
envelope is the recalled one (UNCONFIRMED). A movement is refused inside a successful reply. An account of the sandbox is
`sandbox-<tenant>`; no card number is ever made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Final

from kernel import clock
from kernel.sandbox.book import Book, Page
from kernel.sandbox.limit import Limit
from kernel.sandbox.shell import Call, Handler, Route, Said, Twin, route

AFFINITY_GROUP: Final = "afg-2BBBBBBBBBBBBBBBBBBBBBBBBBB"
AUDIENCE: Final = "https://auth-sandbox.pomelo.la"
_TOKEN_SECONDS: Final = 86_400
_COUNTRIES: Final = frozenset({"ARG", "BRA", "MEX", "COL", "PER", "CHL"})
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant."""
    return {
        "client_id": f"sandbox-{tenant}",
        "client_secret": f"sandbox-secret-{tenant}",
        "audience": AUDIENCE,
        "affinity_group_id": AFFINITY_GROUP,
        "country": "MEX",
        "mail_domain": f"{tenant}.cards.example.test",
    }


class RefusedError(Exception):
    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code = status, code

    def said(self) -> Said:
        return Said(self.status, {"error": {"details": [{"code": self.code, "detail": str(self)}]}})


class PomeloTwin(Twin):
    partner: ClassVar[str] = "pomelo"

    def declare(self) -> list[Route]:
        return [
            route("POST", "/oauth/token", "token", _refusing(self.token)),
            route("POST", "/oauth/token/revoke", "token", _refusing(self.revoke)),
            route("POST", "/users/v1/", "user", self._keyed(self.create_user)),
            route("GET", "/users/v1/{id}", "read_user", self._reading("user", _user)),
            route("POST", "/cards/v1/", "card", self._keyed(self.create_card)),
            route("GET", "/cards/v1/{id}", "read_card", self._reading("card", _card)),
            route("PATCH", "/cards/v1/{id}", "disable", _refusing(self.change_card)),
            route("POST", "/core/accounts/v1", "account", self._keyed(self.create_account)),
            route("GET", "/core/accounts/v1/{id}", "read_account", self._reading("account", _account)),
            route("POST", "/core/transactions/v1", "load", self._keyed(self.move)),
        ]

    def operation_of(self, found: Route, body: bytes) -> str:
        """Credits and debits go to one address; faults are ordered for either."""
        return "reverse" if found.operation == "load" and b'"DEBIT"' in body else found.operation

    def signed_in(self, call: Call) -> str | Said:
        if call.operation == "token":
            return ""
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        known = self.book.get("token", token)
        if known is None or known["until"] <= clock.now().timestamp():
            return RefusedError(401, "UNAUTHORIZED", "The token is missing, unknown or has expired").said()
        return str(known["tenant"])

    def failure(self, call: Call) -> Said:
        return RefusedError(500, "INTERNAL_ERROR", "Something broke").said()

    def throttled(self, call: Call) -> Said:
        return RefusedError(429, "TOO_MANY_REQUESTS", "Slow down").said()

    def refusal(self, call: Call) -> Said:
        known = self.book.get("idempotency", _replayed(call))
        if known is not None:  # what was done under this key is told again, however the programme stands by now
            return Said(known["status"], known["body"])
        if call.operation in ("load", "reverse"):
            return Said(200, {"data": {"id": "", "result": "REJECTED", "status_detail": "INSUFFICIENT_FUNDS"}})
        return RefusedError(422, "REFUSED", "The programme does not allow this").said()

    def malformed(self, call: Call) -> Said:
        return RefusedError(400, "INVALID_REQUEST", "The request is malformed").said()

    def told(self) -> dict[str, Any]:
        owners = {page["user_id"]: page for _, page in self.book.all("account")}
        users = dict(self.book.all("user"))
        cards = []
        for id, card in self.book.all("card"):
            account = owners.get(card["user_id"], {})
            cards.append(
                {
                    "id": id,
                    "tenant": card["tenant"],
                    "user": {"id": card["user_id"], **users.get(card["user_id"], {})},
                    "status": card["status"],
                    "balance": account.get("balance", "0.00"),
                    "currency": account.get("currency"),
                    "metadata": account.get("metadata", {}),
                    "at": card["at"],
                }
            )
        movements = [{"id": id, **page} for id, page in self.book.all("transaction")]
        return {"cards": cards, "transactions": movements}

    # Their operations.

    async def token(self, call: Call) -> Said:
        asked = _body(call)
        tenant = str(asked.get("client_id", "")).removeprefix("sandbox-")
        account = credentials(tenant)
        right = all(asked.get(name) == account[name] for name in ("client_id", "client_secret", "audience"))
        if not right or asked.get("grant_type") != "client_credentials":
            raise RefusedError(401, "UNAUTHORIZED", "The client is not known")
        now = clock.now().timestamp()
        for value, page in self.book.all("token"):
            if page["tenant"] == tenant and page["until"] > now:
                return _token(value, int(page["until"] - now))
        value = _id("tok", tenant, str(now))
        self.book.put("token", value, {"tenant": tenant, "until": now + _TOKEN_SECONDS})
        return _token(value, _TOKEN_SECONDS)

    async def revoke(self, call: Call) -> Said:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if self.book.get("token", token):
            self.book.change("token", token, until=0)
        return Said(204)

    async def create_user(self, call: Call) -> Said:
        asked = _body(call)
        email, country = _text(asked, "email"), _text(asked, "operation_country")
        if country not in _COUNTRIES or "@" not in email:
            raise RefusedError(400, "INVALID_DATA", "email or operation_country is not valid")
        if any(page["email"] == email for _, page in self.book.all("user")):
            raise RefusedError(409, "USER_EXISTS", "A user with this email exists")
        id = self._next("usr", call)
        named = {name: asked.get(name) for name in ("name", "surname", "phone")}
        page = self.book.put("user", id, {"tenant": call.tenant, "email": email, "operation_country": country, "status": "ACTIVE", **named})
        return Said(201, {"data": _user(id, page)})

    async def create_card(self, call: Call) -> Said:
        asked = _body(call)
        user = self._of(call, "user", _text(asked, "user_id"))
        if _text(asked, "affinity_group_id") != AFFINITY_GROUP or asked.get("card_type") != "VIRTUAL" or user["status"] != "ACTIVE":
            raise RefusedError(400, "INVALID_DATA", "affinity_group_id, card_type or the user is not valid")
        id = self._next("crd", call)
        page = self.book.put("card", id, {"tenant": call.tenant, "user_id": asked["user_id"], "status": "ACTIVE", "last_four": _digits(id)})
        return Said(201, {"data": _card(id, page)})

    async def change_card(self, call: Call) -> Said:
        asked = _body(call)
        id = call.parts["id"]
        card = self._of(call, "card", id)
        status = _text(asked, "status")
        _text(asked, "status_reason")
        if status not in ("ACTIVE", "BLOCKED", "DISABLED") or (card["status"] == "DISABLED" and status != "DISABLED"):
            raise RefusedError(400, "INVALID_STATUS", "The card cannot take this status")
        return Said(200, {"data": _card(id, self.book.change("card", id, status=status))})

    async def create_account(self, call: Call) -> Said:
        asked = _body(call)
        self._of(call, "user", _text(asked, "user_id"))
        if asked.get("owner_type") != "USER" or not re.fullmatch(r"[A-Z]{3}", _text(asked, "currency")):
            raise RefusedError(400, "INVALID_DATA", "owner_type or currency is not valid")
        id = self._next("acc", call)
        kept = {name: asked.get(name) for name in ("user_id", "country", "currency", "metadata")}
        page = self.book.put("account", id, {"tenant": call.tenant, "status": "ACTIVE", "balance": "0.00", **kept})
        return Said(201, {"data": {key: value for key, value in _account(id, page).items() if key != "balance"}})

    async def move(self, call: Call) -> Said:
        asked = _body(call)
        account_id = _text(asked, "account_id")
        account = self._of(call, "account", account_id)
        amount, entry = _amount(asked), _text(asked, "entry_type")
        process = _text(asked, "process_type")
        _text(asked, "type")
        if entry not in ("CREDIT", "DEBIT") or process not in ("ORIGINAL", "ADJUSTMENT", "REFUND", "REVERSAL"):
            raise RefusedError(400, "INVALID_DATA", "entry_type or process_type is not valid")
        if process != "ORIGINAL":
            self._of(call, "transaction", _text(asked, "parent_tx_id"))
        _hold_details_against(asked, amount)
        balance = Decimal(account["balance"]) + (amount if entry == "CREDIT" else -amount)
        id = self._next("atx", call)
        result = "APPROVED" if balance >= 0 else "REJECTED"
        if result == "APPROVED":
            self.book.change("account", account_id, balance=str(balance))
        kept = {"account_id": account_id, "process_type": process, "entry_type": entry, "total_amount": str(amount), "result": result}
        self.book.put("transaction", id, {"tenant": call.tenant, "parent_tx_id": asked.get("parent_tx_id"), **kept})
        detail = "APPROVED" if result == "APPROVED" else "INSUFFICIENT_FUNDS"
        return Said(200, {"data": {"id": id, **kept, "status_detail": detail, "currency": account["currency"]}})

    # How they work.

    def _keyed(self, handler: Handler) -> Handler:
        async def once(call: Call) -> Said:
            key = call.headers.get("x-idempotency-key")
            if not key:
                raise RefusedError(400, "MISSING_HEADER", "x-idempotency-key is required")
            id, digest = _replayed(call), hashlib.sha256(call.body).hexdigest()
            known = self.book.get("idempotency", id)
            if known is not None:
                if known["digest"] != digest:
                    raise RefusedError(409, "IDEMPOTENCY_CONFLICT", "The key was used for another request")
                return Said(known["status"], known["body"])
            said = await handler(call)
            self.book.put("idempotency", id, {"digest": digest, "status": said.status, "body": said.body})
            return said

        return _refusing(once)

    def _reading(self, kind: str, shown: Callable[[str, Page], dict[str, Any]]) -> Handler:
        async def read(call: Call) -> Said:
            return Said(200, {"data": shown(call.parts["id"], self._of(call, kind, call.parts["id"]))})

        return _refusing(read)

    def _of(self, call: Call, kind: str, id: str) -> Page:
        page = self.book.get(kind, id)
        if page is None or page["tenant"] != call.tenant:
            raise RefusedError(404, "NOT_FOUND", f"There is no such {kind}")
        return page

    def _next(self, prefix: str, call: Call) -> str:
        return _id(prefix, call.tenant, call.headers.get("x-idempotency-key", ""))


def _refusing(handler: Handler) -> Handler:
    async def refusing(call: Call) -> Said:
        try:
            return await handler(call)
        except RefusedError as refused:
            return refused.said()

    return refusing


def _body(call: Call) -> dict[str, Any]:
    try:
        value = call.json()
    except (ValueError, RecursionError):
        raise RefusedError(400, "INVALID_REQUEST", "The body is not JSON") from None
    if not isinstance(value, dict):
        raise RefusedError(400, "INVALID_REQUEST", "The body is not an object")
    return value


def _text(of: Mapping[str, Any], name: str) -> str:
    value = of.get(name)
    if not isinstance(value, str) or not value:
        raise RefusedError(400, "INVALID_DATA", f"{name} is required")
    return value


def _amount(of: Mapping[str, Any]) -> Decimal:
    try:
        amount = Decimal(_text(of, "total_amount"))
    except InvalidOperation:
        raise RefusedError(400, "INVALID_AMOUNT", "total_amount is not a number") from None
    if not amount.is_finite() or amount <= 0:
        raise RefusedError(400, "INVALID_AMOUNT", "total_amount must be positive")
    return amount


def _hold_details_against(asked: Mapping[str, Any], amount: Decimal) -> None:
    data = asked.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("details"), list):
        raise RefusedError(400, "INVALID_DATA", "data is required")
    if sum((Decimal(str(detail.get("amount", "0"))) for detail in data["details"]), Decimal(0)) != amount:
        raise RefusedError(400, "INVALID_AMOUNT", "The details must sum to the total")


def _replayed(call: Call) -> str:
    """The page under which an answer is kept for its key."""
    return f"{call.tenant}/{call.path}/{call.headers.get('x-idempotency-key', '')}"


def _token(value: str, seconds: int) -> Said:
    return Said(200, {"access_token": value, "token_type": "Bearer", "expires_in": seconds, "scope": ""})


def _user(id: str, page: Page) -> dict[str, Any]:
    kept = ("email", "operation_country", "status", "name", "surname", "phone")
    return {"id": id, "client_id": "cli-2EEEEEEEEEEEEEEEEEEEEEEEEEE", **{name: page[name] for name in kept if page.get(name) is not None}}


def _card(id: str, page: Page) -> dict[str, Any]:
    return {
        "id": id,
        "affinity_group_id": AFFINITY_GROUP,
        "affinity_group_name": "IROPS",
        "card_type": "VIRTUAL",
        "product_type": "PREPAID",
        "status": page["status"],
        "user_id": page["user_id"],
        "start_date": page["at"][:10],
        "last_four": page["last_four"],
        "provider": "MASTERCARD",
    }


def _account(id: str, page: Page) -> dict[str, Any]:
    return {
        "id": id,
        "country": page["country"],
        "currency": page["currency"],
        "balance": page["balance"],
        "status": page["status"],
        "owner_type": "USER",
        "owner_data": {"user_id": page["user_id"], "client_id": "cli-2EEEEEEEEEEEEEEEEEEEEEEEEEE", "company_id": ""},
        "created_at": page["at"],
    }


def _id(prefix: str, *of: str) -> str:
    """27 characters, the same for the same request, as a replay would find it."""
    number = int.from_bytes(hashlib.sha256("/".join((prefix, *of)).encode()).digest())
    symbols = []
    for _ in range(27):
        number, symbol = divmod(number, len(_ALPHABET))
        symbols.append(_ALPHABET[symbol])
    return f"{prefix}-{''.join(symbols)}"


def _digits(id: str) -> str:
    return f"{int.from_bytes(hashlib.sha256(id.encode()).digest()[:4]) % 10_000:04d}"


def twin(book: Book, limit: Limit | None = None) -> PomeloTwin:
    return PomeloTwin(book, limit)
