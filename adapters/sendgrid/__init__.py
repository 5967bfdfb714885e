"""SendGrid v3 Mail Send: e-mail.

Bearer sign-in, JSON in, an empty 202 out with the message's id in `X-Message-Id`. There is neither an idempotency key nor a look-up, so
sending is class D: what an unclear send came to is told by the event webhook alone, where our reference comes back among the
`custom_args`. No numeric limit is published, nor a time-out. Healthy is every answer in their own envelope, a refused address included;
a 403 is the account's trouble (a sender nobody verified), as a 401 is.

The event webhook posts arrays of events, signed with ECDSA (P-256, SHA-256) over timestamp and raw body; events come twice, late and out
of order. Where it posts to, and the key it signs with, is set up once in the airline's account.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "sendgrid"

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="e-mail",
    documentation="https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send",
    operations={
        # No settle time: nothing can be looked up, whenever.
        "send": PartnerOperation(Class.D, timedelta(seconds=15), stays="an e-mail that was delivered cannot be taken back"),
    },
    published="headers only, no number",
)
