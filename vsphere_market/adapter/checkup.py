"""The doctor's look at a vCenter: what would keep the product from working, each with its cure."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from vsphere_market.adapter.counters import HOST_COUNTERS, VM_COUNTERS, CounterInfo, Wanted
from vsphere_market.adapter.privileges import privilege_findings
from vsphere_market.adapter.session import Session
from vsphere_market.adapter.target import OPTION_CA_FILE, OPTION_PIN, Target, TlsMode
from vsphere_market.adapter.tls import fetch_certificate, shown
from vsphere_market.errors import MarketError
from vsphere_market.estate import CONNECTED, POWERED_ON, Snapshot
from vsphere_market.port import Finding, Severity
from vsphere_market.units import BoolArray

log = logging.getLogger(__name__)

#: Counters and sessions are stamped by vCenter; more than this makes times hard to compare.
MAX_SKEW_S = 30.0
#: vSphere 6.7; older ones are out of support since 2022 and earlier.
_OLDEST_TESTED = (6, 7)
_SHOWN_NAMES = 3


def checkup(
    session: Session,
    catalogue: Mapping[str, CounterInfo],
    snapshot: Snapshot,
    skew_s: float,
) -> list[Finding]:
    """Every finding about a vCenter; the good ones too, so that one sees what was looked at.

    Args:
        session: the login.
        catalogue: the server's counters by name.
        snapshot: an observation made just now.
        skew_s: how far vCenter's clock is ahead of this machine's, seconds.
    """
    vms, hosts, pools, clusters = snapshot.vms, snapshot.hosts, snapshot.pools, snapshot.clusters
    names = {
        "VirtualMachine": {
            moid: name
            for moid, name, template in zip(vms.moid, vms.name, vms.template, strict=True)
            if not template
        },
        "HostSystem": dict(zip(hosts.moid, hosts.name, strict=True)),
        "ResourcePool": dict(zip(pools.moid, pools.name, strict=True)),
        "ClusterComputeResource": dict(zip(clusters.moid, clusters.name, strict=True)),
    }
    return [
        _certificate(session.target, session.timeouts.probe_s),
        _version(session.content.about),
        _skew(skew_s),
        *_inventory(snapshot),
        *privilege_findings(session, names),
        *_catalogue(catalogue),
        *_counted(snapshot),
        *_statistics(session),
        *_hosts(snapshot),
        *_vmotion(snapshot),
        *_hot_add(snapshot),
        *_licences(snapshot),
        *_limits(snapshot),
        *_drs(snapshot),
        *_ha(snapshot),
    ]


_TRUST = {
    TlsMode.SYSTEM: "its certificate is verified by this machine's authorities",
    TlsMode.CA_FILE: "its certificate is verified by your own authority's file",
    TlsMode.PIN: "its certificate is the pinned one",
    TlsMode.INSECURE: "its certificate is not verified, and whoever answers is sent the password",
}


def _certificate(target: Target, timeout_s: float) -> Finding:
    code, subject, what = "certificate", target.address, _TRUST[target.tls]
    if target.tls is not TlsMode.INSECURE:
        return Finding(code, Severity.OK, subject, what)
    cure = f"give its authority's file with {OPTION_CA_FILE}"
    try:
        cure += (
            f", or pin it with {OPTION_PIN} {shown(fetch_certificate(target, timeout_s).sha256)}"
        )
    except MarketError as exc:
        log.debug("no certificate to show: %s", exc)
    return Finding(code, Severity.WARNING, subject, what, cure)


def _version(about: Any) -> Finding:
    numbers = tuple(int(part) for part in str(about.apiVersion).split(".")[:2] if part.isdigit())
    what = f"{about.fullName}, API {about.apiVersion}"
    if numbers >= _OLDEST_TESTED:
        return Finding("version", Severity.OK, "vCenter", what)
    return Finding(
        "version",
        Severity.WARNING,
        "vCenter",
        f"{what} is older than this program is tried with",
        "expect counters to be missing; upgrade to vSphere 7 or later",
    )


def _skew(skew_s: float) -> Finding:
    ahead = "ahead of" if skew_s > 0 else "behind"
    what = f"vCenter's clock is {abs(skew_s):.1f} s {ahead} this machine's"
    if abs(skew_s) <= MAX_SKEW_S:
        return Finding("clock-skew", Severity.OK, "vCenter", what)
    return Finding(
        "clock-skew", Severity.WARNING, "vCenter", what, "let both follow one NTP server"
    )


def _inventory(snapshot: Snapshot) -> list[Finding]:
    counts = f"{len(snapshot.vms)} VMs on {len(snapshot.hosts)} hosts"
    found = [Finding("kept-back", Severity.WARNING, "", line) for line in snapshot.missing]
    if not len(snapshot.hosts) or not len(snapshot.vms):
        cure = "grant the account the Read-only role on the datacenter, propagating to children"
        return [Finding("inventory", Severity.ERROR, "", f"only {counts} are seen", cure), *found]
    return [Finding("inventory", Severity.OK, "", f"{counts} are seen"), *found]


def _catalogue(catalogue: Mapping[str, CounterInfo]) -> list[Finding]:
    absent = sorted({want.counter for want in (*VM_COUNTERS, *HOST_COUNTERS)} - set(catalogue))
    if not absent:
        return []
    what = f"this vCenter does not know the counters {', '.join(absent)}"
    return [Finding("counters-unknown", Severity.WARNING, "vCenter", what, "upgrade vCenter")]


def _counted(snapshot: Snapshot) -> list[Finding]:
    vms, hosts = snapshot.vms, snapshot.hosts
    running = _is(vms.power, POWERED_ON) & _is(vms.connection, CONNECTED)
    live = _is(hosts.power, POWERED_ON) & _is(hosts.connection, CONNECTED)
    return [
        *_given("running VMs", vms, running, VM_COUNTERS),
        *_given("connected hosts", hosts, live, HOST_COUNTERS),
    ]


def _given(word: str, table: Any, live: BoolArray, wanted: Iterable[Wanted]) -> list[Finding]:
    """Whether the live rows have counters at all, and which columns stay empty nevertheless."""
    total = int(live.sum())
    if not total:
        return []
    silent = live & (table.samples == 0)
    cure = "see whether their hosts are in vCenter's good graces: clock, management agent, load"
    found = []
    if silent.any():
        what = f"{int(silent.sum())} of {total} {word} give no realtime counters"
        what += f", such as {_some(table.name, silent)}"
        found.append(Finding("counters", Severity.WARNING, "", what, cure))
    else:
        found.append(Finding("counters", Severity.OK, "", f"all {total} {word} give counters"))
    spoken = live & ~silent
    empty = sorted({want.column for want in wanted if _partial(want, table, spoken)})
    if spoken.any() and empty:
        what = f"not all {word} give {', '.join(empty)}"
        found.append(Finding("counters-partial", Severity.INFO, "", what))
    return found


def _partial(want: Wanted, table: Any, spoken: BoolArray) -> bool:
    """A counter is missing of some; one of the network that nobody gives is not missed."""
    missing = np.isnan(getattr(table, want.column)[spoken])
    return bool(missing.any() and not (want.counter.startswith("net.") and missing.all()))


def _statistics(session: Session) -> list[Finding]:
    try:
        intervals = session.read(lambda content: content.perfManager.historicalInterval) or ()
    except MarketError as exc:
        log.debug("no statistics levels: %s", exc)
        return []
    first = next((one for one in intervals if one.samplingPeriod == 300), None)
    if first is None or not first.enabled:
        what = "vCenter keeps no five-minute history"
        return [Finding("statistics-level", Severity.INFO, "vCenter", what)]
    what = f"vCenter's five-minute history is of level {first.level}"
    if (first.level or 0) >= 2:
        return [Finding("statistics-level", Severity.OK, "vCenter", what)]
    what += ": it lacks active memory, so history has to come from our own journal"
    return [Finding("statistics-level", Severity.INFO, "vCenter", what)]


def _hosts(snapshot: Snapshot) -> list[Finding]:
    hosts = snapshot.hosts
    lost = ~_is(hosts.connection, CONNECTED)
    found = []
    if lost.any():
        count = int(lost.sum())
        hosts_are = "1 host is" if count == 1 else f"{count} hosts are"
        what = f"{hosts_are} not connected: {_some(hosts.name, lost)}"
        cure = "reconnect them; until then their VMs are neither moved nor changed"
        found.append(Finding("hosts-lost", Severity.WARNING, "", what, cure))
    resting = hosts.in_maintenance | hosts.in_quarantine
    if resting.any():
        what = f"{int(resting.sum())} hosts are in maintenance or quarantine: "
        what += _some(hosts.name, resting)
        found.append(Finding("hosts-resting", Severity.INFO, "", what))
    return found


def _vmotion(snapshot: Snapshot) -> list[Finding]:
    hosts = snapshot.hosts
    found = []
    for row, cluster in enumerate(snapshot.clusters.name):
        members = (hosts.cluster == row) & _is(hosts.connection, CONNECTED)
        if members.sum() < 2:
            what = "it has fewer than two connected hosts, so nothing can move"
            found.append(Finding("vmotion", Severity.INFO, cluster, what))
            continue
        without = members & ~hosts.vmotion_enabled
        if without.any():
            what = f"{int(without.sum())} of its {int(members.sum())} hosts have no vMotion "
            what += f"adapter: {_some(hosts.name, without)}"
            cure = "enable vMotion on a VMkernel adapter of each"
            found.append(Finding("vmotion", Severity.WARNING, cluster, what, cure))
            continue
        slowest = float(np.nanmin(np.append(hosts.vmotion_mbps[members], np.inf)))
        speed = f", the slowest at {slowest:.0f} Mb/s" if np.isfinite(slowest) else ""
        what = f"all its {int(members.sum())} hosts have vMotion{speed}"
        found.append(Finding("vmotion", Severity.OK, cluster, what))
    return found


#: Keys of features that actions take, and what they are for.
_LICENSED = {"vmotion": "moves", "svmotion": "moves of files", "hotplug": "growth by hot-add"}


def _licences(snapshot: Snapshot) -> list[Finding]:
    """Hosts whose licence lacks what actions take; nothing where licences are not told."""
    found = []
    told = snapshot.hosts.licence_features
    for key, what_for in _LICENSED.items():
        without = np.array([bool(keys) and key not in keys for keys in told], dtype=np.bool_)
        if without.any():
            names = sorted({snapshot.hosts.licence[row] for row in np.flatnonzero(without)})
            what = f"the licence of {int(without.sum())} hosts ({', '.join(names)}) does not "
            what += f"include {key}: {_some(snapshot.hosts.name, without)}; no {what_for} there"
            cure = "assign them a licence that includes it, or live without"
            found.append(Finding("licence", Severity.WARNING, "", what, cure))
    return found


def _hot_add(snapshot: Snapshot) -> list[Finding]:
    vms = snapshot.vms
    running = _is(vms.power, POWERED_ON)
    total = int(running.sum())
    if not total:
        return []
    able = int((running & vms.hot_add_enabled).sum())
    what = f"{able} of {total} running VMs can grow by memory hot-add"
    cure = "" if able == total else "enable it in templates; it takes effect after a power cycle"
    return [Finding("hot-add", Severity.INFO, "", what, cure)]


def _limits(snapshot: Snapshot) -> list[Finding]:
    vms = snapshot.vms
    squeezed = _is(vms.power, POWERED_ON) & (vms.limit_mib < vms.size_mib)
    if not squeezed.any():
        return [Finding("limits", Severity.OK, "", "no running VM has a limit below its size")]
    count = int(squeezed.sum())
    vms_have = "1 running VM has" if count == 1 else f"{count} running VMs have"
    what = f"{vms_have} a memory limit below the size: "
    what += _some(vms.name, squeezed)
    cure = (
        "lift the limits, also in the templates they came from: they force swapping on idle hosts"
    )
    return [Finding("limits", Severity.WARNING, "", what, cure)]


def _drs(snapshot: Snapshot) -> list[Finding]:
    table = snapshot.clusters
    found = []
    for name, on, behavior, rate in zip(
        table.name, table.drs_enabled, table.drs_behavior, table.drs_vmotion_rate, strict=True
    ):
        if not on:
            severity, what, cure = Severity.OK, "DRS is off, so placement is ours alone", ""
        elif behavior in ("manual", "partiallyAutomated"):
            severity, what = Severity.OK, f"DRS is {behavior}: it places and recommends, we move"
            cure = ""
        elif rate >= 5:
            severity, what = Severity.INFO, "DRS moves only for rules and maintenance"
            cure = ""
        else:
            severity, what = Severity.WARNING, "DRS is fully automated and may move VMs again"
            cure = (
                "set it to partially automated, or its migration threshold to the most "
                "conservative, or override the market's VMs to manual"
            )
        found.append(Finding("drs", severity, name, what, cure))
    return found


def _ha(snapshot: Snapshot) -> list[Finding]:
    table = snapshot.clusters
    found = []
    for row, name in enumerate(table.name):
        if not table.ha_admission_control[row]:
            continue
        share = float(table.ha_reserve_memory_pct[row])
        level = float(table.ha_failover_level[row])
        held = f"{share:.0f} % of memory" if share >= 0 else ""
        held = held or (f"{level:.0f} host failures" if level >= 0 else "a failover reserve")
        what = f"HA admission control holds back {held}; every reservation counts against it"
        found.append(Finding("ha", Severity.INFO, name, what))
    return found


def _is(values: Sequence[str], wanted: str) -> BoolArray:
    return np.array([value == wanted for value in values], dtype=np.bool_)


def _some(names: Sequence[str], mask: BoolArray) -> str:
    """A few of the marked names, and how many more."""
    marked = [name for name, is_marked in zip(names, mask, strict=True) if is_marked]
    more = len(marked) - _SHOWN_NAMES
    text = ", ".join(marked[:_SHOWN_NAMES])
    return f"{text} and {more} more" if more > 0 else text
