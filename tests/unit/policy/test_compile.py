from typing import Any

import numpy as np
import pytest

from tests.policies import compiled, document, names, shop
from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON
from vsphere_market.policy import (
    NO_POLICIES,
    BudgetScope,
    Mode,
    compile_rulebook,
    default_rulebook,
)
from vsphere_market.policy.compile import VM_NUMBERS
from vsphere_market.port import GRAVE, ActionKind

DB = {"name": "db-*"}


def test_without_policies_the_defaults_hold() -> None:
    snapshot = shop()
    result = compile_rulebook(NO_POLICIES, snapshot)
    default = default_rulebook(snapshot)
    assert result.findings == ()
    assert result.rulebook.digest == ""
    assert result.rulebook.sources == {}
    for name in VM_NUMBERS:
        np.testing.assert_array_equal(getattr(result.rulebook, name), getattr(default, name))
    for kind in ActionKind:
        expected = Mode.RECOMMEND if kind in GRAVE else Mode.APPROVE
        assert set(result.rulebook.modes[kind]) == {expected}
    assert len(result.rulebook.rules) == 0


def test_what_is_grave_is_raised_by_name_only() -> None:
    everything = document("automation", "all", spec={"mode": "automatic"})
    rulebook = compiled(shop(), everything).rulebook
    for kind in ActionKind:
        expected = Mode.RECOMMEND if kind in GRAVE else Mode.AUTOMATIC
        assert set(rulebook.modes[kind]) == {expected}
    named = document("automation", "named", spec={"modes": {"stop": "automatic"}})
    rulebook = compiled(shop(), everything, named).rulebook
    assert set(rulebook.modes[ActionKind.STOP]) == {Mode.AUTOMATIC}
    nothing = document("automation", "none", spec={"mode": "off"})
    rulebook = compiled(shop(), nothing, named).rulebook
    assert all(set(modes) == {Mode.OFF} for modes in rulebook.modes.values())


