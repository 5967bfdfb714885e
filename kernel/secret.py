"""Values that must never be printed: a `Secret` shows as `***` everywhere, and only `reveal()` gives it away.

A tenant's secrets for a vendor lie under the name `nexa/<tenant>/vendor/<vendor>` and are a few named values, read at run time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

from kernel.tenancy import Tenant

HIDDEN: Final = "***"


class SecretMissingError(LookupError):
    """Nobody provided this secret; the message names it and where it was looked for, never a value."""


class Secret:
    """A value that does not print, compare loosely, pickle or serialise itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (HIDDEN,)


class Secrets(Protocol):
    """Where a tenant's vendor secrets come from; asked at every use, so that a rotation needs no restart."""

    def vendor(self, tenant: Tenant, vendor: str) -> Mapping[str, Secret]:
        """The named values of one vendor account. Raises: SecretMissingError."""
        ...


class FileSecrets:
    """Reads `<directory>/<tenant>/vendor/<vendor>` (a JSON object of strings), else the environment variable
    `NEXA_SECRET_<TENANT>_<VENDOR>` with the same content."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def vendor(self, tenant: Tenant, vendor: str) -> Mapping[str, Secret]:
        name = f"nexa/{tenant}/vendor/{vendor}"
        text = self._file(tenant, vendor) or os.environ.get(f"NEXA_SECRET_{tenant}_{vendor}".upper().replace("-", "_"))
        if text is None:
            raise SecretMissingError(f"{name} was found neither in the secrets directory nor in the environment")
        try:
            values = json.loads(text)
            return {key: Secret(value) for key, value in values.items() if isinstance(value, str)}
        except (ValueError, AttributeError):
            raise SecretMissingError(f"{name} is not a JSON object of strings") from None

    def _file(self, tenant: Tenant, vendor: str) -> str | None:
        if self._directory is None:
            return None
        path = self._directory / tenant / "vendor" / vendor
        return path.read_text() if path.is_file() else None
