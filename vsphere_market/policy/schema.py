"""The JSON Schemas of policy documents: closed, self-contained, one per kind.

The parts are files in ``schemas/``: ``common.json`` with the envelope that all kinds share and the
selectors, and one file per kind with its ``spec``, its examples, what it selects and which parts
of the envelope it needs. They are put together here, so that each published schema needs no other.
``patternErrorMessage`` says a pattern in words; editors know it too.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vsphere_market.errors import InputError
from vsphere_market.estate.files import write_json

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

API_VERSION = "vsphere-market/v1"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: The schema for any document, or a list of them.
ANY = "policy"

_PARTS = Path(__file__).parent / "schemas"


class Kind(StrEnum):
    """The kinds of policy document."""

    TIER = "tier"
    AUTOMATION = "automation"
    SIZING = "sizing"
    CAPACITY = "capacity"
    BALLOONING = "ballooning"
    PLACEMENT = "placement"
    POWER = "power"
    DISRUPTION_BUDGET = "disruption-budget"
    OBSERVE_ONLY = "observe-only"
    EXCLUSION = "exclusion"


def schema_documents() -> Mapping[str, Mapping[str, Any]]:
    """Every schema by the name of its file.

    ``<kind>.schema.json`` describes one document of that kind, ``policy.schema.json`` whatever a
    policy file may hold. None refers to another, so an editor needs only the one.
    """
    schemas = {f"{kind}.schema.json": _kind_schema(kind) for kind in Kind}
    schemas[f"{ANY}.schema.json"] = _any_schema()
    # The parts are cached; a caller who changes what it was given shall not change them.
    return copy.deepcopy(schemas)


def write_schemas(folder: Path) -> tuple[Path, ...]:
    """Write all schemas into a folder, which is made if need be.

    Raises:
        InputError: when it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        what = f"cannot be made a folder ({exc.strerror})"
        raise InputError(what, where=str(folder), cure="choose another place") from None
    paths = []
    for name, schema in schema_documents().items():
        path = folder / name
        write_json(path, schema, indent=2)
        paths.append(path)
    return tuple(paths)


@cache
def validator(kind: Kind) -> Draft202012Validator:
    """The validator of one kind. Its registry is empty: nothing is ever fetched."""
    # Imported late: the market needs rulebooks, and seldom documents.
    from jsonschema import Draft202012Validator
    from referencing import Registry

    return Draft202012Validator(_kind_schema(kind), registry=Registry())


def spec_defaults(kind: Kind) -> Mapping[str, Any]:
    """What the schema states as defaults of a kind's ``spec``, by property."""
    properties = _part(kind.value)["spec"]["properties"]
    return {name: part["default"] for name, part in properties.items() if "default" in part}


@cache
def _part(name: str) -> dict[str, Any]:
    document = json.loads((_PARTS / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def _kind_schema(kind: Kind) -> dict[str, Any]:
    common, part = _part("common"), _part(kind.value)
    definitions, envelope = common["$defs"], common["envelope"]
    selector = "selector" if part["selects"] == "vms" else "hostSelector"
    properties: dict[str, Any] = {
        "$schema": envelope["$schema"],
        "apiVersion": envelope["apiVersion"],
        "kind": {"const": kind.value, "description": part["title"]},
        "name": envelope["name"],
        "description": envelope["description"],
    }
    properties |= {name: envelope[name] for name in part["envelope"]}
    properties["selector"] = {"$ref": f"#/$defs/{selector}"}
    properties["spec"] = part["spec"]
    needed = _needed({"properties": properties}, definitions)
    return {
        "$schema": DIALECT,
        "$id": f"urn:vsphere-market:policy:v1:{kind}",
        "title": part["title"],
        "description": part["description"],
        "type": "object",
        "additionalProperties": False,
        "required": ["apiVersion", "kind", "name", *part["required"]],
        "properties": properties,
        "examples": part["examples"],
        "$defs": {name: definitions[name] for name in definitions if name in needed},
    }


def _any_schema() -> dict[str, Any]:
    definitions: dict[str, Any] = dict(_part("common")["$defs"])
    branches = []
    for kind in Kind:
        schema = _kind_schema(kind)
        for key in ("$schema", "$id", "$defs"):
            del schema[key]
        definitions[kind.value] = schema
        test = {"properties": {"kind": {"const": kind.value}}, "required": ["kind"]}
        branches.append({"if": test, "then": {"$ref": f"#/$defs/{kind}"}})
    definitions["document"] = {
        "type": "object",
        "required": ["apiVersion", "kind", "name"],
        "properties": {
            "kind": {
                "enum": [kind.value for kind in Kind],
                "description": "What the document decides.",
            }
        },
        "allOf": branches,
    }
    document = {"$ref": "#/$defs/document"}
    return {
        "$schema": DIALECT,
        "$id": "urn:vsphere-market:policy:v1",
        "title": "vsphere-market policies",
        "description": "One policy document, or a list of them.",
        "if": {"type": "array"},
        "then": {"items": document},
        "else": document,
        "$defs": definitions,
    }


def _needed(schema: Any, definitions: Mapping[str, Any]) -> set[str]:
    """Names of the definitions that a schema refers to, directly or through others."""
    needed: set[str] = set()
    todo = [schema]
    while todo:
        item = todo.pop()
        if isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, dict):
            name = str(item.get("$ref", "")).removeprefix("#/$defs/")
            if name and name not in needed:
                needed.add(name)
                todo.append(definitions[name])
            todo.extend(item.values())
    return needed
