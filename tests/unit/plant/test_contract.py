"""The plant owes the market what every vCenter owes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.port_contract import PortContract, World
from vsphere_market.plant import PlantVCenter, estate_from_json
from vsphere_market.port import VCenterPort

CALM = {
    "format": "vsphere-market/estate/1",
    "name": "calm",
    "warm_up_min": 5,
    "clusters": [
        {
            "name": "main",
            "hosts": [{"name": "esx-{n}", "count": 3, "memory_gib": 32}],
            "pools": [{"name": "batch", "expandable": True}],
            "datastores": ["one", "two"],
            "network": "lan",
            "vms": [
                {"name": "grow-{n}", "count": 3, "memory_gib": 4, "hot_add": True},
                {"name": "stay-{n}", "count": 3, "memory_gib": 4},
                {"name": "off-{n}", "memory_gib": 4, "power": "poweredOff"},
            ],
        },
        {
            "name": "other",
            "hosts": [{"name": "far-{n}", "memory_gib": 32}],
            "vms": [{"name": "lone", "memory_gib": 4}],
            "datastores": ["two", "one"],
            "network": "lan",
        },
    ],
}


class TestPlant(PortContract):
    @pytest.fixture
    def world(self) -> Iterator[World]:
        plant = PlantVCenter(estate_from_json(CALM, where="calm"))
        port: VCenterPort = plant
        yield World(port=port, close_host=lambda host: plant.set_maintenance(host.moid, True))
        port.close()
