"""Rows of nexa_cases and the model, both ways; rows go no further.

Writers take the `Work` they belong to. Everything binds the tenant; row-level security stands behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta, timezone
from typing import Any

from sqlalchemy import BigInteger, RowMapping, Select, Text, and_, bindparam, column, delete, func, insert, literal_column, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from domains.cases import tables as t
from domains.cases.demand import Demand, DemandState
from domains.cases.model import (
    Case,
    CaseStatus,
    Decision,
    Guests,
    Lock,
    NextFlight,
    Offer,
    Party,
    ReviewItem,
    ReviewKind,
    StayPlan,
    SubCase,
    SubCaseStatus,
    Tier,
    Traveller,
)
from kernel.event import encode, read
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import Work

# --- case ---------------------------------------------------------------------------------------------------------------------------


def case_of(row: RowMapping, **more: Any) -> Case:
    departs = row["departs"].astimezone(timezone(timedelta(minutes=row["departs_offset"])))
    return Case(
        Urn(row["urn"]),
        Urn(row["flight"]),
        row["airport"],
        row["destination"],
        departs,
        row["cause"],
        row["external_event"],
        CaseStatus(row["status"]),
        row["opened_at"],
        row["version"],
        row["manifest_state"],
        **more,
    )


async def insert_case(work: Work, case: Case) -> bool:
    """False when there is one already for this external event or this flight."""
    offset = case.departs.utcoffset() or timedelta()
    statement = (
        upsert(t.case)
        .values(
            tenant=work.tenant,
            urn=case.urn,
            flight=case.flight,
            airport=case.airport,
            destination=case.destination,
            departs=case.departs,
            departs_offset=int(offset.total_seconds() // 60),
            cause=case.cause,
            external_event=case.external_event,
            status=case.status,
            opened_at=case.opened_at,
        )
        .on_conflict_do_nothing()
        .returning(t.case.c.urn)
    )
    return (await work.execute(statement)).first() is not None


async def case_for_event(work: Work, external_event: str, flight: Urn) -> Case | None:
    same = (t.case.c.external_event == external_event) | (t.case.c.flight == flight)
    order = (t.case.c.external_event == external_event).desc()
    row = (await work.execute(select(t.case).where(t.case.c.tenant == work.tenant, same).order_by(order).limit(1))).mappings().first()
    return case_of(row) if row else None


async def case_by_urn(work: Work, urn: Urn) -> Case | None:
    row = (await work.execute(select(t.case).where(t.case.c.tenant == work.tenant, t.case.c.urn == urn))).mappings().first()
    return case_of(row) if row else None


async def save_case(work: Work, urn: Urn, **changes: Any) -> None:
    statement = update(t.case).where(t.case.c.tenant == work.tenant, t.case.c.urn == urn)
    await work.execute(statement.values(version=t.case.c.version + 1, **changes))


async def status_counts(work: Work, case: Urn) -> dict[SubCaseStatus, int]:
    c = t.sub_case.c
    statement = select(c.status, func.count().label("number")).where(c.tenant == work.tenant, c.case_urn == case).group_by(c.status)
    return {SubCaseStatus(row.status): row.number for row in await work.execute(statement)}


# --- sub-case -----------------------------------------------------------------------------------------------------------------------


def sub_case_of(row: RowMapping) -> SubCase:
    return SubCase(
        Urn(row["urn"]),
        Urn(row["case_urn"]),
        Urn(row["pnr"]),
        row["airport"],
        Tier(row["tier"]),
        row["mixed_tier"],
        Guests(row["adults"], row["children"], row["infants"]),
        row["rooms"],
        tuple(row["special_needs"]),
        read(NextFlight, row["next_flight"]) if row["next_flight"] else None,
        StayPlan(row["check_in"], row["check_out"]) if row["check_in"] else None,
        SubCaseStatus(row["status"]),
        row["reason"],
        row["reachable"],
        row["opened_at"],
        row["changed_at"],
        row["version"],
        Urn(row["workflow"]) if row["workflow"] else None,
        read(Offer, row["offer"]) if row["offer"] else None,
        row["language"],
        row["snapshot_version"],
        row["offer_since"],
    )


def next_flight_row(value: NextFlight | None) -> dict[str, Any] | None:
    """Kept with the airport's own offset, which `encode` would turn into UTC."""
    return {**encode(value), "departs": value.departs.isoformat()} if value else None


