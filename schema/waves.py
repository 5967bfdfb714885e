"""What booking says of waves: what was asked, what is planned and why, and the word of the supervisor."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final

from domains.booking import refusals, wave
from kernel.identity import Role
from kernel.urn import Urn
from resolvers import loaders
from resolvers import waves as resolve
from schema.audience import OPERATOR
from schema.binding import bind, extend, field, outcome, view, words
from schema.common import Money, Node, NotFound, VersionConflict

DOMAIN: Final = "booking"
STATE = words(wave.WaveState, seen_by=OPERATOR)
FATE = words(wave.Fate, seen_by=OPERATOR)
READERS = (Role.OPS_SUPERVISOR, Role.FINANCE_AUDIT)


@extend
class Ranking:
    """The candidates of one party."""


@extend
class Silence:
    """A source that did not answer."""


@extend
class Fallen:
    """How many offers fell at one gate."""


@view(of=wave.WaveSearch, seen_by=OPERATOR)
class WaveQuestion:
    """One question to all sources, for `parties` of one shape and stay. `askedAt` is null while it is being asked."""

    airport: str
    check_in: date
    check_out: date
    rooms: int
    adults: int
    children: int
    infants: int
    parties: int
    offers: int
    answered: list[str]
    silences: list[Silence]
    asked_at: datetime | None


@view(of=wave.Allotted, seen_by=OPERATOR)
class WaveGroup:
    """Parties that are placed in one house or not at all; `place` is the order of placing, the vulnerable first."""

    urn: Urn
    place: int | None
    tier: str | None = field(description="Null where its parties do not share one.")
    vulnerable: bool
    fate: wave.Fate | None = field(description="Null before the wave is planned.")
    why: str
    sub_cases: list[Urn]
    rooms: int
    house: Urn | None
    house_name: str | None
    cost: Money | None
    market: Money | None
    fallen: list[Fallen]
    rankings: list[Ranking] = bind(resolve.rankings_of, seen_by=OPERATOR)


@view(of=wave.Wave, key="urn", kind="wave", seen_by=OPERATOR, load=loaders.load_waves, allow=READERS)
class Wave(Node):
    """Many groups placed at once. As a DRAFT it is there to be looked at: nothing is booked before it is committed."""

    urn: Urn
    version: int
    state: wave.WaveState
    rooms: int
    searches: int
    answered: int = field(description="Of its searches, so many have ended.")
    begun_at: datetime
    cost: Money | None = field(description="Of everything it has placed.")
    market: Money | None = field(description="What such rooms cost in the middle of all that was offered.")
    savings: Money | None = field(description="Against the market.")
    bound: Money | None = field(description="No placing of the same groups within gates and capacity can cost less.")
    why: str | None = field(description="Why it has failed.")
    questions: list[WaveQuestion] = bind(resolve.questions_of, seen_by=OPERATOR)
    groups: list[WaveGroup] = bind(resolve.groups_of, seen_by=OPERATOR)


@view(of=resolve.WaveBatch, seen_by=OPERATOR)
class WaveBatch:
    """With `snapshot`, the items replace everything the screen has."""

    seq: str
    snapshot: bool
    items: list[Wave]


@view(of=resolve.WaveMoved, seen_by=OPERATOR)
class WaveMoved:
    wave: Wave


@view(of=refusals.WaveNotReady, seen_by=OPERATOR)
class WaveNotReady:
    """It is not a plan that could be committed or let go."""

    message: str


CommitWaveResult = Annotated[WaveMoved | WaveNotReady | VersionConflict | NotFound, outcome("CommitWaveResult", seen_by=OPERATOR)]
DiscardWaveResult = Annotated[WaveMoved | WaveNotReady | VersionConflict | NotFound, outcome("DiscardWaveResult", seen_by=OPERATOR)]


@extend
class Demand:
    """What is planned for it."""

    wave: Wave | None = bind(resolve.wave_of, seen_by=OPERATOR)


@extend
class Query:
    waves: list[Wave] = bind(resolve.waves, seen_by=OPERATOR, allow=READERS)
    wave: Wave | None = bind(resolve.wave, seen_by=OPERATOR, args={"urn": OPERATOR}, allow=READERS)


@extend
class Mutation:
    commit_wave: CommitWaveResult = bind(
        resolve.commit_wave, seen_by=OPERATOR, args={"wave": OPERATOR, "version": OPERATOR}, allow=Role.OPS_SUPERVISOR
    )
    discard_wave: DiscardWaveResult = bind(
        resolve.discard_wave, seen_by=OPERATOR, args={"wave": OPERATOR, "version": OPERATOR, "reason": OPERATOR},
        allow=Role.OPS_SUPERVISOR,
    )  # fmt: skip


@extend
class Subscription:
    waves: WaveBatch = bind(resolve.wave_changes, seen_by=OPERATOR, args={"after": OPERATOR}, allow=READERS)
