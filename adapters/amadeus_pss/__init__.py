"""A booking in an Amadeus system, read as a Self-Service flight order.

This is a stand-in: the contract of Altéa, which airlines use, is not public, and a flight order is the nearest that is. An order is found
by its own id alone, so the id of a PNR's URN is the order's (in the URL-safe alphabet, without padding) and not the record locator. There
is no flight's manifest: `manifest` is declined as `NOT_OFFERED`, a booking is read by `entry`. Nothing is said of special needs, language
or crew. Signed in by OAuth2 client credentials for half an hour.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "amadeus_pss"

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="bookings and next flights",
    documentation="https://developers.amadeus.com/self-service/category/flights/api-doc/flight-order-management",
    operations={
        "token": PartnerOperation(Class.READ, timedelta(seconds=10)),  # no time-out is published
        "order": PartnerOperation(Class.READ, timedelta(seconds=10)),
    },
    limit=40,
    published="production 40 a second per user; test 10 a second and one in 100 ms",
)
