"""Plain facts out of what pyVmomi gives."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from vsphere_market.adapter import soap
from vsphere_market.adapter.bulk import _facts, _is_gone, plain
from vsphere_market.adapter.session import SessionDead
from vsphere_market.adapter.soap import vim

KINDS = {"ResourcePool": vim.ResourcePool, "VirtualMachine": vim.VirtualMachine}


def _item(obj: Any, values: dict[str, Any], missing: dict[str, Any] | None = None) -> Any:
    return SimpleNamespace(
        obj=obj,
        propSet=[SimpleNamespace(name=name, val=value) for name, value in values.items()],
        missingSet=[
            SimpleNamespace(path=path, fault=fault) for path, fault in (missing or {}).items()
        ],
    )


def test_references_become_ids_and_enumerations_plain_words() -> None:
    host = vim.HostSystem("host-1", None)
    facts = _facts(
        _item(
            vim.VirtualMachine("vm-1", None),
            {
                "runtime.host": host,
                "datastore": [vim.Datastore("datastore-1", None)],
                "runtime.powerState": vim.VirtualMachine.PowerState.poweredOn,
                "config.template": False,
                "config.hardware.memoryMB": 4096,
            },
        ),
        KINDS,
    )
    assert facts.kind == "VirtualMachine"
    assert facts.moid == "vm-1"
    assert facts.get("runtime.host") == "host-1"
    assert facts.get("datastore") == ["datastore-1"]
    assert type(facts.get("runtime.powerState")) is str
    assert facts.get("config.template") is False
    assert facts.get("config.hardware.memoryMB") == 4096


def test_a_vapp_is_a_resource_pool() -> None:
    assert _facts(_item(vim.VirtualApp("resgroup-v1", None), {}), KINDS).kind == "ResourcePool"


def test_unset_on_a_later_page_is_unset() -> None:
    facts = _facts(_item(vim.VirtualMachine("vm-1", None), {"config.guestId": None}), KINDS)
    assert "config.guestId" not in facts.values
    assert facts.get("config.guestId", "") == ""


def test_what_was_refused_is_named() -> None:
    missing = {"config": soap.NO_ENTRY[0](), "name": soap.ManagedObjectNotFound()}
    facts = _facts(_item(vim.VirtualMachine("vm-1", None), {}, missing), KINDS)
    assert facts.refused == {"config": "NoPermission", "name": "ManagedObjectNotFound"}
    assert _is_gone(facts)


def test_properties_withheld_for_want_of_a_login_mean_a_dead_session() -> None:
    item = _item(vim.VirtualMachine("vm-1", None), {}, {"name": soap.NotAuthenticated()})
    with pytest.raises(SessionDead):
        _facts(item, KINDS)


def test_numbers_and_structures_stay() -> None:
    option = vim.option.OptionValue(key="a", value="b")
    assert plain(option) is option
    assert plain([1, 2.5, True]) == [1, 2.5, True]
    assert type(plain(soap.vim.VirtualMachine.PowerState.poweredOff)) is str
