"""What policies mean, against plain and slow readings of the same documents."""

from __future__ import annotations

import fnmatch
import itertools
from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.estates import cluster_row, host_row, snapshot_of, snapshots, vm_row
from tests.policies import contradictions_of, document, shop
from tests.policy_sets import policy_sets
from vsphere_market.estate import (
    KEEP_APART,
    KEEP_TOGETHER,
    RuleTable,
    Snapshot,
)
from vsphere_market.policy import (
    Mode,
    PolicyProblems,
    compile_rulebook,
    explain_host,
    explain_vm,
    parse_policies,
)
from vsphere_market.policy.compile import VM_NUMBERS
from vsphere_market.policy.match import VmColumns
from vsphere_market.policy.patterns import TextColumnIndex, WordsColumnIndex
from vsphere_market.policy.selectors import parse_selector
from vsphere_market.port import GRAVE, ActionKind

letters = st.text(alphabet="abAB-", max_size=5)
globs = st.text(alphabet="abA-*?[]!", min_size=1, max_size=6)

NAMES = ["db-1", "db-*", "*-1", "w*-?", "*", "none", "D[be]*", "golden"]
TAGS = ["tier:gold", "tier:*", "*:linux", "a:b"]

conditions = st.fixed_dictionaries(
    {},
    optional={
        "name": st.one_of(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), min_size=1)),
        "tag": st.sampled_from(TAGS),
        "cluster": st.sampled_from(["prod-a", "Lab", "*", "none"]),
        "power": st.sampled_from(["poweredOn", "poweredOff"]),
        "sizeGiB": st.sampled_from([{"min": 4}, {"max": 4}, {"min": 2, "max": 8}]),
    },
).filter(bool)
selectors = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
        st.builds(lambda part, more: {"not": part, **more}, inner, conditions),
    ),
    max_leaves=6,
)


@given(st.lists(letters), st.lists(globs, min_size=1, max_size=3))
def test_patterns_mean_what_the_shell_means(texts: list[str], patterns: list[str]) -> None:
    def fits(text: str) -> bool:
        folded = text.casefold()
        return bool(text) and any(fnmatch.fnmatchcase(folded, p.casefold()) for p in patterns)

    assert TextColumnIndex(texts).rows(patterns).tolist() == [fits(text) for text in texts]
    words = [texts[at : at + 2] for at in range(len(texts))]
    expected = [any(map(fits, pair)) for pair in words]
    assert WordsColumnIndex(words).rows(patterns).tolist() == expected


def plainly(selector: dict[str, Any], snapshot: Snapshot, row: int) -> bool:
    """The selector read condition by condition, for one VM."""
    vms = snapshot.vms
    cluster = int(vms.cluster[row])
    here = {
        "name": [vms.name[row]],
        "tag": list(vms.tags[row]),
        "cluster": [snapshot.clusters.name[cluster]] if cluster >= 0 else [],
        "power": [vms.power[row]],
    }
    for key, value in selector.items():
        match key:
            case "all":
                holds = all(plainly(part, snapshot, row) for part in value)
            case "any":
                holds = any(plainly(part, snapshot, row) for part in value)
            case "not":
                holds = not plainly(value, snapshot, row)
            case "sizeGiB":
                size = vms.size_mib[row] / 1024
                holds = value.get("min", 0) <= size <= value.get("max", np.inf)
            case _:
                patterns = [value] if isinstance(value, str) else value
                holds = any(
                    fnmatch.fnmatchcase(text.casefold(), pattern.casefold())
                    for text in here[key]
                    for pattern in patterns
                )
        if not holds:
            return False
    return True


@given(selectors)
def test_selectors_mean_what_they_say(selector: dict[str, Any]) -> None:
    snapshot = shop()
    mask = VmColumns(snapshot).mask(parse_selector(selector, "/selector"))
    assert mask.tolist() == [plainly(selector, snapshot, row) for row in range(len(snapshot.vms))]


tiers = st.lists(
    st.tuples(selectors, st.integers(0, 2), st.sampled_from([1, 2, 3])), min_size=1, max_size=6
)


@given(tiers)
def test_precedence_decides_and_ties_are_refused(said: list[Any]) -> None:
    snapshot = shop()
    documents = [
        document("tier", f"t{at}", selector=selector, precedence=rank, spec={"priority": value})
        for at, (selector, rank, value) in enumerate(said)
    ]
    expected, tied = [], False
    for row in range(len(snapshot.vms)):
        matching = [(rank, value) for s, rank, value in said if plainly(s, snapshot, row)]
        top = max((rank for rank, _ in matching), default=0)
        best = {value for rank, value in matching if rank == top} or {1}
        tied |= len(best) > 1
        expected.append(min(best))
    contradictions = contradictions_of(snapshot, *documents)
    assert {item.code for item in contradictions} == ({"tie"} if tied else set())
    if not tied:
        rulebook = compile_rulebook(parse_policies(documents, "x"), snapshot).rulebook
        assert rulebook.priority.tolist() == expected


modes = st.lists(
    st.tuples(selectors, st.sampled_from(["off", "recommend", "approve", "automatic"])), max_size=6
)


