"""Saying no. A refusal is an expected answer of the domain; its docstring is the sentence the caller reads."""

from __future__ import annotations

import inspect
import re
from typing import ClassVar


class Refusal(Exception):
    """The request was refused."""

    code: ClassVar[str] = "REFUSAL"

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).upper()

    def __init__(self, message: str | None = None, **facts: object) -> None:
        self.message = message or inspect.cleandoc(type(self).__doc__ or "").splitlines()[0]
        self.facts = facts
        super().__init__(self.message)


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
