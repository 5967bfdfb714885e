"""The invariants, each a pure function of the evidence: how much it was held against, and what broke it.

Who a booking at the hotel belongs to is found by what we wrote down before it was made (the reference), never by what we know afterwards.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from adapters.amadeus.inventory import hotels as amadeus_hotels
from adapters.hotelbeds.inventory import hotels as hotelbeds_hotels
from adapters.hotelbeds.sandbox_words import Key
from domains.notifications.templates import trigger_of
from kernel.lane import Reaction
from kernel.operation import Class, Operations
from kernel.operation.resolution import JOURNAL_LINES
from runtime.faults.evidence import Evidence, Row
from runtime.faults.verdict import Invariant, Reviews, Violation

Found = tuple[int, list[Violation]]
Reactions = Callable[[str, bool], Sequence[Reaction]]

CONFIRMED: Final = "CONFIRMED"
SHOWN: Final = ("OFFER_READY", "RESOLVED")
IN_DOUBT: Final = ("UNKNOWN", "CANCEL_REFUSED")  # of a reservation: a person looks
EMPTY_LOOKS: Final = 3  # before a partner that can only be looked up is taken to have done nothing


def owned(evidence: Evidence) -> Found:
    """What a partner holds has an owner here who wants it, or a person who was told; what we promise is held there."""
    people = _People(evidence)
    reservation_of = _reservations(evidence)
    promised = {sub_case["offer"]["confirmation"]: urn for urn, sub_case in people.sub_cases.items() if sub_case["offer"]}
    broken: list[str] = []
    held = [booking for booking in evidence.books.bookings if booking["status"] == CONFIRMED]
    for booking in held:
        row = reservation_of(booking)
        wanted = row is not None and row["state"] == CONFIRMED and booking["reference"] in promised
        if not wanted and not people.told_of(row):
            state = "unknown here" if row is None else f"{row['state']} here as {row['urn']}"
            broken.append(f"booking {booking['reference']} of {_family(booking)} is confirmed at the hotel, and {state}; nobody was told")
    there = {booking["reference"] for booking in held}
    broken += [f"{urn} was promised {wanted}, which no hotel holds" for wanted, urn in promised.items() if wanted not in there]
    cards = {card["issued"]["card"]: card for card in evidence.table("wallet", "card") if card["issued"]}
    live = [card for card in evidence.books.cards if card["status"] == "ACTIVE"]
    for card in live:
        row = cards.get(card["id"])
        if (row is None or row["state"] != "ISSUED") and not people.told_of(row) and not people.reviewed_for(card):
            state = "unknown" if row is None else row["state"]
            broken.append(f"card {card['id']} of {card['user'].get('surname')} is active, and {state} here; nobody was told")
    return len(held) + len(promised) + len(live), _all(Invariant.OWNED, broken)


def once(evidence: Evidence) -> Found:
    """One living booking for a party, one for a reference ever; one living card, loaded once, with what it should have on it.

    What no call of ours can look up or give back is a person's: it counts for nobody once a person was told.
    """
    books, people, reservation_of = evidence.books, _People(evidence), _reservations(evidence)
    ours = [booking for booking in books.bookings if not _left_to_people(booking, reservation_of(booking), people)]
    living = Counter(_family(booking) for booking in ours if booking["status"] == CONFIRMED)
    broken = [f"{family} has {count} living bookings" for family, count in living.items() if count > 1]
    ever = Counter((booking["tenant"], booking["clientReference"]) for booking in books.bookings)
    broken += [f"{count} bookings were made under {reference}" for (_, reference), count in ever.items() if count > 1]
    active = Counter(card["user"].get("surname") for card in books.cards if card["status"] == "ACTIVE")
    broken += [f"{family} has {count} active cards" for family, count in active.items() if count > 1]
    loads: dict[str, list[Decimal]] = defaultdict(list)
    taken: dict[str, Decimal] = defaultdict(Decimal)
    for movement in books.movements:
        if movement["result"] == "APPROVED":
            amount = Decimal(movement["total_amount"])
            if movement["entry_type"] == "CREDIT":
                loads[movement["account_id"]].append(amount)
            else:
                taken[movement["account_id"]] += amount
    broken += [f"account {account} was loaded {len(amounts)} times" for account, amounts in loads.items() if len(amounts) > 1]
    broken += [f"account {account}: more was taken back than was loaded" for account in taken if taken[account] > sum(loads[account])]
    for card in evidence.table("wallet", "card"):
        account = (card["issued"] or {}).get("account")
        left = sum(loads.get(account, ())) - taken.get(account, Decimal(0)) if account else Decimal(0)
        should = card["amount"] if card["state"] == "ISSUED" else Decimal(0)
        if card["state"] in ("ISSUED", "VOIDED") and left != should:
            broken.append(f"{card['urn']} is {card['state']} with {left} on it instead of {should}")
    hasty = [(row, reference) for row in _operations(evidence) for reference in sent_too_soon(row["journal"])]
    broken += [f"{row['urn']} ({row['name']}) was sent as {reference} before the one before was proven absent" for row, reference in hasty]
    return len(books.bookings) + len(books.cards) + len(loads), _all(Invariant.ONCE, broken)


def sent_too_soon(journal: Sequence[Row]) -> list[str]:
    """The references under which something was sent anew although the unclear send before had not been looked for, in vain, three times.

    A long journal begins in the middle: what was looked for before its first line is not known, and taken to be enough.
    """
    hasty: list[str] = []
    cut = len(journal) >= JOURNAL_LINES
    unclear, looks = (journal[0]["reference"], EMPTY_LOOKS) if cut else (None, 0)
    for line in journal:
        if line["did"] == "send" and unclear not in (None, line["reference"]) and looks < EMPTY_LOOKS:
            hasty.append(line["reference"])
        if line["did"] == "send" or (line["did"] == "death" and unclear != line["reference"]):
            unclear, looks = line["reference"] if line.get("answer", "Unknown") == "Unknown" else None, 0
        elif line["did"] == "look-up":
            looks += line.get("why") == "nothing found"
        elif line["did"] not in ("death", "verify", "stumble", "watch"):
            unclear = None  # a person has found out
    return hasty


def told_once(evidence: Evidence) -> Found:
    """Each kind of text reaches a number once."""
    sent = Counter((text["to"], trigger) for text in evidence.books.texts if (trigger := trigger_of(text["body"])))
    by_phone = {guest.phone: guest.family for guest in evidence.guests.values()}
    broken = [f"{by_phone.get(to, to)} was told {count} times of {trigger!r}" for (to, trigger), count in sent.items() if count > 1]
    return len(sent), _all(Invariant.TOLD_ONCE, broken)


def within_capacity(evidence: Evidence) -> Found:
    """Plays the hotels' book page by page, and counts every room of every night; at the end our own count is theirs."""
    stock: dict[Any, Mapping[str, int]] = {code: hotel.rooms for code, hotel in hotelbeds_hotels().items()}
    stock |= {id: hotel.rooms for id, hotel in amadeus_hotels().items()}
    taken: Counter[tuple[Any, str, date]] = Counter()
    states: dict[str, str] = {}
    broken: list[str] = []
    looks = 0
    for reference, page in evidence.books.history:
        change = (page["status"] == CONFIRMED) - (states.get(reference) == CONFIRMED)
        states[reference] = page["status"]
        for hotel, room, night, rooms in _room_nights(page) if change else ():
            looks += 1
            taken[hotel, room, night] += change * rooms
            if taken[hotel, room, night] > stock[hotel][room]:
                broken.append(f"hotel {hotel} sold more of {room} for {night} than it has, with {reference}")
    reservation_of = _reservations(evidence)
    in_doubt = {row["urn"] for row in evidence.table("booking", "reservation") if row["state"] in IN_DOUBT}
    ours = Counter({(row["tenant"]): 0 for row in evidence.table("booking", "hold")})
    for row in evidence.table("booking", "hold"):
        ours[row["tenant"]] += row["rooms"] if row["state"] == CONFIRMED and row["reservation"] not in in_doubt else 0
    theirs: Counter[str] = Counter()
    for booking in evidence.books.bookings:
        known = reservation_of(booking)
        if booking["status"] == CONFIRMED and (known is None or known["urn"] not in in_doubt):
            theirs[booking["tenant"]] += sum(rooms for _, _, _, rooms in _room_nights(booking))
    broken += [
        f"{tenant} counts {ours[tenant]} confirmed room nights, the hotels {theirs[tenant]}"
        for tenant in sorted({*ours, *theirs})
        if ours[tenant] != theirs[tenant]
    ]
    return looks, _all(Invariant.CAPACITY, broken)


