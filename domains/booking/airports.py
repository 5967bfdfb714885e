"""Where airports are, so that a search knows where to look. Public facts, committed beside this file; a new airport is a new line."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from domains.booking.ports import Point

_FILE = Path(__file__).with_suffix(".csv")


@dataclass(frozen=True, slots=True)
class Airport:
    """`code` is the FAA's (here the same as IATA's); `zone` an IANA time zone."""

    code: str
    name: str
    position: Point
    zone: str


@cache
def airports() -> Mapping[str, Airport]:
    """All airports that are known, by code."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {row["faa"]: _airport(row) for row in csv.DictReader(file)}


def _airport(row: Mapping[str, str]) -> Airport:
    return Airport(row["faa"], row["name"], Point(float(row["lat"]), float(row["lon"])), row["tz"])
