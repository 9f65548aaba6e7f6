"""Changes JSON Schemas for servers that accept only a part of the standard. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Json = Any

_DEPTH = 40
"""How deep schemas are changed; what lies deeper is left to the server."""
_SCHEMAS = ("items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_UNENFORCED = frozenset(
    [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "contains",
        "minContains",
        "maxContains",
    ]
)
"""Constraints that Anthropic's structured outputs refuse."""
_GEMINI = frozenset(
    [
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "items",
        "maxItems",
        "minItems",
        "properties",
        "required",
        "minProperties",
        "maxProperties",
        "minLength",
        "maxLength",
        "pattern",
        "example",
        "anyOf",
        "propertyOrdering",
        "default",
        "minimum",
        "maximum",
    ]
)
"""Fields of Gemini's own `Schema`."""


def close_objects(schema: Mapping[str, Json]) -> Json:
    """Return the schema as Anthropic's structured outputs accept it: objects have no other properties, and constraints
    that it cannot enforce are told in the description."""
    return _change_each(dict(schema), _close, _DEPTH)


def drop_references(schema: Mapping[str, Json]) -> Json:
    """Return the schema as Gemini's `Schema`, which knows fewer fields and no references."""
    defined = {f"#/{place}/{name}": each for place in ("$defs", "definitions") for name, each in _map(schema, place)}
    return _change_each(dict(schema), lambda each: _gemini(each, defined), _DEPTH)


def _map(schema: Mapping[str, Json], name: str) -> list[tuple[str, Json]]:
    inner = schema.get(name)
    return list(inner.items()) if isinstance(inner, dict) else []


def _change_each(schema: Json, change: Callable[[dict[str, Json]], dict[str, Json]], depth: int) -> Json:
    """Return the schema with each schema in it changed, the outer ones first."""
    if not isinstance(schema, dict) or depth == 0:
        return schema
    schema = change(schema)
    for name in _SCHEMAS:
        if name in schema:
            schema[name] = _change_each(schema[name], change, depth - 1)
    for name in _LISTS:
        if isinstance(schema.get(name), list):
            schema[name] = [_change_each(each, change, depth - 1) for each in schema[name]]
    for name in _MAPS:
        if isinstance(schema.get(name), dict):
            schema[name] = {key: _change_each(each, change, depth - 1) for key, each in schema[name].items()}
    return schema


def _close(schema: dict[str, Json]) -> dict[str, Json]:
    told = [f"{name}: {schema[name]}" for name in schema if name in _UNENFORCED]
    if isinstance(schema.get("minItems"), int) and schema["minItems"] > 1:
        told.append(f"minItems: {schema['minItems']}")
    kept = {name: value for name, value in schema.items() if name not in _UNENFORCED}
    if kept.get("minItems", 0) not in (0, 1):
        del kept["minItems"]
    if told:
        kept["description"] = f"{kept.get('description', '')} ({', '.join(told)})".strip()
    if kept.get("type") == "object" or "properties" in kept:
        kept["additionalProperties"] = False
    return kept


def _gemini(schema: dict[str, Json], defined: Mapping[str, Json]) -> dict[str, Json]:
    seen: set[str] = set()
    while (
        isinstance(target := schema.get("$ref"), str) and target not in seen and isinstance(defined.get(target), dict)
    ):
        seen.add(target)
        schema = {**defined[target], **{name: value for name, value in schema.items() if name != "$ref"}}
    if "oneOf" in schema and "anyOf" not in schema:
        schema = {**schema, "anyOf": schema["oneOf"]}
    if "const" in schema:
        schema = {**schema, "enum": [schema["const"]]}
    kept = {name: value for name, value in schema.items() if name in _GEMINI}
    kinds = kept.get("type")
    if isinstance(kinds, list):
        others = [kind for kind in kinds if kind != "null"]
        if len(others) < len(kinds):
            kept["nullable"] = True
        kept["type"] = others[0] if others else "string"
    if "enum" in kept:
        # Its enumerations are strings.
        kept["enum"] = [str(each) for each in kept["enum"]] if isinstance(kept["enum"], list) else []
        kept["type"] = "string"
    return kept
