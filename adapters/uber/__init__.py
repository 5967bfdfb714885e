"""Uber Guest Rides: a car for somebody who has no account there.

Signed in by OAuth2 client credentials at a host of its own (UNCONFIRMED). There is no idempotency key: our reference travels in
`expense_memo`, which is not documented as searchable or unique, so a dispatch is class C and found again by listing the trips. How a list
looks is UNCONFIRMED: a trip that shows no memo may be ours, and then nobody can tell. A fare holds while its `fare_id` does. Rides are
reported by signed posts that come twice and out of order.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "uber"
SIGN_IN: Final = "https://auth.uber.com"

_TIME_OUT: Final = timedelta(seconds=15)  # none is published
_SETTLE: Final = timedelta(seconds=120)
_AN_HOUR: Final = 200  # of any one endpoint; held over all of them together, since each ride asks two before it asks another

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="rides",
    documentation="https://developer.uber.com/docs/guest-rides/introduction",
    operations={
        "token": PartnerOperation(Class.READ, _TIME_OUT),
        "quote": PartnerOperation(Class.READ, timedelta(seconds=5)),
        "dispatch": PartnerOperation(Class.C, _TIME_OUT, _SETTLE, undo="cancel"),
        "find": PartnerOperation(Class.READ, _TIME_OUT, look_up=True),
        "read": PartnerOperation(Class.READ, _TIME_OUT, look_up=True),
        "cancel": PartnerOperation(Class.C, _TIME_OUT, _SETTLE),
    },
    limit=_AN_HOUR / 3600,
    published="200 requests an hour per endpoint",
)
