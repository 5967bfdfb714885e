"""Whose data it is. A tenant is one airline; nothing is queried before it is known."""

from __future__ import annotations

import re
from typing import Final, Self

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,15}")
RESERVED: Final = frozenset({"platform", "public", "default"})


class TenantError(ValueError):
    """The text cannot name a tenant."""


class Tenant(str):
    """The short lower-case name of an airline, such as `b6`. Raises: TenantError."""

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        if not _NAME.fullmatch(name) or name in RESERVED:
            raise TenantError(
                f"{name[:40]!r} cannot name a tenant; expected 2 to 16 of a-z, 0-9 and -, none of: {', '.join(sorted(RESERVED))}"
            )
        return super().__new__(cls, name)

PLATFORM: Final = str.__new__(Tenant, "platform")
"""No airline: under this name facts are asked for that are everybody's, such as the weather."""

