"""Names for things: `urn:<entity>:<id>[:vendor:<vendor>][:status:<status>]`.

A URN may be logged anywhere and grants nothing by itself. Keys and `urn` fields carry the *bare* form; `vendor` belongs to
identity only for kinds that are minted outside Nexa, `status` never does.
"""

from __future__ import annotations

import base64
import re
import secrets
from typing import Final, Self
from urllib.parse import quote, unquote

KINDS: Final = frozenset(
    "case sub-case flight airline airport passenger pnr offer hotel reservation issued-card auth event correlation operator "
    "policy contract review workflow voucher partner operation message hold group lock party ranking ride demand wave stop".split()
)
MINTED_OUTSIDE: Final = frozenset({"pnr", "passenger", "flight", "hotel", "auth"})
_ID: Final = re.compile(r"[A-Za-z0-9@._~|+\-]{1,120}")
_TAG: Final = re.compile(r"[A-Za-z0-9_\-]{1,40}")
_WHOLE: Final = re.compile(rf"urn:([a-z-]+):({_ID.pattern})(?::vendor:({_TAG.pattern}))?(?::status:({_TAG.pattern}))?")
_SHORT: Final = {"case": "c", "sub-case": "s", "reservation": "r", "workflow": "w", "operation": "op", "message": "m", "issued-card": "k"}
_SYMBOLS: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdefghjkmnpqrstvwxyz")  # none that look alike


class UrnError(ValueError):
    """The text is not a URN of a kind that Nexa knows."""


class Urn(str):
    """A parsed URN; equal to, and usable as, its own text.

    Raises: UrnError, saying what was wrong and what would be right.
    """

    __slots__ = ("id", "kind", "status", "vendor")
    kind: str
    id: str
    vendor: str | None
    status: str | None

    def __new__(cls, text: str) -> Self:
        self = super().__new__(cls, text)
        found = _WHOLE.fullmatch(text)
        if found is None or found[1] not in KINDS:
            raise UrnError(_wrong_with(text))
        self.kind, self.id, self.vendor, self.status = found.groups()
        return self

    @classmethod
    def of(cls, kind: str, id: str, vendor: str | None = None, status: str | None = None) -> Self:
        tags = (f":vendor:{vendor}" if vendor else "") + (f":status:{status}" if status else "")
        return cls(f"urn:{kind}:{id}{tags}")

    @classmethod
    def mint(cls, kind: str) -> Self:
        """A new name that no one else can have guessed: 16 symbols, 80 bits."""
        token = fresh_token(16)
        return cls.of(kind, f"{_SHORT[kind]}-{token}" if kind in _SHORT else token)

    @property
    def bare(self) -> Urn:
        """The stable form that keys carry."""
        if self.status is None and (self.vendor is None or self.kind in MINTED_OUTSIDE):
            return self
        return Urn.of(self.kind, self.id, self.vendor if self.kind in MINTED_OUTSIDE else None)

    def tagged(self, vendor: str | None = None, status: str | None = None) -> Urn:
        return Urn.of(self.kind, self.id, vendor or self.vendor, status)

    def expect(self, *kinds: str) -> Self:
        """Itself when it is of one of these kinds. Raises: UrnError otherwise."""
        if self.kind not in kinds:
            raise UrnError(f"{str(self)!r} is a {self.kind}; expected {' or '.join(kinds)}")
        return self

    @property
    def path(self) -> str:
        return quote(self, safe="")

    @classmethod
    def from_path(cls, segment: str) -> Self:
        return cls(unquote(segment))

    def __getnewargs__(self) -> tuple[str]:
        return (str(self),)


def fresh_token(symbols: int) -> str:
    """So many symbols that no one else can have guessed: five bits each."""
    return base64.b32encode(secrets.token_bytes(symbols * 5 // 8 + 1)).decode()[:symbols].translate(_SYMBOLS)


def _wrong_with(text: str) -> str:
    """What is wrong, and what would be right."""
    parts = text.split(":")
    if len(parts) < 3 or parts[0] != "urn":
        return f"{text[:80]!r} is not a URN; expected urn:<entity>:<id>[:vendor:<vendor>][:status:<status>]"
    if parts[1] not in KINDS:
        return f"{parts[1][:40]!r} is not a kind of URN that Nexa knows; known kinds: {', '.join(sorted(KINDS))}"
    if not _ID.fullmatch(parts[2]):
        return f"the id of {text[:80]!r} must be 1 to 120 letters, digits or @._~|+-"
    if len(parts) % 2 == 0 or parts[3::2] not in (["vendor"], ["status"], ["vendor", "status"]):
        return f"after the id of {text[:80]!r} only :vendor:<vendor> and :status:<status> may follow, in this order"
    return f"a tag of {text[:80]!r} must be 1 to 40 letters, digits, _ or -"
