"""Entries and their chains: each entry's digest covers the one before it, so nothing can be changed, moved or taken out unnoticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from kernel.event import Envelope
from kernel.tenancy import Tenant
from kernel.urn import Urn

BEGINNING: Final = "0" * 64  # what the first entry of a chain names as the one before it


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. `number` counts from 1 within `root`; `urn` is the message that told of it."""

    tenant: Tenant
    root: Urn
    number: int
    urn: Urn
    entity: Urn
    action: str
    actor: Urn | None
    role: str | None
    reason: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    at: datetime
    correlation: str
    ip: str | None
    previous: str = BEGINNING
    digest: str = ""

    def facts(self) -> dict[str, Any]:
        """Everything in it, by name."""
        return {name: getattr(self, name) for name in _FIELDS}

    def sealed(self) -> str:
        """The digest this entry must have: SHA-256 over everything else in it, as JSON with sorted keys."""
        facts = {**self.facts(), "at": self.at.astimezone(UTC).isoformat()}
        del facts["digest"]
        return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


_FIELDS: Final = tuple(field.name for field in fields(Entry))


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain."""

    number: int = 0
    digest: str = BEGINNING


class FaultKind(StrEnum):
    """`CHANGED`: the digest does not fit the entry. `BROKEN`: it does not follow the one before. `MISSING`: it was told and not entered.

    `DIFFERENT`: what was entered is not what was told.
    """

    CHANGED = "CHANGED"
    BROKEN = "BROKEN"
    MISSING = "MISSING"
    DIFFERENT = "DIFFERENT"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that cannot have come about by itself."""

    tenant: Tenant
    kind: FaultKind
    root: Urn
    number: int | None
    urn: Urn


def chain(heads: Mapping[Urn, Head], told: Iterable[Entry]) -> list[Entry]:
    """The entries, numbered and sealed, each behind the one before it of its root."""
    ends = dict(heads)
    entries = []
    for entry in told:
        head = ends.get(entry.root, Head())
        numbered = replace(entry, number=head.number + 1, previous=head.digest)
        sealed = replace(numbered, digest=numbered.sealed())
        ends[entry.root] = Head(sealed.number, sealed.digest)
        entries.append(sealed)
    return entries


def check(entries: Sequence[Entry], heads: dict[Urn, Head]) -> list[Fault]:
    """What is wrong with these entries, given in order of root and number; `heads` carries the ends from one call to the next."""
    faults = []
    for entry in entries:
        head = heads.get(entry.root, Head())
        if entry.number != head.number + 1 or entry.previous != head.digest:
            faults.append(Fault(entry.tenant, FaultKind.BROKEN, entry.root, entry.number, entry.urn))
        elif entry.digest != entry.sealed():
            faults.append(Fault(entry.tenant, FaultKind.CHANGED, entry.root, entry.number, entry.urn))
        heads[entry.root] = Head(entry.number, entry.digest)
    return faults


def entry_of(record: Mapping[str, Any], envelope: Envelope) -> Entry:
    """The entry of a record as it was told, not yet in a chain."""
    return Entry(
        tenant=envelope.tenant,
        root=Urn(record["root"]),
        number=0,
        urn=envelope.urn,
        entity=Urn(record["entity"]),
        action=record["action"],
        actor=Urn(record["actor"]) if record.get("actor") else None,
        role=record.get("role"),
        reason=record.get("reason"),
        before=record.get("before"),
        after=record.get("after"),
        at=envelope.at,
        correlation=envelope.correlation,
        ip=record.get("ip"),
    )
