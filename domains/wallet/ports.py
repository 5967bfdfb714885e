"""What wallet needs of a card issuer. Class A throughout: the same key gives the same answer and never a second effect.

A card number never enters Nexa: an issuer's page reveals it, and only the issuer's ids and the last four digits come here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kernel.answer import Answer
from kernel.money import Money
from kernel.tenancy import Tenant


@dataclass(frozen=True, slots=True)
class CardRequest:
    """A prepaid card with its first load. `key` is kept for good with the operation; `reference` is the sub-case's URN.

    The holder is the lead passenger: names and contact are personal data and are not stored with the operation.
    """

    key: str
    reference: str
    given_name: str
    family_name: str
    amount: Money
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class IssuedCard:
    """The issuer's ids for what `issue` made. `credit` is the load's transaction, `holder` the issuer's user."""

    card: str
    account: str
    holder: str
    credit: str
    last_four: str
    network: str
    balance: Money


@dataclass(frozen=True, slots=True)
class Loaded:
    """`transaction` is the issuer's id of the movement."""

    transaction: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Voided:
    """The card is dead; `returned` is what this call knows to have gone back to the pool, None when there was nothing left."""

    card: str
    returned: Money | None


class Cards(Protocol):
    """An issuer of prepaid cards."""

    @property
    def vendor(self) -> str: ...

    async def issue(self, tenant: Tenant, request: CardRequest) -> Answer[IssuedCard]:
        """Makes holder, card and account and loads the amount, each under a key derived from `request.key`.

        May be repeated with the same request after any answer. `Declined` leaves no live card and no money behind; if that could
        not be made sure the answer is `Unknown`.
        """
        ...

    async def load(self, tenant: Tenant, card: IssuedCard, amount: Money, key: str) -> Answer[Loaded]:
        """Puts `amount` on the card. May be repeated with the same key. `Declined` when the issuer rejects the movement."""
        ...

    async def void(self, tenant: Tenant, card: IssuedCard, key: str) -> Answer[Voided]:
        """Disables the card for good and takes back what is left on it. May be repeated with the same key."""
        ...
