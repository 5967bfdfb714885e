"""What may be asked of access. Not messages: what is secret travels on no bus."""

from __future__ import annotations

from dataclasses import dataclass

from kernel.urn import Urn


@dataclass(frozen=True, slots=True)
class RegisterPartner:
    """`partner` names it for good; registering it again changes its name and scopes and keeps its secrets."""

    partner: Urn
    name: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class AddSecret:
    """`secret` is given where somebody else made it (a development site's own); else one is made."""

    partner: Urn
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class OpenSession:
    operator: Urn


@dataclass(frozen=True, slots=True)
class RenewSession:
    token: str


@dataclass(frozen=True, slots=True)
class EndSession:
    token: str
