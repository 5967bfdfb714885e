"""kernel.sandbox: a book that is not forgotten, faults that repeat themselves, a limit that holds in any window."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel import clock
from kernel.sandbox.book import Book
from kernel.sandbox.faults import Fault, FaultKind, Faults
from kernel.sandbox.limit import Limit


def test_a_book_remembers_across_restarts_and_keeps_the_first_instant(tmp_path: Path) -> None:
    file = tmp_path / "sandbox" / "book.sqlite3"
    book = Book(file, "acme")
    first = book.put("thing", "a", {"status": "NEW"})["at"]
    book.put("thing", "b", {"status": "NEW"})
    assert book.change("thing", "a", status="OLD")["at"] == first
    again = Book(file, "acme")  # the former owner was killed, not closed
    assert [(id, page["status"], page["at"] == first) for id, page in again.all("thing")] == [("a", "OLD", True), ("b", "NEW", False)]
    assert Book(file, "other").everything() == {}


def test_forgetting_empties_the_file_for_one_partner_only(tmp_path: Path) -> None:
    file = tmp_path / "book.sqlite3"
    mine, theirs = Book(file, "acme"), Book(file, "other")
    mine.put("thing", "a", {})
    theirs.put("thing", "b", {})
    mine.forget()
    assert (Book(file, "acme").everything(), list(dict(Book(file, "other").all("thing")))) == ({}, ["b"])


def test_a_fault_strikes_the_same_calls_for_the_same_seed() -> None:
    def struck(seed: int) -> list[bool]:
        faults = Faults()
        faults.order([Fault(FaultKind.ERROR, "book", probability=0.3, seed=seed)])
        return [faults.strike("book").main is not None for _ in range(200)]

    assert struck(1) == struck(1) != struck(2)
    assert 30 < sum(struck(1)) < 90


def test_an_order_is_bounded_by_operation_skip_and_count() -> None:
    faults = Faults()
    faults.order([Fault(FaultKind.ERROR, "book", skip=1, count=2)])
    calls = ["find", "book", "book", "find", "book", "book"]
    assert [faults.strike(call).main is not None for call in calls] == [False, False, True, False, True, False]
    assert faults.told()[0]["hits"] == 2


def test_delay_and_lag_go_beside_one_main_fault() -> None:
    faults = Faults()
    faults.order(
        [Fault(FaultKind.DELAY, seconds=5), Fault(FaultKind.LOOK_UP_LAG, seconds=9), Fault(FaultKind.ERROR), Fault(FaultKind.LATE)]
    )
    struck = faults.strike("book")
    assert struck.main is not None
    assert (struck.main.kind, struck.delay, struck.lag) == (FaultKind.ERROR, 5, 9)


@pytest.mark.parametrize(
    "order",
    [{}, {"kind": "nonsense"}, {"kind": "error", "who": 1}, {"kind": "error", "probability": 2}, {"kind": "late", "seconds": -1}],
)
def test_a_senseless_order_is_refused(order: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Fault.read(order)


def test_a_limit_holds_in_any_window(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: at[0])
    limit = Limit(10, 1.0)
    admitted = []
    for step in range(512):
        at[0] = step / 128  # exact in binary
        if limit.ask() is None:
            admitted.append(at[0])
    assert all(sum(begin <= moment < begin + 1 for moment in admitted) <= 10 for begin in admitted)
    assert (limit.asked, limit.refused, len(admitted)) == (512, 472, 40)
    assert limit.peak == 128
