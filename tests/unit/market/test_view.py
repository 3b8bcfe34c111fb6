"""The market as it stands."""

from __future__ import annotations

import math

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question, look
from vsphere_market.policy import default_rulebook


def test_what_nobody_told_is_not_shown_as_nothing() -> None:
    silent = {
        name: value
        for name, value in vm_row("vm-1", "silent", 8192).items()
        if name not in ("ballooned_mib", "swapped_mib", "compressed_mib", "swap_in_kibps")
    }
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("silent", 65_536), host_row("empty", 65_536), host_row("told", 65_536)],
        vms=[silent, vm_row("vm-2", "told", 8192, ballooned_mib=100)],
    )
    question = Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=default_rulebook(snapshot),
        settings=MarketSettings(),
        cooling=np.zeros(2, dtype=np.bool_),
    )
    hosts = {host.host.moid: host for host in look(question).hosts}
    assert math.isnan(hosts["silent"].ballooned_mib)
    assert math.isnan(hosts["silent"].swap_kibps)
    assert hosts["empty"].ballooned_mib == 0.0
    assert (hosts["told"].ballooned_mib, hosts["told"].swapped_mib) == (100.0, 0.0)
