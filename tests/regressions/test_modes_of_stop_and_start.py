"""What `power` allows hid the modes of the kinds of action that are called the same.

Tests of policies, `policies diff` and the sentence of who forbids a step asked for the mode of
``stop`` and got whether the VM may be stopped.
"""

from __future__ import annotations

from tests.policies import compiled, document, shop
from vsphere_market.policy.effective import VM_KEYS, vm_setting
from vsphere_market.port import ActionKind


def test_both_can_be_asked_for() -> None:
    rulebook = compiled(
        shop(),
        document("automation", "go", spec={"modes": {"stop": "automatic", "start": "approve"}}),
        document("power", "sleep", selector={"name": "db-1"}, spec={"stop": True}),
    ).rulebook
    asked = {key: vm_setting(rulebook, 0, key) for key in VM_KEYS}
    assert (asked["stop"].value, asked["stop"].document) == ("automatic", "go")
    assert (asked["start"].value, asked["start"].document) == ("approve", "go")
    assert (asked["mayStop"].value, asked["mayStop"].document) == (True, "sleep")
    assert (asked["mayStart"].value, asked["mayStart"].document) == (False, "")


def test_every_key_is_one_thing() -> None:
    assert len(set(VM_KEYS)) == len(VM_KEYS)
    assert {kind.value for kind in ActionKind} <= set(VM_KEYS)
