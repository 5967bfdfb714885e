"""What a run with faults comes to: ten invariants, how often each was looked at and broken, and the figures beside them.

Both tiers tell it in these words: the real processes and the simulation. A part's verdict is kept as JSON and added to the others'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from rich.table import Table

REVIEW_SHARE: Final = 0.005  # of the steps whose partner can be asked what it did, at most so many may need a person
SHOWN: Final = 20  # violations that are told in words


class Invariant(StrEnum):
    """What must hold whatever was struck; the value is its name in JSON."""

    OWNED = "no_reservation_without_owner"
    ONCE = "one_booking_and_one_load_per_step"
    TOLD_ONCE = "no_message_twice"
    CAPACITY = "confirmed_within_capacity"
    ANSWERED = "acknowledged_intents_end"
    ORDER = "order_per_aggregate"
    AUDIT = "audit_complete"
    FENCE = "one_writer_per_fence"
    TENANTS = "nothing_crosses_tenants"
    HEALTHY = "healthy_within_30_s"


SAYS: Final[Mapping[Invariant, str]] = {
    Invariant.OWNED: "no reservation at a partner without an owner here",
    Invariant.ONCE: "at most one live booking and one load per step",
    Invariant.TOLD_ONCE: "no message twice",
    Invariant.CAPACITY: "confirmed ≤ capacity at every instant",
    Invariant.ANSWERED: "every acknowledged intent ends, or is in review with evidence",
    Invariant.ORDER: "each aggregate's messages take effect once and in order",
    Invariant.AUDIT: "the audit's chains are whole and account for everything told",
    Invariant.FENCE: "one writer per fence",
    Invariant.TENANTS: "nothing crosses tenants",
    Invariant.HEALTHY: "healthy again within 30 s of the last fault",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """`what` is one sentence with the URNs by which a person finds it."""

    invariant: Invariant
    what: str


@dataclass(frozen=True, slots=True)
class Reviews:
    """Steps with a partner that ended, and those of which nobody can tell: `steps` and `reviewed` of class A to C, the others of D."""

    steps: int = 0
    reviewed: int = 0
    unknown_d: int = 0
    reviewed_d: int = 0

    @property
    def share(self) -> float:
        return self.reviewed / self.steps if self.steps else 0.0

    def __add__(self, other: Reviews) -> Reviews:
        return Reviews(
            self.steps + other.steps, self.reviewed + other.reviewed, self.unknown_d + other.unknown_d, self.reviewed_d + other.reviewed_d
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """`looked_at` counts what an invariant was held against. `samples` are measured seconds by name, `counts` anything worth a number."""

    seed: int
    sagas: int
    looked_at: Mapping[Invariant, int]
    violations: Sequence[Violation] = ()
    reviews: Reviews = Reviews()
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def lost_intents(self) -> int:
        return sum(violation.invariant is Invariant.ANSWERED for violation in self.violations)

    @property
    def good(self) -> bool:
        """Nothing broken, few enough left to people, and all of class D that is unknown is in front of one."""
        return not self.violations and self.reviews.share <= REVIEW_SHARE and self.reviews.unknown_d == self.reviews.reviewed_d

    def broken(self) -> dict[Invariant, int]:
        """Violations by invariant, those with none included."""
        return {each: sum(violation.invariant is each for violation in self.violations) for each in Invariant}

    def __add__(self, other: Verdict) -> Verdict:
        """Both together; the seed is the first one's."""
        return Verdict(
            self.seed,
            self.sagas + other.sagas,
            {each: self.looked_at.get(each, 0) + other.looked_at.get(each, 0) for each in Invariant},
            (*self.violations, *other.violations),
            self.reviews + other.reviews,
            {name: (*self.samples.get(name, ()), *other.samples.get(name, ())) for name in {**self.samples, **other.samples}},
            {name: self.counts.get(name, 0) + other.counts.get(name, 0) for name in {**self.counts, **other.counts}},
            self.seconds + other.seconds,
        )

    def told(self) -> dict[str, Any]:
        """One JSON object for scripts."""
        return {
            "sagas": self.sagas,
            "seed": self.seed,
            "good": self.good,
            "violations": {each.value: count for each, count in self.broken().items()},
            "looked_at": {each.value: self.looked_at.get(each, 0) for each in Invariant},
            "review_share": round(self.reviews.share, 5),
            "steps": self.reviews.steps,
            "reviewed": self.reviews.reviewed,
            "class_d": {"unknown": self.reviews.unknown_d, "reviewed": self.reviews.reviewed_d},
            "lost_intents": self.lost_intents,
            "seconds": round(self.seconds, 1),
            "sagas_per_s": round(self.sagas / self.seconds, 2) if self.seconds else None,
            **{name: spread(values) for name, values in self.samples.items()},
            "counts": dict(sorted(self.counts.items())),
            "told": [f"{violation.invariant}: {violation.what}" for violation in self.violations[:SHOWN]],
        }

    def kept(self) -> dict[str, Any]:
        """All of it as plain values, for `read`."""
        return {
            "seed": self.seed,
            "sagas": self.sagas,
            "looked_at": {each.value: count for each, count in self.looked_at.items()},
            "violations": [[violation.invariant.value, violation.what] for violation in self.violations],
            "reviews": [self.reviews.steps, self.reviews.reviewed, self.reviews.unknown_d, self.reviews.reviewed_d],
            "samples": {name: list(values) for name, values in self.samples.items()},
            "counts": dict(self.counts),
            "seconds": self.seconds,
        }

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Self:
        """Raises: KeyError, ValueError or TypeError for what is not a verdict."""
        return cls(
            kept["seed"],
            kept["sagas"],
            {Invariant(name): count for name, count in kept["looked_at"].items()},
            [Violation(Invariant(name), what) for name, what in kept["violations"]],
            Reviews(*kept["reviews"]),
            kept["samples"],
            kept["counts"],
            kept["seconds"],
        )

    def table(self) -> Table:
        """One line per invariant."""
        shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        shown.add_column("")
        shown.add_column("invariant")
        shown.add_column("looked at", justify="right")
        shown.add_column("violations", justify="right")
        for each, count in self.broken().items():
            looked_at = self.looked_at.get(each, 0)
            mark = "[red]✗[/]" if count else "[green]✓[/]" if looked_at else "[dim]–[/]"  # what was not looked at did not hold either
            shown.add_row(mark, SAYS[each], f"{looked_at:,}", f"[red]{count}[/]" if count else "0")
        return shown

    def lines(self) -> list[str]:
        """What is said below the table."""
        reviews = self.reviews
        said = [
            f"review_share {reviews.share:.3%} of {reviews.steps:,} steps of class A to C (at most {REVIEW_SHARE:.1%}); "
            f"class D: {reviews.unknown_d} unknown, {reviews.reviewed_d} in review; lost intents: {self.lost_intents}"
        ]
        if self.seconds:
            said.append(f"{self.sagas:,} sagas in {self.seconds:.0f} s: {self.sagas / self.seconds:.1f} a second")
        for name, values in self.samples.items():
            figures = spread(values)
            said.append(f"{name}: p50 {figures['p50']} s, p99 {figures['p99']} s, longest {figures['max']} s, of {figures['n']}")
        said += [f"{violation.invariant}: {violation.what}" for violation in self.violations[:SHOWN]]
        if len(self.violations) > SHOWN:
            said.append(f"and {len(self.violations) - SHOWN} more")
        return said


def together(verdicts: Iterable[Verdict], seed: int) -> Verdict:
    """All parts as one."""
    return sum(verdicts, Verdict(seed, 0, {}))


def spread(values: Sequence[float]) -> dict[str, float | int | None]:
    """Median, 99th percentile and largest of measured seconds; null where nothing was measured."""
    ordered = sorted(values)
    if not ordered:
        return {"n": 0, "p50": None, "p99": None, "max": None}

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)

    return {"n": len(ordered), "p50": at(0.5), "p99": at(0.99), "max": round(ordered[-1], 2)}
