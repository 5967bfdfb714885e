"""`/openapi/partner/v1.json`: OpenAPI 3.1, made of the table of calls, their trusted documents and the graph's types.

Shapes, descriptions and what is required come from the types that a document selects or takes; refusals are shown as the door writes them.
One name means one shape: documents that select different fields of a type do not fit together, which shows when the process starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, cast

import orjson
from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
    is_required_input_field,
)

from gateway.answer import JSON, PROBLEM, DoorRefusal, Missing, NotAcceptable, TooLarge, Unauthenticated, WrongMedia
from gateway.rest.call import BODY_LIMIT, BoundCall
from gateway.rest.problems import refusal_of, titles_of, written
from gateway.rest.reading import PLAIN, TEXT_LIMIT, Unfit, Variable
from gateway.rest.shapes import Created, One, Page, Refused
from gateway.rest.table import EXAMPLES, PARAMETERS, PREFIX, SCOPES, ours, retold

Schema = dict[str, Any]

TOKENS: Final = "/oauth/token"
_SCHEME: Final = "clientCredentials"
_ABOUT: Final = (
    "Push disruptions and read cases. You are registered with one airline, and see that airline alone: a URN of another one is not found."
)
_SCALARS: Final[Mapping[str, Schema]] = {
    "String": {"type": "string"},
    "Int": {"type": "integer", "format": "int32"},
    "Float": {"type": "number"},
    "Boolean": {"type": "boolean"},
    "ID": {"type": "string"},
    "Urn": {"type": "string", "pattern": "^urn:[a-z-]+:"},
    "DateTime": {"type": "string", "format": "date-time"},
    "Date": {"type": "string", "format": "date"},
    "Decimal": {"type": "string"},
    "Json": {},
}
_FAULT: Final[Schema] = {
    "type": "object",
    "required": ["in", "field", "detail"],
    "properties": {
        "in": {"enum": ["path", "query", "body"]},
        "field": {"type": "string"},
        "detail": {"type": "string", "description": "What is wrong, and what would be right."},
    },
}
_PROBLEM: Final[Schema] = {
    "type": "object",
    "description": "Why a call was refused (RFC 9457). `code` is stable and for programs.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": _FAULT},
    },
}


class UnevenError(TypeError):
    """Two documents show one type in two ways."""


def openapi(calls: Sequence[BoundCall]) -> Schema:
    """Raises: UnevenError, and KeyError for a scalar whose form nobody has written down."""
    writer = _Writer()
    paths: dict[str, Schema] = {}
    for one in calls:
        paths.setdefault(PREFIX + one.call.path, {})[one.call.method.lower()] = writer.operation(one)
    flow = {"tokenUrl": TOKENS, "scopes": dict(SCOPES)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Nexa for partners", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{_SCHEME: []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(writer.schemas.items())),
            "securitySchemes": {_SCHEME: {"type": "oauth2", "flows": {"clientCredentials": flow}}},
        },
    }


class _Writer:
    """Writes operations, and collects under their names the schemas that they share."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {"Problem": _PROBLEM}

    def operation(self, one: BoundCall) -> Schema:
        root, _ = one.root
        said: Schema = {
            "operationId": one.name,
            "summary": one.call.summary,
            "description": retold(root.description or one.call.summary),
            "security": [{_SCHEME: [one.call.scope]}],
            "responses": {**self._answers(one), **_refusals(one)},
        }
        if parameters := [self._parameter(variable) for variable in one.variables if variable.place != "body"]:
            said["parameters"] = parameters
        for body in (variable for variable in one.variables if variable.place == "body"):
            said["requestBody"] = {"required": True, "content": {JSON: {"schema": self._input(body.type)}}}
        return said

    def _parameter(self, variable: Variable) -> Schema:
        about = dict(PARAMETERS[variable.name])
        schema = {**self._input(variable.type), **about}
        if variable.default is not None:
            schema["default"] = variable.default
        said = {"description": schema.pop("description"), "schema": schema}
        return {"name": ours(variable.name), "in": variable.place, "required": variable.required, **said}

    # answers -----------------------------------------------------------------------------------------------------------------

    def _answers(self, one: BoundCall) -> Schema:
        root, selected = one.root
        shape = one.call.shape
        if isinstance(shape, One):
            return {"200": _answer("It is there.", self._selected(_bare(root.type), selected))}
        if isinstance(shape, Page):
            return {"200": _answer("A page.", self._page(shape, root.type, selected))}
        return self._made(shape, root.type, selected)

    def _page(self, shape: Page, kind: GraphQLOutputType, selected: SelectionSetNode) -> Schema:
        edges, within = _below(kind, selected, "edges")
        node, within = _below(edges, within, "node")
        cursor = {"type": ["string", "null"], "description": "Send it as `after` for the next page; null on the last one."}
        total = {"type": "integer", "description": "Of the whole list."}
        items = {"type": "array", "items": self._output(node, within)}
        return self._keep(shape.name, _object({"items": items, "nextCursor": cursor, "total": total}))

    def _made(self, shape: Created, kind: GraphQLOutputType, selected: SelectionSetNode) -> Schema:
        union = cast(GraphQLUnionType, get_named_type(kind))
        success = next(member for member in union.types if member.name == shape.success)
        thing, within = _below(success, _member(selected, shape.success), shape.thing)
        schema = self._output(thing, within)
        home = {"Location": {"description": "Where it is read.", "schema": {"type": "string", "format": "uri-reference"}}}
        replayed = {"X-Nexa-Replayed": {"description": "It was known already.", "schema": {"type": "string", "const": "true"}}}
        return {
            "202": {**_answer("Taken, and being worked at.", schema), "headers": home},
            "200": {**_answer("Taken before: nothing has changed.", schema), "headers": {**home, **replayed}},
        }

    def _output(self, kind: GraphQLOutputType, selected: SelectionSetNode | None) -> Schema:
        if isinstance(kind, GraphQLNonNull):
            return self._selected(kind.of_type, selected)
        return {"anyOf": [self._selected(kind, selected), {"type": "null"}]}

    def _selected(self, kind: GraphQLOutputType, selected: SelectionSetNode | None) -> Schema:
        if isinstance(kind, GraphQLList):
            return {"type": "array", "items": self._output(kind.of_type, selected)}
        if isinstance(kind, GraphQLObjectType) and selected is not None:
            properties = {ours(node.name.value): self._field(kind, node) for node in _fields(selected)}
            return self._keep(kind.name, _object(properties, kind.description))
        return self._leaf(cast(GraphQLScalarType | GraphQLEnumType, kind))

    def _field(self, kind: GraphQLObjectType, node: FieldNode) -> Schema:
        said = kind.fields[node.name.value]
        return _about(self._output(said.type, node.selection_set), said.description)

    # what is taken -----------------------------------------------------------------------------------------------------------

    def _input(self, kind: GraphQLInputType) -> Schema:
        """Null is as good as nothing where nothing is needed."""
        if isinstance(kind, GraphQLNonNull):
            return self._taken(kind.of_type)
        return self._taken(kind)

    def _taken(self, kind: GraphQLInputType) -> Schema:
        if isinstance(kind, GraphQLList):
            return {"type": "array", "items": self._input(kind.of_type)}
        if isinstance(kind, GraphQLInputObjectType):
            properties = {ours(name): _about(self._input(one.type), one.description) for name, one in kind.fields.items()}
            required = [ours(name) for name, one in kind.fields.items() if is_required_input_field(one)]
            return self._keep(kind.name, {**_object(properties, kind.description), "required": required, "additionalProperties": False})
        if isinstance(kind, GraphQLScalarType) and kind.name == "String":
            return {"type": "string", "minLength": 1, "maxLength": TEXT_LIMIT, "pattern": PLAIN}
        return self._leaf(cast(GraphQLScalarType | GraphQLEnumType, kind))

    def _leaf(self, kind: GraphQLScalarType | GraphQLEnumType) -> Schema:
        if isinstance(kind, GraphQLEnumType):
            return self._keep(kind.name, _about({"type": "string", "enum": sorted(kind.values)}, kind.description))
        known = _SCALARS[kind.name]
        built_in = kind.name in ("String", "Int", "Float", "Boolean", "ID")
        return dict(known) if built_in else self._keep(kind.name, _about(dict(known), kind.description))

    def _keep(self, name: str, schema: Schema) -> Schema:
        if name in EXAMPLES:
            schema = {**schema, "examples": [EXAMPLES[name]]}
        if self.schemas.setdefault(name, schema) != schema:
            raise UnevenError(f"the documents show {name} in two ways")
        return {"$ref": f"#/components/schemas/{name}"}


