"""A broken mandatory rule stayed broken where mending it filled a host that had nothing free.

Landing there costs a lot for each MiB, and for a VM of some GiB that was more than a broken
mandatory rule cost, although such a rule is to be mended before anything else pays.
"""

from __future__ import annotations

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.policies import compiled, document
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question, make_plan
from vsphere_market.port import Migrate
from vsphere_market.units import BoolArray


def test_a_full_host_takes_whom_a_mandatory_rule_sends_there() -> None:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-0", 32768), host_row("host-1", 32768)],
        vms=[
            vm_row("db", "host-0", 32768, active_mib=16000),
            vm_row("app", "host-1", 4096),
        ],
    )
    together = document(
        "placement",
        "together",
        selector={"name": ["db", "app"]},
        spec={"rule": "keep-together", "mandatory": True},
    )
    idle: BoolArray = snapshot.vms.template
    question = Question(
        snapshot, estimate_demand(snapshot), compiled(snapshot, together).rulebook,
        MarketSettings(), cooling=idle,
    )  # fmt: skip
    plan = make_plan(question, now_s=0.0)
    (move,) = [step.action for step in plan.steps if isinstance(step.action, Migrate)]
    assert not [item for item in plan.refusals if "stays broken" in item.sentence], move
