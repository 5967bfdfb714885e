"""Meta's WhatsApp Cloud API, v23.0: chat messages.

Bearer sign-in, JSON both ways. Outside the 24 hours after a passenger's own message only templates may be sent that Meta has approved
for the airline; Nexa sends nothing else. There is neither an idempotency key nor a look-up, so sending is class D: what an unclear send
came to is told by a status webhook alone, where our `biz_opaque_callback_data` comes back. 200 means accepted, not delivered. No time-out
is published. Healthy is every answer with one of their codes about the message; codes about the token or its rights are the account's
trouble, and 4, 80007, 130429, 131048 and 131056 throttle, whatever their HTTP status, which is not published.

Webhooks are signed with HMAC-SHA256 under the app's secret, come twice, late and out of order, and `delivered` may be skipped. A new
address is greeted first: a challenge is answered when it carries the token that the airline chose.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "whatsapp"

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="chat messages",
    documentation="https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages",
    operations={
        # No settle time: nothing can be looked up, whenever.
        "send": PartnerOperation(Class.D, timedelta(seconds=15), stays="a message that was read cannot be taken back"),
    },
    limit=80,
    published="80 messages a second and number, one in 6 seconds to the same user (second-hand)",
)
