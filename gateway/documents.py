"""Trusted documents: what clients may ask, agreed on before they ask it. An operation is named by the digest of its text.

The text is the whole file as committed, so anybody can compute the id: `sha256:` and the hex digest of its bytes. Passengers and partners
are answered nothing else; a file that changes gets a new id, so an old page keeps asking the old question until its file is removed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from graphql import DocumentNode, OperationDefinitionNode, OperationType, parse

PREFIX: Final = "sha256:"
_ID: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


class DocumentError(ValueError):
    """A file among the trusted documents is not one operation."""


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """`name` is the file's, without its ending."""

    id: str
    name: str
    text: str
    document: DocumentNode
    operation: OperationDefinitionNode

    @property
    def writes(self) -> bool:
        return self.operation.operation is OperationType.MUTATION

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises: DocumentError."""
        raw = path.read_bytes()
        text = raw.decode()
        document = parse(text)
        operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        if len(operations) != 1:
            raise DocumentError(f"{path.name} must hold exactly one operation, not {len(operations)}")
        return cls(PREFIX + hashlib.sha256(raw).hexdigest(), path.stem, text, document, operations[0])


class Documents:
    """The trusted documents of one audience."""

    def __init__(self, documents: Iterable[TrustedDocument]) -> None:
        self._by_id: Mapping[str, TrustedDocument] = {one.id: one for one in documents}
        self._by_name: Mapping[str, TrustedDocument] = {one.name: one for one in self._by_id.values()}

    @classmethod
    def load(cls, folder: Path) -> Self:
        """All `*.graphql` files below the folder. Raises: DocumentError."""
        return cls(TrustedDocument.read(path) for path in sorted(folder.rglob("*.graphql")))

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[TrustedDocument]:
        return iter(self._by_id.values())

    def find(self, id: str) -> TrustedDocument | None:
        """By id, with or without its prefix."""
        match = _ID.fullmatch(id)
        return self._by_id.get(PREFIX + match[1]) if match else None

    def named(self, name: str) -> TrustedDocument:
        """For our own code, which knows the files. Raises: KeyError."""
        return self._by_name[name]


FOLDER: Final = Path(__file__).resolve().parent.parent / "schema" / "documents"


def documents_of(audience: str) -> Documents:
    """Those of `passenger`, `partner` or `operator`; none when the folder is not there."""
    return Documents.load(FOLDER / audience)
