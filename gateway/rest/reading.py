"""What a caller sent, read by the graph's own input types into the variables of a document.

The graph would say no as well, but in its own words and one fault at a time; here every fault names the caller's field and what would be
right. Texts have bounds that the types do not know: what has none ends as an error of a database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_nullable_type,
    is_required_input_field,
    type_from_ast,
    value_from_ast_untyped,
)

from gateway.answer import BadRequest
from gateway.edge import QUERY_LIMIT
from gateway.rest.table import ours, theirs

TEXT_LIMIT: Final = 500  # characters; in four bytes each they still fit into an index of Postgres
PLAIN: Final = r"^[^\u0000-\u001f\u007f]*$"  # no control characters: Postgres keeps no NUL, and nobody reads the others
_NUMBER: Final = re.compile(r"-?[0-9]{1,10}")
_MOST_FAULTS: Final = 20

Fault = dict[str, str]


class Unfit(BadRequest):
    """The parts were readable and some of them are wrong; `faults` says which and how. 400 for an address, 422 for a body."""

    code = "INVALID_REQUEST"

    def __init__(self, faults: list[Fault]) -> None:
        one, rest = faults[0], len(faults) - 1
        super().__init__(f"{one['field']}: {one['detail']}" + (f" (and {rest} more)" if rest else ""))
        self.faults = faults[:_MOST_FAULTS]
        self.status = 422 if all(fault["in"] == "body" for fault in faults) else 400


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a document. `place` is where a caller puts it: `path`, `query` or `body`."""

    name: str
    place: str
    type: GraphQLInputType
    default: object = None

    @property
    def required(self) -> bool:
        return isinstance(self.type, GraphQLNonNull) and self.default is None


def variables_of(schema: GraphQLSchema, operation: OperationDefinitionNode, in_path: frozenset[str]) -> tuple[Variable, ...]:
    """Raises: LookupError when the path names what the document does not ask for."""
    found = []
    for node in operation.variable_definitions or ():
        name, kind = node.variable.name.value, cast(GraphQLInputType, type_from_ast(schema, node.type))  # the document is valid
        place = "path" if name in in_path else "body" if isinstance(get_nullable_type(kind), GraphQLInputObjectType) else "query"
        default = value_from_ast_untyped(node.default_value) if node.default_value else None
        found.append(Variable(name, place, kind, default))
    if missing := in_path - {one.name for one in found}:
        raise LookupError(f"the document has no {', '.join(sorted(missing))}")
    return tuple(found)


def read_query(query: bytes) -> dict[str, str]:
    """Raises: BadRequest."""
    if len(query) > QUERY_LIMIT:
        raise BadRequest("The query string is too long.")
    try:
        found = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query), errors="strict", max_num_fields=20)
    except ValueError:
        raise BadRequest("The query string is not readable.") from None
    if len(dict(found)) != len(found):
        raise BadRequest("A parameter is given twice.")
    return dict(found)


def read(variables: tuple[Variable, ...], path: Mapping[str, str], query: Mapping[str, str], body: object) -> dict[str, Any]:
    """The variables in the graph's words. Raises: Unfit."""
    known = {ours(one.name) for one in variables if one.place == "query"}
    others = f"is not known; known are: {', '.join(sorted(known)) or 'none'}"
    faults = [_fault("query", name[:60], others) for name in query if name not in known]
    values: dict[str, Any] = {}
    for one in variables:
        if one.place == "body":
            faults += _faults(body, one.type, "body", "")
            values[one.name] = body
        else:
            text = (path if one.place == "path" else query).get(ours(one.name))
            if text is None and not one.required:
                continue
            values[one.name] = _typed(text, one.type)
            faults += _faults(values[one.name], one.type, one.place, ours(one.name))
    if faults:
        raise Unfit(faults)
    return {one.name: _translated(values[one.name], one.type) for one in variables if one.name in values}


def expected(kind: GraphQLInputType) -> str:
    """What would be right, for a reader."""
    bare = get_nullable_type(kind)
    if isinstance(bare, GraphQLEnumType):
        return f"one of {', '.join(sorted(bare.values))}"
    if isinstance(bare, GraphQLInputObjectType):
        return "an object"
    if isinstance(bare, GraphQLList):
        return "a list"
    return {"String": f"a text of 1 to {TEXT_LIMIT} characters", "Int": "a whole number", "Boolean": "true or false"}.get(
        bare.name, (bare.description or bare.name).rstrip(".")
    )


def _faults(value: object, kind: GraphQLInputType, place: str, name: str) -> Iterator[Fault]:
    if value is None:
        if isinstance(kind, GraphQLNonNull):
            yield _fault(place, name, f"is missing; expected {expected(kind)}")
        return
    bare = get_nullable_type(kind)
    if isinstance(bare, GraphQLInputObjectType):
        yield from _faults_of_object(value, bare, place, name)
    elif isinstance(bare, GraphQLList):
        if not isinstance(value, list):
            yield _fault(place, name, f"expected {expected(bare)}")
        else:
            for position, item in enumerate(value):
                yield from _faults(item, bare.of_type, place, f"{name}[{position}]")
    elif wrong := _wrong(value, cast(GraphQLScalarType | GraphQLEnumType, bare)):
        yield _fault(place, name, wrong)


def _faults_of_object(value: object, kind: GraphQLInputObjectType, place: str, name: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield _fault(place, name, f"expected {expected(kind)}")
        return
    within = f"{name}." if name else ""
    for key in value:
        if theirs(key) not in kind.fields:
            yield _fault(place, within + key[:60], f"is not known; known are: {', '.join(sorted(map(ours, kind.fields)))}")
    for field, one in kind.fields.items():
        if ours(field) in value or is_required_input_field(one):
            yield from _faults(value.get(ours(field)), one.type, place, within + ours(field))


def _wrong(value: object, kind: GraphQLScalarType | GraphQLEnumType) -> str | None:
    if isinstance(kind, GraphQLEnumType):
        return None if isinstance(value, str) and value in kind.values else f"expected {expected(kind)}"
    if kind.name == "String":
        fits = isinstance(value, str) and 1 <= len(value) <= TEXT_LIMIT
        return None if fits and re.match(PLAIN, str(value)) else f"expected {expected(kind)}, without control characters"
    try:
        kind.coerce_input_value(value)
    except GraphQLError as error:
        return error.message if kind.description and kind.name != "Int" else f"expected {expected(kind)}"
    except Exception:  # graphql-core lets a scalar raise what it likes
        return f"expected {expected(kind)}"
    return None


def _typed(text: str | None, kind: GraphQLInputType) -> object:
    """A text of an address as the JSON it stands for; what it does not stand for stays a text, and is then found wrong."""
    bare = get_nullable_type(kind)
    name = getattr(bare, "name", "")
    if text is not None and name == "Int" and _NUMBER.fullmatch(text):
        return int(text)
    return {"true": True, "false": False}.get(text or "", text) if name == "Boolean" else text


def _translated(value: object, kind: GraphQLInputType) -> object:
    """The same value under the graph's words."""
    bare = get_nullable_type(kind)
    if isinstance(bare, GraphQLInputObjectType) and isinstance(value, dict):
        return {theirs(key): _translated(item, bare.fields[theirs(key)].type) for key, item in value.items()}
    if isinstance(bare, GraphQLList) and isinstance(value, list):
        return [_translated(item, bare.of_type) for item in value]
    return value


def _fault(place: str, field: str, detail: str) -> Fault:
    return {"in": place, "field": field or place, "detail": detail}
