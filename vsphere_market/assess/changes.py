"""Two assessments of one estate: what changed, what got better, what the market would have done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vsphere_market.assess.model import Assessment, Strain
from vsphere_market.assess.words import amount, counted
from vsphere_market.demand import identities
from vsphere_market.estate import POWERED_ON, Snapshot
from vsphere_market.estate.rvtools import UNLISTED
from vsphere_market.market import Step
from vsphere_market.port import Migrate, SetMemory
from vsphere_market.units import gib_text

#: Changes of one kind that are listed; more are counted.
LISTED = 200


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different.

    Attributes:
        kind: ``new``, ``gone``, ``started``, ``stopped``, ``resized``, ``moved``, ``limit`` or
            ``reservation``.
        moid: the VM.
        name: its name.
        before: what it was, in words.
        after: what it is.
    """

    kind: str
    moid: str
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Trend:
    """One measure then and now.

    Attributes:
        name: what is measured.
        unit: ``MiB``, ``hosts``, ``VMs`` or ``points``.
        before: then.
        after: now.
        better: less is better, and it is less; None when it is the same.
        target: the part of the report that shows it: ``hosts``, ``plan`` or ``finding:CODE``.
    """

    name: str
    unit: str
    before: float
    after: float
    better: bool | None
    target: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A step that the market would have taken then, and what has become of it.

    Attributes:
        kind: the step's kind.
        moid: the VM.
        name: its name.
        what: the step in words.
        reason: why it would have been taken.
        outcome: ``done``, ``open``, ``otherwise`` (changed, but not so) or ``gone``.
    """

    kind: str
    moid: str
    name: str
    what: str
    reason: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different between two snapshots of one estate.

    Attributes:
        since_s: Unix time of the earlier one.
        until_s: Unix time of the later one.
        same_estate: VMs of the earlier one were found again; otherwise nothing can be compared.
        counts: how many changes there are of each kind.
        changes: the changes, at most :data:`LISTED` of a kind.
        trends: measures then and now.
        proposals: what the market would have done then, and what has become of it.
        summary: sentences for people.
    """

    since_s: float
    until_s: float
    same_estate: bool
    counts: Mapping[str, int]
    changes: tuple[Change, ...]
    trends: tuple[Trend, ...]
    proposals: tuple[Proposal, ...]
    summary: tuple[str, ...]


def compare(old: Assessment, new: Assessment) -> Changes:
    """Compare an earlier assessment with a later one.

    VMs are known again by their instance UUID, or by their managed object id without one.
    """
    then, now = _rows(old.snapshot), _rows(new.snapshot)
    both = [(then[key], now[key]) for key in then.keys() & now.keys()]
    both.sort(key=lambda pair: pair[1])
    found = _changes(old.snapshot, new.snapshot, then, now, both)
    counts: dict[str, int] = {}
    listed = []
    for change in found:
        counts[change.kind] = counts.get(change.kind, 0) + 1
        if counts[change.kind] <= LISTED:
            listed.append(change)
    trends = _trends(old, new)
    proposals = tuple(_proposal(old, new, step, now) for step in old.plan.steps)
    return Changes(
        since_s=old.snapshot.taken_at_s,
        until_s=new.snapshot.taken_at_s,
        same_estate=bool(both) or not (then and now),
        counts=counts,
        changes=tuple(listed),
        trends=trends,
        proposals=proposals,
        summary=tuple(_summary(old, new, counts, trends, proposals, bool(both))),
    )


def _rows(snapshot: Snapshot) -> dict[str, int]:
    """VMs by identity; stand-ins and templates are none."""
    vms = snapshot.vms
    return {
        key: row
        for row, key in enumerate(identities(vms))
        if not vms.template[row] and vms.managed_by[row] != UNLISTED
    }


def _changes(
    old: Snapshot,
    new: Snapshot,
    then: Mapping[str, int],
    now: Mapping[str, int],
    both: list[tuple[int, int]],
) -> list[Change]:
    a, b = old.vms, new.vms
    found = [
        Change("new", b.moid[row], b.name[row], "", gib_text(float(b.size_mib[row])))
        for key, row in now.items()
        if key not in then
    ]
    found += [
        Change("gone", a.moid[row], a.name[row], gib_text(float(a.size_mib[row])), "")
        for key, row in then.items()
        if key not in now
    ]
    for row_a, row_b in both:
        moid, name = b.moid[row_b], b.name[row_b]
        on_a, on_b = a.power[row_a] == POWERED_ON, b.power[row_b] == POWERED_ON
        if on_a != on_b:
            kind = "started" if on_b else "stopped"
            found.append(Change(kind, moid, name, a.power[row_a], b.power[row_b]))
        for kind, column in (
            ("resized", "size_mib"),
            ("limit", "limit_mib"),
            ("reservation", "reservation_mib"),
        ):
            was, is_ = float(getattr(a, column)[row_a]), float(getattr(b, column)[row_b])
            if was != is_:
                found.append(Change(kind, moid, name, gib_text(was), gib_text(is_)))
        host_a, host_b = _host(old, row_a), _host(new, row_b)
        if on_a and on_b and host_a[0] != host_b[0] and host_a[0] and host_b[0]:
            found.append(Change("moved", moid, name, host_a[1], host_b[1]))
    return found


def _host(snapshot: Snapshot, vm: int) -> tuple[str, str]:
    row = int(snapshot.vms.host[vm])
    return (snapshot.hosts.moid[row], snapshot.hosts.name[row]) if row >= 0 else ("", "")


