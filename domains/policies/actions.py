"""What can be done to policies: for now, giving a new airline its default."""

from __future__ import annotations

from domains.policies import store
from domains.policies.model import Policy, PolicyState
from kernel.urn import Urn
from kernel.work import Work


async def adopt_default(work: Work) -> Policy:
    """Activates the default policy when the airline has no active one. May be repeated."""
    default = Policy(Urn.of("policy", f"{work.tenant}-default"), "Default", PolicyState.ACTIVE, version=1)
    if await store.insert_active(work, default):
        await work.audit(action="policy.activate", entity=default.urn, reason="the default of a new airline", after={"name": default.name})
    return default
