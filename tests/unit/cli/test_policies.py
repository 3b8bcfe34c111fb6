"""``policies test`` and ``policies diff``: what they tell, write and end with."""

from __future__ import annotations

import copy
import csv
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.cli import ROOT, vm
from tests.roads import automatic, write_json

TEST: dict[str, Any] = {
    "policies": [
        {
            "apiVersion": "vsphere-market/v1",
            "kind": "tier",
            "name": "gold",
            "selector": {"name": "db-*"},
            "spec": {"priority": 4},
        }
    ],
    "defaults": {"vms": {"host": "h1", "cluster": "c1", "size_mib": 8192}},
    "estate": {
        "clusters": [{"moid": "c1", "name": "prod"}],
        "hosts": [{"moid": "h1", "name": "esx-1", "cluster": "c1", "memory_mib": 65536}],
        "vms": [{"moid": "vm-1", "name": "db-1"}, {"moid": "vm-2", "name": "web-1"}],
    },
    "cases": [{"name": "gold counts", "settings": {"db-1": {"priority": 4}}}],
}


def written(folder: Path, **more: Any) -> Path:
    return write_json(folder / "x.test.json", {**copy.deepcopy(TEST), **more})


def test_a_good_file_passes_and_is_told_in_every_format(tmp_path: Path) -> None:
    file = written(tmp_path)
    told = vm("policies", "test", file, "--format", "json")
    assert told.code == 0
    assert (told.json["passed"], told.json["failed"]) == (1, 0)
    table = vm("policies", "test", tmp_path, "--format", "csv").out
    assert [row["result"] for row in csv.DictReader(io.StringIO(table))] == ["passed"]
    assert "1 case: all passed" in vm("policies", "test", file).out
    assert "| passed |" in vm("policies", "test", file, "--format", "markdown").out


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ({"settings": {"db-1": {"priority": 5}}},
         "priority of db-1 is 4.0 (decided by gold#/spec/priority), expected 5"),
        ({"settings": {"web-1": {"migrate": "automatic"}}},
         'migrate of web-1 is "approve" (the default), expected "automatic"'),
        ({"settings": {"db-1": {"priority": {"value": 4, "from": "silver"}}}},
         'priority of db-1 is decided by gold#/spec/priority, expected from "silver"'),
        ({"settings": {"db-2": {"priority": 4}}}, 'the estate has no VM "db-2"; did you mean'),
        ({"hosts": {"esx-1": {"exclude": True}}}, "exclude of esx-1 is false"),
        ({"hosts": {"esx-9": {"exclude": True}}}, 'the estate has no host "esx-9"'),
        ({"actions": [{"kind": "migrate"}]}, "no step is kind migrate; the plan is: nothing"),
        ({"counts": {"migrate": {"min": 1}}}, "the plan has 0 steps of kind migrate, expected min"),
        ({"refusals": [{"subject": "db-1", "reason": "mode-off"}]}, "is not refused for mode-off"),
        ({"never": ["nobody"]}, 'the estate has no VM "nobody"'),
        ({"problem": "tie"}, 'the policies are accepted; expected is a problem with "tie"'),
    ],
)  # fmt: skip
def test_a_case_that_fails_says_what_is_and_what_should_be(
    tmp_path: Path, case: dict[str, Any], sentence: str
) -> None:
    told = vm("policies", "test", written(tmp_path, cases=[case]), "--format", "json")
    assert told.code == 1
    (failure,) = told.json["cases"][0]["failures"]
    assert sentence in failure


def test_steps_that_nobody_expected_and_steps_that_must_not_be(tmp_path: Path) -> None:
    scenario = ROOT / "tests" / "scenarios" / "policies" / "sizing-obeyed.test.json"
    document = json.loads(scenario.read_text())
    document["cases"] = [
        {"name": "only", "actions": [], "only": True},
        {"name": "never", "never": ["full"]},
        {"name": "form", "never": [{"kind": "hot-add", "toGiB": 9}]},
    ]
    told = vm(
        "policies", "test", write_json(tmp_path / "x.test.json", document), "--format", "json"
    )
    found = [case["failures"][0] for case in told.json["cases"]]
    step = "kind hot-add, vm full, fromGiB 8.0, toGiB 9.0, mode approve"
    assert found == [
        f"nobody expected the step {step}",
        f"the step {step} must not be",
        f"the step {step} must not be",
    ]


