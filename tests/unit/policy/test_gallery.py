"""Every policy that the project shows anywhere loads, and does what its text says."""

import json
import re
from pathlib import Path

import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.policies import problems_of
from vsphere_market.control.policy_tests import run_tests
from vsphere_market.estate import Snapshot
from vsphere_market.plant import DEMO_ESTATE, PlantVCenter
from vsphere_market.policy import (
    Kind,
    Mode,
    Rulebook,
    compile_rulebook,
    load_policies,
    schema_documents,
)
from vsphere_market.port import GRAVE, ActionKind, Severity

ROOT = Path(__file__).resolve().parents[3]
TESTS = sorted((ROOT / "policies").rglob("*.test.json"))
GALLERY = [path for path in sorted((ROOT / "policies").rglob("*.json")) if path not in TESTS]
DEMO = ROOT / "vsphere_market" / "control" / "demo_policies.json"
PAGE = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


def estate() -> Snapshot:
    """One VM for each of the gallery's tags and names."""
    tags = (
        "tier:gold", "tier:silver", "tier:bronze", "stage:dev", "automation:automatic", "a:b",
        "licence:database", "role:db-replica", "role:db-replica", "role:vdi", "resize:nightly",
        "restart:sunday", "stage:preprod",
    )  # fmt: skip
    tagged = [vm_row(f"vm-{at}", "esx-1", 4096, tags=[tag]) for at, tag in enumerate(tags)]
    named = [vm_row(name, "esx-2", 4096) for name in ("db-01", "dev-01", "test-01", "gold-1")]
    return snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("esx-1", 262144), host_row("esx-2", 262144)],
        vms=tagged + named,
    )


def rulebook(*paths: Path) -> Rulebook:
    result = compile_rulebook(load_policies(paths), estate())
    assert all(item.severity is Severity.INFO for item in result.findings), result.findings
    return result.rulebook


def of(values: object, name: str) -> float:
    return float(values[estate().vms.name.index(name)])  # type: ignore[index]


@pytest.mark.parametrize("path", [*GALLERY, DEMO], ids=lambda path: path.name)
def test_each_file_works_by_itself(path: Path) -> None:
    rulebook(path)


def test_each_file_has_its_tests_and_they_pass() -> None:
    beside = {path.name.replace(".test.json", ".json") for path in TESTS}
    assert beside == {path.name for path in GALLERY}
    results = run_tests([ROOT / "policies"])
    assert len(results) >= len(GALLERY)
    assert [(r.file, r.case, r.failures) for r in results if not r.passed] == []


def test_the_whole_gallery_works_together() -> None:
    assert len(GALLERY) >= 9
    together = rulebook(ROOT / "policies")
    assert all(set(modes) == {Mode.RECOMMEND} for modes in together.modes.values())


def test_safe_default_asks_for_everything() -> None:
    safe = rulebook(ROOT / "policies" / "safe-default.json")
    for kind, modes in safe.modes.items():
        assert set(modes) == {Mode.RECOMMEND if kind in GRAVE else Mode.APPROVE}
    assert len(safe.budgets) == 2


def test_shadow_does_nothing_even_beside_automation() -> None:
    both = rulebook(ROOT / "policies" / "shadow.json", DEMO)
    assert all(set(modes) == {Mode.RECOMMEND} for modes in both.modes.values())


def test_automatic_placement_acts_on_tagged_vms_only() -> None:
    book = rulebook(ROOT / "policies" / "automatic-placement.json")
    for kind in set(ActionKind) - GRAVE - {ActionKind.SHARES}:
        assert of(book.modes[kind], "vm-4") == Mode.AUTOMATIC
        assert of(book.modes[kind], "vm-5") == Mode.APPROVE


def test_three_tiers() -> None:
    book = rulebook(ROOT / "policies" / "three-tier.json")
    names = ("vm-0", "vm-1", "vm-2", "vm-5", "gold-1")
    assert [of(book.priority, name) for name in names] == [4, 2, 0.5, 1, 4]
    assert [of(book.guarantee, name) for name in names] == [1, 0.5, 0, 0, 1]


def test_dev_and_test_lend_first() -> None:
    book = rulebook(ROOT / "policies" / "dev-test.json")
    for name in ("vm-3", "dev-01", "test-01"):
        assert of(book.priority, name) < 1
        assert of(book.balloon_cap_max, name) == 0.75
        assert of(book.modes[ActionKind.HOT_ADD], name) == Mode.APPROVE
    assert of(book.priority, "db-01") == 1


def test_the_demo_is_hands_free_with_gold_databases() -> None:
    book = rulebook(DEMO)
    for kind, modes in book.modes.items():
        assert set(modes) == {Mode.RECOMMEND if kind in GRAVE else Mode.AUTOMATIC}
    assert of(book.priority, "db-01") > 1 > of(book.priority, "dev-01")
    assert of(book.guarantee, "db-01") > 0
    assert of(book.priority, "test-01") < 1


def test_the_demos_policies_fit_the_demos_estate() -> None:
    snapshot = PlantVCenter.from_file(DEMO_ESTATE).observe()
    result = compile_rulebook(load_policies([DEMO]), snapshot)
    assert all(item.severity is Severity.INFO for item in result.findings), result.findings
    weights = dict(zip(snapshot.vms.name, result.rulebook.priority.tolist(), strict=True))
    assert weights["orders-db-01"] > weights["web-01"] > weights["test-01"]


@pytest.mark.parametrize("block", BLOCKS)
def test_every_example_of_the_page_loads(block: str, tmp_path: Path) -> None:
    example = json.loads(block)
    if "cases" in example:
        file = tmp_path / "page.test.json"
        file.write_text(block)
        assert [result.failures for result in run_tests([file])] == [()]
        return
    assert problems_of(*(example if isinstance(example, list) else [example])) == []


def test_the_page_is_complete() -> None:
    assert len(BLOCKS) >= 10
    for kind in Kind:
        assert f"`{kind}`" in PAGE
        spec = schema_documents()[f"{kind}.schema.json"]["properties"]["spec"]["properties"]
        for key in spec:
            assert f"`{key}`" in PAGE, f"{kind}: {key}"
    selector = schema_documents()["tier.schema.json"]["$defs"]["selector"]["properties"]
    for key in selector:
        assert f"`{key}`" in PAGE, key
    for path in GALLERY:
        assert f"`{path.name}`" in PAGE


def test_the_page_states_the_defaults_of_the_schemas() -> None:
    for kind in Kind:
        spec = schema_documents()[f"{kind}.schema.json"]["properties"]["spec"]["properties"]
        for key, part in spec.items():
            if "default" in part:
                default = part["default"]
                text = str(default).lower() if isinstance(default, bool) else str(default)
                row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{key}` |"))
                assert row.split("|")[2].strip(" `") == text, f"{kind}: {key}"


def test_the_sentences_that_the_page_shows_are_true() -> None:
    base = {"apiVersion": "vsphere-market/v1", "name": "x"}
    shown = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert shown
    first, second = (line.partition(": ")[2] for line in shown[1].splitlines())
    assert problems_of({**base, "kind": "teir"})[0].partition(": ")[2] == first
    wrong = {**base, "kind": "sizing", "spec": {"maxGb": 1}}
    assert problems_of(wrong)[0].partition(": ")[2] == second
