"""Each invariant holds of evidence where all is well, and is broken by exactly the evil it is there for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from adapters.amadeus.inventory import STANDARD as KING
from adapters.amadeus.inventory import hotels as amadeus_hotels
from adapters.hotelbeds.inventory import STANDARD, hotels
from domains.notifications.templates import text_for
from jobs import operations
from kernel.lane import Reaction
from kernel.operation.resolution import JOURNAL_LINES
from runtime.faults import invariants
from runtime.faults.evidence import Books, Evidence, Row
from runtime.faults.people import Acknowledged, Guest
from runtime.faults.twins import an_order

T0 = datetime(2026, 2, 8, 12, tzinfo=UTC)
HOTEL = next(hotel for hotel in hotels().values() if STANDARD.code in hotel.rooms)
GUEST = Guest("fa", "Zqfamark1", "+12005500001", "accept")
SUB_CASE = "urn:sub-case:1"


def a_key(rooms: int = 1) -> str:
    return f"20260208|20260209|W|256|{HOTEL.code}|{STANDARD.code}|ID_B2B_26|{HOTEL.board}||{rooms}~1~0||N@SANDBOX"


def a_booking(**changes: Any) -> dict[str, Any]:
    booking = {"reference": "1-1", "tenant": "fa", "clientReference": "ref1", "status": "CONFIRMED", "holder": {"surname": GUEST.family}}
    return {**booking, "keys": [a_key()], "rooms": 1, **changes}


def ordered(**changes: Any) -> Row:
    """The same party's order at a source that nobody can look up."""
    order = {
        "record": "XAAAAB", "confirmations": ["90000010"], "remark": "OUR REF ref2 late", "tenant": "fa", "status": "CONFIRMED",
        "hotel": next(iter(amadeus_hotels())), "checkIn": "2026-02-08", "checkOut": "2026-02-09",
        "guests": [{"firstName": "Ana", "lastName": GUEST.family}], "rooms": [{"type": KING.code}],
    }  # fmt: skip
    return an_order({**order, **changes})


def a_card(**changes: Any) -> dict[str, Any]:
    return {"id": "crd1", "tenant": "fa", "status": "ACTIVE", "user": {"surname": GUEST.family}, "metadata": {"case": SUB_CASE}, **changes}


def a_load(**changes: Any) -> dict[str, Any]:
    return {"id": "atx1", "account_id": "acc1", "entry_type": "CREDIT", "result": "APPROVED", "total_amount": "30.00", **changes}


def a_text(**changes: Any) -> dict[str, Any]:
    body = text_for("subcase.offer-ready", "en", "FA", {"hotel": "the Inn"}, "https://fa.example/?token=t")
    return {"sid": "SM1", "tenant": "fa", "to": GUEST.phone, "body": body, **changes}


def an_operation(name: str = "book_rooms", state: str = "OK", **changes: Any) -> dict[str, Any]:
    return {"urn": f"urn:operation:{name}", "name": name, "state": state, "journal": [], **changes}


def a_sub_case(**changes: Any) -> dict[str, Any]:
    offer = {"confirmation": "1-1", "reservation": "urn:reservation:1"}
    return {"urn": SUB_CASE, "tenant": "fa", "status": "RESOLVED", "offer": offer, **changes}


def a_message(seq: int, **changes: Any) -> dict[str, Any]:
    message = {
        "urn": f"urn:event:{seq}",
        "tenant": "fa",
        "receiver": "cases",
        "aggregate": SUB_CASE,
        "seq": seq,
        "name": "SomethingHappened",
    }
    return {**message, "asked": False, "reply_to": None, "published_at": T0, **changes}


def well() -> Evidence:
    """One party, with everything it should have."""
    return Evidence(
        Books([a_booking()], [a_card()], [a_load()], [a_text()], [("1-1", a_booking())]),
        {
            "cases": {
                "sub_case": [a_sub_case()],
                "workflow": [{"urn": "urn:workflow:1", "subject": SUB_CASE, "state": "DONE", "step": None}],
                "review": [],
                "operation": [],
            },
            "booking": {
                "reservation": [_reservation()],
                "hold": [{"tenant": "fa", "reservation": "urn:reservation:1", "rooms": 1, "state": "CONFIRMED"}],
                "operation": [an_operation()],
            },
            "wallet": {"card": [_card_row()], "operation": [an_operation("issue_card")]},
            "notifications": {"operation": [an_operation("send_message")]},
            "audit": {"entry": []},
        },
        outbox={"booking": [a_message(1), a_message(2)]},
        inbox={"cases": [_taken(1, 0), _taken(2, 1)]},
        acknowledged=[Acknowledged("voucher", "fa", SUB_CASE), Acknowledged("accept", "fa", SUB_CASE, "urn:event:i1")],
        guests={GUEST.family: GUEST},
    )


