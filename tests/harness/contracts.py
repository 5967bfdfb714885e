"""What a partner's adapter and twin are held against: the vendor's own document, operation by operation.

Each partner's folder under `tests/adapters/` has a `contract.py` with one `CONTRACT`: which line of its sheet is which operation of
which document, and one conversation that says all of them once. `tests/adapters/test_contracts.py` finds it there, holds every exchange
against the document in both directions, lets the vendor's own library talk to the twin where there is one, and prints one table.

The documents are looked for in NEXA_PARTNER_SPECS (else beside the project). They contradict themselves in places; each known
contradiction is named by its line with its cause, must still be there, and nothing else is forgiven.
"""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest
from jsonschema import Draft202012Validator

from tests.harness.partners import Exchange, Partners, partners

ROOT: Final = Path(__file__).resolve().parents[2]
SPECS: Final = Path(os.environ.get("NEXA_PARTNER_SPECS") or ROOT / ".." / "shared" / "partners")


class Part(StrEnum):
    """Of an exchange."""

    REQUEST = "request"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Document:
    """A vendor's OpenAPI or Swagger file. `base` is what its paths lie below at the vendor."""

    file: str
    base: str = ""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What the vendor's document forbids and the vendor does. `where` is a pattern over `path/to/value: message`."""

    part: Part
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Line:
    """One operation of a partner's sheet, as its vendor publishes it. `path` is the document's, `status` the answer's."""

    operation: str
    document: Document
    method: str
    path: str
    status: int = 200
    contradictions: tuple[Contradiction, ...] = ()

    def known(self, part: Part) -> tuple[Contradiction, ...]:
        """The vendor's own contradictions in this part."""
        return tuple(each for each in self.contradictions if each.part is part)

    def is_about(self, exchange: Exchange) -> bool:
        """Whether this exchange was this operation, and went well."""
        template = re.sub(r"\\\{[^{}]+\}", "[^/]+", re.escape(self.document.base + self.path))
        told = (exchange.method, exchange.status) == (self.method, self.status)
        return told and re.fullmatch(template, exchange.path) is not None


@dataclass(frozen=True, slots=True)
class Sdk:
    """The vendor's own library: its distribution, and the sheet's operations that `sdk.py` in the same folder asks of it.

    `prepare` puts into the twin what the library cannot.
    """

    distribution: str
    operations: tuple[str, ...]
    prepare: Callable[[Partners], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Contract:
    """A partner. `converse` says every operation once through the adapter; `undocumented` tells why no document shows one."""

    vendor: str
    converse: Callable[[Partners], Awaitable[None]] | None = None
    lines: tuple[Line, ...] = ()
    undocumented: Mapping[str, str] = field(default_factory=dict)
    sdk: Sdk | None = None


@cache
def contracts() -> Mapping[str, tuple[Contract, Path]]:
    """By vendor, with the folder each lies in."""
    found = sorted((ROOT / "tests" / "adapters").glob("*/contract.py"))
    told = [(importlib.import_module(f"tests.adapters.{file.parent.name}.contract").CONTRACT, file.parent) for file in found]
    return {contract.vendor: (contract, folder) for contract, folder in told}


_heard: dict[str, Sequence[Exchange]] = {}


async def exchange_of(contract: Contract, line: Line) -> Exchange:
    """What passed between adapter and twin for this line; the conversation is held once."""
    if contract.vendor not in _heard:
        assert contract.converse is not None, f"{contract.vendor} has lines and no conversation"
        world = partners()
        await contract.converse(world)
        _heard[contract.vendor] = world.said(contract.vendor)
    found = next((each for each in _heard[contract.vendor] if line.is_about(each)), None)
    assert found is not None, f"{contract.vendor} was never heard to {line.method} {line.path} with {line.status}"
    return found


# The documents


@cache
def document(name: str) -> Any:
    """The vendor's document, made JSON Schema where OpenAPI has words of its own; skips the test when it is not at hand."""
    file = SPECS / name
    if not file.is_file():
        pytest.skip(f"{name} is not at hand: set NEXA_PARTNER_SPECS to the folder of the partners' documents")
    return _as_json_schema(json.loads(file.read_text()))


def _as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 and Swagger 2 write null as a flag beside the type, and exclusive limits as one beside the limit."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _as_json_schema(value) for key, value in node.items()}
    if made.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    for exclusive, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(made.get(exclusive), bool) and (made.pop(exclusive)) and limit in made:
            made[exclusive] = made.pop(limit)
    return made


def violations(name: str, schema: Any, value: Any) -> list[str]:
    """What the document says against the value."""
    whole = document(name)
    rooted = {**schema, **{key: whole[key] for key in ("components", "definitions", "parameters") if key in whole}}
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in Draft202012Validator(rooted).iter_errors(value)]


def hold(found: Sequence[str], forgiven: Sequence[Contradiction]) -> None:
    """Everything found is a known contradiction of the vendor's, and every known one is still there."""
    unexpected = [text for text in found if not any(re.search(each.where, text) for each in forgiven)]
    assert unexpected == []
    cured = [each.why for each in forgiven if not any(re.search(each.where, text) for text in found)]
    assert cured == [], "a contradiction of theirs is gone: forgive it no longer"


