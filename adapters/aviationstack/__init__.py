"""AviationStack v1: how flights go, as a second source.

Signed in by a key in the query, so an address is a secret here and stands in no log. Reads only; quota is a number of calls a month by
plan. Its instants carry the offset of UTC but are said to be the airport's own clock (UNCONFIRMED), so none of them is believed: the day,
the state and the minutes of delay are. Asking for one day alone needs a dearer plan, so all days it tells of are asked for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "aviationstack"

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="how flights go",
    documentation="https://aviationstack.com/documentation",
    operations={"flight": PartnerOperation(Class.READ, timedelta(seconds=10))},  # no time-out is published
    limit=1,
    published="calls a month by plan, and a rate whose number no stored page shows",
)
