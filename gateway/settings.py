"""What a front door must be told. The process that runs it knows more; a door reads no environment of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from kernel.secret import Secret
from kernel.tenancy import Tenant


class Settings(Protocol):
    """The part of the process's settings that doors use."""

    @property
    def home(self) -> Path: ...
    @property
    def tenants(self) -> tuple[Tenant, ...]: ...
    @property
    def production(self) -> bool: ...
    @property
    def operator_url(self) -> str: ...
    @property
    def passenger_url(self) -> str: ...
    @property
    def partner_url(self) -> str: ...
    @property
    def database_urls(self) -> Mapping[str, Secret]: ...
    @property
    def secrets_dir(self) -> Path | None: ...
    @property
    def platform(self) -> Secret: ...
    @property
    def partner_limits(self) -> Mapping[str, float]: ...

    def need(self, name: str) -> Secret:
        """A secret by name; raises when this process was not told it."""
        ...
