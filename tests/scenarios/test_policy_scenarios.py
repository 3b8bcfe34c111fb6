"""Scenario files of policies: each kind obeyed, refused with its reason, and contradictory.

The files are policy test files as users write them, and the product's own runner runs them. Which
files there have to be is read from the schemas: every kind, every rule of a placement, every
setting of a capacity, and whoever can have a disruption budget.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vsphere_market.control.policy_tests import run_tests
from vsphere_market.policy import Kind, schema_documents

FOLDER = Path(__file__).parent / "policies"
FILES = sorted(FOLDER.glob("*.test.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".test.json"))
def test_scenario(file: Path) -> None:
    results = run_tests([file])
    assert results
    assert [(result.case, result.failures) for result in results if not result.passed] == []


def spec_of(kind: Kind) -> dict[str, Any]:
    """The properties of a kind's ``spec``, by its published schema."""
    properties: dict[str, Any] = schema_documents()[f"{kind}.schema.json"]["properties"]
    found: dict[str, Any] = properties["spec"]["properties"]
    return found


def variants() -> Iterator[tuple[Kind, str]]:
    """Each kind, with "" for itself or with each of its variants."""
    for kind in Kind:
        match kind:
            case Kind.PLACEMENT:
                names = spec_of(kind)["rule"]["enum"]
            case Kind.DISRUPTION_BUDGET:
                names = spec_of(kind)["per"]["enum"]
            case Kind.CAPACITY:
                names = [key for key in spec_of(kind) if key != "reason"]
            case _:
                names = [""]
        for name in names:
            yield kind, name


def says(document: dict[str, Any], kind: Kind, variant: str) -> bool:
    """A document is of a kind and variant."""
    spec = document.get("spec", {})
    return document["kind"] == kind and variant in ("", spec.get("rule"), spec.get("per"), *spec)


@pytest.mark.parametrize(("kind", "variant"), list(variants()), ids="-".join)
def test_each_is_obeyed_refused_and_contradictory(kind: Kind, variant: str) -> None:
    name = f"{kind}-{variant}" if variant else kind.value
    for end in ("obeyed", "refused", "contradictory"):
        scenario = json.loads((FOLDER / f"{name}-{end}.test.json").read_text())
        assert any(says(document, kind, variant) for document in scenario["policies"]), end
        for case in scenario["cases"]:
            assert ("problem" in case) == (end == "contradictory")
            if end == "refused":
                assert case.get("refusals") or case.get("settings") or case.get("actions") == []


def test_the_variants_are_those_of_the_schemas() -> None:
    found = set(variants())
    assert {kind for kind, _ in found} == set(Kind)
    assert (Kind.PLACEMENT, "merge-clusters") in found
    assert {(Kind.CAPACITY, "suspend"), (Kind.CAPACITY, "provision")} <= found
    assert (Kind.DISRUPTION_BUDGET, "estate") in found
