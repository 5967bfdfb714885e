"""Sabre Booking Management: one booking by its record locator.

Signed in by OAuth2 client credentials, each part of the pair in base64 before the pair is. `getBooking` is a read by POST, so it may be
repeated. An error may come with HTTP 200 and beside data, so the errors decide and not the status; which status goes with which error
is not published. There is no flight's manifest in this contract: `manifest` is declined as `NOT_OFFERED`, a booking is read by `entry`.
`bookingSignature` guards modifications; nothing is modified here, so it is not kept. Nothing is said of a traveller's language or of crew.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "sabre"

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="bookings and next flights",
    documentation="https://developer.sabre.com/get-booking",
    operations={
        "token": PartnerOperation(Class.READ, timedelta(seconds=10)),  # no time-out is published
        "booking": PartnerOperation(Class.READ, timedelta(seconds=10)),
    },
    published="by contract",
)
