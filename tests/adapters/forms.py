"""A form such as policies have filled in."""

from __future__ import annotations

from typing import Any, Final

from domains.policies.ports import Form

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "stars", "tiers", "nightly"],
    "properties": {
        "name": {"type": "string"},
        "stars": {"type": "integer", "minimum": 1},
        "tiers": {"type": "array", "items": {"type": "string", "enum": ["ECONOMY", "FIRST"]}},
        "nightly": {"anyOf": [{"type": "number"}, {"type": "null"}]},
    },
}
FORM: Final = Form("policy", "You read hotel policies.", "At least three stars, up to 200 dollars.", SCHEMA)
