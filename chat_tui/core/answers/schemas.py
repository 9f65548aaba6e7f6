"""Checks JSON Schemas, and values against them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from chat_tui.core.text.excerpts import shorten

if TYPE_CHECKING:
    from referencing._core import Resolver

_FAULT_CHARACTERS = 300
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class CheckedValue(msgspec.Struct, frozen=True):
    """A value and its schema, as they are sent to the child process that checks them."""

    value: Any
    schema: dict[str, Any]


def schema_fault(schema: Mapping[str, Any]) -> str:
    """Return what is wrong with a JSON Schema; empty if nothing is."""
    # A quarter of a second to import, for those who use a schema only.
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(schema).check_schema(dict(schema))
        return _broken_reference(schema)
    except SchemaError as error:
        return f"{shorten(error.message, _FAULT_CHARACTERS)}."
    except RecursionError:
        return "it is nested too deep."


def _broken_reference(schema: Mapping[str, Any]) -> str:
    """Return which reference leads out of the schema or nowhere; empty if none."""
    from referencing.exceptions import Unresolvable

    for contents, resolver in _subschemas(schema):
        for reference in (contents[key] for key in _REFERENCES if isinstance(contents.get(key), str)):
            try:
                resolver.lookup(reference)
            except Unresolvable:
                return f"it refers to `{shorten(reference, 100)}`, which it does not contain."
    return ""


def has_patterns(schema: Mapping[str, Any]) -> bool:
    """Return whether a schema has regular expressions."""
    return any(True for contents, _ in _subschemas(schema) for _ in _patterns(contents))


def mismatch(value: Any, schema: Mapping[str, Any]) -> str:
    """Return the first way in which a value does not match; empty if it matches. References outside of the schema are
    never fetched."""
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from jsonschema_specifications import REGISTRY
    from referencing.exceptions import Unresolvable

    try:
        error = best_match(validator_for(schema)(dict(schema), registry=REGISTRY).iter_errors(value))
    except Unresolvable as unresolvable:
        return f"The schema refers to `{shorten(str(unresolvable.ref), 100)}`, which it does not contain."
    except RecursionError:
        return "The answer or its schema is nested too deep."
    if error is None:
        return ""
    place = f" (at `{shorten(error.json_path, 100)}`)" if error.absolute_path else ""
    return f"The answer does not match the schema: {shorten(error.message, _FAULT_CHARACTERS)}{place}."


def _subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Resolver[Any]]]:
    """Yield a schema and all schemas in it, each with what resolves its references."""
    from jsonschema.validators import validator_for
    from jsonschema_specifications import REGISTRY
    from referencing.jsonschema import DRAFT202012, specification_with

    dialect = validator_for(schema).META_SCHEMA.get("$schema", "")
    root = specification_with(dialect, default=DRAFT202012).create_resource(dict(schema))
    address = root.id() or ""
    waiting = [(root, REGISTRY.with_resource(address, root).resolver(address))]
    while waiting:
        resource, resolver = waiting.pop()
        if isinstance(resource.contents, Mapping):
            yield resource.contents, resolver
            waiting += [(each, resolver.in_subresource(each)) for each in resource.subresources()]


def _patterns(contents: Mapping[str, Any]) -> Iterator[str]:
    """Yield the regular expressions of a schema, without those of the schemas in it."""
    if isinstance(contents.get("pattern"), str):
        yield contents["pattern"]
    if isinstance(contents.get("patternProperties"), Mapping):
        yield from contents["patternProperties"]
