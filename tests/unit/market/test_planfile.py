"""Plan files: what is written can be read, what is wrong is named, and the schema says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.documents import mutated
from tests.estates import cluster_row, host_row, rulebooks, snapshot_of, snapshots, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.errors import PlanError
from vsphere_market.market import MarketSettings, Question, make_plan
from vsphere_market.market.plan import (
    Certificate,
    Evidence,
    HostOutlook,
    Origin,
    Plan,
    Quote,
    Reason,
    Refusal,
    Step,
)
from vsphere_market.market.planfile import plan_from_json, plan_to_json, read_plan, write_plan
from vsphere_market.market.planschema import PLAN_SHAPE, plan_schema
from vsphere_market.policy import Mode, default_rulebook
from vsphere_market.port import ActionKind, Entity, Migrate, SetMemory

VALIDATOR = Draft202012Validator(plan_schema())
NOON = 1_795_000_000.0


def a_plan() -> Plan:
    vm, one, two = Entity("vm-1", "db"), Entity("host-1", "esx-1"), Entity("host-2", "esx-2")
    return Plan(
        created_at_s=NOON,
        expires_at_s=NOON + 1800,
        made_from=Origin("plant", "demo", "uuid", NOON - 5, "abc", "1.0"),
        certificate=Certificate(100.5, 50.25, 49.0),
        steps=(
            Step(
                "s1",
                SetMemory(vm, ActionKind.LIMIT, 2048, None),
                1,
                (),
                30.0,
                1.0,
                Mode.AUTOMATIC,
                "because",
                (Evidence("limit", 2048.0, "MiB"),),
            ),
            Step(
                "s2",
                Migrate(vm, one, two),
                2,
                ("s1",),
                20.0,
                2.0,
                Mode.APPROVE,
                "dear",
                quotes=(Quote(one, 9.0, 90.0, None), Quote(two, 1.0, 10.0, Reason.NO_ROOM)),
            ),
            Step(
                "s3", SetMemory(vm, ActionKind.HOT_ADD, 4096, 8192), 3, ("s1", "s2"), 1.0, 0.5,
                Mode.RECOMMEND, "full",
            ),
        ),
        refusals=(Refusal(vm, Reason.NO_CURE, "Every host is as dear."),),
        hosts=(HostOutlook(one, 9.0, 1.0, 1.2, 0.7),),
    )  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    snapshot = draw(snapshots())
    question = Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=draw(rulebooks(snapshot)),
        settings=MarketSettings(move_cost=0.01, move_fixed=1.0, change_cost=1.0),
        cooling=np.zeros(len(snapshot.vms), dtype=np.bool_),
    )
    return make_plan(question, NOON)


def test_the_schema_is_itself_valid() -> None:
    Draft202012Validator.check_schema(plan_schema())


@settings(max_examples=50)
@given(plans())
def test_real_plans_satisfy_the_schema_and_come_back_the_same(plan: Plan) -> None:
    document = json.loads(json.dumps(plan_to_json(plan), allow_nan=False))
    VALIDATOR.validate(document)
    assert plan_from_json(document, where="test") == plan


def test_a_plan_survives_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_plan(path, a_plan())
    assert read_plan(path) == a_plan()
    VALIDATOR.validate(json.loads(path.read_text()))


@given(st.data())
def test_reader_and_schema_refuse_the_same(data: st.DataObject) -> None:
    document = data.draw(mutated(plan_to_json(a_plan())))
    try:
        PLAN_SHAPE.check(document, "")
        fits = True
    except ValueError:
        fits = False
    assert fits == VALIDATOR.is_valid(document)
    try:
        plan_from_json(document, where="test")
    except PlanError as error:
        assert "Traceback" not in str(error)
    else:
        assert fits


@pytest.mark.parametrize(
    ("pointer", "value", "words"),
    [
        ("/format", "vsphere-market/plan/9", "expected"),
        ("/steps/0/kind", "teleport", "must be one of"),
        ("/steps/0/from", -4, "0 or more"),
        ("/steps/2/to", None, "whole number"),
        ("/steps/1/to/moid", "", "empty"),
        ("/steps/1/depends_on/0", "s3", "no step that comes before"),
        ("/steps/1/id", "s1", "twice"),
        ("/steps/2/wave", 0, "1 or more"),
        ("/steps/0/mode", "off", "must be one of"),
        ("/expires_at", "2026-02-30T00:00:00Z", "no time that exists"),
        ("/expires_at", "2020-02-03T00:00:00Z", "before created_at"),
        ("/created_at", "yesterday", "must be a time"),
        ("/certificate/potential_after", "much", "must be a number"),
        ("/refusals/0/reason", "whim", "must be one of"),
        ("/made_from/taken_at", 12, "must be a time"),
    ],
)
def test_what_is_wrong_is_named(pointer: str, value: Any, words: str) -> None:
    document = plan_to_json(a_plan())
    inner: Any = document
    *way, last = pointer[1:].split("/")
    for key in way:
        inner = inner[int(key)] if isinstance(inner, list) else inner[key]
    inner[int(last) if isinstance(inner, list) else last] = value
    with pytest.raises(PlanError, match=words) as caught:
        plan_from_json(document, where="plan.json")
    assert caught.value.where == f"plan.json#{pointer}"


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"format": "vsphere-market/plan/1"}'])
def test_what_is_no_plan_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(PlanError) as caught:
        read_plan(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_no_limit_and_default_cap_are_null() -> None:
    steps = plan_to_json(a_plan())["steps"]
    assert steps[0]["to"] is None
    assert steps[0]["from"] == 2048


def test_an_empty_estate_makes_an_empty_plan() -> None:
    snapshot = snapshot_of(
        clusters=[cluster_row()], hosts=[host_row("host-1", 1)], vms=[vm_row("vm-1", "host-1", 4)]
    )
    question = Question(
        snapshot, estimate_demand(snapshot), default_rulebook(snapshot), MarketSettings(),
        np.zeros(1, dtype=np.bool_),
    )  # fmt: skip
    plan = make_plan(question, NOON)
    assert plan_from_json(plan_to_json(plan), where="test") == plan
