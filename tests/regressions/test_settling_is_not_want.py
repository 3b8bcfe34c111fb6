"""A VM whose limit was just lifted touches all its memory once, and was then grown for it.

Seen in the closed loop over the wire: five minutes after "lift the limit" came "hot-add 4 GiB".
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.control.memory import GROWN_REST_S, settling
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question, Reason, make_plan
from vsphere_market.policy import default_rulebook
from vsphere_market.port import ActionKind

SNAPSHOT = snapshot_of(
    clusters=[cluster_row()],
    hosts=[host_row("host-1", 65_536)],
    vms=[
        vm_row(
            "vm-1",
            "host-1",
            8192,
            active_mib=8000,
            hot_add_enabled=True,
            hot_add_limit_mib=65_536,
        )
    ],
)


def test_who_was_given_memory_is_not_grown_at_once() -> None:
    now_s = SNAPSHOT.taken_at_s
    question = Question(
        snapshot=SNAPSHOT,
        demand=estimate_demand(SNAPSHOT),
        rulebook=default_rulebook(SNAPSHOT),
        settings=MarketSettings(),
        cooling=np.zeros(1, dtype=np.bool_),
    )
    assert [step.action.kind for step in make_plan(question, now_s).steps] == [ActionKind.HOT_ADD]
    rows = settling(SNAPSHOT, {"vm-1": now_s - 300.0}, now_s)
    plan = make_plan(dataclasses.replace(question, settling=rows), now_s)
    assert plan.steps == ()
    assert [refusal.reason for refusal in plan.refusals] == [Reason.SETTLING]


def test_it_is_looked_at_again_after_a_while() -> None:
    now_s = SNAPSHOT.taken_at_s
    assert settling(SNAPSHOT, {"vm-1": now_s - GROWN_REST_S}, now_s) == frozenset()
    assert settling(SNAPSHOT, {"gone": now_s}, now_s) == frozenset()