def test_policies_that_are_refused_fail_unless_that_is_expected(tmp_path: Path) -> None:
    bad = copy.deepcopy(TEST["policies"])
    bad[0]["spec"]["priority"] = -1
    told = vm("policies", "test", written(tmp_path, policies=bad), "--format", "json")
    assert told.code == 1
    assert "must be at least" in told.json["cases"][0]["failures"][0]
    wanted = [{"problem": "must be at least"}]
    assert vm("policies", "test", written(tmp_path, policies=bad, cases=wanted)).code == 0
    other = [{"problem": "something else"}]
    told = vm("policies", "test", written(tmp_path, policies=bad, cases=other), "--format", "json")
    assert 'not for "something else"' in told.json["cases"][0]["failures"][0]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"cases": []}, "must be a list of cases"),
        ({"cases": [{"name": "x"}]}, "expects nothing"),
        ({"cases": [{"setings": {}}]}, 'did you mean "settings"'),
        ({"cases": [{"settings": {"db-1": {"priorty": 4}}}]}, 'did you mean "priority"'),
        ({"cases": [{"at": "noon", "problem": "x"}]}, "must be a time with its offset"),
        ({"cases": [{"actions": [{"wm": "x"}]}]}, '"wm" is not known here'),
        ({"cases": [{"never": "x"}]}, "must be a list"),
        ({"cases": [{"never": [{"vm": ["x"]}]}]}, "must be a text"),
        ({"cases": [{"moved": [{"minutesAgo": "x"}], "never": []}]}, "must be a number"),
        ({"cases": [{"counts": {"migrate": {"min": "1"}}}]}, "must be whole numbers"),
        ({"defaults": {"vms": 5}}, "must be an object"),
        ({"cases": [{"counts": {"moves": {"min": 1}}}]}, '"moves" is not known here'),
        ({"cases": ["x"]}, "must be an object"),
        ({"snapshot": "x.json"}, "either snapshot or estate"),
        ({"estate": {"vm": []}}, 'did you mean "vms"'),
        ({"estate": {"vms": ["x"]}}, "must be a list of objects"),
        ({"policies": "x"}, "must be a list of files"),
        ({"polices": []}, 'did you mean "policies"'),
    ],
)
def test_a_file_that_is_no_test_is_wrong_usage(
    tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    ended = vm("policies", "test", written(tmp_path, **more))
    assert ended.code == 64, (ended.out, ended.err)
    assert words.casefold() in ended.err.casefold()


def test_nothing_to_run_is_told(tmp_path: Path) -> None:
    vm("policies", "test", tmp_path).failed_with(64, "*.test.json")
    vm("policies", "test", tmp_path / "gone").failed_with(64, "no such file")


def test_files_beside_the_test_are_its_policies_and_tests_are_no_policies(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", TEST["policies"])
    file = tmp_path / "x.test.json"
    write_json(file, {key: value for key, value in TEST.items() if key != "policies"})
    assert vm("policies", "test", tmp_path).code == 0
    told = vm("policies", "validate", tmp_path, "--format", "json")
    assert told.code == 0
    assert told.json["documents"] == 1


def test_an_estate_may_be_a_snapshot_file(tmp_path: Path, hot: Path) -> None:
    assert vm("snapshot", "--plant", hot, "-o", tmp_path / "estate.json").code == 0
    document = {key: value for key, value in TEST.items() if key not in ("estate", "defaults")}
    document["snapshot"] = "estate.json"
    document["cases"] = [
        {"settings": {"hot-01": {"priority": 1}}, "counts": {"migrate": {"min": 1}}}
    ]
    assert vm("policies", "test", write_json(tmp_path / "x.test.json", document)).code == 0


def test_junit_is_what_ci_reads(tmp_path: Path) -> None:
    cases = [*TEST["cases"], {"name": "a \x07 bell", "settings": {"db-1": {"priority": 1}}}]
    junit = tmp_path / "new" / "out.xml"
    assert vm("policies", "test", written(tmp_path, cases=cases), "--junit", junit).code == 1
    root = ElementTree.parse(junit).getroot()
    assert (root.tag, root.attrib["tests"], root.attrib["failures"]) == ("testsuites", "2", "1")
    good, bad = root.iter("testcase")
    assert good.find("failure") is None
    failure = bad.find("failure")
    assert failure is not None
    assert "expected 1" in failure.attrib["message"]
    assert bad.attrib["name"] == "a \\x07 bell"
    nowhere = tmp_path / "x.test.json" / "out.xml"
    vm("policies", "test", written(tmp_path), "--junit", nowhere).failed_with(64, "out.xml")


def test_validation_writes_junit_too(tmp_path: Path) -> None:
    junit, bad = tmp_path / "out.xml", write_json(tmp_path / "bad.json", {"kind": "teir"})
    assert vm("policies", "validate", bad, "--junit", junit).code == 64
    (case,) = ElementTree.parse(junit).getroot().iter("testcase")
    (failure,) = case
    assert "teir" in (failure.text or "")


# ---------------------------------------------------------------- diff


def test_a_diff_shows_settings_and_steps(tmp_path: Path, hot: Path) -> None:
    old = write_json(tmp_path / "old.json", [automatic()])
    stays = {**automatic("off"), "name": "stays", "selector": {"name": "hot-0*"}}
    new = write_json(tmp_path / "new.json", [automatic("approve"), stays])
    told = vm("policies", "diff", old, new, "--plant", hot, "--format", "json")
    assert told.code == 0, told.err
    found = told.json
    assert not found["same"]
    migrate = {
        (change["before"], change["after"]): change
        for change in found["settings"]
        if change["setting"] == "migrate"
    }
    assert set(migrate) == {("automatic", "approve"), ("automatic", "off")}
    assert migrate["automatic", "off"]["source"] == "stays#/spec/mode"
    kinds = {step["change"] for step in found["steps"]}
    assert "removed" in kinds
    for step in found["steps"]:
        if step["change"] == "removed":
            assert step["after"] is None
            assert step["before"]["to"]
    for how in ("table", "markdown", "csv"):
        assert vm("policies", "diff", old, new, "--plant", hot, "--format", how).code == 0


def test_a_diff_of_the_same_is_empty_and_the_code_says_so(tmp_path: Path, hot: Path) -> None:
    old = write_json(tmp_path / "old.json", [automatic()])
    same = ("policies", "diff", old, old, "--plant", hot, "--detailed-exitcode")
    ended = vm(*same)
    assert ended.code == 0
    assert "The plan stays as it is." in ended.out
    new = write_json(tmp_path / "new.json", [automatic("recommend")])
    assert vm("policies", "diff", old, new, "--plant", hot, "--detailed-exitcode").code == 2
    assert vm("policies", "diff", old, tmp_path / "gone.json", "--plant", hot).code == 64