def _trends(old: Assessment, new: Assessment) -> tuple[Trend, ...]:
    def trend(name: str, unit: str, target: str, before: float, after: float) -> Trend:
        same = abs(before - after) <= 0.005 * max(abs(before), abs(after), 1e-9)
        return Trend(name, unit, before, after, None if same else after < before, target)

    trends = [
        trend(
            "Hosts short of memory",
            "hosts",
            "hosts",
            old.effect.short_before,
            new.effect.short_before,
        ),
        trend(
            "Sold beyond what there is",
            "MiB",
            "hosts",
            old.effect.over_before_mib,
            new.effect.over_before_mib,
        ),
        trend("Ballooned", "MiB", "hosts", *(_sum(made, "ballooned_mib") for made in (old, new))),
        trend("Swapped", "MiB", "hosts", *(_sum(made, "swapped_mib") for made in (old, new))),
        trend("Cost of the placement", "points", "plan", old.potential, new.potential),
    ]
    codes = {found.code: found.title for made in (old, new) for found in made.findings}
    # What hosts have sold too much is among the measures already.
    codes.pop("host-overcommitted", None)
    for code, title in codes.items():
        was, is_ = old.finding(code), new.finding(code)
        trends.append(
            trend(
                title,
                "MiB",
                f"finding:{code}",
                was.memory_mib if was else 0.0,
                is_.memory_mib if is_ else 0.0,
            )
        )
    return tuple(trends)


def _sum(made: Assessment, column: str) -> float:
    return float(np.nan_to_num(getattr(made.snapshot.vms, column)).sum())


def _proposal(old: Assessment, new: Assessment, step: Step, now: Mapping[str, int]) -> Proposal:
    action, vms = step.action, old.snapshot.vms
    row_a = vms.row(action.subject.moid)
    row_b = now.get(vms.instance_uuid[row_a] or vms.moid[row_a], -1) if row_a >= 0 else -1
    if isinstance(action, Migrate):
        what = f"move {action.source.name} → {action.target.name}"
        if row_b < 0:
            outcome = "gone"
        else:
            host = _host(new.snapshot, row_b)[0]
            outcome = {action.target.moid: "done", action.source.moid: "open"}.get(
                host, "otherwise"
            )
    elif isinstance(action, SetMemory):
        column, label = {
            "limit": ("limit_mib", "limit"),
            "hot-add": ("size_mib", "size"),
            "reservation": ("reservation_mib", "reservation"),
            "resize": ("size_mib", "size"),
            "balloon-cap": ("balloon_cap_mib", "balloon cap"),
        }[action.kind.value]
        ends = [
            "none" if end is None else gib_text(float(end))
            for end in (action.from_mib, action.to_mib)
        ]
        what = f"{label} {ends[0]} → {ends[1]}"
        outcome = "gone" if row_b < 0 else _setting(old, new, column, (row_a, row_b), action.to_mib)
    else:
        # Its traces are not to be seen in a later snapshot.
        what, outcome = action.kind.value, "gone" if row_a >= 0 > row_b else "otherwise"
    return Proposal(
        action.kind.value, action.subject.moid, action.subject.name, what, step.reason, outcome
    )


def _setting(
    old: Assessment, new: Assessment, column: str, rows: tuple[int, int], wanted: int | None
) -> str:
    was = float(getattr(old.snapshot.vms, column)[rows[0]])
    is_ = float(getattr(new.snapshot.vms, column)[rows[1]])
    if is_ == was or (np.isnan(is_) and np.isnan(was)):
        return "open"
    reached = not np.isfinite(is_) if wanted is None else is_ >= wanted
    return "done" if reached else "otherwise"


def _summary(
    old: Assessment,
    new: Assessment,
    counts: Mapping[str, int],
    trends: tuple[Trend, ...],
    proposals: tuple[Proposal, ...],
    same: bool,
) -> list[str]:
    if not same:
        return ["The two files have no VM in common, so nothing can be compared."]
    days = (new.snapshot.taken_at_s - old.snapshot.taken_at_s) / 86_400
    told = []
    if days < 0:
        told.append("The file to compare with is the later one: read every change backwards.")
    else:
        told.append(
            f"{days:.0f} days lie between the two."
            if days >= 2
            else f"{24 * days:.0f} hours lie between the two."
        )
    better = [trend.name for trend in trends if trend.better]
    worse = [trend.name for trend in trends if trend.better is False]
    told.append(
        f"{counted(len(better), 'measure')} got better, {len(worse):,} got worse. VMs: "
        f"{counts.get('new', 0):,} new, {counts.get('gone', 0):,} gone, "
        f"{counts.get('resized', 0):,} resized, {counts.get('moved', 0):,} moved."
    )
    if proposals:
        done = sum(1 for proposal in proposals if proposal.outcome == "done")
        open_ = sum(1 for proposal in proposals if proposal.outcome == "open")
        told.append(
            f"Then, the market would have taken {counted(len(proposals), 'step')}: hosts short of "
            f"memory from {old.effect.short_before:,} to {old.effect.short_after:,}, and "
            f"{amount(old.effect.over_before_mib)} sold too much to "
            f"{amount(old.effect.over_after_mib)}. {done:,} of them "
            f"{'has' if done == 1 else 'have'} been done since, by whomever; {open_:,} "
            f"{'is' if open_ == 1 else 'are'} as before."
        )
    still = {host.row for host in new.hosts if host.strain in (Strain.SHORT, Strain.SWAPS)}
    names = {new.snapshot.hosts.moid[row] for row in still}
    was = {
        old.snapshot.hosts.moid[host.row]
        for host in old.hosts
        if host.strain in (Strain.SHORT, Strain.SWAPS)
    }
    if was or names:
        told.append(
            f"Of {counted(len(was), 'host')} short of memory then, {len(was & names):,} still "
            f"{'is' if len(was & names) == 1 else 'are'}; {len(names - was):,} have become so."
        )
    return told
