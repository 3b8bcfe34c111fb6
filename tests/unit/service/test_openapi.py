"""The published document is one of OpenAPI 3.0, and says null and constants the way of 3.0."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.service_app import Served
from vsphere_market.service.app import document_of
from vsphere_market.service.openapi import downgraded, schema


def test_the_document_is_valid(shared: Served) -> None:
    document = shared.client(None).get("/openapi.json").json()
    assert document["openapi"] == "3.0.3"
    problems = [error.message for error in OpenAPIV30SpecValidator(document).iter_errors()]
    assert not problems
    text = json.dumps(document)
    for word in ('"null"', '"const"', '"$defs"', '"prefixItems"', '"examples"'):
        assert word not in text, word


def test_every_operation_says_how_to_be_let_in(shared: Served) -> None:
    document = document_of(shared.application.api)
    ids = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            ids.add(operation["operationId"])
            assert ("security" in operation) and operation["summary"], (method, path)
            answers = operation["responses"]
            if operation["x-required-role"] != "nobody":
                assert operation["security"] == [{"token": []}, {"vcenter": []}]
                assert {"401", "403", "429", "503"} <= set(answers)
            for status, answer in answers.items():
                if status.startswith("4"):
                    assert list(answer["content"]) == ["application/problem+json"], (path, status)
    assert len(ids) == sum(len(item) for item in document["paths"].values())


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"type": ["string", "null"]}, {"type": "string", "nullable": True}),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}], "title": "X"},
            {"type": "integer", "nullable": True, "title": "X"},
        ),
        (
            {"anyOf": [{"$ref": "#/a"}, {"type": "null"}]},
            {"allOf": [{"$ref": "#/a"}], "nullable": True},
        ),
        ({"const": "a", "type": "string"}, {"enum": ["a"], "type": "string"}),
        (
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        ),
        (
            {"type": "number", "exclusiveMaximum": 5, "maximum": 9},
            {"type": "number", "maximum": 5, "exclusiveMaximum": True},
        ),
        ({"type": "string", "examples": ["a", "b"]}, {"type": "string", "example": "a"}),
        (
            {"$ref": "#/a", "description": "b"},
            {"allOf": [{"$ref": "#/a"}], "description": "b"},
        ),
        (
            {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
        ),
        ({"type": "array"}, {"type": "array", "items": {}}),
        (
            {"type": "object", "additionalProperties": {"type": ["integer", "null"]}},
            {"type": "object", "additionalProperties": {"type": "integer", "nullable": True}},
        ),
        (
            {"properties": {"const": {"const": 1}}, "patternProperties": {}},
            {"properties": {"const": {"enum": [1]}}},
        ),
        (True, {}),
        (False, {"not": {}}),
    ],
)
def test_schemas_are_translated(given: Any, wanted: Any) -> None:
    assert schema(given) == wanted


def test_what_was_given_is_left_alone() -> None:
    document = {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "x",
        "info": {"summary": "s", "title": "t", "license": {"name": "n", "identifier": "i"}},
        "webhooks": {},
        "paths": {"/a": {"get": {"parameters": [{"schema": {"type": ["string", "null"]}}]}}},
    }
    before = json.dumps(document)
    found = downgraded(document)
    assert json.dumps(document) == before
    assert found["info"] == {"title": "t", "license": {"name": "n"}}
    assert "webhooks" not in found and "jsonSchemaDialect" not in found
    parameter = found["paths"]["/a"]["get"]["parameters"][0]
    assert parameter["schema"] == {"type": "string", "nullable": True}