async def insert_sub_cases(work: Work, sub_cases: Sequence[SubCase], parties: Sequence[Party]) -> None:
    """Opens many at once; a PNR that is already open in its case is left alone."""
    rows = [
        {
            "tenant": work.tenant,
            "urn": s.urn,
            "case_urn": s.case,
            "pnr": s.pnr,
            "airport": s.airport,
            "tier": s.tier,
            "mixed_tier": s.mixed_tier,
            "adults": s.guests.adults,
            "children": s.guests.children,
            "infants": s.guests.infants,
            "rooms": s.rooms,
            "special_needs": list(s.special_needs),
            "next_flight": next_flight_row(s.next_flight),
            "check_in": s.stay.check_in if s.stay else None,
            "check_out": s.stay.check_out if s.stay else None,
            "status": s.status,
            "reason": s.reason,
            "reachable": s.reachable,
            "language": s.language,
            "snapshot_version": s.snapshot_version,
            "opened_at": s.opened_at,
            "changed_at": s.changed_at,
        }
        for s in sub_cases
    ]
    await work.execute(insert(t.sub_case), rows)
    await work.execute(insert(t.party), [_party_row(work.tenant, party) for party in parties])


async def sub_cases_for_update(work: Work, urns: Iterable[Urn]) -> dict[Urn, tuple[SubCase, Lock | None]]:
    """The rows locked in one order, each with its lock; unknown ones are absent."""
    statement = (
        _with_lock()
        .where(t.sub_case.c.tenant == work.tenant, t.sub_case.c.urn.in_(list(urns)))
        .order_by(t.sub_case.c.urn)
        .with_for_update(of=t.sub_case)
    )
    rows = (await work.execute(statement)).mappings()
    return {Urn(row["urn"]): (sub_case_of(row), _joined_lock(row)) for row in rows}


async def sub_cases_of_case(work: Work, case: Urn) -> list[Urn]:
    """The names of all its parties."""
    c = t.sub_case.c
    return [Urn(urn) for urn in (await work.execute(select(c.urn).where(c.tenant == work.tenant, c.case_urn == case))).scalars()]


async def party_on_flight(work: Work, flight: Urn, pnr: Urn) -> tuple[Case, Urn] | None:
    """The case of a disrupted flight, and the sub-case of a booking on it."""
    found = select(t.case).where(t.case.c.tenant == work.tenant, t.case.c.flight == flight.bare)
    row = (await work.execute(found)).mappings().one_or_none()
    if row is None:
        return None
    case, c = case_of(row), t.sub_case.c
    party = select(c.urn).where(c.tenant == work.tenant, c.case_urn == case.urn, c.pnr == pnr.bare)
    urn = (await work.execute(party)).scalar_one_or_none()
    return None if urn is None else (case, Urn(urn))


async def sub_case_for_update(work: Work, urn: Urn) -> tuple[SubCase, Lock | None] | None:
    """The row locked, with its lock; None when there is none."""
    return (await sub_cases_for_update(work, [urn])).get(urn)


async def save_sub_case(work: Work, urn: Urn, **changes: Any) -> int:
    """Raises the version and stamps the change; the new version."""
    if isinstance(changes.get("offer"), Offer):
        changes["offer"] = encode(changes["offer"])
    statement = update(t.sub_case).where(t.sub_case.c.tenant == work.tenant, t.sub_case.c.urn == urn)
    values = {"version": t.sub_case.c.version + 1, "changed_at": func.nexa_now(), **changes}
    return int((await work.execute(statement.values(values).returning(t.sub_case.c.version))).scalar_one())


async def request_vouchers(work: Work, workflows: Mapping[Urn, Urn], status: SubCaseStatus) -> dict[Urn, SubCase]:
    """Moves many sub-cases at once, each with its own workflow."""
    asked = _pairs("urns", "workflows", Text)
    statement = (
        update(t.sub_case)
        .where(t.sub_case.c.tenant == work.tenant, t.sub_case.c.urn == asked.c[0])
        .values(
            status=status,
            workflow=asked.c[1],
            reason=None,
            version=t.sub_case.c.version + 1,
            changed_at=func.nexa_now(),
        )
        .returning(t.sub_case)
    )
    pairs = {"urns": [str(urn) for urn in workflows], "workflows": [str(workflow) for workflow in workflows.values()]}
    rows = (await work.execute(statement, pairs)).mappings()
    return {Urn(row["urn"]): sub_case_of(row) for row in rows}


