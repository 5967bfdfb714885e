"""What a partner sends to us, before it is believed: verified first, then translated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class ForgedError(Exception):
    """The call does not carry a valid signature of the partner. The message names what is wrong, never a value."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One call. `url` is the address the partner was given (scheme, host and all), not the one behind our proxy; `headers` have
    lower-case names; `body` is raw."""

    url: str
    headers: Mapping[str, str]
    body: bytes
