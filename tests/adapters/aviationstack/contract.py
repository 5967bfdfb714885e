"""AviationStack's flights are published in prose: facts of those pages are in the adapter's own words."""

from __future__ import annotations

from typing import Final

from adapters.aviationstack import SHEET, VENDOR
from tests.harness.contracts import Contract

CONTRACT: Final = Contract(VENDOR, undocumented=dict.fromkeys(SHEET.operations, "they publish pages in prose, and no schemas"))
