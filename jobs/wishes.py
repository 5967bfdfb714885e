"""What is wished for a party under its airline's policy, and the groups that a wave is planned for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from domains.booking.commands import RankHotels
from domains.booking.wave import WaveGroup, WaveParty
from domains.cases import queries as cases
from domains.cases.demand import tier_of, vulnerable
from domains.cases.model import SubCase
from domains.policies import queries as policies
from domains.policies.model import Policy
from jobs.registry import Ports
from kernel.tenancy import Tenant
from kernel.urn import Urn


def wish_for(sub_case: SubCase, policy: Policy) -> RankHotels:
    """Rooms for this party, as the policy says. Raises: ValueError when it needs no night."""
    if sub_case.stay is None:
        raise ValueError(f"{sub_case.urn} needs no night")
    limits, weights, guests = policy.constraints, policy.weights, sub_case.guests
    return RankHotels(
        sub_case=sub_case.urn, airport=sub_case.airport, check_in=sub_case.stay.check_in, check_out=sub_case.stay.check_out,
        rooms=sub_case.rooms, adults=guests.adults, children=guests.children, infants=guests.infants, min_stars=limits.min_stars,
        max_distance_km=limits.max_distance_km, max_nightly_rate=limits.max_nightly_rate,
        weights={"cost": weights.cost, "distance": weights.distance, "consolidation": weights.consolidation},
        required_amenities=limits.required_amenities, excluded_chains=limits.excluded_chains,
        tier=sub_case.tier.value,
    )  # fmt: skip


async def groups_for(ports: Ports, tenant: Tenant, sub_cases: Sequence[Urn]) -> list[WaveGroup] | None:
    """The groups of these sub-cases, those that still need a room; None when the airline has no active policy."""
    async with ports.databases["policies"].read(tenant) as connection:
        policy = await policies.active(connection, tenant)
    if policy is None:
        return None
    async with ports.databases["cases"].read(tenant) as connection:
        found = await cases.sub_cases_by_urn(connection, tenant, sub_cases)
        together = await cases.groups_by_sub_case(connection, tenant, sub_cases)
    members: dict[Urn, list[SubCase]] = defaultdict(list)
    for urn in sorted(found):
        if found[urn].stay is not None and found[urn].rooms:
            members[together.get(urn, Urn.of("group", urn.id))].append(found[urn])
    return [_group(urn, parties, policy) for urn, parties in sorted(members.items())]


def _group(urn: Urn, parties: list[SubCase], policy: Policy) -> WaveGroup:
    tier = tier_of(parties)
    wishes = tuple(WaveParty(wish_for(party, policy), party.version) for party in parties)
    return WaveGroup(urn, tier.value if tier else None, any(map(vulnerable, parties)), wishes)
