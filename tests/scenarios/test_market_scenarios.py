"""Scenario files: an estate an administrator could write down, and what the market must make of it.

Keys of a file: ``about``; ``defaults`` per table, laid under every row (``null`` takes a default
away); tables as in a snapshot file; ``policies``, a list of documents; ``at``, the time for which
schedules are evaluated; ``history``, VM name -> ``days`` watched and the ``peak_mib`` of each;
``expect``:

* ``causes`` VM name -> root cause; ``unhurt`` VMs that are not short of memory;
* ``hosts`` host name -> the root cause that most of its pressure comes from;
* ``cures`` VM name -> the first of its cures that is not refused, in words;
* ``actions`` list of kind, vm (or host, or pool) and optionally from, to and mode that the plan
  must hold; with ``only`` true it holds nothing else;
* ``kinds`` the only kinds of action in the plan; ``at_least`` kind -> number;
* ``from`` names of the only hosts that are moved from; ``never`` VMs that no step is about;
* ``not_to`` pairs of VM and host that no migration joins;
* ``relieved`` hosts that afterwards have sold no more than they have;
* ``refusals`` list of subject, reason and optionally part of the sentence that the plan must hold.

After every plan, planning again must give nothing.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.estates import snapshot_of
from tests.property.test_market_laws import planned_again
from vsphere_market.demand import Demand, estimate_demand
from vsphere_market.demand.sizing import Origin
from vsphere_market.estate import seconds_from_text
from vsphere_market.market import (
    Cause,
    MarketSettings,
    Plan,
    Question,
    diagnose,
    diagnose_hosts,
    make_plan,
)
from vsphere_market.market.cures import cures_of
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.engine import clear
from vsphere_market.policy import compile_rulebook, default_rulebook, load_policies
from vsphere_market.port import Action, Migrate
from vsphere_market.port.documents import change_to_json

FOLDER = Path(__file__).parent / "market"
FILES = sorted(FOLDER.glob("*.json"))
TABLES = ("clusters", "hosts", "pools", "datastores", "vms", "rules")
EXPECTATIONS = {
    "causes", "unhurt", "hosts", "cures", "actions", "only", "kinds", "at_least", "from", "never",
    "not_to", "relieved", "refusals",
}  # fmt: skip


def question_of(scenario: dict[str, Any], folder: Path) -> Question:
    tables = {}
    for name in TABLES:
        base = scenario.get("defaults", {}).get(name, {})
        rows = [{**base, **row} for row in scenario.get(name, [])]
        tables[name] = [{k: v for k, v in row.items() if v is not None} for row in rows]
    snapshot = snapshot_of(**tables)
    rulebook = default_rulebook(snapshot)
    if "policies" in scenario:
        file = folder / "policies.json"
        file.write_text(json.dumps(scenario["policies"]))
        at_s = seconds_from_text(scenario["at"]) if "at" in scenario else None
        rulebook = compile_rulebook(load_policies([file]), snapshot, at_s).rulebook
    demand = estimate_demand(snapshot)
    if "history" in scenario:
        demand = remembered(demand, snapshot.vms.name, scenario["history"])
    return Question(
        snapshot=snapshot,
        demand=demand,
        rulebook=rulebook,
        settings=MarketSettings(),
        cooling=np.zeros(len(snapshot.vms), dtype=np.bool_),
    )


def remembered(demand: Demand, names: Sequence[str], history: dict[str, Any]) -> Demand:
    """Demand that remembers days of a VM, each with the same peak."""
    sizing = demand.sizing
    days, hours = sizing.days.copy(), sizing.hours.copy()
    for name, seen in history.items():
        row = names.index(name)
        days[row, : seen["days"]] = seen["peak_mib"]
        hours[row, Origin.COUNTERS] = 24 * seen["days"]
    known = dataclasses.replace(sizing, days=days, hours=hours)
    return dataclasses.replace(demand, sizing=known)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scenario(file: Path, tmp_path: Path) -> None:
    scenario = json.loads(file.read_text())
    expect = scenario["expect"]
    assert expect, "a scenario that expects nothing proves nothing"
    assert expect.keys() <= EXPECTATIONS
    question = question_of(scenario, tmp_path)
    plan = make_plan(question, now_s=0.0)

    _check_causes(expect, question)
    _check_actions(expect, plan)
    _check_moves(expect, plan)
    _check_relief(expect, question)
    refused = {(item.subject.name, item.reason.value): item.sentence for item in plan.refusals}
    for refusal in expect.get("refusals", []):
        assert (refusal["subject"], refusal["reason"]) in refused, refused
        assert refusal.get("sentence", "") in refused[refusal["subject"], refusal["reason"]]
    assert planned_again(question, cool_down=False) == ()


def test_every_root_cause_has_a_scenario() -> None:
    shown = {
        cause
        for file in FILES
        for cause in json.loads(file.read_text())["expect"].get("causes", {}).values()
    }
    assert shown == {cause.value for cause in Cause} - {"none"}


def _check_causes(expect: dict[str, Any], question: Question) -> None:
    ledger = question.ledger()
    found = {item.vm.name: item for item in diagnose(ledger)}
    for vm, cause in expect.get("causes", {}).items():
        assert vm in found, f"{vm} is not short of memory"
        assert found[vm].cause.value == cause, found[vm].because
    assert not found.keys() & set(expect.get("unhurt", []))
    hosts = {item.host.name: item for item in diagnose_hosts(ledger)}
    for host, cause in expect.get("hosts", {}).items():
        assert hosts[host].causes[0][0] == cause, hosts[host].because
    eligibility = Eligibility(ledger, question.cooling)
    for vm, words in expect.get("cures", {}).items():
        cures = [one for one in cures_of(ledger, eligibility, found[vm]) if one.refused is None]
        assert cures[0].words == words, cures


def _check_actions(expect: dict[str, Any], plan: Plan) -> None:
    found = [_described(step.action) | {"mode": step.mode.name.lower()} for step in plan.steps]
    for wanted in expect.get("actions", []):
        matches = [row for row in found if all(row.get(k) == v for k, v in wanted.items())]
        assert matches, f"no step {wanted} among {found}"
    if expect.get("only"):
        assert len(found) == len(expect["actions"]), found
    kinds = [row["kind"] for row in found]
    if "kinds" in expect:
        assert set(kinds) <= set(expect["kinds"])
    for kind, least in expect.get("at_least", {}).items():
        assert kinds.count(kind) >= least, found
    assert not {row["vm"] for row in found} & set(expect.get("never", []))


def _check_moves(expect: dict[str, Any], plan: Plan) -> None:
    moves = [step.action for step in plan.steps if isinstance(step.action, Migrate)]
    if "from" in expect:
        assert {move.source.name for move in moves} <= set(expect["from"])
    pairs = {(move.vm.name, move.target.name) for move in moves}
    assert not pairs & {(vm, host) for vm, host in expect.get("not_to", [])}


def _check_relief(expect: dict[str, Any], question: Question) -> None:
    after = clear(question).ledger
    footprint = after.supply.goods[1].columns.start
    for name in expect.get("relieved", []):
        host = question.snapshot.hosts.name.index(name)
        before = question.ledger().load[host, footprint]
        assert before > after.supply.usable[host], f"{name} was not over-committed to begin with"
        assert after.load[host, footprint] <= after.supply.usable[host]


def _described(action: Action) -> dict[str, Any]:
    described = {"kind": action.kind.value, "vm": action.subject.name}
    for key, value in change_to_json(action).items():
        described[key] = value.get("name", value) if isinstance(value, dict) else value
    return described
