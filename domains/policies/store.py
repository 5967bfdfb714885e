"""Rows of nexa_policies and the model, both ways."""

from __future__ import annotations

from sqlalchemy import RowMapping, func, literal_column
from sqlalchemy.dialects.postgresql import insert

from domains.policies import tables as t
from domains.policies.model import Policy, PolicyState
from kernel.event import encode, read
from kernel.work import Work


def policy_of(row: RowMapping) -> Policy:
    facts = {"urn": row["urn"], "name": row["name"], "state": row["state"], "version": row["version"]}
    policy: Policy = read(Policy, {**dict(row["body"]), **facts})
    return policy


async def insert_active(work: Work, policy: Policy) -> bool:
    """False when there is an active policy already."""
    body = {key: value for key, value in encode(policy).items() if key not in ("urn", "name", "state", "version")}
    values = {"tenant": work.tenant, "urn": policy.urn, "name": policy.name, "state": PolicyState.ACTIVE, "body": body}
    statement = insert(t.policy).values(**values, activated_at=func.nexa_now()).on_conflict_do_nothing()
    return (await work.execute(statement.returning(literal_column("1")))).first() is not None
