"""What a partner registration and an operator's session are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from kernel.urn import Urn

SECRET_LIFETIME: Final = timedelta(days=90)
SECRET_OVERLAP: Final = timedelta(days=14)  # both secrets are valid, so that nobody has to change two machines at one instant
SESSION_LIFETIME: Final = timedelta(days=30)
ROTATION_GRACE: Final = timedelta(seconds=60)  # two tabs renew at once, or an answer is lost: the older token is not theft yet


class Scope(StrEnum):
    """What a partner may be allowed."""

    CASES_READ = "cases.read"
    DISRUPTIONS_WRITE = "disruptions.write"
    PASSENGER_STATUS_WRITE = "passenger-status.write"
    CASES_REEVALUATE = "cases.reevaluate"
    NOTIFICATIONS_SEND = "notifications.send"


@dataclass(frozen=True, slots=True)
class PartnerRegistration:
    """One system of one airline. Its client id is `<tenant>.<id of the URN>`, so the tenant is known before anything is looked up."""

    urn: Urn
    name: str
    scopes: frozenset[str]
    registered_at: datetime


@dataclass(frozen=True, slots=True)
class PartnerSecret:
    """Only its digest is kept."""

    digest: str
    valid_from: datetime
    valid_until: datetime

    def opens(self, at: datetime) -> bool:
        return self.valid_from <= at < self.valid_until


@dataclass(frozen=True, slots=True)
class OperatorSession:
    """A signed-in operator, kept by a refresh token that changes with every use. `previous` is the digest of the one before."""

    urn: Urn
    operator: Urn
    digest: str
    previous: str | None
    renewed_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    def alive(self, at: datetime) -> bool:
        return self.ended_at is None and at < self.expires_at
