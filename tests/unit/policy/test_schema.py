from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry

from tests.documents import mutated
from tests.policies import compiled, document, problems_of, shop
from vsphere_market.errors import InputError
from vsphere_market.estate.files import read_json
from vsphere_market.policy import Kind, default_rulebook, schema_documents, write_schemas
from vsphere_market.policy.documents import HOST_SETTINGS, SETTINGS
from vsphere_market.policy.schema import spec_defaults
from vsphere_market.port import ActionKind

SCHEMAS = schema_documents()
ANY = Draft202012Validator(SCHEMAS["policy.schema.json"], registry=Registry())


def parts(schema: Any) -> Any:
    """Every object within a schema."""
    todo = [schema]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            yield item
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)


@pytest.mark.parametrize("name", SCHEMAS)
def test_is_a_schema_of_the_2020_12_dialect(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", SCHEMAS)
def test_needs_no_other_file(name: str) -> None:
    definitions = SCHEMAS[name]["$defs"]
    for part in parts(SCHEMAS[name]):
        if isinstance(part.get("$ref"), str):
            assert part["$ref"].removeprefix("#/$defs/") in definitions


@pytest.mark.parametrize("name", SCHEMAS)
def test_is_closed_and_bounded_and_described(name: str) -> None:
    for part in parts(SCHEMAS[name]):
        if part.get("type") == "object" and "properties" in part and "allOf" not in part:
            assert part["additionalProperties"] is False
            for key, value in part["properties"].items():
                assert "description" in value or "$ref" in value, key
        if part.get("type") in ("number", "integer"):
            assert {"minimum", "maximum"} <= part.keys()
        if part.get("type") == "array":
            # The list of documents in a file is bounded by the loader.
            assert "maxItems" in part or "items" not in part
        if "pattern" in part:
            assert "patternErrorMessage" in part


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_examples_that_load(kind: Kind) -> None:
    examples = SCHEMAS[f"{kind}.schema.json"]["examples"]
    assert examples
    assert problems_of(*examples) == []
    assert all(example["kind"] == kind for example in examples)


def test_defaults_are_what_holds_without_policies() -> None:
    default = default_rulebook(shop())
    for kind, settings in SETTINGS.items():
        defaults = spec_defaults(kind)
        for key, (attribute, factor) in settings.items():
            # Without a default the setting is unbounded, or left to the market.
            stated = defaults.get(key, np.nan if attribute == "size_target" else np.inf)
            np.testing.assert_allclose(getattr(default, attribute), stated * factor, err_msg=key)
    assert spec_defaults(Kind.AUTOMATION)["mode"] == "approve"
    assert spec_defaults(Kind.CAPACITY)["reservePct"] == default.host_reserve[0]


def test_every_kind_of_action_has_a_mode() -> None:
    modes = SCHEMAS["automation.schema.json"]["properties"]["spec"]["properties"]["modes"]
    assert set(modes["properties"]) == {kind.value for kind in ActionKind}


def test_every_setting_of_a_schema_is_read() -> None:
    for kind, settings in SETTINGS.items():
        spec = SCHEMAS[f"{kind}.schema.json"]["properties"]["spec"]["properties"]
        others = {
            Kind.AUTOMATION: {"mode", "modes", "timeZone", "schedule", "outside", "freezes"},
            Kind.SIZING: {"direction"},
            Kind.TIER: {"utilisationPct"},
        }
        assert set(spec) - others.get(kind, set()) == set(settings)
    hosts = SCHEMAS["capacity.schema.json"]["properties"]["spec"]["properties"]
    assert set(hosts) == {"reservePct", "failoverHosts", "exclude", *HOST_SETTINGS}


@given(st.data())
def test_the_schema_for_files_and_the_loader_agree(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(Kind)))
    whole = SCHEMAS[f"{kind}.schema.json"]["examples"][0]
    changed = data.draw(mutated(whole))
    refused = problems_of(changed)
    if not ANY.is_valid(changed):
        assert refused
    elif refused:
        # Only what no schema can say is left to the loader.
        assert any(
            word in refused[0]
            for word in (
                "above",
                "multiples",
                "hosts",
                "no size",
                "bound",
                "time zone",
                "never opens",
                "no such date",
                "before it begins",
                "stands beside",
                "no schedule",
                "nothing that",
                "missing",
                "belongs to",
                "a little",
                "neither allows",
            )
        )


def test_lists_are_valid_too() -> None:
    assert ANY.is_valid([document("observe-only"), document("tier", spec={"priority": 2})])
    assert not ANY.is_valid([document("tier", spec={})])


def test_schemas_are_written_for_editors(tmp_path: Path) -> None:
    written = write_schemas(tmp_path / "new" / "schemas")
    assert {path.name for path in written} == set(SCHEMAS)
    for path in written:
        assert read_json(path, InputError) == SCHEMAS[path.name]


def test_a_place_that_cannot_be_written_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made a folder"):
        write_schemas(tmp_path / "file" / "schemas")


def test_what_was_given_out_can_be_changed_without_harm() -> None:
    changed: Any = schema_documents()
    changed["tier.schema.json"]["properties"]["spec"]["properties"].clear()
    assert schema_documents()["tier.schema.json"]["properties"]["spec"]["properties"]


def test_a_remote_schema_in_a_document_is_just_a_text() -> None:
    remote = {"$schema": "https://example.invalid/schema.json", **document("observe-only")}
    assert compiled(shop(), remote).findings == ()
    assert problems_of({**document("observe-only"), "$ref": "https://example.invalid"}) == [
        'test.json#/0/$ref: "$ref" is not known here (in a document of kind observe-only). '
        "Known here: $schema, apiVersion, kind, name, description, selector, spec."
    ]
