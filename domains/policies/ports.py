"""What policies needs of whoever reads words: a form filled in. What comes back is a proposal, and is validated before anybody sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kernel.answer import Answer
from kernel.tenancy import Tenant


@dataclass(frozen=True, slots=True)
class Form:
    """`name` of the form (letters, digits, _), the `purpose` its reader is told, the `words` to read, and the JSON schema of the result.

    In the schema every object forbids further properties and requires all it has: the strictest of the readers takes no other.
    """

    name: str
    purpose: str
    words: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filled:
    """What was read, an object as the schema's `required` says, and not held against the rest of it; `reader` is the model that read."""

    values: Mapping[str, Any]
    reader: str


class Reader(Protocol):
    """Somebody who reads words and fills in forms."""

    @property
    def vendor(self) -> str: ...

    async def fill(self, tenant: Tenant, form: Form) -> Answer[Filled]:
        """Reads. Changes nothing and may be repeated; costs each time. `Declined` when it will not, or the result would be cut short."""
        ...
