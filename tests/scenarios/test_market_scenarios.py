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
* ``refusals`` list of subject, reason and optionally part of the sentence that the plan must hold;
* ``declined`` list of vm, kind and reason: what `explain` says of an offer after the plan, where
  the plan has no reason to speak of it;
* ``refused`` the decisions that the file is about, by the names of :class:`Decision`: none of them
  is in the plan, and a refusal or a declined offer says why.

After every plan, planning again must give nothing.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from enum import StrEnum
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
from vsphere_market.market.netting import grouped
from vsphere_market.market.offers import offer_of
from vsphere_market.market.trades import (
    Change,
    Cycle,
    Move,
    PoolChange,
    Power,
    StorageMove,
    Switch,
    What,
)
from vsphere_market.policy import compile_rulebook, default_rulebook, load_policies
from vsphere_market.port import Action, ActionKind, Migrate, PoolSetting
from vsphere_market.port.documents import change_to_json

FOLDER = Path(__file__).parent / "market"
FILES = sorted(FOLDER.glob("*.json"))
TABLES = ("clusters", "hosts", "pools", "datastores", "vms", "rules")
EXPECTATIONS = {
    "causes", "unhurt", "hosts", "cures", "actions", "only", "kinds", "at_least", "from", "never",
    "not_to", "relieved", "refusals", "declined", "refused",
}  # fmt: skip


class Decision(StrEnum):
    """Every kind of decision that the market takes: an action, with what sets it apart."""

    MOVE = "move"
    EXCHANGE = "exchange"
    MOVE_ABROAD = "move-abroad"
    GROW = "grow"
    MOVE_AND_GROW = "move-and-grow"
    GROW_BY_RESTART = "grow-by-restart"
    SHRINK_BY_RESTART = "shrink-by-restart"
    RESERVATION_UP = "reservation-up"
    RESERVATION_DOWN = "reservation-down"
    HOARD_FOR_GUARANTEE = "hoard-for-guarantee"
    SHARES = "shares"
    LIMIT = "limit"
    POOL_LIMIT = "pool-limit"
    POOL_RESERVATION = "pool-reservation"
    BALLOON_CAP_UP = "balloon-cap-up"
    BALLOON_CAP_DOWN = "balloon-cap-down"
    FILES = "files"
    STOP = "stop"
    START = "start"
    REST = "rest"
    WAKE = "wake"


def decisions(question: Question) -> frozenset[Decision]:
    """The decisions that an answer takes."""
    hosts, found = question.snapshot.hosts, set[Decision]()
    for group in grouped(list(clear(question).trades)):
        whats = [trade.what for trade in group]
        own = {_decision(what) for what in whats} - {None}
        moves = [what for what in whats if isinstance(what, Move)]
        if any(hosts.cluster[move.source] != hosts.cluster[move.target] for move in moves):
            own = own - {Decision.MOVE} | {Decision.MOVE_ABROAD}
        if len(group) > 1 and own == {Decision.MOVE, Decision.GROW}:
            own = {Decision.MOVE_AND_GROW}
        if len(moves) > 1 and own == {Decision.MOVE}:
            own = {Decision.EXCHANGE}
        if own == {Decision.RESERVATION_UP, Decision.RESERVATION_DOWN}:
            own = {Decision.HOARD_FOR_GUARANTEE}
        found |= {decision for decision in own if decision is not None}
    return frozenset(found)


