"""Twilio Messages 2010-04-01: short texts.

Basic sign-in, form in, JSON out. Creating a message takes no idempotency key, so it is class C: what was sent is found again by
number and text. A 429 is documented as never processed. Delivery is reported by signed form posts to `StatusCallback`; there is
none for the initial status, and they may come twice and out of order.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "twilio"

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="short texts",
    documentation="https://www.twilio.com/docs/messaging/api/message-resource",
    operations={
        "send": PartnerOperation(  # no time-out is published
            Class.C, timedelta(seconds=15), timedelta(seconds=60), stays="a text that was read cannot be taken back"
        ),
        "find": PartnerOperation(Class.READ, timedelta(seconds=15), look_up=True),
    },
    published="concurrency, no number; long code 1 segment a second, account family 2,000 messages a second",
)
