"""Hotelbeds APItude 1.0: hotel rooms, wholesale.

Signed in by `Api-key` and `X-Signature`, a plain hash over key, secret and the second; nothing of the request is signed.
There is no idempotency key: our `clientReference` is stored and searchable but not documented as unique, so a booking is
class C. A business "no" comes as HTTP 500, so the error's code decides and not the status.
Hotels' addresses and telephones come from the Content API, whose shape no stored specification confirms.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "hotelbeds"
BOOKING_API: Final = "/hotel-api/1.0"
CONTENT_API: Final = "/hotel-content-api/1.0"

_SETTLE: Final = timedelta(seconds=120)

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="hotel rooms",
    documentation="https://developer.hotelbeds.com/documentation/hotels/booking-api/",
    operations={
        "search": PartnerOperation(Class.READ, timedelta(seconds=5)),
        "describe": PartnerOperation(Class.READ, timedelta(seconds=5)),
        "check": PartnerOperation(Class.READ, timedelta(seconds=15)),
        "book": PartnerOperation(Class.C, timedelta(seconds=60), _SETTLE, undo="cancel"),
        "find": PartnerOperation(Class.READ, timedelta(seconds=60), look_up=True),
        "read": PartnerOperation(Class.READ, timedelta(seconds=60), look_up=True),
        "cancel": PartnerOperation(Class.C, timedelta(seconds=60), _SETTLE),
    },
    published="evaluation keys: 50 requests a day; production: by contract",
)
