"""Sabre publishes no document that may be kept: facts of its pages are in the adapter's own words."""

from __future__ import annotations

from typing import Final

from adapters.sabre import SHEET, VENDOR
from tests.harness.contracts import Contract

CONTRACT: Final = Contract(VENDOR, undocumented=dict.fromkeys(SHEET.operations, "Sabre's document is behind its portal's sign-in"))
