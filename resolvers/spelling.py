"""Documents that are kept in the contracts' spelling, read back into the domains'."""

from __future__ import annotations

import re

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")


def snake(value: object) -> object:
    """The same JSON with its keys in snake case: `offerSince` → `offer_since`."""
    if isinstance(value, dict):
        return {_HUMP.sub(lambda found: f"_{found[1].lower()}", key): snake(item) for key, item in value.items()}
    return [snake(item) for item in value] if isinstance(value, list) else value
