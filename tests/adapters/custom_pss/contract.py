"""The contract of an airline's own PSS is ours: `adapters/custom_pss/wire.py` is its document."""

from __future__ import annotations

from typing import Final

from adapters.custom_pss import SHEET, VENDOR
from tests.harness.contracts import Contract

CONTRACT: Final = Contract(VENDOR, undocumented=dict.fromkeys(SHEET.operations, "the contract is Nexa's own, in wire.py"))