def _reservation(**changes: Any) -> dict[str, Any]:
    row = {"urn": "urn:reservation:1", "tenant": "fa", "sub_case": SUB_CASE, "state": "CONFIRMED", "client_reference": "ref1"}
    return {**row, "partner_reference": "1-1", **changes}


def _card_row(**changes: Any) -> dict[str, Any]:
    row = {"urn": "urn:card:1", "sub_case": SUB_CASE, "state": "ISSUED", "amount": Decimal("30.00")}
    return {**row, "issued": {"card": "crd1", "account": "acc1"}, **changes}


def _sent(later: float, answer: str, reference: str = "r1") -> dict[str, Any]:
    at = (T0 + timedelta(seconds=later)).isoformat(timespec="milliseconds")
    return {"at": at, "did": "send", "answer": answer, "reference": reference}


def _looked(later: float) -> dict[str, Any]:
    return {**_sent(later, "Ok"), "did": "look-up", "why": "nothing found"}


def _taken(number: int, later: float) -> dict[str, Any]:
    return {"tenant": "fa", "consumer": "cases:react", "urn": f"urn:event:{number}", "at": T0 + timedelta(seconds=later)}


async def _nothing(*_: Any) -> None:
    return


def reactions(name: str, reply: bool) -> Sequence[Reaction]:
    return [Reaction("cases:react", "cases", _nothing)] if name == "SomethingHappened" else []


def but(database: str, table: str, *rows: Row, **books: Any) -> Evidence:
    """All is well, except that this table, or these books, say something else."""
    evidence = well()
    told = {**evidence.rows, **({database: {**evidence.rows[database], table: rows}} if database else {})}
    return replace(evidence, rows=told, books=replace(evidence.books, **books))


JUDGES: dict[str, Callable[[Evidence], invariants.Found]] = {
    "owned": invariants.owned,
    "once": invariants.once,
    "told_once": invariants.told_once,
    "within_capacity": invariants.within_capacity,
    "answered": invariants.answered,
    "in_order": lambda evidence: invariants.in_order(evidence, reactions),
    "one_writer": invariants.one_writer,
    "apart": invariants.apart,
}


@pytest.mark.parametrize("judge", JUDGES)
def test_all_is_well_where_it_is(judge: str) -> None:
    looked_at, broken = JUDGES[judge](well())
    assert looked_at > 0
    assert broken == []


ENDLESS = {"urn": "urn:workflow:1", "subject": SUB_CASE, "state": "RUNNING", "step": "book"}
REVIEW = {"sub_case": SUB_CASE, "evidence": {"why": "x"}, "summary": "look"}
TOO_MANY = a_booking(keys=[a_key(rooms=HOTEL.rooms[STANDARD.code] + 1)])
FAR_TOO_MANY = ordered(rooms=[{"type": KING.code}] * 31)
EVILS = {
    "owned: nobody knows the booking": but("booking", "reservation"),
    "owned: it was cancelled here and not there": but("booking", "reservation", _reservation(state="CANCELLED")),
    "owned: a room was promised that no hotel holds": but("", "", bookings=[a_booking(status="CANCELLED")]),
    "owned: a card nobody knows": but("wallet", "card"),
    "once: two living bookings": but("", "", bookings=[a_booking(), a_booking(reference="1-2", clientReference="ref2")]),
    "once: an order beside the booking": but("", "", bookings=[a_booking(), ordered()]),
    "once: one reference sent twice": but("", "", bookings=[a_booking(), a_booking(reference="1-2", status="CANCELLED")]),
    "once: two cards": but("", "", cards=[a_card(), a_card(id="crd2")]),
    "once: loaded twice": but("", "", movements=[a_load(), a_load(id="atx2")]),
    "once: a void card with money on it": but("wallet", "card", _card_row(state="VOIDED")),
    "once: sent anew too soon": but(
        "booking", "operation", an_operation(journal=[_sent(0, "Unknown"), _looked(1), _looked(2), _sent(3, "Ok", reference="r2")])
    ),
    "told_once: told twice": but("", "", texts=[a_text(), a_text(sid="SM2")]),
    "within_capacity: more rooms than there are": but("", "", history=[("1-1", TOO_MANY)], bookings=[]),
    "within_capacity: more ordered rooms than there are": but("", "", history=[("X", FAR_TOO_MANY)], bookings=[]),
    "within_capacity: our own count is another": but("booking", "hold"),
    "answered: nothing was started": but("cases", "workflow"),
    "answered: it never ended": but(
        "cases", "workflow", {"urn": "urn:workflow:1", "subject": SUB_CASE, "state": "RUNNING", "step": "book"}
    ),
    "answered: the accept was forgotten": but("cases", "sub_case", a_sub_case(status="OFFER_READY")),
    "answered: a person should look and was not told": but("cases", "sub_case", a_sub_case(status="MANUAL_REVIEW")),
    "answered: an operation hangs": but("booking", "operation", an_operation(state="UNKNOWN")),
    "in_order: a message was never taken": replace(well(), inbox={"cases": [_taken(1, 0)]}),
    "in_order: the later one came first": replace(well(), inbox={"cases": [_taken(1, 1), _taken(2, 0)]}),
    "in_order: a number is missing": replace(well(), outbox={"booking": [a_message(1), a_message(3, urn="urn:event:2")]}),
    "in_order: one was never published": replace(well(), outbox={"booking": [a_message(1), a_message(2, published_at=None)]}),
    "in_order: one is parked": replace(well(), parked=[{"database": "cases", "tenant": "fa", "aggregate": "x", "name": "N", "error": "E"}]),
    "one_writer: two wrote at once": but("booking", "operation", an_operation(journal=[_sent(1, "Unknown"), _sent(0, "Unknown")])),
    "one_writer: sent again after a yes": but("booking", "operation", an_operation(journal=[_sent(0, "Ok"), _sent(1, "Ok")])),
    "apart: booked on another's account": but("", "", bookings=[a_booking(tenant="fb")]),
    "apart: told by another": but("", "", texts=[a_text(tenant="fb")]),
    "apart: a name where it does not belong": replace(well(), strayed=["cases.party of fb names guests of fa in 1 rows"]),
}


