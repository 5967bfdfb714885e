"""The airline's own contracts with hotels, as a source of rooms like any other.

There is nobody to call: what a partner would hold lies in our own database, as units that are taken with the intent to book. So there is no
address, no account and no twin. Booking confirms the units of a reference and may be repeated; a look-up answers with the truth itself.
What fails on the way has changed nothing, or will be found changed when it is repeated: it is a free retry.
"""

from __future__ import annotations

from typing import Final

VENDOR: Final = "direct"
