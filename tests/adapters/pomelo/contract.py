"""Pomelo's contract: known from pages in prose alone, so there is nothing to hold it against."""

from __future__ import annotations

from typing import Final

from adapters.pomelo import SHEET, VENDOR
from tests.harness.contracts import Contract

WHY: Final = "they publish pages in prose; no stored document has their schemas"
CONTRACT: Final = Contract(VENDOR, undocumented=dict.fromkeys(SHEET.operations, WHY))