def against_request(line: Line, exchange: Exchange) -> list[str]:
    """What the document says against what was sent: body, names and values of the query."""
    published = _published(line)
    found = _against_query(line, exchange)
    if not exchange.sent:
        return found
    schema = _body_schema(published, line)
    value = _value(exchange, schema)
    return found + violations(line.document.file, _branch(schema, value, document(line.document.file)), value)


def against_answer(line: Line, exchange: Exchange) -> list[str]:
    """What the document says against what was answered."""
    answer = _resolved(_published(line)["responses"][str(line.status)], document(line.document.file))
    schema = answer.get("schema") or _content(answer)
    if schema is None:
        return [] if not exchange.answered else [": an answer is published without a body"]
    return violations(line.document.file, schema, json.loads(exchange.answered))


def _published(line: Line) -> Any:
    return document(line.document.file)["paths"][line.path][line.method.lower()]


def _body_schema(published: Any, line: Line) -> Any:
    if "requestBody" in published:
        return _content(published["requestBody"])
    return next(each["schema"] for each in _parameters(published, line) if each["in"] == "body")


def _branch(schema: Any, value: Any, whole: Any) -> Any:
    """The kind of thing that the value says it is, where the document tells kinds apart by a field: kinds may overlap, fields may not."""
    told = _resolved(schema, whole).get("discriminator")
    return {"$ref": told["mapping"][value[told["propertyName"]]]} if told else schema


def _content(part: Any) -> Any:
    """The schema of the first media type; None where there is no body."""
    return next((media["schema"] for media in part.get("content", {}).values()), None)


def _value(exchange: Exchange, schema: Any) -> Any:
    if exchange.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl(exchange.sent.decode(), keep_blank_values=True))
        assert form.keys() <= schema["properties"].keys(), "a form field they do not publish"
        return form
    return json.loads(exchange.sent)


def _parameters(published: Any, line: Line) -> list[Any]:
    whole = document(line.document.file)
    told = [*whole["paths"][line.path].get("parameters", []), *published.get("parameters", [])]
    return [_resolved(each, whole) for each in told]


def _resolved(node: Any, whole: Any) -> Any:
    while "$ref" in node:
        at = whole
        for step in node["$ref"].removeprefix("#/").split("/"):
            at = at[step]
        node = at
    return node


def _against_query(line: Line, exchange: Exchange) -> list[str]:
    asked = {each["name"]: each for each in _parameters(_published(line), line) if each["in"] == "query"}
    sent = dict(parse_qsl(exchange.query, keep_blank_values=True))
    found = [f"{name}: they publish no such parameter" for name in sent.keys() - asked.keys()]
    found += [f"{name}: is required" for name, each in asked.items() if each.get("required") and name not in sent]
    for name in sent.keys() & asked.keys():
        schema = asked[name].get("schema", asked[name])
        schema = {key: value for key, value in schema.items() if key not in ("required", "in", "name")}
        found += [f"{name}: {text.partition(': ')[2]}" for text in violations(line.document.file, schema, _typed(sent[name], schema))]
    return found


def _typed(text: str, schema: Any) -> Any:
    """What a query's text means by its schema."""
    kind = schema.get("type")
    if kind == "array":
        return [_typed(each, schema.get("items", {})) for each in text.split(",")]
    try:
        return json.loads(text) if kind in ("integer", "number", "boolean") else text
    except ValueError:
        return text


# The table

COLUMNS: Final = (Part.REQUEST.value, Part.ANSWER.value, "SDK")
_KEY: Final = "contract"


def note(request: pytest.FixtureRequest, vendor: str, operation: str, column: str, good: str, remarks: Sequence[str] = ()) -> None:
    """What the table shall say of it if this test passes."""
    told = [vendor, operation, str.__str__(column), good, list(remarks)]  # plain, because workers send it to each other
    request.node.user_properties.append((_KEY, told))


def print_table(terminalreporter: Any) -> None:
    """Prints the table of what was held against what, once, whichever worker ran the tests."""
    told = [
        (properties, report.outcome)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call" or getattr(report, "outcome", None) == "failed"
        for key, properties in getattr(report, "user_properties", ())
        if key == _KEY
    ]
    if told:
        terminalreporter.section("partners' contracts")
        for line in table(told):
            terminalreporter.write_line(line)


def table(told: Sequence[tuple[Sequence[Any], str]]) -> list[str]:
    """The lines of the table: partner × operation × what was held, and the vendors' contradictions below it."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    remarks: dict[str, int] = {}
    for (vendor, operation, column, good, notes), outcome in sorted(told, key=lambda each: tuple(each[0][:3])):
        numbers = [remarks.setdefault(f"{vendor}: {remark}", len(remarks) + 1) for remark in notes]
        word = {"passed": good, "skipped": "skipped"}.get(outcome, "BROKEN")
        cells.setdefault((vendor, operation), {})[column] = " ".join([word, *(f"[{number}]" for number in numbers)])
    rows: list[tuple[str, ...]] = [("partner", "operation", *COLUMNS)]
    rows += [(vendor, operation, *(cell.get(column, "-") for column in COLUMNS)) for (vendor, operation), cell in sorted(cells.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*lines, "", *(f"[{number}] {remark}" for remark, number in remarks.items())]