# refusals ----------------------------------------------------------------------------------------------------------------------


def _refusals(one: BoundCall) -> Schema:
    """By status, each with the refusals themselves as examples."""
    found: Schema = {}
    for status, alike in groupby(sorted(_samples(one), key=lambda refusal: refusal.status), key=lambda refusal: refusal.status):
        shown = [orjson.loads(written(refusal, titles_of(one.schema)).body) for refusal in alike]
        said = "; ".join(dict.fromkeys(f"{each['code']}: {each['title']}" for each in shown))
        found[str(status)] = _refusal(said, {each["code"]: {"value": each} for each in shown})
    return {**found, "default": _refusal("Any other refusal, or an error of ours", {})}


def _samples(one: BoundCall) -> Iterator[DoorRefusal]:
    yield Unauthenticated("The token has expired.")
    yield refusal_of([{"message": "", "extensions": {"code": "FORBIDDEN"}}], one.call.scope, reading=True)
    yield NotAcceptable(f"Answers are written as {JSON}.")
    yield Unfit([{"in": "query", "field": "x", "detail": "is not known"}])
    if isinstance(one.call.shape, One):
        yield Missing(one.call.shape.missing)
    if one.takes_body:
        yield DoorRefusal("The body is not JSON: unexpected end of data")
        yield TooLarge(f"A body has at most {BODY_LIMIT} bytes.")
        yield WrongMedia("Send application/json in UTF-8.")
        yield Unfit([{"in": "body", "field": "airport", "detail": "is missing"}])
    else:
        yield refusal_of([{"message": "after is not a cursor of this list."}], one.call.scope, reading=True)
    if isinstance(one.call.shape, Created):
        union = cast(GraphQLUnionType, get_named_type(one.root[0].type))
        for member in union.types:
            if member.name != one.call.shape.success:
                yield Refused(member.name, member.description or member.name)
        yield refusal_of([{"message": "The flight does not name its day."}], one.call.scope, reading=False)


