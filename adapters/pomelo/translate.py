"""Wallet's words into Pomelo's and back; pure."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Final

from adapters.pomelo import wire
from adapters.pomelo.wire import AccountRQ, CardRQ, TransactionRQ, UserRQ
from domains.wallet.ports import CardRequest, IssuedCard, Loaded
from kernel.answer import Declined
from kernel.http import Reply, Unintelligible
from kernel.money import Money
from kernel.wire import Object, inner_or_empty, text, text_or_none

MOVEMENT: Final = "CARD_PURCHASE"  # the one type their stored pages name; the full list is UNCONFIRMED
_REJECTIONS: Final = {"INSUFFICIENT_FUNDS": "there is too little money for this movement"}  # theirs is free text and not kept
_NAME_LENGTH: Final = 50
_CENT: Final = Decimal("0.01")


def derived(key: str, step: str) -> str:
    """The idempotency key of one step: short, printable, and the same for the same operation for ever."""
    return hashlib.sha256(f"{key}/{step}".encode()).hexdigest()[:32]


def user_request(request: CardRequest, country: str, mail_domain: str) -> UserRQ:
    """The address must be unique per user and is none of the passenger's: nothing is ever mailed to it."""
    return {
        "email": f"{derived(request.key, 'holder')[:20]}@{mail_domain}",
        "operation_country": country,
        "name": _name(request.given_name),
        "surname": _name(request.family_name),
    }


def card_request(user: str, affinity_group: str) -> CardRQ:
    return {"user_id": user, "affinity_group_id": affinity_group, "card_type": "VIRTUAL"}


def account_request(user: str, request: CardRequest, country: str) -> AccountRQ:
    return {
        "owner_type": "USER",
        "user_id": user,
        "country": country,
        "currency": request.amount.currency,
        "metadata": {"case": request.reference},
    }


def credit(account: str, amount: Money) -> TransactionRQ:
    return _movement(account, "ORIGINAL", "CREDIT", amount)


def reversal(account: str, amount: Money, parent: str) -> TransactionRQ:
    return {**_movement(account, "REVERSAL", "DEBIT", amount), "parent_tx_id": parent}


def debit(account: str, amount: Money) -> TransactionRQ:
    return _movement(account, "ORIGINAL", "DEBIT", amount)


def _movement(account: str, process: str, entry: str, amount: Money) -> TransactionRQ:
    if amount.amount <= 0:
        raise ValueError("an amount is always positive; its direction is said by entry_type")
    total = str(amount.amount.quantize(_CENT))
    if Decimal(total) != amount.amount:
        raise ValueError("an amount has at most two decimals")
    return {
        "account_id": account,
        "type": MOVEMENT,
        "process_type": process,
        "entry_type": entry,
        "total_amount": total,
        "data": {
            "description": {"en-US": "Disruption care"},
            "details": [{"type": "BASE", "entry_type": entry, "amount": total}],
            "tx_properties": {},
            "metadata": {},
        },
    }


def _name(name: str) -> str:
    trimmed = " ".join(name.split())[:_NAME_LENGTH]
    if not trimmed:
        raise ValueError("the holder has no name")
    return trimmed


def identity(reply: Reply) -> str:
    """The id of what was created."""
    return text(wire.data(reply), "id")


def card(reply: Reply) -> Object:
    made = wire.data(reply)
    text(made, "id")
    text(made, "last_four")
    return made


def card_status(reply: Reply) -> str:
    return text(wire.data(reply), "status")


def balance(reply: Reply, currency: str) -> Money:
    """What is on the account. Raises: Unintelligible, also for another currency than the card was loaded with."""
    account = wire.data(reply)
    _same_currency(account, currency)
    try:
        return Money(Decimal(text(account, "balance")), text(account, "currency"))
    except ArithmeticError:
        raise Unintelligible("balance is not a number") from None


def movement(reply: Reply, currency: str) -> str | Declined:
    """The transaction's id, or the refusal that a successful reply may carry."""
    made = wire.data(reply)
    _same_currency(made, currency)
    result = _result(made)
    if result == "APPROVED":
        return text(made, "id")
    if result in ("REJECTED", "REJETED"):  # an older page of theirs spells it so
        return Declined("REJECTED", _REJECTIONS.get(text_or_none(made, "status_detail") or "", "the issuer rejected the movement"))
    raise Unintelligible("result is neither APPROVED nor REJECTED")


def _same_currency(told: Object, currency: str) -> None:
    """A movement is asked for as a bare number: its answer may leave the currency out, but not name another."""
    if text_or_none(told, "currency") not in (None, currency):
        raise Unintelligible("currency is not the card's")


def _result(made: Object) -> str | None:
    """Where exactly the outcome stands is UNCONFIRMED."""
    for name in ("result", "state", "status"):
        word = text_or_none(made, name) or text_or_none(inner_or_empty(made, name), "status")
        if word:
            return word.upper()
    return None


def issued(user: str, card: Object, account: str, transaction: str, amount: Money) -> IssuedCard:
    return IssuedCard(
        card=text(card, "id"),
        account=account,
        holder=user,
        credit=transaction,
        last_four=text(card, "last_four"),
        network=text_or_none(card, "provider") or "",
        balance=amount,
    )


def loaded(transaction: str, amount: Money) -> Loaded:
    return Loaded(transaction, amount)
