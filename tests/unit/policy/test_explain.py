from tests.policies import FILE, document, shop
from vsphere_market.policy import (
    compile_rulebook,
    default_rulebook,
    explain_host,
    explain_vm,
    parse_policies,
)
from vsphere_market.port import GRAVE

DOCUMENTS = [
    document("tier", "gold", description="Earns the money.", selector={"name": "db-*"},
             spec={"priority": 4, "guaranteePct": 80}),
    document("automation", spec={"mode": "automatic", "cooldownMinutes": 90}),
    document("exclusion", "never", selector={"name": "db-2"}, spec={"reason": "vendor\nsays so"}),
    document("sizing", spec={"maxGiB": 64, "neverShrink": True}),
    document("placement", "apart", selector={"name": "db-*"}, spec={"rule": "keep-apart"}),
    document("placement", "licence", selector={"name": "db-1"},
             spec={"rule": "run-on", "hosts": {"host": "esx-[12]"}, "mandatory": True}),
    document("disruption-budget", "calm",
             spec={"per": "cluster", "maxMigrations": 8, "maxPct": 10, "windowMinutes": 60}),
    document("capacity", "air", selector={"host": "esx-1"}, spec={"reservePct": 10}),
]  # fmt: skip


def said(vm_row: int) -> dict[str, tuple[str, str]]:
    snapshot, policies = shop(), parse_policies(DOCUMENTS, FILE)
    rulebook = compile_rulebook(policies, snapshot).rulebook
    return {
        item.name: (item.value, item.place)
        for item in explain_vm(rulebook, snapshot, vm_row, policies)
    }


def test_every_setting_with_the_line_that_decided_it() -> None:
    assert said(0) == {
        "priority": ("4", f"{FILE}#/0/spec/priority"),
        "guarantee": ("80 % of the working set", f"{FILE}#/0/spec/guaranteePct"),
        "move_sensitivity": ("1", ""),
        "min_size_mib": ("0 MiB", ""),
        "max_size_mib": ("64 GiB", f"{FILE}#/3/spec/maxGiB"),
        "step_mib": ("1 GiB", ""),
        "never_shrink": ("yes", f"{FILE}#/3/spec/neverShrink"),
        "cooldown_s": ("90 min", f"{FILE}#/1/spec/cooldownMinutes"),
        "balloon_cap_min": ("0 % of the size", ""),
        "balloon_cap_max": ("65 % of the size", ""),
        "never_grow": ("no", ""),
        "size_target": ("the market's own", ""),
        "usage_low": ("none", ""),
        "usage_high": ("the market's own", ""),
        "size_percentile": ("95", ""),
        "size_window_s": ("14 d", ""),
        "reboot_allowed": ("no", ""),
        "persist_cycles": ("1", ""),
        "may_stop": ("no", ""),
        "may_start": ("no", ""),
        "modes.migrate": ("automatic", f"{FILE}#/1/spec/mode"),
        "modes.limit": ("automatic", f"{FILE}#/1/spec/mode"),
        "modes.reservation": ("automatic", f"{FILE}#/1/spec/mode"),
        "modes.hot-add": ("automatic", f"{FILE}#/1/spec/mode"),
        "modes.balloon-cap": ("automatic", f"{FILE}#/1/spec/mode"),
        "modes.shares": ("automatic", f"{FILE}#/1/spec/mode"),
        **{f"modes.{kind}": ("recommend", "") for kind in GRAVE},
        "rules": ("run-on: must run on esx-1, esx-2", f"{FILE}#/5/spec/rule"),
        "budgets": (
            "at most 8 migrations and 10 % of the VMs per cluster in 60 min",
            f"{FILE}#/6/spec",
        ),
    }


def test_rules_name_the_others() -> None:
    assert said(1)["rules"] == ("keep-apart: should not be with db-1", f"{FILE}#/4/spec/rule")


def test_the_authors_words_come_along_in_one_line() -> None:
    snapshot, policies = shop(), parse_policies(DOCUMENTS, FILE)
    rulebook = compile_rulebook(policies, snapshot).rulebook
    notes = {item.name: item.note for item in explain_vm(rulebook, snapshot, 1, policies)}
    assert notes["priority"] == "Earns the money."
    assert notes["modes.migrate"] == "vendor\\nsays so"
    assert notes["step_mib"] == ""


def test_without_the_policies_at_hand_the_source_is_still_named() -> None:
    snapshot = shop()
    rulebook = compile_rulebook(parse_policies(DOCUMENTS, FILE), snapshot).rulebook
    (priority, *_) = explain_vm(rulebook, snapshot, 0)
    assert priority.source == "gold#/spec/priority"
    assert priority.place == ""


def test_hosts_too() -> None:
    snapshot, policies = shop(), parse_policies(DOCUMENTS, FILE)
    rulebook = compile_rulebook(policies, snapshot).rulebook
    assert [
        (item.name, item.value, item.place) for item in explain_host(rulebook, 0, policies)
    ] == [
        ("host_excluded", "no", ""),
        ("host_reserve", "10 % of its memory", f"{FILE}#/7/spec/reservePct"),
        ("host_overcommit", "no bound", ""),
        ("host_may_suspend", "no", ""),
        ("host_may_provision", "no", ""),
    ]


def test_a_rulebook_without_policies_is_all_default() -> None:
    snapshot = shop()
    settings = explain_vm(default_rulebook(snapshot), snapshot, 0)
    assert {item.source for item in settings} == {""}
    values = {item.name: item.value for item in settings if item.name.startswith("modes.")}
    grave = {f"modes.{kind}" for kind in GRAVE}
    assert {values[name] for name in values.keys() - grave} == {"approve"}
    assert {values[name] for name in grave} == {"recommend"}
