"""A tag or custom attribute in vCenter stops a VM or cluster: read with the estate, and again
before each step."""

from __future__ import annotations

from typing import Any

import pytest

from tests.policies import compiled
from tests.policies import document as policy
from tests.vcsim import StockVcsim
from tests.wire.adapter.small import as_administrator, connect
from tests.wire.adapter.test_tags import Tagger
from vsphere_market.adapter import PyVmomiVCenter
from vsphere_market.policy import Mode
from vsphere_market.port import ActionKind, Entity, SetMemory, Severity

pytestmark = pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
AUTOMATIC = policy("automation", spec={"mode": "automatic"})


def limit(vcenter: PyVmomiVCenter, row: int = 0) -> SetMemory:
    """A change of a VM's limit as the vCenter has it now."""
    vms = vcenter.observe().vms
    return SetMemory(Entity(vms.moid[row], vms.name[row]), ActionKind.LIMIT, None, 4096)


def halted(vcenter: PyVmomiVCenter, action: SetMemory) -> bool:
    """The pre-check refuses it because somebody said stop."""
    found = vcenter.precheck(action)
    stopped = [item for item in found if item.code == "stopped"]
    assert all(item.severity is Severity.ERROR and item.cure for item in stopped)
    return bool(stopped)


class Attributes:
    """Sets custom attributes, as an administrator would."""

    def __init__(self, content: Any) -> None:
        from vsphere_market.adapter.soap import vim

        self._content = content
        # Without a type of object the simulator answers what pyVmomi cannot read; it then takes
        # the attribute for all types all the same.
        manager = content.customFieldsManager
        self._key = manager.AddCustomFieldDef("vSphere-Market", vim.VirtualMachine).key

    def put(self, kind: str, moid: str, value: str) -> None:
        from vsphere_market.adapter.soap import vim

        stub = self._content.rootFolder._stub
        entity = getattr(vim, kind)(moid, stub)
        self._content.customFieldsManager.SetField(entity, self._key, value)


@pytest.mark.wire
def test_custom_attributes_are_heard_before_the_next_step(stock_vcsim: StockVcsim) -> None:
    with connect(stock_vcsim) as vcenter, as_administrator(stock_vcsim) as content:
        said = Attributes(content)
        before = vcenter.observe()
        cluster = before.clusters.moid[0]
        row = next(row for row in range(len(before.vms)) if before.vms.cluster[row] == 0)
        action = limit(vcenter, row)
        assert not halted(vcenter, action)
        said.put("VirtualMachine", action.subject.moid, "stop")
        assert halted(vcenter, action), "without reading the estate again"
        seen = vcenter.observe()
        assert seen.vms.custom_attributes[row] == ("vSphere-Market=stop",)
        modes = compiled(seen, AUTOMATIC).rulebook.modes[ActionKind.LIMIT]
        assert modes[row] == Mode.OFF and (modes == Mode.AUTOMATIC).sum() == len(modes) - 1
        said.put("VirtualMachine", action.subject.moid, "")
        assert not halted(vcenter, action)
        said.put("ClusterComputeResource", cluster, "Stop")
        assert halted(vcenter, action), "what holds for the cluster holds for all in it"
        seen = vcenter.observe()
        assert seen.clusters.custom_attributes[0] == ("vSphere-Market=Stop",)
        modes = compiled(seen, AUTOMATIC).rulebook.modes[ActionKind.LIMIT]
        inside = seen.vms.cluster == 0
        assert (modes[inside] == Mode.OFF).all() and (modes[~inside] == Mode.AUTOMATIC).all()


@pytest.mark.wire
def test_tags_are_heard_before_the_next_step(stock_vcsim: StockVcsim) -> None:
    with connect(stock_vcsim) as vcenter, Tagger(stock_vcsim) as tagger:
        before = vcenter.observe()
        row = next(row for row in range(len(before.vms)) if before.vms.cluster[row] == 0)
        action = limit(vcenter, row)
        category = tagger.category("vsphere-market")
        assert not halted(vcenter, action)
        tag = tagger.tag(category, "stop", action.subject.moid)
        assert halted(vcenter, action)
        assert vcenter.observe().vms.tags[row] == ("vsphere-market:stop",)
        other = limit(vcenter, (row + 1) % len(before.vms))
        assert not halted(vcenter, other)
        body = {"object_id": {"id": before.clusters.moid[0], "type": "ClusterComputeResource"}}
        tagger._post(f"/tagging/tag-association/id:{tag}?~action=attach", body)
        seen = vcenter.observe()
        assert seen.clusters.tags[0] == ("vsphere-market:stop",)
