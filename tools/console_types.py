"""Writes the console's types of the service's documents: console/src/api/schema.ts.

The OpenAPI document is made from the same models that answers are checked against, so what the
console believes about an answer is what the service promises. A test runs this and compares.

    python tools/console_types.py
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "console" / "src" / "api" / "schema.ts"
_HEAD = """\
// Made by tools/console_types.py from the service's OpenAPI document. Do not edit.
"""
_PLAIN = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def types_text(schemas: Mapping[str, Mapping[str, Any]]) -> str:
    """The module: one interface or type for each schema of the document's components.

    Args:
        schemas: ``components.schemas`` of the OpenAPI document, or ``$defs`` of a JSON schema.
    """
    parts = [_HEAD]
    for name in sorted(schemas):
        schema = schemas[name]
        note = " ".join(str(schema.get("description", "")).split())
        comment = f"/** {note} */\n" if note else ""
        if schema.get("type") == "object" and "properties" in schema:
            parts.append(f"{comment}export interface {_name(name)} {_members(schema)}\n")
        else:
            parts.append(f"{comment}export type {_name(name)} = {type_text(schema)};\n")
    return "\n".join(parts)


def type_text(schema: Mapping[str, Any]) -> str:
    """A schema as TypeScript writes it."""
    if "$ref" in schema:
        text = _name(str(schema["$ref"]).rsplit("/", 1)[-1])
    elif "const" in schema:
        text = _literal(schema["const"])
    elif "enum" in schema:
        text = " | ".join(_literal(value) for value in schema["enum"])
    elif choices := schema.get("anyOf") or schema.get("oneOf"):
        text = _choice(type_text(choice) for choice in choices)
    elif len(whole := schema.get("allOf", ())) == 1:
        text = type_text(whole[0])
    else:
        text = _of_type(schema)
    return f"{text} | null" if schema.get("nullable") and "null" not in text else text


def _choice(texts: Iterable[str]) -> str:
    """Each alternative once, null last."""
    parts = dict.fromkeys(part for text in texts for part in text.split(" | "))
    null = [part for part in parts if part == "null"]
    return " | ".join([part for part in parts if part != "null"] + null)


def _of_type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_PLAIN[item] for item in kind)
    if kind == "array":
        inner = type_text(schema.get("items", {}))
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if kind == "object":
        if "properties" in schema:
            return _members(schema)
        extra = schema.get("additionalProperties")
        return f"Record<string, {type_text(extra) if isinstance(extra, dict) else 'unknown'}>"
    return _PLAIN.get(str(kind), "unknown")


def _members(schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    lines = []
    for name, inner in schema["properties"].items():
        note = " ".join(str(inner.get("description", "")).split())
        if note:
            lines.append(f"  /** {note} */")
        key = name if name.isidentifier() else _literal(name)
        lines.append(f"  {key}{'' if name in required else '?'}: {type_text(inner)};")
    return "{\n" + "\n".join(lines) + "\n}"


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _name(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.replace("-", "_").split("_"))


def current_text() -> str:
    """What the file should hold for this version of the service."""
    from vsphere_market.service.app import api_of, document_of

    # The document depends on the routes alone; no service is asked anything.
    document = document_of(api_of(cast(Any, None)))
    return types_text(document["components"]["schemas"])


def main() -> int:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.parse_args()
    TARGET.write_text(current_text(), "utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