def answered(evidence: Evidence) -> Found:
    """What was acknowledged has been done, or a person has it with the evidence."""
    people = _People(evidence)
    moving = [row for row in evidence.table("cases", "workflow") if row["state"] in ("RUNNING", "COMPENSATING")]
    started = {row["subject"] for row in evidence.table("cases", "workflow")}
    audited = {(row["tenant"], row["reason"]): row["action"] for row in evidence.table("audit", "entry") if row["reason"]}
    broken = [f"{row['urn']} of {row['subject']} never ended: {row['state']} at {row['step']}" for row in moving]
    for intent in evidence.acknowledged:
        sub_case = people.sub_cases.get(intent.sub_case)
        if sub_case is None:
            broken.append(f"{intent.kind} of {intent.sub_case}: there is no such sub-case")
            continue
        done = audited.get((intent.tenant, f"the passenger's own answer {intent.intent}"))
        if why := _unanswered(intent.kind, sub_case, done, started, people):
            broken.append(f"{intent.kind} of {intent.sub_case} was acknowledged, {why}")
    hanging = [row for row in _operations(evidence) if row["state"] in ("INTENT", "SENT", "UNKNOWN")]
    broken += [f"{row['urn']} ({row['name']}) never ended: {row['state']}" for row in hanging]
    return len(evidence.acknowledged), _all(Invariant.ANSWERED, broken)


