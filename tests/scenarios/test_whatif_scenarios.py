"""What-if files: an estate, what is supposed of it, and what must come of that.

Keys of a file, besides those of a market scenario (``test_market_scenarios``): ``suppose``, with
the names of ``control.supposing.Supposition`` (``lose``, ``maintenance``: lists of hosts;
``add_hosts``, ``add_vms``, ``size_gib``, ``grow_pct``, ``memory_factor``, ``merge``: list of
clusters, ``cluster``, ``policies``: other documents); and ``expect``:

* ``stranded``, ``stuck`` names of VMs;
* ``vms_on`` host -> running VMs on it after the change;
* ``swaps``, ``balloons``, ``calm`` hosts that do so, or neither, after the change;
* ``squeezed`` VMs that would give memory up, among others; ``relieved`` true if nobody would swap
  any more once the market has traded;
* ``moves`` true or false, whether the market has migrations to propose then;
* ``holds_now``, ``holds`` cluster -> whether it could lose any one host, as it is and in the end;
* ``dearer``, ``cheaper`` hosts whose price rises or falls with the change;
* ``headroom`` cluster -> least and most VMs that still fit well, then of those that fit at all;
* ``best`` the host where a new VM of ``size_gib`` should live; ``refused`` host -> reason.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_market_scenarios import question_of
from vsphere_market.control.decide import Frame
from vsphere_market.control.memory import Memory
from vsphere_market.control.supposing import Supposition, advice_of, room_left, suppose
from vsphere_market.demand import DemandHistory
from vsphere_market.market.outlook import HostSide, Outlook
from vsphere_market.policy import NO_POLICIES, load_policies
from vsphere_market.port import Migrate

FOLDER = Path(__file__).parent / "whatif"
FILES = sorted(FOLDER.glob("*.json"))
EXPECTATIONS = {
    "stranded", "stuck", "vms_on", "swaps", "balloons", "calm", "squeezed", "relieved", "moves",
    "holds_now", "holds", "dearer", "cheaper", "headroom", "best", "refused",
}  # fmt: skip
#: What is about an outlook, and needs a change.
SEEN = EXPECTATIONS - {"headroom", "best", "refused"}


def framed(scenario: dict[str, Any], folder: Path) -> Frame:
    question = question_of(scenario, folder)
    return Frame(
        snapshot=question.snapshot,
        policies=NO_POLICIES,
        findings=(),
        memory=Memory(history=DemandHistory()),
        question=question,
        now_s=question.snapshot.taken_at_s,
    )


def supposed(scenario: dict[str, Any], folder: Path) -> Supposition:
    given = dict(scenario.get("suppose", {}))
    for name in ("lose", "maintenance", "merge"):
        given[name] = tuple(given.get(name, ()))
    if "policies" in given:
        file = folder / "others.json"
        file.write_text(json.dumps(given["policies"]))
        given["policies"] = load_policies([file])
    return Supposition(**given)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_scenario(file: Path, tmp_path: Path) -> None:
    scenario = json.loads(file.read_text())
    expect = scenario["expect"]
    assert expect, "a scenario that expects nothing proves nothing"
    assert expect.keys() <= EXPECTATIONS
    frame, wanted = framed(scenario, tmp_path), supposed(scenario, tmp_path)
    if expect.keys() & SEEN:
        seen = suppose(frame, wanted)
        _check_places(expect, seen)
        _check_hosts(expect, seen)
        _check_end(expect, seen)
    for cluster, (least, most, least_possible, most_possible) in expect.get("headroom", {}).items():
        found = next(item for item in room_left(frame, wanted) if item.cluster == cluster)
        assert least <= found.comfortable <= most, found
        assert least_possible <= found.possible <= most_possible, found
        assert math.isnan(found.days)
    if expect.keys() & {"best", "refused"}:
        advice = advice_of(frame, wanted)
        if "best" in expect:
            assert advice[0].host.name == expect["best"] and advice[0].refused is None
        refused = {item.host.name: item.refused.value for item in advice if item.refused}
        assert refused == expect.get("refused", {})


def _check_places(expect: dict[str, Any], seen: Outlook) -> None:
    assert [vm.name for vm in seen.stranded] == expect.get("stranded", [])
    assert [vm.name for vm in seen.stuck] == expect.get("stuck", [])
    then = {item.host.name: item for item in seen.then.hosts}
    for host, count in expect.get("vms_on", {}).items():
        assert then[host].vms == count, then[host]
    squeezed = {item.vm.name for item in seen.then.squeezed}
    assert squeezed >= set(expect.get("squeezed", []))


def _check_hosts(expect: dict[str, Any], seen: Outlook) -> None:
    now: dict[str, HostSide] = {item.host.name: item for item in seen.now.hosts}
    then = {item.host.name: item for item in seen.then.hosts}
    for host in expect.get("swaps", []):
        assert then[host].swap_mib > 0, then[host]
    for host in expect.get("balloons", []):
        assert then[host].balloon_mib > 0, then[host]
    for host in expect.get("calm", []):
        assert then[host].balloon_mib == then[host].swap_mib == 0, then[host]
    for host in expect.get("dearer", []):
        assert then[host].price > now[host].price
    for host in expect.get("cheaper", []):
        assert then[host].price < now[host].price


def _check_end(expect: dict[str, Any], seen: Outlook) -> None:
    moves = any(isinstance(step.action, Migrate) for step in seen.plan.steps)
    if "moves" in expect:
        assert moves == expect["moves"], seen.plan.steps
    if "relieved" in expect:
        swapping = sum(item.swap_mib for item in seen.traded.hosts) > 0
        assert swapping != expect["relieved"]
    for key, side in (("holds_now", seen.now), ("holds", seen.traded)):
        found = {item.cluster: item.holds for item in side.redundancy}
        for cluster, holds in expect.get(key, {}).items():
            assert found[cluster] == holds, side.redundancy
