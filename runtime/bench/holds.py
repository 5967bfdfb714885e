"""How many attempts a second hold rooms, written through to Postgres, and whether the last room is ever sold twice or lost.

Servers of its own, the coordination store with its append-only file. Attempts reach `take_holds` in lots, as a batch of the bus brings them
to booking: a lot is one transaction, and several are under way at once. Thousands want the 50 rooms of one hotel; thousands want rooms in
200 hotels; then both again with few rooms and the store wiped (FLUSHALL) in the middle. What is held is counted in the store and in
Postgres. Then time passes: the store is asked as of later, in Postgres the ends are put back, and the product's chore ends what is over.

The floor is the same calls of the same script, one at a time over a bare socket, through no library: `evalsha_per_s`. `alone_per_s` is
what comes of attempts that each have a transaction for themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha1
from statistics import median
from typing import Any, Final, Self

from rich.console import Console
from rich.progress import Progress
from sqlalchemy import make_url, text

from domains.booking import store
from domains.booking.actions.hold import expire_holds, take_holds
from domains.booking.model import Hold, Reservation, ReservationState
from domains.booking.ports import Offer, Point
from kernel.bus import Bus, connect
from kernel.clock import monotonic, now
from kernel.database import Database
from kernel.hold import HOLD_LIFETIME, Holds, Report, Stay, Wanted, call_of, scripts
from kernel.money import Money
from kernel.operation import fresh_reference
from kernel.patience import patiently
from kernel.tenancy import Tenant
from kernel.urn import Urn
from runtime.bench import Result
from runtime.bench.site import ROOT
from runtime.site import Ports
from runtime.supervisor import Supervisor

TENANT: Final = Tenant("t1")
ROOMS: Final = 50  # of the one hotel
ENOUGH: Final = 50  # of each of many hotels, while it is measured: nobody is turned away, every attempt is written
FEW: Final = 5  # of each of many hotels, while the store is wiped: most are turned away
LOT: Final = 200  # attempts of one transaction, as many as booking takes from the bus at once
ALONE: Final = 300  # attempts that are measured with a transaction for each
LATER: Final = HOLD_LIFETIME + timedelta(minutes=1)
_EPOCH: Final = timedelta(hours=1)  # the source was asked so long ago: everything held since counts against it

_AGE = text("update hold set until = until - cast(:later as interval) where tenant = :tenant and state = 'HELD'")
_HELD = text("select hotel, sum(rooms) as rooms from hold where tenant = :tenant and state = 'HELD' group by hotel")
_FORGET = text("delete from hold where tenant = :tenant")


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `bench holds`."""
    parser.add_argument("--attempts", type=int, default=3000, metavar="N", help="at once, of each round (default: 3000)")
    parser.add_argument("--hotels", type=int, default=200, metavar="N", help="where many are wanted (default: 200)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each kind; the middle one counts (default: 5)")
    parser.add_argument(
        "--port", type=int, default=8820, metavar="BASE", help="first of the ports of the bench's own servers (default: 8820)"
    )


async def measure(arguments: argparse.Namespace, console: Console) -> Result:
    """Holds on servers of its own."""
    home = ROOT / ".nexa" / "bench" / "holds"
    shutil.rmtree(home, ignore_errors=True)
    others = {name: value for name, value in os.environ.items() if not name.startswith("NEXA_")}
    servers = Supervisor(home, Ports(arguments.port), others, (TENANT,), lambda line: console.print(f"[dim]{line}[/]"))
    try:
        servers.start_stores()
        urls = servers.told["NEXA_BOOKING_URL"], servers.told["NEXA_COORDINATION_URL"]
        with Progress(console=console, transient=True) as bars:
            bar = bars.add_task("rounds", total=None)
            return await storm(*urls, arguments.attempts, arguments.hotels, arguments.rounds, lambda: bars.advance(bar))
    finally:
        servers.stop()