def _unanswered(kind: str, sub_case: Row, done: str | None, started: set[str], people: _People) -> str | None:
    """Why this is not what was asked for; None when it is."""
    status, urn = sub_case["status"], sub_case["urn"]
    if kind == "voucher":
        if urn not in started and not people.reviewed(urn):
            return "and no workflow was ever started"
        if status == "MANUAL_REVIEW":
            return None if people.reviewed(urn) else "and waits for a person who was not told"
        return None if status in (*SHOWN, "REJECTED_BY_PAX") else f"and is {status}"
    if done == "intent.overtaken":
        return None
    if kind == "accept":
        return None if status == "RESOLVED" else f"and is {status}, {done or 'never carried out'}"
    return None if status == "REJECTED_BY_PAX" else f"and is {status}, {done or 'never carried out'}"


def in_order(evidence: Evidence, reactions: Reactions) -> Found:
    """Every message is numbered without a gap, published, and taken by all who react to it, within its aggregate one after the other."""
    taken: dict[str, dict[tuple[str, str], Any]] = {
        database: {(row["consumer"], row["urn"]): row["at"] for row in rows} for database, rows in evidence.inbox.items()
    }
    broken = [f"{row['aggregate']} is parked in {row['database']} at {row['name']}: {row['error']}" for row in evidence.parked]
    aside = {(row["tenant"], row["aggregate"]) for row in evidence.parked}
    looks = 0
    for database, rows in evidence.outbox.items():
        for (tenant, receiver, aggregate), messages in _by_aggregate(rows).items():
            if database != "intake" and [row["seq"] for row in messages] != list(range(1, len(messages) + 1)):
                broken.append(f"{database} numbered the messages of {aggregate} to {receiver} {[row['seq'] for row in messages][:8]}…")
            broken += [f"{row['urn']} ({row['name']}) of {database} was never published" for row in messages if row["published_at"] is None]
            last: dict[str, Any] = {}
            for row in messages if (tenant, aggregate) not in aside else ():
                for reaction in reactions(row["name"], row["reply_to"] is not None and not row["asked"]):
                    looks += 1
                    at = taken[reaction.domain].get((reaction.consumer, row["urn"]))
                    if at is None:
                        broken.append(f"{row['urn']} ({row['name']}) of {database} was never taken by {reaction.consumer}")
                    elif database != "intake" and at < last.get(reaction.consumer, at):
                        broken.append(f"{reaction.consumer} took {row['urn']} ({row['name']}) after a later message of {aggregate}")
                    last[reaction.consumer] = at or last.get(reaction.consumer, at)
    return looks, _all(Invariant.ORDER, broken)


def one_writer(evidence: Evidence) -> Found:
    """Each operation's journal is one story: its lines one after the other, and nothing sent once the partner had said yes or no."""
    broken: list[str] = []
    rows = _operations(evidence)
    for row in rows:
        said = [line["at"] for line in row["journal"]]
        definite = [line for line in row["journal"] if line["did"] == "send" and line.get("answer") in ("Ok", "Declined")]
        if said != sorted(said):
            broken.append(f"the journal of {row['urn']} ({row['name']}) goes back in time: two wrote it at once")
        if len(definite) > 1:
            broken.append(f"{row['urn']} ({row['name']}) was sent again after a definite answer")
    return len(rows), _all(Invariant.FENCE, broken)


def apart(evidence: Evidence) -> Found:
    """No airline's partner account, database row or telephone has anything of another's guests."""
    broken = list(evidence.strayed)
    looks = evidence.searched
    by_phone = {guest.phone: guest for guest in evidence.guests.values()}
    for booking in evidence.books.bookings:
        broken += _foreign(evidence, booking["tenant"], _family(booking), f"booking {booking['reference']}")
    for card in evidence.books.cards:
        broken += _foreign(evidence, card["tenant"], card["user"].get("surname", ""), f"card {card['id']}")
    for told in evidence.books.texts:
        guest = by_phone.get(told["to"])
        if guest is None or guest.tenant != told["tenant"]:
            broken.append(f"text {told['sid']} of {told['tenant']} went to a guest of {guest.tenant if guest else 'nobody'}")
    return looks + len(evidence.books.bookings) + len(evidence.books.cards) + len(evidence.books.texts), _all(Invariant.TENANTS, broken)


