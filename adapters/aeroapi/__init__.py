"""FlightAware AeroAPI v4: how flights and airports go.

Signed in by a key in a header. Reads only. Quota counts result sets of fifteen records and not calls, by tier; no header tells what is
left, and a throttle is not even published. A cancelled flag says that the flight is no longer tracked, which need not be the airline's
doing: only together with the status in words it is a cancellation. A diverted flight is told as two records of one id.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "aeroapi"

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="how flights and airports go",
    documentation="https://www.flightaware.com/aeroapi/portal/documentation",
    operations={
        "flight": PartnerOperation(Class.READ, timedelta(seconds=10)),  # no time-out is published
        "delays": PartnerOperation(Class.READ, timedelta(seconds=10)),
    },
    limit=5,
    published="result sets: Personal 10 a minute, Standard 5 a second, Premium 100 a second",
)
