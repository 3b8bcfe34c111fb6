"""The published document: OpenAPI 3.0.3, which Orchestrator imports.

FastAPI writes 3.1, whose schemas are those of JSON Schema 2020-12. What 3.0 says otherwise is said
its way here: null as ``nullable``, a constant as an enumeration of one, exclusive bounds as flags,
an example as ``example``; and what it has no word for is left out.
"""

from __future__ import annotations

import copy
from typing import Any

VERSION = "3.0.3"
Json = dict[str, Any]

#: Keywords of JSON Schema 2020-12 that 3.0 does not know. ``x-…`` are extensions and stay.
_UNKNOWN = frozenset(
    {
        "$schema", "$id", "$anchor", "$comment", "$defs", "$dynamicRef", "$dynamicAnchor",
        "contentEncoding", "contentMediaType", "contentSchema", "dependentRequired",
        "dependentSchemas", "if", "then", "else", "minContains", "maxContains", "contains",
        "patternProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip


def downgraded(document: Json) -> Json:
    """A 3.1 document as 3.0.3."""
    result: Json = _walk(copy.deepcopy(document))
    result["openapi"] = VERSION
    result.pop("jsonSchemaDialect", None)
    result.pop("webhooks", None)
    info = result.get("info", {})
    info.pop("summary", None)
    info.get("license", {}).pop("identifier", None)
    return result


def _walk(node: Any) -> Any:
    """Everything that is not a schema; schemas are found where OpenAPI puts them."""
    if isinstance(node, list):
        return [_walk(item) for item in node]
    if not isinstance(node, dict):
        return node
    found: Json = {}
    for key, value in node.items():
        if key == "schema":
            found[key] = schema(value)
        elif key == "schemas" and isinstance(value, dict):
            found[key] = {name: schema(item) for name, item in value.items()}
        else:
            found[key] = _walk(value)
    return found


def schema(node: Any) -> Any:
    """A schema of JSON Schema 2020-12 as one of OpenAPI 3.0."""
    if node is True:
        return {}
    if node is False:
        return {"not": {}}
    if not isinstance(node, dict):
        return node
    found: Json = {}
    for key, value in node.items():
        if key in _UNKNOWN:
            continue
        found[key] = _member(key, value)
    _types(found)
    _alternatives(found)
    if "const" in found:
        found["enum"] = [found.pop("const")]
    for bound in ("Minimum", "Maximum"):
        limit = found.get(f"exclusive{bound}")
        if limit is not None and not isinstance(limit, bool):
            found[bound.lower()] = limit
            found[f"exclusive{bound}"] = True
    if "examples" in found:
        examples = found.pop("examples")
        if examples:
            found.setdefault("example", examples[0])
    if "prefixItems" in found:
        found["items"] = {"anyOf": found.pop("prefixItems")}
    if found.get("type") == "array":
        found.setdefault("items", {})
    if "$ref" in found and len(found) > 1:
        # In 3.0 a reference hides whatever stands beside it.
        reference = found.pop("$ref")
        found["allOf"] = [{"$ref": reference}, *found.get("allOf", ())]
    return found


def _member(key: str, value: Any) -> Any:
    match key:
        case "properties":
            return {name: schema(item) for name, item in value.items()}
        case "items" | "not" | "additionalProperties":
            return schema(value) if not isinstance(value, bool) else value
        case "allOf" | "anyOf" | "oneOf" | "prefixItems":
            return [schema(item) for item in value]
        case _:
            return value


def _types(found: Json) -> None:
    """A list of types is a choice of them; null is a flag."""
    kinds = found.get("type")
    if not isinstance(kinds, list):
        return
    others = [kind for kind in kinds if kind != "null"]
    if len(others) < len(kinds):
        found["nullable"] = True
    if len(others) == 1:
        found["type"] = others[0]
    else:
        del found["type"]
        if others:
            found["anyOf"] = [{"type": kind} for kind in others]


def _alternatives(found: Json) -> None:
    """A choice with null among it is the choice of the others, nullable."""
    for key in ("anyOf", "oneOf"):
        choices = found.get(key)
        if not choices:
            continue
        others = [item for item in choices if item.get("type") != "null"]
        if len(others) == len(choices):
            continue
        found["nullable"] = True
        if len(others) == 1:
            del found[key]
            only = others[0]
            if "$ref" in only:
                found["allOf"] = [only]
            else:
                found.update({name: value for name, value in only.items() if name not in found})
        else:
            # A schema is nullable by itself only where it names its type.
            found[key] = [{**item, "nullable": True} if "type" in item else item for item in others]