async def storm(
    booking: str, coordination: str, attempts: int, hotels: int, rounds: int, say: Callable[[], None] = lambda: None, lot: int = LOT
) -> Result:  # fmt: skip
    """The bench, on servers that run: the app role's address of `nexa_booking`, and the store of holds."""
    ground = Ground(Database("booking", booking), Bus(connect(coordination)), coordination)
    try:
        kinds = {"one": Crowd.of(attempts, 1, ROOMS, lot), "many": Crowd.of(attempts, hotels, ENOUGH, lot)}
        seen: dict[str, list[Pace]] = {name: [] for name in kinds}
        verdict = Counter[str](oversell=0, leaked=0)
        for _ in range(rounds):
            for name, crowd in kinds.items():
                fresh = crowd.again()
                seen[name].append(await ground.pace(fresh))
                verdict.update(await ground.verdict(fresh))
                say()
        lonely = Crowd.of(min(attempts, ALONE), hotels, ENOUGH, lot=1)
        alone = await ground.timed(lonely, ground.hold)
        verdict.update(await ground.verdict(lonely))
        for crowd in (Crowd.of(attempts, 1, ROOMS, lot), Crowd.of(attempts, hotels, FEW, lot)):
            await ground.hold(crowd, wiped=True)
            verdict.update({f"wiped_{what}": count for what, count in (await ground.verdict(crowd)).items()})
            say()
    finally:
        await ground.close()
    middle = {name: _middle(paces) for name, paces in seen.items()}
    ratios = {f"vs_evalsha{_suffix(name)}": pace.held / pace.floor for name, pace in middle.items()}
    ratios |= {f"lua_vs_evalsha{_suffix(name)}": pace.taken / pace.floor for name, pace in middle.items()}
    figures: dict[str, object] = {name: verdict[name] for name in ("oversell", "leaked", "wiped_oversell", "wiped_leaked")}
    figures |= {"floor": "raw socket, one at a time", "alone_per_s": round(alone)}
    for name, pace in middle.items():
        figures |= {f"attempts_per_s{_suffix(name)}": round(pace.held), f"lua_per_s{_suffix(name)}": round(pace.taken)}
        figures[f"evalsha_per_s{_suffix(name)}"] = round(pace.floor)
    return Result({name: round(ratio, 3) for name, ratio in sorted(ratios.items())}, figures)


def _suffix(name: str) -> str:
    return "" if name == "one" else f"_{name}"


@dataclass(frozen=True, slots=True)
class Pace:
    """Calls a second: attempts with their write-through, the store's part alone, and the bare script."""

    held: float
    taken: float
    floor: float


def _middle(paces: Sequence[Pace]) -> Pace:
    return Pace(median(each.held for each in paces), median(each.taken for each in paces), median(each.floor for each in paces))


@dataclass(frozen=True, slots=True)
class Crowd:
    """Attempts, one room each, and how many rooms every hotel has."""

    wanted: tuple[Hold, ...]
    rooms: int
    lot: int = LOT

    @classmethod
    def of(cls, attempts: int, hotels: int, rooms: int, lot: int = LOT) -> Self:
        """New hotels, one night, and attempts that want them in turn."""
        asked_at, made = now() - _EPOCH, [Urn.of("hotel", Urn.mint("hotel").id, "bench") for _ in range(hotels)]
        night = asked_at.date()
        return cls(
            tuple(
                Hold(
                    urn=Urn.mint("hold"), reservation=Urn.mint("reservation"), hotel=made[number % hotels], hotel_name="Bench Hotel",
                    room_type="DBL.ST", airport="JFK", check_in=night, check_out=night + timedelta(days=1), rooms=1, until=asked_at,
                    reported=rooms, reported_at=asked_at,
                )
                for number in range(attempts)
            ),
            rooms,
            lot,
        )  # fmt: skip

    @property
    def hotels(self) -> dict[Urn, Hold]:
        """An attempt at each."""
        return {each.hotel: each for each in self.wanted}

    def again(self) -> Crowd:
        """The same attempts under other names at other hotels, for another way of making them."""
        return Crowd.of(len(self.wanted), len(self.hotels), self.rooms, self.lot)

    def lots(self) -> Iterator[Sequence[Hold]]:
        return (self.wanted[start : start + self.lot] for start in range(0, len(self.wanted), self.lot))