async def snapshots_published(work: Work, versions: Mapping[Urn, int]) -> None:
    """Remembers which version passengers see. Waits for nobody: a row that somebody changes just now stays stale and is published again."""
    c = t.sub_case.c
    free = select(c.urn).where(c.tenant == work.tenant, c.urn.in_(list(versions))).with_for_update(skip_locked=True)
    urns = list((await work.execute(free)).scalars())
    seen = _pairs("urns", "versions", BigInteger)
    statement = update(t.sub_case).where(c.tenant == work.tenant, c.urn == seen.c[0], c.snapshot_published < seen.c[1])
    await work.execute(statement.values(snapshot_published=seen.c[1]), {"urns": urns, "versions": [versions[Urn(urn)] for urn in urns]})


def _pairs(first: str, second: str, kind: type[Text] | type[BigInteger]) -> Any:
    """Two bound arrays as the columns of a table."""
    unnested = func.unnest(bindparam(first, type_=ARRAY(Text)), bindparam(second, type_=ARRAY(kind)))
    return unnested.table_valued(column("first", Text), column("second", kind)).render_derived(name="given", with_types=False)


# --- party --------------------------------------------------------------------------------------------------------------------------


def party_of(row: RowMapping) -> Party:
    return Party(
        Urn(row["sub_case"]),
        Urn(row["lead"]),
        tuple(read(tuple[Traveller, ...], row["travellers"])),
        row["phone"],
        row["email"],
        row["language"],
    )


def _party_row(tenant: Tenant, party: Party) -> dict[str, Any]:
    lead = party.travellers[0]
    return {
        "tenant": tenant,
        "sub_case": party.sub_case,
        "lead": party.lead,
        "lead_name": f"{lead.given_name} {lead.family_name}",
        "travellers": encode(party.travellers),
        "phone": party.phone,
        "email": party.email,
        "language": party.language,
    }


async def party(connection: AsyncConnection, tenant: Tenant, sub_case: Urn) -> Party | None:
    row = (await connection.execute(select(t.party).where(t.party.c.tenant == tenant, t.party.c.sub_case == sub_case))).mappings().first()
    return party_of(row) if row else None


# --- lock ---------------------------------------------------------------------------------------------------------------------------


def lock_of(row: RowMapping) -> Lock:
    return Lock(
        Urn(row["sub_case"]),
        Urn(row["case_urn"]),
        row["fence"],
        Urn(row["holder"]) if row["holder"] else None,
        row["holder_name"],
        row["session"],
        row["since"],
    )


def _with_lock() -> Select[Any]:
    lock, joined = t.lock.c, and_(t.lock.c.tenant == t.sub_case.c.tenant, t.lock.c.sub_case == t.sub_case.c.urn)
    taken = [lock.fence.label("lock_fence"), lock.holder.label("lock_holder"), lock.holder_name.label("lock_holder_name")]
    return select(t.sub_case, *taken, lock.session.label("lock_session"), lock.since.label("lock_since")).join(t.lock, joined, isouter=True)


def _joined_lock(row: RowMapping) -> Lock | None:
    if row["lock_fence"] is None:
        return None
    holder = Urn(row["lock_holder"]) if row["lock_holder"] else None
    return Lock(
        Urn(row["urn"]), Urn(row["case_urn"]), row["lock_fence"], holder, row["lock_holder_name"], row["lock_session"], row["lock_since"]
    )


async def put_lock(work: Work, sub_case: SubCase, holder: Urn | None, holder_name: str | None, session: str | None) -> Lock:
    """Changes hands: the fence rises by one, whoever held it before."""
    held: dict[str, Any] = {
        "holder": holder,
        "holder_name": holder_name,
        "session": session,
        "since": func.nexa_now() if holder else None,
    }
    statement = upsert(t.lock).values(tenant=work.tenant, sub_case=sub_case.urn, case_urn=sub_case.case, fence=1, **held)
    statement = statement.on_conflict_do_update(index_elements=["tenant", "sub_case"], set_={"fence": t.lock.c.fence + 1, **held})
    row = (await work.execute(statement.returning(t.lock))).mappings().one()
    return lock_of(row)


