"""Saying no. A refusal is an expected answer of the domain; its docstring is the sentence the caller reads."""

from __future__ import annotations

import inspect
import re
from typing import ClassVar


class Refusal(Exception):
    """The request was refused."""

    code: ClassVar[str] = "REFUSAL"
    _kinds: ClassVar[dict[str, type[Refusal]]] = {}

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).upper()
        cls._kinds[cls.code] = cls

    def __init__(self, message: str | None = None, **facts: object) -> None:
        self.message = message or self.sentence()
        self.facts = facts
        super().__init__(self.message)

    @classmethod
    def sentence(cls) -> str:
        """What it says when nothing more is known: its docstring up to where that speaks of facts."""
        said, facts, _ = inspect.cleandoc(cls.__doc__ or "").splitlines()[0].partition("; facts carry")
        return f"{said}." if facts else said

    @staticmethod
    def sentence_of(code: str) -> str:
        """The sentence of the refusal with this code, which names nobody; for a refusal that is told once more."""
        return Refusal._kinds.get(code, Refusal).sentence()


class NotFound(Refusal):
    """There is no such thing here."""


class Forbidden(Refusal):
    """Your role does not allow this."""


class BadInput(Refusal):
    """The input is not valid."""


class VersionConflict(Refusal):
    """Somebody changed it meanwhile; facts carry `expected` and `actual` versions."""


class StoreAway(Refusal):
    """Your data cannot be reached just now; please try again in a moment."""
