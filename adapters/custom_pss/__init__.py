"""An airline's own PSS behind Nexa's neutral contract: who sits on a flight, and where they were re-seated.

The contract is ours, for airlines whose PSS is reached through an integration layer of their own; `wire.py` writes it down.
Reads only, so everything may be repeated. Signed in by a bearer token per airline.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "custom"

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="manifests and next flights",
    documentation="adapters/custom_pss/wire.py",
    operations={
        "manifest": PartnerOperation(Class.READ, timedelta(seconds=10)),
        "next_flight": PartnerOperation(Class.READ, timedelta(seconds=10)),
    },
    published="by agreement with the airline",
)
