"""Everything there is to look at after a part: what the partners hold, what the databases say, what was acknowledged to whom.

The databases are asked as their administrator, over all tenants; the books through the sandbox's control door and, for what they held at
every instant, from their own file. Nothing here judges.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from runtime.faults.people import Acknowledged, Crowd, Guest
from runtime.faults.stage import Stage
from runtime.faults.twins import Twins, an_order
from runtime.settings import DATABASES

Row = Mapping[str, Any]

MESSAGES: Final = "urn, tenant, sender, receiver, aggregate, seq, name, asked, reply_to, published_at, position"
TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "cases": {
        "sub_case": "*",
        "party": "tenant, sub_case, lead_name",
        "review": "*",
        "workflow": "tenant, urn, plan, subject, state, step, owner, fence, failure",
        "operation": "*",
    },
    "booking": {"reservation": "*", "hold": "*", "operation": "*"},
    "wallet": {"card": "*", "operation": "*"},
    "notifications": {"message": "*", "operation": "*"},
    "audit": {"entry": "tenant, root, number, urn, entity, action, reason"},
}
_PAGES: Final = "select id, body, kind from page where partner in ('hotelbeds', 'amadeus') and kind in ('booking', 'order') order by seq"
_TENANT_TABLES: Final = """
    select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant'
    where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition order by 1
"""


@dataclass(frozen=True, slots=True)
class Books:
    """What the partners hold, bookings of every source in the same words. `history` are their pages in the order they were written."""

    bookings: Sequence[Row] = ()
    cards: Sequence[Row] = ()
    movements: Sequence[Row] = ()
    texts: Sequence[Row] = ()
    history: Sequence[tuple[str, Row]] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """`rows` by database and table; `outbox` and `inbox` by database. `guests` by the family name of the lead.

    `strayed` tells of names found under another tenant: table, tenant, and whose mark it was.
    """

    books: Books
    rows: Mapping[str, Mapping[str, Sequence[Row]]]
    outbox: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    inbox: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    parked: Sequence[Row] = ()
    acknowledged: Sequence[Acknowledged] = ()
    guests: Mapping[str, Guest] = field(default_factory=dict)
    strayed: Sequence[str] = ()
    searched: int = 0  # rows that were searched for foreign marks

    def table(self, database: str, name: str) -> Sequence[Row]:
        return self.rows.get(database, {}).get(name, ())


async def gather(stage: Stage, twins: Twins, crowd: Crowd, marks: Mapping[str, str]) -> Evidence:
    """Reads all of it."""
    rows = {
        database: {name: await _rows(stage, database, f'select {columns} from "{name}"') for name, columns in tables.items()}
        for database, tables in TABLES.items()
    }
    outbox = {
        name: await _rows(stage, name, f"select {MESSAGES} from {'intake' if name == 'intake' else 'outbox'} order by position")
        for name in DATABASES
    }
    others = [name for name in DATABASES if name != "intake"]
    inbox = {name: await _rows(stage, name, "select tenant, consumer, urn, at from inbox") for name in others}
    parked = [row for name in others for row in await _rows(stage, name, f"select '{name}' as database, * from parked")]
    strayed, searched = await _strays(stage, marks)
    books = await _books(twins, stage.home / "sandbox" / "book.sqlite3")
    return Evidence(books, rows, outbox, inbox, parked, crowd.acknowledged, crowd.guests, strayed, searched)


async def _books(twins: Twins, file: Path) -> Books:
    partners = ("hotelbeds", "amadeus", "pomelo", "twilio")
    hotelbeds, amadeus, pomelo, twilio = [await twins.say("GET", f"/{partner}/book") for partner in partners]
    book = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        history = [(id, _page(kind, json.loads(body))) for id, body, kind in book.execute(_PAGES)]
    finally:
        book.close()
    bookings = [*hotelbeds["bookings"], *map(an_order, amadeus["orders"])]
    return Books(bookings, pomelo["cards"], pomelo["transactions"], twilio["messages"], history)


def _page(kind: str, body: Row) -> Row:
    return an_order(body) if kind == "order" else body


async def _strays(stage: Stage, marks: Mapping[str, str]) -> tuple[list[str], int]:
    """Looks for every airline's mark in every row of the others, whatever the column."""
    strayed: list[str] = []
    searched = 0
    for database in DATABASES:
        for row in await _rows(stage, database, _TENANT_TABLES):
            table = row["relname"]
            searched += (await _rows(stage, database, f'select count(*) as n from "{table}"'))[0]["n"]
            for tenant, mark in marks.items():
                foreign = f"tenant <> '{tenant}' and t::text like '%{mark}%'"
                statement = f'select tenant, count(*) as n from "{table}" as t where {foreign} group by 1'
                strayed += [
                    f"{database}.{table} of {found['tenant']} names guests of {tenant} in {found['n']} rows"
                    for found in await _rows(stage, database, statement)
                ]
    return strayed, searched


async def _rows(stage: Stage, database: str, statement: str) -> list[Row]:
    async with stage.engine(database).connect() as connection:
        return [dict(row) for row in (await connection.execute(text(statement.replace(":", "\\:")))).mappings()]