@given(modes, st.permutations(range(-3, 3)))
def test_the_most_cautious_mode_wins(said: list[Any], ranks: list[int]) -> None:
    snapshot = shop()
    documents = [
        document("automation", f"a{at}", selector=s, precedence=ranks[at], spec={"mode": mode})
        for at, (s, mode) in enumerate(said)
    ]
    rulebook = compile_rulebook(parse_policies(documents, "x"), snapshot).rulebook
    for row in range(len(snapshot.vms)):
        asked = [Mode[mode.upper()] for s, mode in said if plainly(s, snapshot, row)]
        for kind in ActionKind:
            # Kinds that weigh heavily have to be named, which `mode` alone does not.
            heavy = [Mode.RECOMMEND] if kind in GRAVE else []
            assert rulebook.modes[kind][row] == min(asked + heavy, default=Mode.APPROVE)


@given(snapshots(), policy_sets(), st.randoms(use_true_random=False))
def test_any_rulebook_is_sound_and_independent_of_order(
    snapshot: Snapshot, documents: list[dict[str, Any]], dice: Any
) -> None:
    policies = parse_policies(documents, "x")
    shuffled = list(documents)
    dice.shuffle(shuffled)
    again = parse_policies(shuffled, "x")
    assert again.digest == policies.digest
    try:
        rulebook = compile_rulebook(policies, snapshot).rulebook
    except PolicyProblems as exc:
        assert {item.code for item in exc.findings}
        try:
            compile_rulebook(again, snapshot)
        except PolicyProblems as other:
            assert sorted(f.code for f in exc.findings) == sorted(f.code for f in other.findings)
            return
        raise AssertionError("the order of documents decides whether they contradict") from None
    second = compile_rulebook(again, snapshot).rulebook
    assert second.sources == rulebook.sources
    vms, hosts = len(snapshot.vms), len(snapshot.hosts)
    for name in VM_NUMBERS:
        array = getattr(rulebook, name)
        assert array.shape == (vms,)
        assert name in ("size_target", "usage_low", "usage_high") or not np.isnan(array).any()
        np.testing.assert_array_equal(array, getattr(second, name))
    assert rulebook.host_excluded.shape == rulebook.host_reserve.shape == (hosts,)
    assert ((rulebook.host_reserve >= 0) & (rulebook.host_reserve < 1)).all()
    assert ((rulebook.guarantee >= 0) & (rulebook.guarantee <= 1)).all()
    assert (rulebook.min_size_mib <= rulebook.max_size_mib).all()
    assert (rulebook.balloon_cap_min <= rulebook.balloon_cap_max).all()
    for texts in rulebook.sources.values():
        assert len(texts) in (vms, hosts, len(rulebook.rules))
    check_rules(rulebook.rules, snapshot)
    for row in range(vms):
        assert len(explain_vm(rulebook, snapshot, row, policies)) >= 15
    for row in range(hosts):
        assert len(explain_host(rulebook, row, policies)) == 5


def check_rules(rules: RuleTable, snapshot: Snapshot) -> None:
    """Rows of a rule lie in its cluster, and say something."""
    for row in range(len(rules)):
        cluster = rules.cluster[row]
        assert all(snapshot.vms.cluster[vm] == cluster for vm in rules.vms[row])
        assert all(snapshot.hosts.cluster[host] == cluster for host in rules.hosts[row])
        if rules.kind[row] in (KEEP_APART, KEEP_TOGETHER):
            assert len(rules.vms[row]) >= 2
        else:
            assert rules.hosts[row]


HOSTS, VMS = 3, 4
places = st.sampled_from(["keep-together", "keep-apart", "run-on", "not-on"])
some_vms = st.lists(st.sampled_from([f"vm-{at}" for at in range(VMS)]), min_size=1, unique=True)
some_hosts = st.lists(st.sampled_from([f"host-{at}" for at in range(HOSTS)]), min_size=1)


@given(st.lists(st.tuples(places, some_vms, some_hosts), min_size=1, max_size=5))
def test_rules_that_are_said_to_contradict_do(said: list[Any]) -> None:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row(f"host-{at}", 65536) for at in range(HOSTS)],
        vms=[vm_row(f"vm-{at}", "host-0", 1024) for at in range(VMS)],
    )
    documents = []
    for at, (rule, vms, hosts) in enumerate(said):
        spec: dict[str, Any] = {"rule": rule, "mandatory": True}
        if rule in ("run-on", "not-on"):
            spec["hosts"] = {"host": hosts}
        documents.append(document("placement", f"p{at}", selector={"name": vms}, spec=spec))
    refused = contradictions_of(snapshot, *documents)
    assume(refused)
    for homes in itertools.product(range(HOSTS), repeat=VMS):
        assert not all(obeyed(rule, vms, hosts, homes) for rule, vms, hosts in said), homes


def obeyed(rule: str, vms: list[str], hosts: list[str], homes: tuple[int, ...]) -> bool:
    used = [homes[int(vm[3:])] for vm in vms]
    named = {int(host[5:]) for host in hosts}
    match rule:
        case "keep-together":
            return len(set(used)) == 1
        case "keep-apart":
            return len(set(used)) == len(used)
        case "run-on":
            return named.issuperset(used)
        case _:
            return named.isdisjoint(used)


def test_the_slow_reading_of_rules_is_right() -> None:
    assert obeyed("run-on", ["vm-0"], ["host-1"], (1, 0, 0, 0))
    assert not obeyed("not-on", ["vm-0"], ["host-1"], (1, 0, 0, 0))
    assert not obeyed("keep-together", ["vm-0", "vm-1"], [], (1, 0, 0, 0))
    assert not obeyed("keep-apart", ["vm-1", "vm-2"], [], (1, 0, 0, 0))