def reviews(evidence: Evidence, operations: Operations) -> Reviews:
    """How many steps with a partner ended in front of a person. Of class D, what a later report has settled is in doubt no more."""
    known = [(operations[row["name"]].kind, row) for row in _operations(evidence) if row["name"] in operations]
    resolvable = [row for kind, row in known if kind in (Class.A, Class.B, Class.C)]
    unresolvable = [row for kind, row in known if kind is Class.D]
    doubtful = [row for row in unresolvable if any(_is_doubt(line) for line in row["journal"])]
    found_out = sum(row["state"] == "OK" and any(line["did"] == "review" for line in row["journal"]) for row in doubtful)
    return Reviews(len(resolvable), _in_review(resolvable), len(doubtful) - found_out, _in_review(unresolvable))


class _People:
    """Sub-cases, and of whom a person was told, with evidence."""

    def __init__(self, evidence: Evidence) -> None:
        self.sub_cases = {row["urn"]: row for row in evidence.table("cases", "sub_case")}
        self._of_family = {str(row["lead_name"]).split()[-1]: row["sub_case"] for row in evidence.table("cases", "party")}
        self._told = {row["sub_case"] for row in evidence.table("cases", "review") if row["evidence"] or row["summary"]}

    def reviewed(self, sub_case: str | None) -> bool:
        return sub_case in self._told

    def reviewed_for(self, card: Row) -> bool:
        """By the holder's name, which no two parties share: a card that was left half made has no account yet to say whose it is."""
        return self.reviewed(self._of_family.get(card["user"].get("surname")))

    def told_of(self, row: Row | None) -> bool:
        return row is not None and row["sub_case"] in self._told


def _reservations(evidence: Evidence) -> Callable[[Row], Row | None]:
    """Whose a booking is, by the source's reference or by ours."""
    rows = evidence.table("booking", "reservation")
    by_reference = {row[name]: row for row in rows for name in ("client_reference", "partner_reference") if row[name]}
    return lambda booking: by_reference.get(booking["reference"]) or by_reference.get(booking["clientReference"])


def _left_to_people(booking: Row, row: Row | None, people: _People) -> bool:
    """One that the partner refuses to give back, and one that it cannot be asked for."""
    refused = row is not None and row["state"] == "CANCEL_REFUSED"
    untraceable = row is not None and row["state"] in IN_DOUBT and not booking.get("traceable", True)
    return (refused or untraceable) and people.told_of(row)


def _room_nights(booking: Row) -> Iterator[tuple[Any, str, date, int]]:
    """Hotel, room type, night and rooms, each night of a booking by itself."""
    if "ordered" not in booking:
        yield from ((key.hotel, key.room, night, key.rooms) for key in map(Key.read, booking["keys"]) for night in key.nights)
        return
    check_in, check_out = (date.fromisoformat(booking[name]) for name in ("checkIn", "checkOut"))
    for room in booking["ordered"]:
        for day in range((check_out - check_in).days):
            yield booking["hotel"], room["type"], check_in + timedelta(days=day), 1


def _operations(evidence: Evidence) -> list[Row]:
    return [row for database in ("cases", "booking", "wallet", "notifications") for row in evidence.table(database, "operation")]


def _foreign(evidence: Evidence, tenant: str, family: str, what: str) -> Iterator[str]:
    guest = evidence.guests.get(family)
    if guest is None or guest.tenant != tenant:
        yield f"{what} of {tenant} is for {family!r}, a guest of {guest.tenant if guest else 'nobody'}"


def _family(booking: Row) -> str:
    return str(booking["holder"]["surname"])


def _is_doubt(line: Row) -> bool:
    return line.get("answer") == "Unknown" or line.get("did") == "death"


def _by_aggregate(rows: Iterable[Row]) -> Mapping[tuple[str, str, str], list[Row]]:
    found: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        found[row["tenant"], row["receiver"], row["aggregate"]].append(row)
    return {key: sorted(messages, key=lambda row: int(row["seq"])) for key, messages in found.items()}


def _in_review(rows: Iterable[Row]) -> int:
    return sum(row["state"] == "REVIEW" for row in rows)


def _all(invariant: Invariant, broken: Iterable[str]) -> list[Violation]:
    return [Violation(invariant, what) for what in broken]