def test_a_tier() -> None:
    spec = {"priority": 4, "guaranteePct": 80, "moveSensitivity": 2.5}
    rulebook = compiled(shop(), document("tier", "gold", selector=DB, spec=spec)).rulebook
    np.testing.assert_array_equal(rulebook.priority, [4, 4, 1, 1, 1, 1, 1, 1])
    np.testing.assert_allclose(rulebook.guarantee, [0.8, 0.8, 0, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(rulebook.move_sensitivity, [2.5, 2.5, 1, 1, 1, 1, 1, 1])
    assert rulebook.sources["priority"] == ("gold#/spec/priority",) * 2 + ("",) * 6
    assert rulebook.digest


def test_a_setting_that_is_left_out_is_not_decided() -> None:
    rulebook = compiled(shop(), document("tier", selector=DB, spec={"priority": 4})).rulebook
    assert "guarantee" not in rulebook.sources
    assert not rulebook.guarantee.any()


def test_sizes_and_times_get_the_rulebooks_units() -> None:
    rulebook = compiled(
        shop(),
        document("sizing", spec={"minGiB": 0.5, "maxGiB": 32, "stepGiB": 2, "neverShrink": True}),
        document("automation", spec={"cooldownMinutes": 90}),
        document("ballooning", spec={"minCapPct": 10, "maxCapPct": 75}),
    ).rulebook
    assert set(rulebook.min_size_mib) == {512}
    assert set(rulebook.max_size_mib) == {32768}
    assert set(rulebook.step_mib) == {2048}
    assert rulebook.never_shrink.dtype == np.bool_
    assert rulebook.never_shrink.all()
    assert set(rulebook.cooldown_s) == {5400}
    np.testing.assert_allclose(rulebook.balloon_cap_min, 0.1)
    np.testing.assert_allclose(rulebook.balloon_cap_max, 0.75)


def test_the_higher_precedence_wins_whatever_the_order() -> None:
    low = document("sizing", "everyone", spec={"maxGiB": 64})
    high = document("sizing", "databases", precedence=10, selector=DB, spec={"maxGiB": 512})
    for documents in ((low, high), (high, low)):
        rulebook = compiled(shop(), *documents).rulebook
        np.testing.assert_array_equal(rulebook.max_size_mib / 1024, [512] * 2 + [64] * 6)
        assert rulebook.sources["max_size_mib"][0] == "databases#/spec/maxGiB"
        assert rulebook.sources["max_size_mib"][2] == "everyone#/spec/maxGiB"


def test_a_lower_precedence_decides_what_the_higher_one_leaves_out() -> None:
    rulebook = compiled(
        shop(),
        document("tier", "low", spec={"priority": 2, "guaranteePct": 10}),
        document("tier", "high", precedence=1, spec={"priority": 3}),
    ).rulebook
    assert set(rulebook.priority) == {3}
    assert set(rulebook.guarantee) == {0.1}


def test_documents_that_agree_are_no_contradiction() -> None:
    rulebook = compiled(
        shop(),
        document("tier", "b", spec={"priority": 2}),
        document("tier", "a", selector=DB, spec={"priority": 2}),
    ).rulebook
    assert set(rulebook.priority) == {2}
    assert rulebook.sources["priority"][0] == "a#/spec/priority"


def test_a_tie_that_a_third_document_overrides_is_no_contradiction() -> None:
    rulebook = compiled(
        shop(),
        document("tier", "a", selector=DB, spec={"priority": 2}),
        document("tier", "b", selector=DB, spec={"priority": 3}),
        document("tier", "c", precedence=1, selector=DB, spec={"priority": 5}),
    ).rulebook
    np.testing.assert_array_equal(rulebook.priority, [5, 5, 1, 1, 1, 1, 1, 1])


def modes(*documents: dict[str, Any]) -> dict[ActionKind, list[str]]:
    rulebook = compiled(shop(), *documents).rulebook
    return {
        kind: [Mode(int(mode)).name.lower() for mode in rulebook.modes[kind]] for kind in ActionKind
    }


def test_single_modes_and_the_mode_of_the_rest() -> None:
    spec = {"mode": "recommend", "modes": {"migrate": "automatic", "hot-add": "off"}}
    said = modes(document("automation", selector=DB, spec=spec))
    assert said[ActionKind.MIGRATE] == ["automatic"] * 2 + ["approve"] * 6
    assert said[ActionKind.HOT_ADD] == ["off"] * 2 + ["approve"] * 6
    assert said[ActionKind.LIMIT] == ["recommend"] * 2 + ["approve"] * 6


@pytest.mark.parametrize("precedence", [-5, 0, 5])
def test_the_most_cautious_mode_wins_whatever_its_precedence(precedence: int) -> None:
    said = modes(
        document("automation", "all", precedence=precedence, spec={"mode": "automatic"}),
        document("automation", "careful", selector=DB, spec={"modes": {"migrate": "recommend"}}),
        document("observe-only", selector={"name": "web-1"}),
        document("exclusion", selector={"name": ["db-1", "web-1"]}),
    )
    assert said[ActionKind.MIGRATE] == ["off", "recommend", "off"] + ["automatic"] * 5
    assert said[ActionKind.LIMIT] == ["off", "automatic", "off"] + ["automatic"] * 5


def test_the_source_of_a_mode_is_the_document_that_decided() -> None:
    sources = compiled(
        shop(),
        document("automation", "all", spec={"mode": "automatic"}),
        document("exclusion", "never", selector={"name": "db-1"}),
    ).rulebook.sources
    assert sources["modes.migrate"][:2] == ("never#/kind", "all#/spec/mode")


def test_reserves_and_excluded_hosts() -> None:
    rulebook = compiled(
        shop(),
        document("capacity", "all", spec={"reservePct": 10}),
        document(
            "capacity", "lab", precedence=1, selector={"cluster": "lab"}, spec={"reservePct": 0}
        ),
        document("capacity", "out", selector={"host": "esx-4"}, spec={"exclude": True}),
        document(
            "capacity", "in", precedence=9, selector={"host": "esx-4"}, spec={"exclude": False}
        ),
    ).rulebook
    np.testing.assert_allclose(rulebook.host_reserve, [0.1, 0.1, 0.1, 0, 0, 0.1])
    assert rulebook.host_excluded.tolist() == [False, False, False, True, False, False]
    assert rulebook.sources["host_excluded"][3] == "out#/spec/exclude"
    assert rulebook.sources["host_reserve"][3] == "lab#/spec/reservePct"


def test_failover_hosts_hold_back_what_the_largest_have() -> None:
    result = compiled(
        shop(), document("capacity", selector={"cluster": "*"}, spec={"failoverHosts": 1})
    )
    # Prod has 64 + 64 + 32 GiB and may lose 64; the lab has 64 + 64 and may lose 64.
    np.testing.assert_allclose(result.rulebook.host_reserve, [0.4, 0.4, 0.4, 0.5, 0.5, 0])
    assert result.findings == ()


def test_failover_hosts_leave_excluded_and_lone_hosts_out() -> None:
    result = compiled(
        shop(),
        document("capacity", "n+1", spec={"failoverHosts": 1}),
        document("capacity", "out", selector={"host": "esx-1"}, spec={"exclude": True}),
    )
    np.testing.assert_allclose(result.rulebook.host_reserve[:3], [0, 2 / 3, 2 / 3])
    assert [item.code for item in result.findings] == ["no-failover"]


def test_placement_rules_are_split_by_cluster_and_leave_templates_out() -> None:
    snapshot = shop()
    rulebook = compiled(
        snapshot,
        document(
            "placement",
            "apart",
            selector={"name": ["db-*", "dev-*", "golden"]},
            spec={"rule": "keep-apart", "mandatory": True},
        ),
    ).rulebook
    rules = rulebook.rules
    # np.unique orders clusters by row.
    assert rules.moid == ("policy/apart/prod", "policy/apart/lab")
    assert rules.kind == (KEEP_APART, KEEP_APART)
    assert [[snapshot.vms.name[vm] for vm in row] for row in rules.vms] == [
        ["db-1", "db-2"],
        ["dev-1", "dev-2"],
    ]
    assert rules.cluster.tolist() == [0, 1]
    assert rules.mandatory.all()
    assert rules.enabled.all()
    assert rulebook.sources["rules"] == ("apart#/spec/rule",) * 2


def test_rules_about_hosts() -> None:
    snapshot = shop()
    result = compiled(
        snapshot,
        document("placement", "on", selector=DB,
                 spec={"rule": "run-on", "hosts": {"host": "esx-[24]"}}),
        document("placement", "off", selector={"cluster": "*"},
                 spec={"rule": "not-on", "hosts": {"cluster": "lab", "host": "esx-5"}}),
        document("placement", "pair", selector=DB, spec={"rule": "keep-together"}),
    )  # fmt: skip
    rules = result.rulebook.rules
    assert rules.name == ("off", "on", "pair")
    assert rules.kind == (NOT_ON, RUN_ON, KEEP_TOGETHER)
    assert rules.hosts == ((4,), (1,), ())
    assert result.findings == ()


def test_a_single_vm_needs_no_rule_among_vms_and_a_lone_host_no_rule_at_all() -> None:
    result = compiled(
        shop(),
        document("placement", selector={"name": ["solo", "web-1"]}, spec={"rule": "keep-apart"}),
    )
    assert len(result.rulebook.rules) == 0
    assert [item.code for item in result.findings] == ["not-placeable"]


def test_budgets() -> None:
    snapshot = shop()
    spec = {"per": "cluster", "maxMigrations": 3, "maxPct": 25, "windowMinutes": 30}
    (budget,) = compiled(
        snapshot, document("disruption-budget", "calm", selector=DB, spec=spec)
    ).rulebook.budgets
    assert budget.name == "calm"
    assert budget.scope is BudgetScope.CLUSTER
    assert (budget.max_migrations, budget.max_share, budget.window_s) == (3, 0.25, 1800)
    assert names(snapshot, budget.vms) == ["db-1", "db-2"]


def test_arrays_of_a_rulebook_are_read_only() -> None:
    rulebook = compiled(shop(), document("tier", spec={"priority": 2})).rulebook
    for array in (rulebook.priority, rulebook.modes[ActionKind.MIGRATE], rulebook.host_reserve):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
