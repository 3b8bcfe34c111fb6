"""The published schema of snapshots says what the reader does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.documents import mutated
from tests.estates import cluster_row, host_row, snapshot_of, snapshots, vm_row
from vsphere_market.errors import SnapshotError
from vsphere_market.estate import Snapshot, snapshot_from_json, snapshot_to_json
from vsphere_market.estate.schema import snapshot_schema, snapshot_shape
from vsphere_market.estate.shapes import Misfit

VALIDATOR = Draft202012Validator(snapshot_schema())
#: What the reader checks beyond what any schema can say.
BEYOND = ("is not among the", "is there twice", "is no time such as")


def small_document() -> dict[str, Any]:
    return snapshot_to_json(
        snapshot_of(
            clusters=[cluster_row()],
            hosts=[host_row("host-1", 65536), host_row("host-2", 65536, networks=["net-1"])],
            vms=[vm_row("vm-1", "host-1", 8192, tags=["tier:gold"], power="suspended")],
            rules=[
                {"moid": "r1", "name": "r1", "kind": "vmHost", "vms": ["vm-1"], "hosts": ["host-2"]}
            ],
        )
    )


def readable(document: Any) -> str:
    """Why the reader refuses the document, or "" when it does not."""
    try:
        snapshot_from_json(document, where="test")
    except SnapshotError as error:
        return error.what
    return ""


def test_the_schema_is_itself_valid() -> None:
    Draft202012Validator.check_schema(snapshot_schema())


@given(snapshots())
def test_what_is_written_satisfies_the_schema_and_is_read_back(snapshot: Snapshot) -> None:
    document = json.loads(json.dumps(snapshot_to_json(snapshot), allow_nan=False))
    VALIDATOR.validate(document)
    assert snapshot_to_json(snapshot_from_json(document, where="test")) == document


@given(st.data())
def test_reader_and_schema_refuse_the_same(data: st.DataObject) -> None:
    document = data.draw(mutated(small_document()))
    refused = readable(document)
    if VALIDATOR.is_valid(document):
        assert not refused or any(words in refused for words in BEYOND), refused
    else:
        assert refused


@given(st.data())
def test_shape_and_schema_are_one(data: st.DataObject) -> None:
    document = data.draw(mutated(small_document()))
    try:
        snapshot_shape().check(document, "")
        fits = True
    except Misfit:
        fits = False
    assert fits == VALIDATOR.is_valid(document)


@pytest.mark.parametrize("table", ["vms", "hosts", "clusters", "pools", "datastores", "rules"])
def test_every_column_is_described(table: str) -> None:
    row = snapshot_schema()["properties"][table]["items"]
    assert all(part["description"] for part in row["properties"].values())
    assert {"moid", "name"} <= set(row["required"])
