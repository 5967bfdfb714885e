"""NOAA's Aviation Weather Center: what stations report.

No sign-in; who asks says so in the user agent. The default form is raw text, so JSON is asked for by name. Nothing reported is an empty
list, or no body at all. Measures come as their document says or as text: a visibility of "10+", a wind from "VRB".
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "noaa"

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="the weather at airports",
    documentation="https://aviationweather.gov/data/api/",
    operations={"observations": PartnerOperation(Class.READ, timedelta(seconds=10))},  # no time-out is published
    limit=100 / 60,
    published="100 requests a minute; 400 entries an answer; one endpoint once a minute for each thread",
)
