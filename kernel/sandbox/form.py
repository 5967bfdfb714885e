"""A form filled in by a twin that reads nothing: the smallest value that a JSON schema allows, the same each time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def filled(schema: Mapping[str, Any]) -> Any:
    """A value for the part of JSON Schema that forms use: types, enum, const, anyOf, minimum, required."""
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    if schema.get("enum"):
        return schema["enum"][0]
    if schema.get("anyOf"):
        return filled(schema["anyOf"][0])
    kinds = schema.get("type", "object")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "object":
        return {name: filled(part) for name, part in (schema.get("properties") or {}).items()}
    if kind == "array":
        return [filled(schema.get("items") or {"type": "string"})] * int(schema.get("minItems", 0))
    plain: dict[str, Any] = {"string": "", "integer": schema.get("minimum", 0), "number": schema.get("minimum", 0), "boolean": False}
    return plain.get(kind)
