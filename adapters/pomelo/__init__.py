"""Pomelo: prepaid cards on a digital account.

Signed in by OAuth2 client credentials; the same token comes until it expires. Every create takes `x-idempotency-key`, so cards
are class A: the same request under the same key is resent after any unclear answer. No stored page shows the error envelope,
the reply to a replay, or the full list of movement types (UNCONFIRMED): the status alone decides, and 409 and 425 stay unclear.
A movement is refused inside a successful reply (`REJECTED`). Card numbers never travel here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "pomelo"

_TIME_OUT: Final = timedelta(seconds=15)  # none is published
_SETTLE: Final = timedelta(seconds=60)


def _keyed(undo: str | None = None, stays: str | None = None) -> PartnerOperation:
    return PartnerOperation(Class.A, _TIME_OUT, _SETTLE, undo, stays)


def _read(look_up: bool = True) -> PartnerOperation:
    return PartnerOperation(Class.READ, _TIME_OUT, look_up=look_up)


SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="prepaid cards",
    documentation="https://developers.pomelo.la/",
    operations={
        "token": _read(look_up=False),
        "user": _keyed(stays="a holder without a card can do nothing"),
        "card": _keyed(undo="disable"),
        "account": _keyed(stays="an account without a load holds nothing"),
        "load": _keyed(undo="reverse"),
        "reverse": _keyed(),
        "disable": _keyed(),
        "read_card": _read(),
        "read_account": _read(),
    },
    published="not published",
)