@dataclass(slots=True)
class Ground:
    """Where it happens."""

    database: Database
    bus: Bus
    url: str
    holds: Holds = field(init=False)

    def __post_init__(self) -> None:
        self.holds = Holds(self.bus.redis)

    async def close(self) -> None:
        await self.bus.redis.aclose()
        await self.database.close()

    async def pace(self, crowd: Crowd) -> Pace:
        """The three ways, one after the other; only the first leaves anything to look at in Postgres."""
        held = await self.timed(crowd, self.hold)
        taken = await self.timed(crowd.again(), self.take)
        floor = await self.timed(crowd.again(), self.evalsha)
        return Pace(held, taken, floor)

    async def hold(self, crowd: Crowd, *, wiped: bool = False) -> None:
        """Every lot a transaction, tried again as booking would; `wiped`: the store forgets everything when half of them are through."""
        through = 0

        async def book(lot: Sequence[Hold]) -> None:
            nonlocal through

            async def attempt() -> None:
                async with self.database.work(TENANT) as work:
                    await take_holds(work, self.holds, lot)

            await patiently(attempt, self.database.name, TENANT)
            through += len(lot)
            if wiped and through - len(lot) < len(crowd.wanted) // 2 <= through:
                await self.bus.redis.flushall()

        await asyncio.gather(*(book(lot) for lot in crowd.lots()))

    async def take(self, crowd: Crowd) -> None:
        """The store's part alone."""
        await asyncio.gather(*(self.holds.take_many([self._wanted(each) for each in lot]) for lot in crowd.lots()))

    async def evalsha(self, crowd: Crowd) -> None:
        """The same calls, one at a time, by a socket and nothing else."""
        sha = sha1(scripts()["take"].encode()).hexdigest()
        calls = [
            _spelled("EVALSHA", sha, len(keys), *keys, *arguments) for keys, arguments in map(call_of, map(self._wanted, crowd.wanted))
        ]
        await asyncio.to_thread(_one_by_one, self.url, calls)

    async def verdict(self, crowd: Crowd) -> Counter[str]:
        """Rooms held beyond what there is, in the store or in Postgres; and what is still held when all of it is over."""
        written, stored = await self._written(), await self._stored(crowd, None)
        most = [max(written.get(hotel, 0), stored[hotel]) for hotel in crowd.hotels]
        oversell = sum(max(0, rooms - crowd.rooms) for rooms in most)
        await self._pass_time(crowd)
        leaked = sum((await self._stored(crowd, now() + LATER)).values()) + sum((await self._written()).values())
        async with self.database.work(TENANT) as work:
            await work.execute(_FORGET, {"tenant": TENANT})
        return Counter(oversell=oversell, leaked=leaked)

    async def timed(self, crowd: Crowd, way: Callable[[Crowd], Any]) -> float:
        """Calls a second."""
        for hotel in crowd.hotels:  # a hotel that is asked for the first time today is restored; that is no part of holding
            await self.holds.restore(TENANT, hotel, ())
        began = monotonic()
        await way(crowd)
        return len(crowd.wanted) / (monotonic() - began)

    async def _written(self) -> dict[Urn, int]:
        async with self.database.read(TENANT) as connection:
            return {Urn(row.hotel): int(row.rooms) for row in await connection.execute(_HELD, {"tenant": TENANT})}

    async def _stored(self, crowd: Crowd, at: datetime | None) -> dict[Urn, int]:
        """Rooms held by the store's count, as of `at`."""
        counts = {}
        for hotel, each in crowd.hotels.items():
            counts[hotel] = (await self.holds.counts(Stay.between(TENANT, hotel, each.room_type, each.check_in, each.check_out), now=at))[
                0
            ].held
        return counts

    async def _pass_time(self, crowd: Crowd) -> None:
        """What was held for has come to nothing, and the holds are over: the chore ends them, a few at a time."""
        async with self.database.work(TENANT) as work:
            for each in crowd.wanted:
                await store.add_reservation(work, _given_up(each))
            await work.execute(_AGE, {"tenant": TENANT, "later": LATER})
        looked_at = 1
        while looked_at:
            async with self.database.work(TENANT) as work:
                looked_at = await expire_holds(work, self.holds)

    def _wanted(self, hold: Hold) -> Wanted:
        stay = Stay.between(TENANT, hold.hotel, hold.room_type, hold.check_in, hold.check_out)
        return Wanted(stay, hold.urn, hold.rooms, Report(hold.reported, hold.reported_at))


def _one_by_one(url: str, calls: Sequence[bytes]) -> None:
    address = make_url(url)
    with socket.create_connection((address.host or "127.0.0.1", address.port or 6379)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(_spelled("AUTH", address.username or "default", address.password or ""))
        connection.recv(1024)
        for call in calls:
            connection.sendall(call)
            if connection.recv(4096).startswith(b"-"):
                raise RuntimeError("the store refused a bare call")


def _spelled(*words: object) -> bytes:
    spelled = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(spelled) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in spelled)


def _given_up(hold: Hold) -> Reservation:
    night, price = hold.check_in, Money(Decimal(100), "USD")
    offer = Offer(
        urn=Urn.of("offer", hold.hotel.id), hotel=hold.hotel, name=hold.hotel_name, stars=3, address="", location=Point(40.64, -73.78),
        distance_km=1.0, room_type=hold.room_type, room_name="Double", board="RO", check_in=night, check_out=hold.check_out, nightly=price,
        total=price, allotment=hold.reported, rates=(),
    )  # fmt: skip
    return Reservation(
        urn=hold.reservation, sub_case=Urn.mint("sub-case"), workflow=Urn.mint("workflow"), hold=hold.urn, place=1,
        state=ReservationState.ABSENT, offer=offer, airport=hold.airport, asked_at=hold.reported_at, client_reference=fresh_reference(),
        sends=0, total=price,
    )  # fmt: skip
