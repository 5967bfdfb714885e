"""What was done about a subject at its partners, for people who watch: every send, look-up and verification, and what each said.

It is the operations' own journal, read and never written here. No personal data: intents stay where they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from kernel.evidence import Fact, facts
from kernel.tenancy import Tenant
from kernel.urn import Urn

_OF = text("""
    select subject, urn, workflow, name, state, reference, given_up, sends, intended_at, ended_at, watched_at, due, journal
    from operation where tenant = :tenant and subject = any(cast(:subjects as text[])) order by intended_at, urn
""")


@dataclass(frozen=True, slots=True)
class TrailLine:
    """`did` is send, look-up, verify, watch, review, death or stumble; `answer` the kind of what was said, or what a person found."""

    at: datetime
    did: str
    reference: str | None
    answer: str | None
    why: str | None
    evidence: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Trail:
    """One operation: `references` in the order they went out, the last one is its own; `next_at` when it is looked at again."""

    urn: Urn
    workflow: Urn | None
    name: str
    state: str
    references: tuple[str, ...]
    sends: int
    intended_at: datetime
    ended_at: datetime | None
    watched_at: datetime | None
    next_at: datetime | None
    lines: tuple[TrailLine, ...]


async def trails(connection: AsyncConnection, tenant: Tenant, subjects: Sequence[Urn]) -> dict[Urn, list[Trail]]:
    """The operations of each of `subjects` in this domain's database, oldest first; one statement."""
    found: dict[Urn, list[Trail]] = {subject: [] for subject in subjects}
    rows = await connection.execute(_OF, {"tenant": tenant, "subjects": [str(subject) for subject in subjects]})
    for row in rows.mappings():
        found[Urn(row["subject"])].append(_trail(row))
    return found


def _trail(row: RowMapping) -> Trail:
    references = dict.fromkeys((*row["given_up"], *((row["reference"],) if row["reference"] else ())))
    return Trail(
        urn=Urn(row["urn"]),
        workflow=Urn(row["workflow"]) if row["workflow"] else None,
        name=row["name"],
        state=row["state"],
        references=tuple(references),
        sends=row["sends"],
        intended_at=row["intended_at"],
        ended_at=row["ended_at"],
        watched_at=row["watched_at"],
        next_at=row["due"],
        lines=tuple(map(_line, row["journal"])),
    )


def _line(told: Mapping[str, Any]) -> TrailLine:
    evidence = dict(told.get("evidence") or {})
    if told.get("code"):
        evidence = {"code": told["code"], **evidence}
    return TrailLine(
        datetime.fromisoformat(told["at"]), told["did"], told.get("reference"), told.get("answer"), told.get("why"), tuple(facts(evidence))
    )
