"""The console's types are those of the service's document."""

import pytest

from tools.console_types import TARGET, current_text, type_text, types_text


def test_the_console_believes_what_the_service_promises() -> None:
    assert TARGET.read_text("utf-8") == current_text(), (
        "the service's document has changed: run `python tools/console_types.py`, and see whether "
        "the console still fits: `python tools/console_build.py check`"
    )


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string"}, "string"),
        ({"type": "integer", "nullable": True}, "number | null"),
        ({"allOf": [{"$ref": "#/components/schemas/Entity"}], "nullable": True}, "Entity | null"),
        ({"enum": ["a", 1, True]}, '"a" | 1 | true'),
        (
            {"anyOf": [{"type": "string", "nullable": True}, {"type": "number", "nullable": True}]},
            "string | number | null",
        ),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, '("a" | "b")[]'),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "Record<string, number>"),
        ({}, "unknown"),
    ],
)
def test_a_schema_as_a_type(schema: dict[str, object], text: str) -> None:
    assert type_text(schema) == text


def test_members_are_optional_unless_required_and_keep_their_description() -> None:
    text = types_text(
        {
            "Thing": {
                "type": "object",
                "description": "Some\nthing.",
                "required": ["a-b"],
                "properties": {
                    "a-b": {"type": "string", "description": "Its name."},
                    "c": {"type": "boolean"},
                },
            }
        }
    )
    assert "/** Some thing. */\nexport interface Thing {" in text
    assert '  /** Its name. */\n  "a-b": string;\n  c?: boolean;' in text
