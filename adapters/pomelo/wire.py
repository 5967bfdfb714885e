"""Pomelo's JSON under its own names, and what its statuses mean."""

from __future__ import annotations

from typing import TypedDict

from kernel.answer import Declined, NotSent, Unknown
from kernel.http import Reply
from kernel.partner import unauthorized
from kernel.wire import Object, an_object, inner


class TokenRQ(TypedDict):
    client_id: str
    client_secret: str
    audience: str
    grant_type: str


class UserRQ(TypedDict):
    email: str
    operation_country: str
    name: str
    surname: str


class CardRQ(TypedDict):
    user_id: str
    affinity_group_id: str
    card_type: str


class AccountRQ(TypedDict):
    owner_type: str
    user_id: str
    country: str
    currency: str
    metadata: dict[str, str]


class Detail(TypedDict):
    type: str
    entry_type: str
    amount: str


class TransactionData(TypedDict):
    description: dict[str, str]
    details: list[Detail]
    tx_properties: dict[str, str]
    metadata: dict[str, str]


class TransactionRQ(TypedDict, total=False):
    account_id: str
    type: str
    process_type: str
    parent_tx_id: str
    entry_type: str
    total_amount: str
    data: TransactionData


class CardPatch(TypedDict):
    status: str
    status_reason: str


def data(reply: Reply) -> Object:
    """What the envelope holds. Raises: Unintelligible."""
    return inner(an_object(reply.json()), "data")


_NO = frozenset({400, 404, 405, 406, 410, 413, 415, 422})


def refusal(reply: Reply) -> Declined | NotSent | Unknown:
    """409 may be a replay under way or a second holder, 425 is a key at work: neither says that nothing was done."""
    if reply.status == 403:
        return unauthorized()
    if reply.status in _NO:
        return Declined(f"HTTP_{reply.status}", "the issuer refused the request")
    return Unknown(f"status {reply.status}")