async def locks_of_session(work: Work, session: str) -> list[Urn]:
    statement = select(t.lock.c.sub_case).where(t.lock.c.tenant == work.tenant, t.lock.c.session == session)
    return [Urn(urn) for urn in (await work.execute(statement)).scalars()]


# --- review -------------------------------------------------------------------------------------------------------------------------


def review_of(row: RowMapping) -> ReviewItem:
    return ReviewItem(
        Urn(row["urn"]),
        Urn(row["case_urn"]),
        Urn(row["sub_case"]) if row["sub_case"] else None,
        ReviewKind(row["kind"]),
        row["summary"],
        dict(row["evidence"]),
        row["opened_at"],
        row["resolved_at"],
        row["version"],
        Urn(row["operation"]) if row["operation"] else None,
        Urn(row["claimed_by"]) if row["claimed_by"] else None,
        row["claimed_name"],
        row["claimed_at"],
        read(Decision, row["decision"]) if row["decision"] else None,
    )


async def insert_review(work: Work, item: ReviewItem, subject: str) -> bool:
    """False when one of the same kind about the same subject, or an open one about the same operation, is there already."""
    statement = upsert(t.review).values(
        tenant=work.tenant,
        urn=item.urn,
        case_urn=item.case,
        sub_case=item.sub_case,
        kind=item.kind,
        subject=subject,
        summary=item.summary,
        evidence=item.evidence,
        opened_at=item.opened_at,
        operation=item.operation,
    )
    return (await work.execute(statement.on_conflict_do_nothing().returning(t.review.c.urn))).first() is not None


async def review_for_update(work: Work, urn: Urn) -> ReviewItem | None:
    """The row locked; None when there is none."""
    statement = select(t.review).where(t.review.c.tenant == work.tenant, t.review.c.urn == urn).with_for_update()
    row = (await work.execute(statement)).mappings().first()
    return review_of(row) if row else None


async def open_review_of(work: Work, operation: Urn) -> ReviewItem | None:
    """The open review of an operation, its row locked; there is one at most."""
    c = t.review.c
    statement = select(t.review).where(c.tenant == work.tenant, c.operation == operation, c.resolved_at.is_(None)).with_for_update()
    row = (await work.execute(statement)).mappings().first()
    return review_of(row) if row else None


async def open_reviews_about(work: Work, workflow: Urn) -> list[ReviewItem]:
    """What waits for a person about a workflow and its steps, their rows locked; what a partner may have done aside."""
    c = t.review.c
    about = (c.subject == workflow) | c.subject.startswith(f"{workflow}|", autoescape=True)
    open_ones = (c.tenant == work.tenant, c.resolved_at.is_(None), c.operation.is_(None), about)
    rows = (await work.execute(select(t.review).where(*open_ones).order_by(c.urn).with_for_update())).mappings()
    return [review_of(row) for row in rows]


async def save_review(work: Work, urn: Urn, **changes: Any) -> ReviewItem:
    """Raises the version; the row as it is then."""
    if isinstance(changes.get("decision"), Decision):
        changes["decision"] = encode(changes["decision"])
    statement = update(t.review).where(t.review.c.tenant == work.tenant, t.review.c.urn == urn)
    values = {"version": t.review.c.version + 1, **changes}
    return review_of((await work.execute(statement.values(values).returning(t.review))).mappings().one())


async def outcomes_unknown(work: Work, sub_cases: Sequence[Urn]) -> set[Urn]:
    """Those with an open review of an outcome that nobody knows."""
    c = t.review.c
    open_ones = (c.tenant == work.tenant, c.kind == ReviewKind.OUTCOME_UNKNOWN, c.resolved_at.is_(None), c.sub_case.in_(list(sub_cases)))
    return {Urn(urn) for urn in (await work.execute(select(c.sub_case).where(*open_ones))).scalars()}


# --- groups and demand --------------------------------------------------------------------------------------------------------------


async def put_together(work: Work, group: Urn, sub_cases: Sequence[Urn]) -> None:
    """From now on they are of this group, and of no other."""
    fresh = upsert(t.placed_together)
    statement = fresh.on_conflict_do_update(
        index_elements=["tenant", "sub_case"], set_={"group_urn": fresh.excluded.group_urn, "at": func.nexa_now()}
    )
    await work.execute(statement, [{"tenant": work.tenant, "sub_case": urn, "group_urn": group} for urn in sub_cases])


