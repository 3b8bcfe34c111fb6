"""From what the JSON Schema validator finds to sentences for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from vsphere_market.policy.problems import did_you_mean, error, pointer, quote
from vsphere_market.policy.schema import Kind, validator
from vsphere_market.port import Finding

if TYPE_CHECKING:
    from jsonschema import ValidationError

_TYPES = {
    "object": "an object in braces",
    "array": "a list",
    "string": "a text in quotes",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "null",
}
#: More findings than this about one document help nobody.
MAX_FINDINGS = 50


def schema_findings(kind: Kind, document: Any, where: str) -> list[Finding]:
    """Check a document against the schema of its kind.

    Args:
        kind: what the document says it is.
        document: parsed JSON, of bounded depth and size.
        where: its file and pointer, which the findings' pointers continue.
    """
    findings: list[Finding] = []
    seen: set[tuple[str, str]] = set()
    for problem in validator(kind).iter_errors(document):
        for finding in _findings(kind, problem, where):
            # The validator reports each missing key by itself, though one look finds them all.
            key = (finding.subject, finding.what)
            if key not in seen:
                seen.add(key)
                findings.append(finding)
            # Checked here too: one wrong object may have thousands of unknown keys.
            if len(findings) >= MAX_FINDINGS:
                return findings
    return findings


def _findings(kind: Kind, problem: ValidationError, where: str) -> Iterator[Finding]:
    at = where + pointer(*problem.absolute_path)
    value: Any = problem.instance
    rule: Any = problem.validator_value
    schema: Any = problem.schema
    assert isinstance(schema, dict)
    match problem.validator:
        case "additionalProperties":
            known = schema["properties"]
            for key in value:
                if key not in known:
                    yield _unknown(kind, key, list(known), at)
        case "required":
            for key in rule:
                if key not in value:
                    cure = _doc(schema["properties"].get(key))
                    yield error("missing", at, f"{quote(key)} is missing", cure)
        case "const":
            yield error("wrong-value", at, f"must be {quote(rule)}, is {quote(value)}")
        case "enum":
            cure = did_you_mean(value, rule) if isinstance(value, str) else ""
            choices = ", ".join(rule)
            yield error("wrong-value", at, f"{quote(value)} is none of {choices}", cure)
        case "type":
            types = rule if isinstance(rule, list) else [rule]
            wanted = " or ".join(_TYPES[name] for name in types)
            yield error("wrong-type", at, f"must be {wanted}, is {quote(value)}")
        case "pattern":
            wanted = schema["patternErrorMessage"]
            yield error("wrong-form", at, f"{quote(value)} is not {wanted}")
        case "minProperties":
            what = "is empty" if not value else f"needs {rule} settings or more"
            yield error("empty", at, what, _doc(schema))
        case _:
            yield error("out-of-range", at, _range_text(str(problem.validator), rule, value))


def _unknown(kind: Kind, key: str, known: list[str], at: str) -> Finding:
    cure = did_you_mean(key, known) or f"known here: {', '.join(known)}"
    return error(
        "unknown-key",
        at + pointer(key),
        f"{quote(key)} is not known here (in a document of kind {kind})",
        cure,
    )


def _range_text(rule: str, bound: Any, value: Any) -> str:
    texts = {
        "minimum": f"must be at least {bound}, is {quote(value)}",
        "maximum": f"must be at most {bound}, is {quote(value)}",
        "minLength": "must not be empty",
        "maxLength": f"is longer than {bound} characters",
        "minItems": "must not be an empty list",
        "maxItems": f"has more than {bound} entries",
    }
    return texts[rule]


def _doc(schema: Any) -> str:
    return str(schema.get("description", "")) if isinstance(schema, dict) else ""