def _decision(what: What) -> Decision | None:
    match what:
        case Move():
            return Decision.MOVE
        case StorageMove():
            return Decision.FILES
        case Power():
            return Decision.START if what.target >= 0 else Decision.STOP
        case Switch():
            return Decision.WAKE if what.on else Decision.REST
        case PoolChange():
            limit = what.setting is PoolSetting.LIMIT
            return Decision.POOL_LIMIT if limit else Decision.POOL_RESERVATION
        case Cycle():
            return None
    more = what.after > what.before or (np.isnan(what.after) and np.isfinite(what.before))
    match what.kind:
        case ActionKind.HOT_ADD:
            return Decision.GROW
        case ActionKind.RESIZE:
            return Decision.GROW_BY_RESTART if more else Decision.SHRINK_BY_RESTART
        case ActionKind.RESERVATION:
            return Decision.RESERVATION_UP if more else Decision.RESERVATION_DOWN
        case ActionKind.BALLOON_CAP:
            return Decision.BALLOON_CAP_UP if more else Decision.BALLOON_CAP_DOWN
        case _:
            return Decision(what.kind.value)


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
    _check_declined(expect, question)
    assert not decisions(question) & set(expect.get("refused", []))
    assert not expect.get("refused") or expect.get("refusals") or expect.get("declined")
    assert planned_again(question, cool_down=False) == ()


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> dict[Decision, list[str]]:
    """The scenarios in which each decision is taken."""
    folder = tmp_path_factory.mktemp("taken")
    found: dict[Decision, list[str]] = {decision: [] for decision in Decision}
    for file in FILES:
        scenario = json.loads(file.read_text())
        if not (scenario["expect"].get("only") and not scenario["expect"]["actions"]):
            for decision in decisions(question_of(scenario, folder)):
                found[decision].append(file.stem)
    return found


@pytest.mark.parametrize("decision", Decision)
def test_every_decision_is_taken_in_one_file_and_refused_in_another(
    decision: Decision, taken: dict[Decision, list[str]]
) -> None:
    assert taken[decision], f"no file has the market take {decision}"
    refused = [
        file.stem
        for file in FILES
        if decision in json.loads(file.read_text())["expect"].get("refused", [])
    ]
    assert refused, f"no file has the market refuse {decision}"
    page = (FOLDER.parents[2] / "docs/design/decisions.md").read_text()
    for files in (taken[decision], refused):
        assert any(f"`{name}`" in page for name in files), f"the page names none of {files}"


def test_every_kind_of_action_is_a_decision() -> None:
    """A new kind cannot be forgotten: it is among these, or said here to be none."""
    given: list[What] = [
        Move(0, 0, 1), StorageMove(0, 0, 1), Power(0, 0, -1), Power(0, -1, 0),
        Switch(0, on=True), Switch(0, on=False),
        *(PoolChange(0, setting, 1.0, 2.0) for setting in PoolSetting),
        *(
            Change(0, kind, 1.0, after)
            for kind in (
                ActionKind.LIMIT, ActionKind.SHARES, ActionKind.HOT_ADD, ActionKind.RESIZE,
                ActionKind.RESERVATION, ActionKind.BALLOON_CAP,
            )
            for after in (0.5, 2.0)
        ),
    ]  # fmt: skip
    # Hot-add is enabled while a VM is off anyway; DRS's recommendations are DRS's.
    beside = {ActionKind.ENABLE_HOT_ADD, ActionKind.DRS}
    assert {what.kind for what in given} == set(ActionKind) - beside
    groups = {
        Decision.EXCHANGE, Decision.MOVE_ABROAD, Decision.MOVE_AND_GROW,
        Decision.HOARD_FOR_GUARANTEE,
    }  # fmt: skip
    assert {_decision(what) for what in given} == set(Decision) - groups


def test_every_root_cause_has_a_scenario() -> None:
    shown = {
        cause
        for file in FILES
        for cause in json.loads(file.read_text())["expect"].get("causes", {}).values()
    }
    assert shown == {cause.value for cause in Cause} - {"none"}


def _check_declined(expect: dict[str, Any], question: Question) -> None:
    if "declined" not in expect:
        return
    after = clear(question).ledger
    eligibility = Eligibility(after, question.cooling)
    for item in expect["declined"]:
        row = question.snapshot.vms.name.index(item["vm"])
        offer = offer_of(after, eligibility, row, ActionKind(item["kind"]))
        assert offer.refused == item["reason"], (item, offer)


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