async def take_apart(work: Work, sub_cases: Sequence[Urn]) -> None:
    c = t.placed_together.c
    await work.execute(delete(t.placed_together).where(c.tenant == work.tenant, c.sub_case.in_(list(sub_cases))))


async def grouped_with(work: Work, sub_cases: Iterable[Urn]) -> set[Urn]:
    """Everybody of the groups that these are of."""
    c, theirs = t.placed_together.c, t.placed_together.alias()
    groups = select(theirs.c.group_urn).where(theirs.c.tenant == work.tenant, theirs.c.sub_case.in_(list(sub_cases)))
    found = select(c.sub_case).where(c.tenant == work.tenant, c.group_urn.in_(groups))
    return {Urn(urn) for urn in (await work.execute(found)).scalars()}


async def sub_cases_waiting(work: Work, cases: Sequence[Urn]) -> set[Urn]:
    """Those of these cases that need a night and for which nothing was done yet."""
    c = t.sub_case.c
    where = (c.tenant == work.tenant, c.case_urn.in_(list(cases)), c.status == SubCaseStatus.PENDING, c.check_in.is_not(None))
    return {Urn(urn) for urn in (await work.execute(select(c.urn).where(*where))).scalars()}


def demand_of(row: RowMapping) -> Demand:
    return Demand(
        Urn(row["urn"]), DemandState(row["state"]), row["rooms"], tuple(row["airports"]), tuple(map(Urn, row["sub_cases"])),
        row["automatic"], Urn(row["asked_by"]) if row["asked_by"] else None, row["asked_at"],
        Urn(row["decided_by"]) if row["decided_by"] else None, row["decided_at"], row["reason"], row["version"],
    )  # fmt: skip


async def insert_demand(work: Work, made: Demand) -> None:
    await work.execute(
        insert(t.demand).values(
            tenant=work.tenant, urn=made.urn, state=made.state, rooms=made.rooms, airports=list(made.airports),
            sub_cases=list(made.sub_cases), automatic=made.automatic, asked_by=made.asked_by, asked_at=made.asked_at,
            decided_by=made.decided_by, decided_at=made.decided_at, reason=made.reason,
        )
    )  # fmt: skip


async def demand_for_update(work: Work, urn: Urn) -> Demand | None:
    """The row locked; None when there is none."""
    found = select(t.demand).where(t.demand.c.tenant == work.tenant, t.demand.c.urn == urn).with_for_update()
    row = (await work.execute(found)).mappings().first()
    return demand_of(row) if row else None


async def save_demand(work: Work, made: Demand) -> Demand:
    """Writes down what was decided; as it stands now."""
    statement = update(t.demand).where(t.demand.c.tenant == work.tenant, t.demand.c.urn == made.urn)
    changes = {"state": made.state, "decided_by": made.decided_by, "decided_at": made.decided_at, "reason": made.reason}
    row = (await work.execute(statement.values(version=t.demand.c.version + 1, **changes).returning(t.demand))).mappings().one()
    return demand_of(row)


# --- idempotency --------------------------------------------------------------------------------------------------------------------


async def claim_key(work: Work, key: str, digest: str) -> tuple[str, Any] | None:
    """None when the key is new, and now ours; else the digest and the answer that were stored with it."""
    values = {"tenant": work.tenant, "actor": work.actor or "", "key": key, "digest": digest, "answer": None}
    fresh = await work.execute(upsert(t.asked_before).values(values).on_conflict_do_nothing().returning(literal_column("1")))
    if fresh.first():
        return None
    c = t.asked_before.c
    row = (await work.execute(select(c.digest, c.answer).where(c.tenant == work.tenant, c.actor == (work.actor or ""), c.key == key))).one()
    return row.digest, row.answer


async def forget_answers(work: Work, kept: timedelta) -> None:
    c = t.asked_before.c
    await work.execute(delete(t.asked_before).where(c.tenant == work.tenant, c.at < func.nexa_now() - kept))


async def store_answer(work: Work, key: str, answer: Any) -> None:
    c = t.asked_before.c
    where = (c.tenant == work.tenant, c.actor == (work.actor or ""), c.key == key)
    await work.execute(update(t.asked_before).where(*where).values(answer=json.loads(json.dumps(answer))))