@pytest.mark.parametrize("evil", EVILS)
def test_what_it_is_there_for_breaks_it(evil: str) -> None:
    assert JUDGES[evil.partition(":")[0]](EVILS[evil])[1], evil


def test_a_person_who_was_told_owns_what_is_left() -> None:
    evidence = but("booking", "reservation", _reservation(state="CANCEL_REFUSED"))
    told = replace(evidence, rows={**evidence.rows, "cases": {**evidence.rows["cases"], "review": [REVIEW]}})
    assert invariants.owned(evidence)[1]
    assert invariants.owned(told)[1] == []


def test_a_half_made_card_is_a_persons_once_he_was_told() -> None:
    """It has no account yet, which would say for whom it is."""
    half = replace(but("wallet", "card"), books=replace(well().books, cards=[a_card(metadata={})]))
    cases = {**half.rows["cases"], "party": [{"sub_case": SUB_CASE, "lead_name": f"Ana {GUEST.family}"}]}
    assert len(invariants.owned(replace(half, rows={**half.rows, "cases": cases}))[1]) == 1
    assert invariants.owned(replace(half, rows={**half.rows, "cases": {**cases, "review": [REVIEW]}}))[1] == []


def test_an_order_that_nobody_can_look_up_is_a_persons_once_he_was_told() -> None:
    lost = _reservation(urn="urn:reservation:2", state="UNKNOWN", client_reference="ref2", partner_reference=None)
    evidence = but("booking", "reservation", _reservation(), lost, bookings=[a_booking(), ordered()])
    told = replace(evidence, rows={**evidence.rows, "cases": {**evidence.rows["cases"], "review": [REVIEW]}})
    assert (len(invariants.owned(evidence)[1]), len(invariants.once(evidence)[1])) == (1, 1)
    assert [judge(told)[1] for judge in (invariants.owned, invariants.once, invariants.within_capacity)] == [[], [], []]


def test_an_answer_that_was_overtaken_has_ended() -> None:
    evidence = but("cases", "sub_case", a_sub_case(status="OFFER_READY"))
    entry = {"tenant": "fa", "action": "intent.overtaken", "reason": "the passenger's own answer urn:event:i1"}
    told = replace(evidence, rows={**evidence.rows, "audit": {"entry": [entry]}})
    assert invariants.answered(told)[1] == []


def test_three_empty_looks_free_a_reference_also_when_a_worker_died_over_one() -> None:
    died = {**_sent(3, "Unknown"), "did": "death"}
    journal = [_sent(0, "Unknown"), _looked(1), _looked(2), died, _looked(4), _sent(5, "Unknown", "r2"), _sent(6, "Ok", "r3")]
    assert invariants.sent_too_soon(journal) == ["r3"]


def test_a_journal_that_begins_in_the_middle_says_nothing_against_what_came_before() -> None:
    died = {**_sent(3, "Unknown"), "did": "death"}
    middle = [_looked(0), died, _looked(1), _looked(2), _sent(3, "Unknown", "r2"), *(_looked(4) for _ in range(JOURNAL_LINES - 6))]
    assert invariants.sent_too_soon([*middle, _sent(5, "Ok", "r3")]) == []
    assert invariants.sent_too_soon([*middle[:5], _sent(5, "Ok", "r3")]) == ["r2", "r3"]


def test_reviews_are_counted_by_class() -> None:
    evidence = but("booking", "operation", an_operation(), an_operation(state="REVIEW"), an_operation("search_hotels", "EXHAUSTED"))
    counted = invariants.reviews(evidence, operations.load())
    assert (counted.steps, counted.reviewed) == (4, 1)  # a search changes nothing and is no step of theirs
    assert (counted.unknown_d, counted.reviewed_d) == (0, 0)