def _refusal(description: str, examples: Schema) -> Schema:
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, **({"examples": examples} if examples else {})}
    return {"description": description, "content": {PROBLEM: content}}


# small parts -------------------------------------------------------------------------------------------------------------------


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {JSON: {"schema": schema}}}


def _object(properties: Schema, description: str | None = None) -> Schema:
    return _about({"type": "object", "required": list(properties), "properties": properties}, description)


def _about(schema: Schema, description: str | None) -> Schema:
    return {**schema, "description": retold(description)} if description else schema


def _bare(kind: GraphQLOutputType) -> GraphQLOutputType:
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind


def _fields(selected: SelectionSetNode) -> Iterable[FieldNode]:
    """Raises: UnevenError for a fragment: no document has one, and none would show here."""
    for node in selected.selections:
        if not isinstance(node, FieldNode):
            raise UnevenError("a document of the shim has no fragments but for the members of its outcome")
        yield node


def _below(kind: GraphQLOutputType, selected: SelectionSetNode, name: str) -> tuple[GraphQLOutputType, SelectionSetNode]:
    """The type of a field, and what is selected of it."""
    node = next(node for node in _fields(selected) if node.name.value == name)
    inner = cast(GraphQLObjectType, get_named_type(kind)).fields[name].type
    return inner, cast(SelectionSetNode, node.selection_set)


def _member(selected: SelectionSetNode, name: str) -> SelectionSetNode:
    """What is selected of one member of a union."""
    for node in selected.selections:
        if isinstance(node, InlineFragmentNode) and node.type_condition and node.type_condition.name.value == name:
            return node.selection_set
    raise LookupError(f"the document selects nothing of {name}")
