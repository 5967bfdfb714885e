"""From the airline's manifest to drafts of sub-cases."""

from __future__ import annotations

from datetime import date

from domains.airline.model import TravellerKind
from domains.cases.model import Tier
from jobs.operations.fetch_manifest import drafts_of
from runtime.replay.storm import Storm


def test_the_storms_manifests_become_drafts_that_keep_every_pnr_and_person() -> None:
    for _, manifest in Storm(date(2026, 2, 20)).manifests(40):
        drafts = drafts_of(manifest)
        assert [draft.pnr for draft in drafts] == [entry.pnr for entry in manifest.entries]
        assert sum(draft.guests.count for draft in drafts) == manifest.passengers


def test_a_party_of_two_tiers_is_flagged_under_the_higher_one() -> None:
    mixed = [
        draft
        for _, manifest in Storm(date(2026, 2, 20)).manifests(100)
        for draft, entry in zip(drafts_of(manifest), manifest.entries, strict=True)
        if len(entry.tiers) > 1
    ]
    assert mixed
    assert all(draft.mixed_tier and draft.tier in (Tier.BUSINESS, Tier.FIRST) for draft in mixed)


def test_minors_alone_have_no_room_of_their_own() -> None:
    for _, manifest in Storm(date(2026, 2, 20)).manifests(100):
        for draft, entry in zip(drafts_of(manifest), manifest.entries, strict=True):
            assert (draft.rooms is None) == (entry.count(TravellerKind.ADULT) == 0)
