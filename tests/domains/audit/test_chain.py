"""The chain, without any database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from domains.audit.model import BEGINNING, Entry, FaultKind, Head, chain, check
from kernel.tenancy import Tenant
from kernel.urn import Urn
from kernel.work import event_urn

CASE, OTHER = Urn("urn:case:c-1"), Urn("urn:case:c-2")


def an_entry(root: Urn = CASE, **changes: object) -> Entry:
    entry = Entry(
        tenant=Tenant("t1"), root=root, number=0, urn=event_urn(), entity=root, action="close", actor=Urn("urn:operator:ann"),
        role="ADMIN", reason="storm over", before={"status": "OPEN"}, after={"status": "CLOSED", "cost": 1.5}, at=datetime.now(UTC),
        correlation="c", ip="192.0.2.1",
    )  # fmt: skip
    return replace(entry, **changes)  # type: ignore[arg-type]


def kinds(entries: list[Entry]) -> list[FaultKind]:
    return [fault.kind for fault in check(sorted(entries, key=lambda entry: (entry.root, entry.number)), {})]


def test_a_chain_counts_and_links_per_root() -> None:
    first, other, second = chain({}, [an_entry(), an_entry(OTHER), an_entry()])
    assert [(first.number, other.number, second.number)] == [(1, 1, 2)]
    assert first.previous == other.previous == BEGINNING
    assert second.previous == first.digest != other.digest
    assert kinds([first, other, second]) == []


def test_a_chain_goes_on_where_it_ended() -> None:
    (first,) = chain({}, [an_entry()])
    (second,) = chain({CASE: Head(1, first.digest)}, [an_entry()])
    assert kinds([first, second]) == []


def test_every_field_is_sealed() -> None:
    (entry,) = chain({}, [an_entry()])
    changes: dict[str, object] = {
        "tenant": Tenant("t2"), "urn": event_urn(), "entity": OTHER, "action": "open", "actor": None, "role": "X", "reason": "y",
        "before": None, "after": {"status": "CLOSED", "cost": 1.6}, "at": datetime(2026, 1, 1, tzinfo=UTC), "correlation": "d", "ip": None,
    }  # fmt: skip
    for name, value in changes.items():
        assert kinds([replace(entry, **{name: value})]) == [FaultKind.CHANGED], name  # type: ignore[arg-type]


def test_taking_out_moving_or_sealing_anew_breaks_the_chain() -> None:
    entries = chain({}, [an_entry() for _ in range(4)])
    assert kinds(entries[:1] + entries[2:]) == [FaultKind.BROKEN]
    assert kinds(entries[1:]) == [FaultKind.BROKEN]
    swapped = [entries[0], replace(entries[2], number=2), replace(entries[1], number=3), entries[3]]
    assert FaultKind.BROKEN in kinds(swapped)
    forged = replace(entries[1], reason="something else")
    assert kinds([entries[0], replace(forged, digest=forged.sealed()), *entries[2:]]) == [FaultKind.BROKEN]
